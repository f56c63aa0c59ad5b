"""A run's tasks: read again and again, counted, thinned out."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice

import pytest

from visrep.env.faults import UserFault
from visrep.env.types import Question, Task
from visrep.train.split import Split, Subset, stratified

SIZES = {"exist": 50, "count": 7, "largest": 2}


def read() -> Iterator[Task]:
    names = [(category, number) for category, size in SIZES.items() for number in range(size)]
    for category, number in sorted(names, key=lambda name: name[1]):
        yield Task(Question(f"{category}{number}", "?", "answer", category), (), "made", "train")


def ids(tasks: Split | Subset | list[Task]) -> list[str]:
    return [task.question.id for task in tasks]


def test_a_split_can_be_gone_through_many_times_even_at_once() -> None:
    split = Split(read)
    assert len(split) == 59
    assert ids(split) == ids(split) == [task.question.id for task in read()]
    one, other = iter(split), iter(split)
    assert [next(one), next(one)] == [next(other), next(other)]


def test_damage_anywhere_in_a_split_shows_at_once() -> None:
    def damaged() -> Iterator[Task]:
        yield from read()
        raise UserFault("row 60 is damaged")

    with pytest.raises(UserFault, match="row 60"):
        Split(damaged)


def test_a_split_that_gives_other_tasks_each_time_is_refused() -> None:
    lengths = iter([5, 4])
    split = Split(lambda: islice(read(), next(lengths)))
    with pytest.raises(UserFault, match="found 4 tasks, and 5 before"):
        list(split)


def test_a_subset_has_the_chosen_tasks_in_their_order() -> None:
    split = Split(read)
    chosen = bytes(task.question.category == "count" for task in split)
    subset = Subset(split, chosen)
    assert len(subset) == 7
    assert ids(subset) == ids(subset) == [f"count{number}" for number in range(7)]


def test_so_many_tasks_of_each_category_are_drawn_and_keep_their_order() -> None:
    drawn = stratified(read, 5, seed=0)
    assert Counter(task.question.category for task in drawn) == {"exist": 5, "count": 5, "largest": 2}
    everything = ids(Split(read))
    assert ids(drawn) == sorted(ids(drawn), key=everything.index)


def test_what_is_drawn_depends_on_the_seed_alone_and_never_changes() -> None:
    """A run is resumed, and compared with others, on the same tasks: these are the ones that seed 0 always drew."""
    always = ["largest0", "largest1", "count3", "count5", "exist40", "exist47"]
    assert ids(stratified(read, 2, seed=0)) == always
    assert ids(stratified(read, 2, seed=1)) != always
