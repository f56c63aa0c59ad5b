import random
from collections import Counter
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visrep.env import canonical
from visrep.env.types import Execution, Instance, Kind, Question, Rollout, Score, Task
from visrep.train.select import Selection, select


def make_task(name: str, category: str = "count", answers: Sequence[str | bool] = ("1", "2")) -> Task:
    instances = tuple(Instance(f"{name}/{number}", answers=(answer,)) for number, answer in enumerate(answers))
    return Task(Question(name, "?", "answer", category), instances, "drawn", "train")


def make_rollout(task: Task, body: str, reward: int = 1, author: str = "policy") -> Rollout:
    count = len(task.instances)
    score = Score(reward, float(reward), "ok" if reward else "wrong_answer")
    program = f"def execute_command(image):\n    {body}"
    return Rollout(
        task.question.id, task.question.category, program, (Execution("ok"),) * count, (score,) * count, reward, author
    )


def choose(rollouts: Iterable[Rollout], tasks: Iterable[Task], **settings: object) -> Selection:
    defaults: dict[str, object] = {"per_task": 2, "refused": (), "seed": 0}
    return select(rollouts, tasks, **(defaults | settings))  # type: ignore[arg-type]


def bodies(selection: Selection) -> set[str]:
    return {example.program.split("\n", 1)[1].strip() for example in selection.examples}


TASK = make_task("t")
COUNT = 'return str(len(image.find("circle")))'


def test_only_programs_that_are_right_on_known_tasks_are_chosen() -> None:
    other = make_task("elsewhere")
    rollouts = [make_rollout(TASK, COUNT), make_rollout(TASK, "return 1", reward=0), make_rollout(other, COUNT)]
    selection = choose(rollouts, [TASK])
    assert bodies(selection) == {COUNT}
    assert selection.dropped == {"wrong": 1, "unknown_task": 1}


def test_equal_programs_count_once_and_the_shortest_text_stands_for_them() -> None:
    long = 'patches = image.find("circle")  # all\n    return str(len(patches))'
    short = 'p = image.find("circle")\n    return str(len(p))'
    selection = choose([make_rollout(TASK, long), make_rollout(TASK, short), make_rollout(TASK, long)], [TASK])
    assert bodies(selection) == {short}
    assert selection.dropped == {"duplicate": 2}


def test_a_refused_program_is_dropped_for_the_guards_reason() -> None:
    rollout = make_rollout(TASK, "return '1'")
    selection = choose(
        [rollout], [TASK], refused=[((rollout.task_id, canonical.form(rollout.program)), "no_perception_call")]
    )
    assert selection.examples == ()
    assert selection.dropped == {"no_perception_call": 1}


def test_a_task_gives_few_programs_each_in_another_way() -> None:
    selection = choose(
        [
            make_rollout(TASK, 'return len(image.find("circle"))'),
            make_rollout(TASK, 'return len(image.find("circles"))'),
            make_rollout(TASK, 'return image.simple_query("How many circles?")'),
            make_rollout(TASK, 'return len([p for p in image.find("object") if p.verify_property("object", "round")])'),
        ],
        [TASK],
    )
    assert bodies(selection) == {
        'return len(image.find("circle"))',
        'return image.simple_query("How many circles?")',
    }
    assert selection.dropped == {"same_shape": 1, "per_task": 1}


def test_a_way_that_fails_on_other_tasks_yields_to_one_that_holds() -> None:
    tasks = [make_task(str(number)) for number in range(12)]
    lucky, sound = 'return image.exists("circle")', 'return len(image.find("circle")) > 0'
    rollouts = [make_rollout(task, lucky, reward=int(task is tasks[0])) for task in tasks]
    rollouts += [make_rollout(task, sound) for task in tasks[:6]]
    selection = choose(rollouts, tasks, per_task=1)
    assert len(lucky) < len(sound)
    assert bodies(selection) == {sound}
    assert selection.dropped["outclassed"] == 1


def test_a_way_that_holds_on_fewer_tasks_without_failing_is_kept_as_the_second() -> None:
    tasks = [make_task(str(number)) for number in range(12)]
    often, once = 'return len(image.find("circle")) > 0', 'return image.exists("circle")'
    rollouts = [make_rollout(task, often) for task in tasks] + [make_rollout(tasks[0], once)]
    assert bodies(choose(rollouts, tasks)) == {often, once}
    assert bodies(choose(rollouts, tasks, per_task=1)) == {often}


def test_where_only_a_lucky_way_was_found_it_weighs_little() -> None:
    tasks = [make_task(str(number)) for number in range(12)]
    rollouts = [make_rollout(task, "return image.width > 1", reward=int(task is tasks[0])) for task in tasks]
    rollouts += [make_rollout(task, COUNT) for task in tasks[1:]]
    weights = {example.task_id: example.weight for example in choose(rollouts, tasks).examples}
    assert weights["0"] < 0.25 * weights["1"]


def test_easy_categories_do_not_drown_the_rest() -> None:
    sizes = {"exist": 60, "count": 25, "leftmost": 4, "largest": 1}
    tasks = [make_task(f"{name}{i}", name) for name, size in sizes.items() for i in range(size)]
    selection = choose([make_rollout(task, COUNT) for task in tasks], tasks, limit=40)
    chosen = Counter(example.category for example in selection.examples)
    assert chosen == {"largest": 1, "leftmost": 4, "count": 17, "exist": 18}
    assert selection.dropped == {"balance": 50}
    weight = {example.category: example.weight for example in selection.examples}
    assert weight["largest"] > weight["leftmost"] > weight["count"] > weight["exist"]
    assert weight["largest"] < 9 * weight["exist"]


def test_under_the_limit_nothing_is_lost_to_balance() -> None:
    tasks = [make_task(f"{name}{i}", name) for name, size in (("exist", 30), ("count", 2)) for i in range(size)]
    assert len(choose([make_rollout(task, COUNT) for task in tasks], tasks, limit=32).examples) == 32


def test_every_task_gives_its_first_program_before_any_gives_a_second() -> None:
    tasks = [make_task(str(number)) for number in range(10)]
    rollouts = [
        make_rollout(task, body) for task in tasks for body in (COUNT, 'return image.simple_query("How many?")')
    ]
    selection = choose(rollouts, tasks, limit=10)
    assert len({example.task_id for example in selection.examples}) == 10


@pytest.mark.parametrize(("answers", "factor"), [(("yes", "no"), 1.0), (("yes", "Yes"), 0.5), (("yes",), 0.5)])
def test_a_task_that_a_constant_can_win_weighs_half(answers: tuple[str, ...], factor: float) -> None:
    reference, task = make_task("r"), make_task("t", answers=answers)
    selection = choose([make_rollout(reference, COUNT), make_rollout(task, COUNT)], [reference, task])
    weights = {example.task_id: example.weight for example in selection.examples}
    assert weights["t"] / weights["r"] == pytest.approx(factor, rel=1e-5)


def test_weights_have_mean_one_and_corrections_their_own() -> None:
    tasks = [make_task(f"{name}{i}", name) for name, size in (("exist", 30), ("count", 2)) for i in range(size)]
    rollouts = [make_rollout(task, COUNT) for task in tasks]
    rollouts.append(make_rollout(tasks[0], 'return image.exists("circle")', author="Ada"))
    examples = choose(rollouts, tasks, correction_weight=2.5).examples
    policy = [example.weight for example in examples if example.author == "policy"]
    assert sum(policy) / len(policy) == pytest.approx(1.0, abs=1e-5)
    assert [example.weight for example in examples if example.author == "Ada"] == [2.5]


def test_corrections_are_taken_whole_and_replace_the_same_program_of_the_policy() -> None:
    tasks = [make_task(str(number)) for number in range(5)]
    rollouts = [make_rollout(task, COUNT, author=author) for task in tasks for author in ("policy", "Ada")]
    rollouts.append(make_rollout(tasks[0], "return image.width", reward=0, author="Ada"))
    selection = choose(rollouts, tasks, limit=1, per_task=1)
    assert [example.author for example in selection.examples] == ["Ada"] * 5
    assert selection.dropped == {"duplicate": 5, "wrong": 1}
    assert selection.counts()["authors"] == {"Ada": 5}


def test_a_correction_comes_as_often_as_is_asked_for_and_counts_once() -> None:
    rollouts = [make_rollout(TASK, COUNT), make_rollout(TASK, 'return image.exists("circle")', author="Ada")]
    selection = choose(rollouts, [TASK], correction_repeat=3)
    assert {example.author: example.repeat for example in selection.examples} == {"policy": 1, "Ada": 3}
    assert selection.counts()["examples"] == 2


def test_a_correction_that_a_category_may_not_have_leaves_the_same_program_to_the_policy() -> None:
    tasks = [make_task("a"), make_task("b")]
    rollouts = [make_rollout(task, "return '1'", author="Ada") for task in tasks]
    by_policy = [make_rollout(task, "return '1'") for task in tasks]
    selection = choose([*rollouts, *by_policy], tasks, corrections_per_category=1)
    assert sorted(example.author for example in selection.examples) == ["Ada", "policy"]
    assert len({example.task_id for example in selection.examples}) == 2
    assert selection.dropped == {"per_category": 1, "duplicate": 1}


def test_a_category_has_no_more_corrections_than_it_may_those_of_different_tasks_first() -> None:
    tasks = [make_task(f"{name}{i}", name) for name in ("exist", "count") for i in range(3)]
    bodies_of_people = [COUNT, 'return image.exists("circle")', "return image.simple_query()"]
    rollouts = [make_rollout(task, body, author="Ada") for task in tasks for body in bodies_of_people]
    rollouts += [make_rollout(task, "return len(image.find('square'))") for task in tasks]
    selection = choose(rollouts, tasks, corrections_per_category=4)
    people = [example for example in selection.examples if example.author == "Ada"]
    assert Counter(example.category for example in people) == {"exist": 4, "count": 4}
    assert set(Counter(example.task_id for example in people).values()) == {1, 2}
    assert len({example.task_id for example in people}) == 6
    assert selection.dropped["per_category"] == 10
    assert len(selection.examples) - len(people) == 6
    few = [
        example for example in choose(rollouts, tasks, corrections_per_category=3).examples if example.author == "Ada"
    ]
    assert len({example.task_id for example in few}) == len(few) == 6


def make_detection(
    name: str, measures: Sequence[float], author: str = "policy", kind: Kind = "detect"
) -> tuple[Task, Rollout]:
    instances = tuple(Instance(f"{name}/{number}") for number in range(len(measures)))
    task = Task(Question(name, "?", kind, kind), instances, "drawn", "train")
    scores = tuple(Score(int(measure >= 0.5), measure, "ok") for measure in measures)
    program = f'def execute_command(image):\n    return image.find("{name}")'
    executions = (Execution("ok"),) * len(measures)
    reward = int(min(measures) >= 0.5)
    return task, Rollout(name, kind, program, executions, scores, reward, author)


DETECTIONS = {"a": (0.5, 0.5), "b": (0.5, 0.7), "c": (1.0, 0.6), "d": (1.0, 1.0), "wrong": (1.0, 0.4)}


@pytest.mark.parametrize(
    ("percentile", "chosen"),
    [
        (None, "abcd"),
        (0, "abcd"),
        (25, "abcd"),
        (26, "bcd"),
        (50, "bcd"),
        (51, "cd"),
        (75, "cd"),
        (99.9, "d"),
        (100, "d"),
    ],
)
def test_of_detections_those_at_or_above_the_percentile_are_learnt_from(percentile: float | None, chosen: str) -> None:
    tasks, rollouts = zip(*(make_detection(name, each) for name, each in DETECTIONS.items()), strict=True)
    selection = choose(rollouts, tasks, percentile=percentile)
    assert sorted(example.task_id for example in selection.examples) == list(chosen)
    dropped = {"below_percentile": 4 - len(chosen)} if len(chosen) < 4 else {}
    assert selection.dropped == {"wrong": 1} | dropped


def test_a_percentile_holds_for_detections_by_the_policy_alone() -> None:
    detections = [make_detection(name, each) for name, each in DETECTIONS.items()]
    detections.append(make_detection("person's", (0.5, 0.5), author="Ada"))
    detections.append(make_detection("refused", (1.0, 1.0)))
    refused = [((detections[-1][1].task_id, canonical.form(detections[-1][1].program)), "value_never_changes")]
    tasks, rollouts = zip(*detections, make_detection("one box", (0.55, 0.55), kind="ground"), strict=True)
    selection = choose(rollouts, tasks, percentile=60, refused=refused)
    assert sorted(example.task_id for example in selection.examples) == ["c", "d", "one box", "person's"]
    assert selection.dropped == {"wrong": 1, "below_percentile": 2, "value_never_changes": 1}


def test_where_all_detections_are_alike_a_percentile_drops_none() -> None:
    tasks, rollouts = zip(*(make_detection(name, (2 / 3, 2 / 3)) for name in "abcde"), strict=True)
    assert len(choose(rollouts, tasks, percentile=90).examples) == 5
    assert choose([make_rollout(TASK, COUNT)], [TASK], percentile=90).dropped == {}


def test_nothing_in_is_nothing_out() -> None:
    assert choose([], [TASK]) == Selection((), {})


_BODIES = [
    COUNT,
    'return str(len(image.find("square")))',
    "return '1'",
    "return image.width",
    "return (",
    "return len(v0)",
]


@st.composite
def pools(draw: st.DrawFn) -> tuple[list[Task], list[Rollout]]:
    tasks = [make_task(f"{name}{i}", name) for name in ("a", "b", "c") for i in range(draw(st.integers(0, 4)))]
    if not tasks:
        return [], []
    attempts = st.builds(
        make_rollout,
        st.sampled_from(tasks),
        st.sampled_from(_BODIES),
        st.integers(0, 1),
        st.sampled_from(["policy", "Ada"]),
    )
    return tasks, draw(st.lists(attempts, max_size=30))


@given(pools(), st.integers(1, 3), st.integers(1, 12), st.integers(0, 3))
def test_each_rollout_is_an_example_or_counted_as_dropped(
    pool: tuple[list[Task], list[Rollout]], per_task: int, limit: int, seed: int
) -> None:
    tasks, rollouts = pool
    selection = choose(rollouts, tasks, per_task=per_task, limit=limit, seed=seed)
    assert len(selection.examples) + sum(selection.dropped.values()) == len(rollouts)
    policy = [example for example in selection.examples if example.author == "policy"]
    assert len(policy) <= limit
    assert max(Counter(example.task_id for example in policy).values(), default=0) <= per_task
    assert all(example.weight > 0 for example in selection.examples)


@given(pools(), st.integers(1, 12), st.randoms(use_true_random=False))
def test_the_order_of_rollouts_does_not_matter(
    pool: tuple[list[Task], list[Rollout]], limit: int, generator: random.Random
) -> None:
    tasks, rollouts = pool
    shuffled = generator.sample(rollouts, len(rollouts))
    assert choose(rollouts, tasks, limit=limit) == choose(shuffled, tasks, limit=limit)


def test_another_seed_draws_other_tasks() -> None:
    tasks = [make_task(str(number)) for number in range(40)]
    rollouts = [make_rollout(task, COUNT) for task in tasks]
    drawn = [{e.task_id for e in choose(rollouts, tasks, limit=10, seed=seed).examples} for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
