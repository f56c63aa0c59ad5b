"""The programs of a run, as they are on disk: which files hold them, and those that filters let through.

All of it streams, since a big run's rollouts do not fit into memory; what is kept is a word or number per task at most.
"""

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from visrep.env import canonical, rollouts
from visrep.env.faults import UserFault, suggestion
from visrep.env.types import Rollout, Task
from visrep.train import blame
from visrep.train.parts import load_tasks
from visrep.train.run import Run


@dataclass(frozen=True, slots=True)
class Source:
    """A file of rollouts, named after the iteration, its retry, or the base policy's prompt that its programs come
    from."""

    name: str
    file: Path

    @property
    def completions(self) -> Path:
        """What the policy wrote, of which the rollouts are the distinct programs."""
        return self.file.with_name(self.file.name.replace("rollouts", "completions"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which programs of a run. None lets everything through; iteration 0 is the base policy, which is only evaluated.

    `solved` is about tasks: those with (without, if False) a program that earned 1 in the iteration, of the sampled
    programs or with `held_out` of the evaluations', whatever `outcome` is wanted.
    `blame` is a verdict on programs that failed, as `visrep.train.blame` gives it.
    """

    iteration: int | None = None
    category: str | None = None
    task: str | None = None
    outcome: str | None = None
    solved: bool | None = None
    held_out: bool = False
    blame: str | None = None

    def lets_through(self, rollout: Rollout, right: Container[str] = ()) -> bool:
        """Whether a program of its files is wanted; `right` are the tasks that have a program that earned 1."""
        return (
            (self.category is None or self.category == rollout.category)
            and (self.task is None or self.task == rollout.task_id)
            and (self.outcome is None or self.outcome == outcome_of(rollout))
            and (self.solved is None or self.solved == (rollout.task_id in right))
        )


def outcome_of(rollout: Rollout) -> str:
    """Its first outcome that is not "ok": what kept it from its reward."""
    return next((score.outcome for score in rollout.scores if score.outcome != "ok"), "ok")


def begun(run: Run) -> list[int]:
    """Numbers of the iterations that have a folder."""
    return sorted(int(folder.name[-2:]) for folder in run.folder.glob("iteration_[0-9][0-9]"))


def evaluation(run: Run, number: int) -> Path:
    """Rollouts of an iteration's evaluation; 0 is the base policy with the recipe's examples."""
    if number:
        return run.iteration(number) / "evaluate.rollouts.jsonl"
    return run.folder / "base" / f"examples_{run.recipe.prompt.count}.rollouts.jsonl"


def sources(run: Run, iteration: int | None, held_out: bool) -> list[Source]:
    """Files of rollouts, oldest first. Raises UserFault for an iteration that the run does not have."""
    numbers = begun(run)
    if iteration is not None and iteration not in (0, *numbers):
        raise UserFault(f"{run.folder} has no iteration {iteration}; it has 0 to {max(numbers, default=0)}")
    held_out = held_out or iteration == 0
    base = sorted((run.folder / "base").glob("*.rollouts.jsonl")) if held_out and not iteration else []
    chosen = numbers if iteration is None else [iteration] if iteration else []
    found = [Source(f"base, {file.name.split('.')[0].removeprefix('examples_')} examples", file) for file in base]
    for folder in map(run.iteration, chosen):
        name = f"iteration {int(folder.name[-2:])}"
        found.append(Source(name, folder / ("evaluate.rollouts.jsonl" if held_out else "rollouts.jsonl")))
        if not held_out and (again := folder / "retry.rollouts.jsonl").exists():
            found.append(Source(f"{name}, retry", again))
    return found


def programs(run: Run, wanted: Wanted) -> Iterator[Rollout]:
    """The programs that are wanted, oldest first, read as they are asked for."""
    files = [source.file for source in sources(run, wanted.iteration, wanted.held_out)]
    right = solved_tasks(files) if wanted.solved is not None else frozenset[str]()
    found = (rollout for rollout in read(files) if wanted.lets_through(rollout, right))
    if wanted.blame is None:
        return found
    verdict = verdicts(run, wanted)
    return (rollout for rollout in found if verdict(rollout) == wanted.blame)


def verdicts(run: Run, wanted: Wanted) -> Callable[[Rollout], str | None]:
    """Tells of the programs that are wanted whose fault their failure was found to be; None for those not judged.
    Raises UserFault where a verdict is wanted, and none was given."""
    numbers = begun(run) if wanted.iteration is None else [wanted.iteration]
    name = "held_out" if wanted.held_out else "training"
    # A hash in place of the text: looking programs up should not take their size.
    known = {
        (number, each.task_id, hash(each.form)): each.verdict
        for number in numbers
        for each in blame.read(run.iteration(number), name)
    }
    if wanted.blame is not None and not known:
        what = "where images have annotated scenes and perception is another than they"
        raise UserFault(f"no program here was judged; those of an iteration are, {what}; leave --blame out")
    return lambda rollout: known.get((rollout.iteration or 0, rollout.task_id, hash(canonical.form(rollout.program))))


def read(files: Iterable[Path]) -> Iterator[Rollout]:
    """The rollouts of several files, one after the other."""
    return (rollout for file in files for rollout in rollouts.read(file))


def solved_tasks(files: Iterable[Path]) -> frozenset[str]:
    """Ids of the tasks that have a program that earned 1."""
    return frozenset(rollout.task_id for rollout in read(files) if rollout.reward == 1)


def check_words(wanted: Wanted, files: Iterable[Path]) -> None:
    """Raise UserFault for a category, task or outcome that no program of the files has, with the nearest that one has;
    else a misspelt word would show as an empty result."""
    known: dict[str, set[str]] = {name: set() for name in ("category", "task", "outcome") if getattr(wanted, name)}
    for rollout in read(files) if known else ():
        words = {"category": rollout.category, "task": rollout.task_id, "outcome": outcome_of(rollout)}
        for name, seen in known.items():
            seen.add(words[name])
    for name, seen in known.items():
        word = getattr(wanted, name)
        if word not in seen:
            near = suggestion(word, seen) or f"; there are: {', '.join(islice(sorted(seen), 20)) or 'none'}"
            raise UserFault(f"no program with {name} {word!r} here{near}")


def tasks_of(run: Run, programs: Iterable[Rollout], held_out: bool) -> dict[str, Task]:
    """Tasks of these programs by id, as far as the data set is still where the recipe says. One that has not as many
    instances as its program ran on is another task by now, and left out."""
    instances = {rollout.task_id: len(rollout.executions) for rollout in programs}
    if not instances:
        return {}
    try:
        found, _ = load_tasks(run.recipe, "test" if held_out else "train", whole=True)
    except UserFault:
        return {}  # moved or removed since
    return {task.question.id: task for task in found if instances.get(task.question.id) == len(task.instances)}
