"""How many different programs a task has got: a policy that writes the same one again and again learns nothing new."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from visrep.env import canonical, jsonl, rollouts
from visrep.train.browse import Source, Wanted, solved_tasks


@dataclass(slots=True)
class Programs:
    """One task's programs in one file: how many the policy wrote (None where that is not on disk any more), and how
    many of them are distinct in canonical form, right ones and all."""

    category: str
    written: int | None = None
    distinct: int = 0
    right: int = 0
    _forms: set[int] = field(default_factory=set, repr=False)

    def add(self, form: int, reward: int) -> None:
        """Count a program; one of a form that was there before counts no more."""
        if form not in self._forms:
            self._forms.add(form)
            self.distinct += 1
            self.right += reward


def by_task(sources: list[Source], wanted: Wanted) -> Iterator[tuple[str, dict[str, Programs]]]:
    """For each wanted task, by category and id, its programs in each source by the source's name."""
    right = solved_tasks(source.file for source in sources) if wanted.solved is not None else frozenset[str]()
    found: dict[str, dict[str, Programs]] = defaultdict(dict)
    for source in sources:
        written = _written(source)
        for rollout in rollouts.read(source.file):
            if wanted.lets_through(rollout, right):
                count = written.get(rollout.task_id)
                programs = found[rollout.task_id].setdefault(source.name, Programs(rollout.category, count))
                # A hash in place of the text: counting a big run's programs should not take their size.
                programs.add(hash(canonical.form(rollout.program)), rollout.reward)
    for task_id in sorted(found, key=lambda task_id: (next(iter(found[task_id].values())).category, task_id)):
        yield task_id, found[task_id]


def _written(source: Source) -> Counter[str]:
    counts: Counter[str] = Counter()
    for record in jsonl.read(source.completions):
        counts[record["task"]] += len(record["completions"])
    return counts
