"""The tasks of a data set's split: gone through again and again, and not held in memory."""

import random
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, compress
from typing import Protocol

from visrep.env.faults import UserFault
from visrep.env.types import Task

Read = Callable[[], Iterable[Task]]
"""Reads or makes the tasks, the same ones in the same order every time."""


class Tasks(Protocol):
    """Tasks that can be gone through any number of times, in one order: a list, or a `Split`."""

    def __iter__(self) -> Iterator[Task]: ...

    def __len__(self) -> int: ...


class Split:
    """A data set's split, read anew each time it is gone through. It is read once at the beginning, to be counted, so
    that damage anywhere in it shows before hours of work do. Raises UserFault, later, when it has not as many tasks
    as then."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._count = sum(1 for _ in read())

    def __iter__(self) -> Iterator[Task]:
        count = 0
        for task in self._read():
            count += 1
            yield task
        if count != self._count:
            raise UserFault(f"found {count} tasks, and {self._count} before; a data set must not change during a run")

    def __len__(self) -> int:
        return self._count


class Reachable:
    """Reads tasks as `read` does, but for those of which no answer can earn 1: in all of VQA's sets there are questions
    on which people did not agree. `left_out` counts those of the last time."""

    def __init__(self, read: Read, soft: float) -> None:
        self._read = read
        self._soft = soft
        self.left_out = 0

    def __call__(self) -> Iterator[Task]:
        self.left_out = 0
        for task in self._read():
            if all(not instance.soft or max(instance.soft) >= self._soft for instance in task.instances):
                yield task
            else:
                self.left_out += 1


class Mixed:
    """Tasks of several data sets, one after the other. Ids, categories and groups begin with the data set's name, so
    that none is taken for that of another set."""

    def __init__(self, sets: Mapping[str, Tasks]) -> None:
        self._sets = sets

    def __iter__(self) -> Iterator[Task]:
        for name, tasks in self._sets.items():
            for task in tasks:
                own = task.question
                question = replace(own, id=f"{name}/{own.id}", category=f"{name}/{own.category}")
                group = None if task.group is None else f"{name}/{task.group}"
                yield replace(task, question=question, group=group, dataset=name)

    def __len__(self) -> int:
        return sum(map(len, self._sets.values()))


class Joined:
    """Tasks, and behind them a few more that are in memory."""

    def __init__(self, tasks: Tasks, more: Sequence[Task]) -> None:
        self._tasks = tasks
        self._more = more

    def __iter__(self) -> Iterator[Task]:
        return chain(self._tasks, self._more)

    def __len__(self) -> int:
        return len(self._tasks) + len(self._more)


class Subset:
    """Some of the tasks: those whose byte in `chosen`, one per task in their order, is not 0."""

    def __init__(self, tasks: Tasks, chosen: bytes) -> None:
        self._tasks = tasks
        self._chosen = chosen
        self._count = len(chosen) - chosen.count(0)

    def __iter__(self) -> Iterator[Task]:
        return compress(self._tasks, self._chosen)

    def __len__(self) -> int:
        return self._count


def stratified(read: Read, per_category: int, seed: int) -> list[Task]:
    """At most so many tasks of each category, in their order; which ones depends on `seed` alone."""
    places: defaultdict[str, array[int]] = defaultdict(lambda: array("Q"))
    count = 0
    for task in read():
        places[task.question.category].append(count)
        count += 1
    chosen = bytearray(count)
    for category, members in sorted(places.items()):
        for place in random.Random(f"{seed}/{category}").sample(members, min(per_category, len(members))):
            chosen[place] = 1
    return list(compress(read(), chosen))
