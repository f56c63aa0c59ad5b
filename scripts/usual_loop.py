"""One iteration of self-training as it is put together today from public libraries, for `bench_loop.py` to compare
with; nothing to build on.

vLLM's offline engine is started for each sampling and ends with it. Each program runs in an interpreter of its own with
its own perception, as many at a time as there are cores, whether an equal one has run or not. TRL's SFTTrainer trains
on whole prompts, one by one, which is its fastest setting on a CPU. peft merges the adapter before it is evaluated.
Prompts, budget, seeds, engine arguments and learning settings are those of the recipe.
"""

import contextlib
import json
import os
import pickle
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from visrep.env.faults import MachineFault
from visrep.env.types import Task
from visrep.policy.arguments import cpu_environment
from visrep.policy.checkpoint import resolve
from visrep.policy.prompt import Prompter, cut
from visrep.scripts import usual_program
from visrep.train import parts
from visrep.train.config import Recipe

_PROGRAM_SECONDS = 20.0
"""Ten times what one takes; visrep's limit is on processor time alone."""


class UsualLoop:
    """The iteration. `seconds` are those of its stages so far, `counts` what was done in them."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self.recipe, self.folder = recipe, folder
        self.base = resolve(recipe.policy.model, recipe.policy.revision)
        self.train_tasks = list(parts.load_tasks(recipe, "train")[0])
        self.test_tasks = list(parts.load_tasks(recipe, "test")[0])
        self.seconds: dict[str, float] = defaultdict(float)
        self.counts: dict[str, int] = defaultdict(int)
        folder.mkdir(parents=True, exist_ok=True)

    def run(self) -> int:
        """Sample, execute, train, evaluate; the number of test tasks solved."""
        found = self._sample_all()
        with self._timed("training"):
            self._train(found)
            self._child("merge", {"adapter": str(self.folder / "adapter"), "to": str(self.folder / "merged")})
        prompter = parts.build_prompter(self.recipe, self.base)
        with self._timed("evaluating"):
            written = self._write(self.folder / "merged", self.test_tasks, prompter, n=1, temperature=0.0, seed=0)
            right = self._execute(self.test_tasks, written)
        return sum(any(programs) for programs in right)

    def _sample_all(self) -> dict[str, list[tuple[str, str]]]:
        """Prompts and completions of right programs by task, of all rounds."""
        settings, tasks = self.recipe.sampling, self.train_tasks
        found: dict[str, list[tuple[str, str]]] = defaultdict(list)
        asked = parts.build_prompter(self.recipe, self.base)
        for index in range(settings.rounds):
            prompter = parts.build_prompter(self.recipe, self.base, first=index)
            n = settings.more if index else settings.n
            with self._timed("sampling"):
                seed = self.recipe.seed * 10_000 + 100 + index
                written = self._write(self.base, tasks, prompter, n, settings.temperature, seed)
            self.counts["completions"] += n * len(tasks)
            with self._timed("executing"):
                right = self._execute(tasks, written)
            for task, programs, rewards in zip(tasks, written, right, strict=True):
                for program, reward in zip(programs, rewards, strict=True):
                    example = (asked.prompt(task.question), asked.target(task.question, program)) if reward else None
                    if example and example not in found[task.question.id]:
                        found[task.question.id].append(example)
            tasks = [task for task in self.train_tasks if len(found[task.question.id]) < settings.enough]
        return found

    def _write(
        self, model: Path, tasks: Sequence[Task], prompter: Prompter, n: int, temperature: float, seed: int
    ) -> list[list[str]]:
        """Each task's programs, but for those that the token limit cut off."""
        job = {"model": str(model), "prompts": [prompter.prompt(task.question) for task in tasks]}
        written = self._child("sample", job | {"n": n, "temperature": temperature, "seed": seed})
        self.counts["vllm_starts"] += 1
        return [
            [prompter.program(task.question, text) for text, finished in texts if finished or cut(text)[1]]
            for task, texts in zip(tasks, written, strict=True)
        ]

    def _execute(self, tasks: Sequence[Task], written: Sequence[Sequence[str]]) -> list[list[int]]:
        """Each program's reward, every one in its own interpreter."""
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            rewards = [
                [pool.submit(self._reward, task, program) for program in programs]
                for task, programs in zip(tasks, written, strict=True)
            ]
            self.counts["programs"] += sum(map(len, rewards))
            return [[reward.result() for reward in each] for each in rewards]

    def _reward(self, task: Task, program: str) -> int:
        perception = self.recipe.perception
        given = pickle.dumps((task, program, perception.backend, perception.options))
        command = [sys.executable, "-m", usual_program.__name__]
        try:
            ran = subprocess.run(command, input=given, capture_output=True, timeout=_PROGRAM_SECONDS)
        except subprocess.TimeoutExpired:
            return 0
        return int(ran.stdout or 0)

    def _train(self, found: dict[str, list[tuple[str, str]]]) -> None:
        settings = self.recipe.selection
        rows = [
            {"prompt": prompt, "completion": completion}
            for examples in found.values()
            for prompt, completion in examples[: settings.per_task]
        ][: settings.limit]
        job = {"rows": rows, "adapter": str(self.folder / "adapter"), "clone": self.recipe.clone.model_dump()}
        self.counts["examples"] = len(rows)
        self.counts["trained_tokens"] = self._child("fit", job)

    def _child(self, stage: str, job: dict[str, Any]) -> Any:
        """What a stage in a process of its own returns."""
        file, result, log = (self.folder / f"{stage}.{ending}" for ending in ("job.json", "result.json", "log"))
        settings = self.recipe.model_dump(mode="json", exclude_none=True)
        file.write_text(json.dumps(job | {"base": str(self.base), "recipe": settings}))
        command = [sys.executable, "-m", "visrep.scripts.usual_stage", stage, str(file), str(result)]
        with log.open("ab") as output:
            ran = subprocess.run(command, stdout=output, stderr=output, env=cpu_environment() | os.environ)
        if ran.returncode != 0:
            raise MachineFault(f"the usual loop's stage {stage!r} failed; see {log}")
        return json.loads(result.read_text())

    @contextlib.contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        seconds = time.monotonic() - started
        self.seconds[stage] += seconds
        print(f"public libraries: {stage} {seconds:.0f} s", file=sys.stderr)
