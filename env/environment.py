"""The pseudo-environment: annotated tasks and programs in, executed and scored programs out.

An episode has one step: the state is a task, the action a program, the reply a reward made from the annotation. The
annotation stays on this side of the sandbox: a program gets the pictures and nothing else, and its value comes back as
plain data that the reward judges.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from visrep.env.faults import MachineFault, UserFault
from visrep.env.judging import USUAL, Judging
from visrep.env.perception import Request
from visrep.env.perception.picture import Picture
from visrep.env.perception.video import DEFAULT, FrameRate, frames
from visrep.env.sandbox import Job, Sandbox
from visrep.env.types import Execution, Instance, Question, Rollout, Score, Task

Reward = Callable[[Task, Instance, Any], Score]
"""Judges a value that a program returned."""

MOST_REPEATS = 3
"""How often an episode is run again after a machine's fault, before the whole run stops."""

_PICTURES_KEPT, _VIDEOS_KEPT = 256, 32


class Seeing(Protocol):
    """What answers programs' questions about pictures: in practice `visrep.env.perception.service.Service`."""

    identity: str

    def answer(self, requests: Sequence[Request]) -> list[Any]: ...

    def remembered(self, requests: Sequence[Request]) -> list[Any] | None: ...

    def statistics(self) -> dict[str, dict[str, float]]: ...

    def perturbed(self, seed: int) -> "Seeing": ...

    def stop(self) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Usage:
    """What an environment has done so far: seconds in which the sandbox waited for programs to run; programs that were
    run again because of a machine's fault; and what `Service.statistics` counts of perception, by method."""

    idle_seconds: float
    repeated: int
    perception: Mapping[str, Mapping[str, float]]

    @property
    def calls(self) -> int:
        """Programs' calls."""
        return int(self.total("calls"))

    @property
    def hits(self) -> int:
        """Those of them that no model was asked for."""
        return int(self.total("hits"))

    def total(self, figure: str) -> float:
        """The sum of a figure over all methods."""
        return sum(figures[figure] for figures in self.perception.values())

    def __sub__(self, before: "Usage") -> "Usage":
        return Usage(
            self.idle_seconds - before.idle_seconds,
            self.repeated - before.repeated,
            {method: _since(figures, before.perception.get(method, {})) for method, figures in self.perception.items()},
        )


def _since(now: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    return {name: value - before.get(name, 0) for name, value in now.items()}


class Environment:
    """Runs programs on tasks. It owns its sandbox and its perception, and closes both. Videos are sampled at `rate`;
    what perception replies is judged by `judging`."""

    def __init__(
        self,
        sandbox: Sandbox,
        perception: Seeing,
        reward: Reward,
        rate: FrameRate = DEFAULT,
        judging: Judging = USUAL,
    ) -> None:
        self._sandbox = sandbox
        self._perception = perception
        self._reward = reward
        self._rate = rate
        self._judging = judging
        self._pictures: OrderedDict[Path, Picture] = OrderedDict()
        self._videos: OrderedDict[Path, Sequence[Picture]] = OrderedDict()
        self._repeated = 0

    @property
    def isolation(self) -> str:
        """How programs are locked in, e.g. "seccomp+landlock7"."""
        return self._sandbox.isolation

    def usage(self) -> Usage:
        """What it has done so far; the difference of two is what was done between them."""
        return Usage(self._sandbox.idle_seconds, self._repeated, self._perception.statistics())

    @property
    def perception(self) -> str:
        """Identity of what answers programs' questions, models and how their replies are judged: answers of equal
        identity are equal."""
        return self._perception.identity + self._judging.identity

    def run(self, pairs: Iterable[tuple[Task, str] | None], author: str = "policy") -> Iterator[Rollout]:
        """Rollouts of `(task, program)` pairs as they are done; pairs are taken as there is room for them, and None
        among them says that there is none yet.

        Every instance of a task always runs. What a machine's fault took is run again and never scored; raises
        MachineFault when it is lost time and again.
        """
        episodes: dict[int, _Episode] = {}
        for (number, index), execution in self._executions(self._jobs(pairs, episodes)):
            episodes[number].executions[index] = execution
            if len(episodes[number].executions) == len(episodes[number].task.instances):
                yield self._rollout(episodes.pop(number), author)

    def step(self, task: Task, program: str) -> Rollout:
        """One episode."""
        return next(iter(self.run([(task, program)])))

    def execute(
        self, programs: Iterable[str], instance: Instance, question: Question, *, trace: bool = False
    ) -> Iterator[tuple[int, Execution]]:
        """Programs on one instance, unscored: each one's number and what came of it, as they are done. With `trace`,
        they also tell the variables that changed on each line."""
        return self._executions(
            self._job(number, program, instance, question, trace) for number, program in enumerate(programs)
        )

    def perturbed(self, seed: int) -> "Environment":
        """This one but for the replies, which are changed, as seeded: for the guard. It runs in the same sandbox and
        asks the same models, and there is nothing of it to close."""
        return Environment(self._sandbox, self._perception.perturbed(seed), self._reward, self._rate, self._judging)

    def stop(self) -> None:
        """Free the device that models hold; the next program that asks has them started again."""
        self._perception.stop()

    def close(self) -> None:
        """End the sandbox's processes and the models'."""
        self._sandbox.close()
        self._perception.close()

    def __enter__(self) -> "Environment":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _executions(self, jobs: Iterable[Job | None]) -> Iterator[tuple[Any, Execution]]:
        """What came of each job, by its key, as they are done; what a machine's fault took is run again."""
        for _ in range(1 + MOST_REPEATS):
            lost: list[Job] = []
            for job, execution in self._sandbox.run(jobs, self._perception.answer, self._perception.remembered):
                if execution.outcome == "infrastructure":
                    lost.append(job)
                    message = execution.message
                else:
                    yield job.key, execution
            if not lost:
                return
            jobs = lost
            self._repeated += len(lost)
        raise MachineFault(
            f"{len(lost)} programs were lost {1 + MOST_REPEATS} times over: {message}; see to the machine"
        )

    def _jobs(self, pairs: Iterable[tuple[Task, str] | None], episodes: dict[int, "_Episode"]) -> Iterator[Job | None]:
        for number, pair in enumerate(pairs):
            if pair is None:
                yield None
                continue
            task, program = pair
            if not task.instances:
                raise UserFault(
                    f"task {task.question.id!r} has no instances; a task needs at least one to be scored on"
                )
            episodes[number] = _Episode(task, program, {})
            for index, instance in enumerate(task.instances):
                yield self._job((number, index), program, instance, task.question)

    def _job(self, key: Any, program: str, instance: Instance, question: Question, trace: bool = False) -> Job:
        if instance.video is not None:
            pictures = self._frames(instance.video)
        else:
            pictures = tuple(self._picture(instance, index) for index in range(len(instance.images)))
        return Job(key, program, pictures, question.signature, question.options, trace=trace, judging=self._judging)

    def _frames(self, path: Path) -> Sequence[Picture]:
        """The video's sampled frames, kept for a while, with its decoder and their hashes."""
        if path not in self._videos:
            self._videos[path] = frames(path, self._rate)
        self._videos.move_to_end(path)
        if len(self._videos) > _VIDEOS_KEPT:
            self._videos.popitem(last=False)
        return self._videos[path]

    def _picture(self, instance: Instance, index: int) -> Picture:
        """The instance's picture, kept for a while: its other programs need the same pixels and their hash."""
        path = instance.images[index]
        scene = instance.scenes[index] if instance.scenes else None
        picture = self._pictures.get(path)
        if picture is None or picture.scene != scene:
            picture = self._pictures[path] = Picture(path, scene)
        self._pictures.move_to_end(path)
        if len(self._pictures) > _PICTURES_KEPT:
            self._pictures.popitem(last=False)
        return picture

    def _rollout(self, episode: "_Episode", author: str) -> Rollout:
        task = episode.task
        executions = tuple(execution for _, execution in sorted(episode.executions.items()))
        scores = tuple(map(self._score, [task] * len(executions), task.instances, executions))
        reward = int(all(score.reward == 1 for score in scores))
        return Rollout(task.question.id, task.question.category, episode.program, executions, scores, reward, author)

    def _score(self, task: Task, instance: Instance, execution: Execution) -> Score:
        if execution.outcome != "ok":
            return Score(0, 0.0, execution.outcome)
        return self._reward(task, instance, execution.value)


@dataclass(frozen=True, slots=True)
class _Episode:
    """A task under way: what has come of the program on the instances that are done."""

    task: Task
    program: str
    executions: dict[int, Execution]
