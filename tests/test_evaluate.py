import itertools
import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visrep.env.faults import UserFault
from visrep.env.types import Execution, Instance, Kind, Outcome, Question, Rollout, Score, Task
from visrep.train.evaluate import evaluate, mcnemar, pass_at_k, solved, wilson


def make_task(name: str, category: str = "count", instances: int = 2) -> Task:
    each = tuple(Instance(f"{name}/{number}", answers=("2",)) for number in range(instances))
    return Task(Question(name, "?", "answer", category), each, "drawn", "val")


def make_rollout(name: str, *outcomes: Outcome, category: str = "count") -> Rollout:
    scores = tuple(Score(int(outcome == "ok"), float(outcome == "ok"), outcome) for outcome in outcomes)
    executions = tuple(Execution("ok" if outcome == "wrong_answer" else outcome) for outcome in outcomes)
    return Rollout(name, category, "", executions, scores, int(all(score.reward for score in scores)))


def test_a_task_is_right_only_if_all_its_instances_are() -> None:
    tasks = [make_task("a"), make_task("b"), make_task("c", "exist"), make_task("d", "exist")]
    result = evaluate(
        [
            make_rollout("a", "ok", "ok"),
            make_rollout("b", "ok", "wrong_answer"),
            make_rollout("c", "timeout", "timeout", category="exist"),
            make_rollout("d", "ok", "ok", category="exist"),
        ],
        tasks,
    )
    assert (result.tasks, result.right, result.accuracy) == (4, 2, 0.5)
    assert (result.instances, result.instance_accuracy) == (8, 5 / 8)
    assert {name: (part.right, part.tasks) for name, part in result.by_category.items()} == {
        "count": (1, 2),
        "exist": (1, 2),
    }
    assert result.outcomes == {"ok": 5, "wrong_answer": 1, "timeout": 2}
    assert (result.low, result.high) == wilson(2, 4)


def test_a_task_without_a_program_counts_as_wrong() -> None:
    result = evaluate([make_rollout("a", "ok", "ok")], [make_task("a"), make_task("b"), make_task("c", "exist")])
    assert result.accuracy == 1 / 3
    assert result.instance_accuracy == 1 / 3
    assert result.by_category["exist"].accuracy == 0.0
    assert result.outcomes == {"ok": 2, "missing": 4}


def of_kind(name: str, kind: Kind, soft: tuple[float, ...] = (), group: str | None = None) -> Task:
    instances = tuple(Instance(f"{name}/{number}", soft=soft) for number in range(2))
    return Task(Question(name, "?", kind, kind), instances, "drawn", "val", group=group)


def measured(name: str, *measures: float) -> Rollout:
    """Whatever is not whole is wrong."""
    scores = tuple(Score(int(each == 1), each, "ok" if each == 1 else "wrong_answer") for each in measures)
    return Rollout(name, "", "", (Execution("ok"),) * len(scores), scores, int(min(measures) == 1))


def test_degrees_are_means_over_all_instances_whether_a_program_ran_on_them_or_not() -> None:
    tasks = [of_kind("a", "ground"), of_kind("b", "detect"), of_kind("c", "answer", (0.6,)), of_kind("d", "ground")]
    rollouts = [measured("a", 1.0, 0.4), measured("b", 0.5, 0.0), measured("c", 0.3, 0.6)]
    means = evaluate(rollouts, tasks).measures
    assert means == {"mean_iou": pytest.approx(1.4 / 4), "macro_f1": 0.25, "soft_accuracy": pytest.approx(0.45)}
    assert evaluate([], [of_kind("a", "verify"), of_kind("b", "answer")]).measures == {}


def test_a_group_is_right_as_a_whole() -> None:
    tasks = [of_kind(name, "match", group=name[0]) for name in ("a1", "a2", "b1", "b2", "c1")]
    rollouts = [measured(name, 1, 1) for name in ("a1", "a2", "b1")] + [measured("c1", 1, 0)]
    assert evaluate(rollouts, tasks).measures == {"group_accuracy": pytest.approx(1 / 3, abs=1e-6)}


def test_an_evaluation_is_plain_json() -> None:
    data = evaluate([make_rollout("a", "ok", "ok")], [make_task("a")]).to_json()
    assert json.loads(json.dumps(data)) == data
    assert data["by_category"]["count"]["accuracy"] == data["accuracy"] == 1.0


def test_what_cannot_be_evaluated_is_refused() -> None:
    twice = [make_rollout("a", "ok"), make_rollout("a", "ok")]
    with pytest.raises(UserFault, match="two rollouts of task 'a'"):
        evaluate(twice, [make_task("a")])
    with pytest.raises(UserFault, match="two rollouts of task 'a'"):
        solved(twice, [make_task("a")])
    with pytest.raises(UserFault, match="task 'b', which is not evaluated"):
        evaluate([make_rollout("b", "ok")], [make_task("a")])
    with pytest.raises(UserFault, match="no tasks"):
        evaluate([], [])


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    # Newcombe 1998, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_wilsons(right: int, total: int, low: float, high: float) -> None:
    assert wilson(right, total) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))
    assert wilson(total - right, total) == (pytest.approx(1 - high, abs=5e-5), pytest.approx(1 - low, abs=5e-5))


@given(st.integers(1, 500), st.data())
def test_the_interval_lies_around_the_share(total: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, total))
    low, high = wilson(right, total)
    assert 0.0 <= low <= right / total <= high <= 1.0


@pytest.mark.parametrize(("n", "c"), [(5, 0), (5, 1), (5, 3), (6, 2), (6, 6)])
def test_pass_at_k_is_the_share_of_draws_with_a_right_one(n: int, c: int) -> None:
    for k in range(1, n + 1):
        draws = list(itertools.combinations([True] * c + [False] * (n - c), k))
        assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_pass_at_k_has_no_bias() -> None:
    chance, n, k = 0.3, 10, 4
    generator = random.Random(0)
    estimates = [pass_at_k(n, sum(generator.random() < chance for _ in range(n)), k) for _ in range(20_000)]
    assert sum(estimates) / len(estimates) == pytest.approx(1 - (1 - chance) ** k, abs=0.005)


@pytest.mark.parametrize(("n", "c", "k"), [(4, 2, 5), (4, 2, 0), (4, 5, 1), (4, -1, 1)])
def test_pass_at_k_refuses_what_it_cannot_estimate(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match="expected 0 <= right"):
        pass_at_k(n, c, k)


def outcomes(both: int, first: int, second: int, neither: int) -> tuple[dict[str, bool], dict[str, bool]]:
    pairs = [(True, True)] * both + [(True, False)] * first + [(False, True)] * second + [(False, False)] * neither
    return {str(i): a for i, (a, _) in enumerate(pairs)}, {str(i): b for i, (_, b) in enumerate(pairs)}


def test_a_paired_comparison_counts_what_differs() -> None:
    result = mcnemar(*outcomes(both=50, first=3, second=12, neither=7))
    assert (result.tasks, result.only_first, result.only_second) == (72, 3, 12)
    assert result.p_value == pytest.approx(2 * sum(math.comb(15, i) for i in range(4)) / 2**15)
    assert result.p_value == pytest.approx(0.03515625)


def test_policies_that_agree_or_differ_evenly_do_not_differ() -> None:
    assert mcnemar(*outcomes(5, 0, 0, 5)).p_value == 1.0
    assert mcnemar(*outcomes(5, 4, 4, 5)).p_value == 1.0


def test_a_paired_comparison_of_thousands_is_exact_too() -> None:
    result = mcnemar(*outcomes(0, 2000, 2150, 0))
    # Normal approximation with continuity correction: z = 149 / sqrt(4150).
    assert result.p_value == pytest.approx(math.erfc(149 / math.sqrt(4150) / math.sqrt(2)), rel=0.01)


def test_a_comparison_needs_the_same_tasks() -> None:
    with pytest.raises(UserFault, match="task 'b'"):
        mcnemar({"a": True}, {"a": True, "b": False})


def test_solved_tells_the_tasks_apart() -> None:
    tasks = [make_task("a"), make_task("b"), make_task("c")]
    rollouts = [make_rollout("b", "ok", "wrong_answer"), make_rollout("a", "ok", "ok")]
    assert solved(rollouts, tasks) == {"a": True, "b": False, "c": False}
