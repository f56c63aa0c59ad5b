"""Which persistent errors stand first on the board, and what it says of each."""

from collections.abc import Iterable
from typing import Any

import pytest

from visrep.corrections.board import Attempt, Board, board, failing, nearest
from visrep.corrections.signature import Signature
from visrep.env.types import Execution, Instance, Question, Rollout, Score, Task

WRONG = "def execute_command(image):\n    return 'nothing'"
NO = Signature("wrong_answer", pattern="says 'no'")
CRASH = Signature("runtime_error", pattern="IndexError: list index out of range")


def make_task(name: str, category: str) -> Task:
    instances = (Instance(name, answers=("yes",)),)
    return Task(Question(name, "?", "answer", category), instances, "drawn", "train")


def says_no(task: Task, iteration: int = 1, times: int = 1, **changes: Any) -> Attempt:
    return attempt(task, iteration, times, Execution("ok", "no"), Score(0, 0.0, "wrong_answer"), **changes)


def crashes(task: Task, iteration: int = 1, times: int = 1, **changes: Any) -> Attempt:
    execution = Execution("runtime_error", message="IndexError: list index out of range", line=2)
    return attempt(task, iteration, times, execution, Score(0, 0.0, "runtime_error"), **changes)


def right(task: Task, iteration: int = 1, times: int = 1) -> Attempt:
    return attempt(task, iteration, times, Execution("ok", "yes"), Score(1, 1.0, "ok"))


def attempt(
    task: Task, iteration: int, times: int, execution: Execution, score: Score, blame: str | None = None
) -> Attempt:
    rollout = Rollout(task.question.id, task.question.category, WRONG, (execution,), (score,), score.reward)
    return Attempt(iteration, rollout, times, blame)


def ranked(tried: Iterable[tuple[Task, list[Attempt]]], last: Iterable[int] = (1,)) -> Board:
    return board(tried, set(last))


def names(found: Board) -> list[tuple[str, Signature, int]]:
    return [(group.category, group.signature, group.gain) for group in found.groups]


def tasks(category: str, count: int) -> list[Task]:
    return [make_task(f"{category}-{number}", category) for number in range(count)]


def test_the_category_that_always_fails_comes_first_however_many_ways_it_fails_in() -> None:
    hopeless = [(task, [says_no(task), crashes(task)]) for task in tasks("leftmost", 4)]
    middling = [(task, [says_no(task, times=50)]) for task in tasks("count", 3)]
    found = ranked(hopeless + middling + [(task, [right(task)]) for task in tasks("exist", 9)])
    assert names(found) == [("leftmost", CRASH, 4), ("count", NO, 3), ("leftmost", NO, 0)]
    assert (found.tasks, found.stuck, found.failures) == (16, 7, 158)
    assert sum(group.gain for group in found.groups) == found.stuck


def test_categories_are_ranked_by_all_that_is_stuck_in_them() -> None:
    """As in a category that fails in two ways, each of which is rarer than another category's only one."""
    split = [(task, [says_no(task)]) for task in tasks("topmost", 3)]
    split += [(task, [crashes(task)]) for task in [make_task(f"topmost-{number}", "topmost") for number in (3, 4)]]
    found = ranked(split + [(task, [says_no(task)]) for task in tasks("largest", 4)])
    assert names(found) == [("topmost", NO, 3), ("largest", NO, 4), ("topmost", CRASH, 2)]


def test_a_stuck_task_counts_towards_its_largest_group() -> None:
    own = tasks("leftmost", 5)
    tried = [(task, [says_no(task)]) for task in own[:3]] + [(own[3], [crashes(own[3]), says_no(own[3])])]
    found = ranked([*tried, (own[4], [crashes(own[4])])])
    assert names(found) == [("leftmost", NO, 4), ("leftmost", CRASH, 1)]
    assert [(group.tasks, group.stuck, group.of) for group in found.groups] == [(4, 5, 5), (2, 5, 5)]


@pytest.mark.parametrize(
    ("solved_in", "last", "stuck"), [((), (2, 3), 1), ((1,), (2, 3), 1), ((2,), (2, 3), 0), ((2,), (3,), 1)]
)
def test_a_task_is_stuck_that_no_program_of_the_last_iterations_solved(
    solved_in: tuple[int, ...], last: tuple[int, ...], stuck: int
) -> None:
    (task,) = tasks("count", 1)
    tried = [says_no(task, number) for number in (1, 2, 3)] + [right(task, number) for number in solved_in]
    found = ranked([(task, tried)], last)
    assert (found.stuck, len(found.groups)) == (stuck, stuck)


def test_failures_are_counted_by_sample() -> None:
    stuck, solved = tasks("count", 2)
    tried = [
        (stuck, [says_no(stuck, 1, 2), crashes(stuck, 1, 6), says_no(stuck, 2, 7), crashes(stuck, 2, 1)]),
        (solved, [right(solved, 1, 8), right(solved, 2, 4), says_no(solved, 2, 4)]),
    ]
    found = ranked(tried, (2,))
    assert (found.samples, found.failures) == (8, 12)
    first, second = found.groups
    assert (first.signature, first.failures, first.share) == (NO, 11, 11 / 12)
    assert first.trend == {1: 2 / 16, 2: 11 / 16}
    assert second.trend == {1: 6 / 16, 2: 1 / 16}


def test_the_typical_task_fails_mostly_so() -> None:
    mixed, pure, other = tasks("count", 3)
    tried = [
        (mixed, [says_no(mixed, times=8), crashes(mixed, times=8)]),
        (pure, [says_no(pure, times=3), crashes(pure, times=1)]),
        (other, [says_no(other, times=1), crashes(other, times=2)]),
    ]
    typical = {group.signature: group.typical for group in ranked(tried).groups}
    assert typical == {NO: "count-1", CRASH: "count-2"}


def test_what_perception_is_to_blame_for_promises_no_gain() -> None:
    seen, unseen = tasks("count", 3), tasks("exist", 4)
    tried = [(task, [says_no(task, blame="program")]) for task in seen]
    tried += [(task, [says_no(task, times=2, blame="perception")]) for task in unseen[:3]]
    tried += [(unseen[3], [says_no(unseen[3], blame="unclear")])]
    found = ranked(tried)
    assert names(found) == [("count", NO, 3), ("exist", NO, 1)]
    assert [group.blame for group in found.groups] == [{"program": 3}, {"perception": 6, "unclear": 1}]


def test_groups_of_solved_tasks_are_not_on_the_board() -> None:
    (task,) = tasks("count", 1)
    found = ranked([(task, [right(task), says_no(task, times=9)])])
    assert (found.groups, found.failures) == ((), 9)
    assert ranked([]).groups == ()


def test_nearest_to_being_right_is_what_is_right_on_most_instances() -> None:
    (task,) = tasks("count", 1)

    def program(body: str, rewards: str, measure: float = 0.0, **about: int) -> Attempt:
        scores = tuple(
            Score(int(each), int(each) or measure, "ok" if each == "1" else "wrong_answer") for each in rewards
        )
        source = f"def execute_command(image):\n    return {body}"
        rollout = Rollout("t", "count", source, (Execution("ok", "no"),) * len(scores), scores, int("0" not in rewards))
        return Attempt(**({"iteration": 1, "times": 1} | about), rollout=rollout)  # type: ignore[arg-type]

    tried = [
        program("'often'", "00", times=9),
        program("'late'", "00", iteration=2),
        program("'close'", "00", measure=0.9),
        program("'half'", "10"),
        program("'near'", "10", measure=0.4),
        program("'right'", "11"),
        program("'near'  # as before", "10", measure=0.4),
    ]
    found = [rollout.program.split("return ")[1] for rollout in nearest(tried, 9)]
    assert found == ["'near'", "'half'", "'close'", "'late'", "'often'"]
    assert len(nearest(tried, 2)) == 2
    assert list(failing(task, [says_no(task), crashes(task), right(task)], CRASH)) == [crashes(task)]
