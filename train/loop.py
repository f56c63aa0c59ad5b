"""The loop: sample, execute, select, clone, evaluate; again.

    policy i-1 ──programs──> environment ──rollouts──> selection ──examples──> LoRA adapter i ──> evaluation

Each step is a stage on disk (`visrep.train.run.stage`): a run that was stopped anywhere goes on where it stopped.
"""

import dataclasses
import shutil
from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.console import Console

from visrep.env import jsonl
from visrep.env.environment import Environment
from visrep.env.faults import Fault
from visrep.policy import Policy
from visrep.policy.checkpoint import resolve
from visrep.policy.prompt import Prompter
from visrep.train import clone, parts, probe, tracking, variants
from visrep.train.assess import evaluate_greedily
from visrep.train.blame import blame
from visrep.train.config import Recipe
from visrep.train.correcting import Corrected, corrected
from visrep.train.evaluate import pass_at_k
from visrep.train.export import export
from visrep.train.guard import guard
from visrep.train.pool import Pool
from visrep.train.report import page
from visrep.train.retry import Hints, retry
from visrep.train.rollout import Bench, Files, Sampling, collect, tally
from visrep.train.run import Run, check_writable, forget_stage, stage
from visrep.train.runner import Author
from visrep.train.saturation import saturation
from visrep.train.select import select
from visrep.train.split import Subset, Tasks
from visrep.train.summary import lines, tables
from visrep.train.told import refused


def train(recipe: Recipe, out: Path, resume: bool, console: Console) -> Run:
    """Run a recipe to its end, or go on with it; prints the result. Raises Fault with a resumable run left behind."""
    variants.check(recipe)
    check_writable(out)
    parts.draw_if_absent(recipe.data)
    with ExitStack() as stack:
        environment = stack.enter_context(parts.build_environment(recipe, log=out / "perception.log"))
        exists = (out / "recipe.toml").exists()
        run = Run.reopen(out, recipe) if resume and exists else Run.create(out, recipe, environment.isolation)
        stack.enter_context(run.lock())
        loop = Loop(run, environment, console)
        stack.callback(loop.close)
        loop.evaluate_base()
        last = loop.iterate_all()
        exported = loop.export(last)
        report = loop.report()
    for table in tables(run):
        console.print(table)
    console.print(f"exported checkpoint: {exported}", highlight=False, soft_wrap=True)
    if report:
        console.print(f"report: {report}", highlight=False, soft_wrap=True)
    return run


class Loop:
    """One driver at work on one run: its tasks, prompts, environment and policy."""

    def __init__(self, run: Run, environment: Environment, console: Console) -> None:
        recipe = run.recipe
        self.run, self.recipe, self.environment, self.console = run, recipe, environment, console
        self.base = resolve(recipe.policy.model, recipe.policy.revision)
        self.train_tasks, self.left_out = parts.load_tasks(recipe, "train")
        self.test_tasks, _ = parts.load_tasks(recipe, "test")
        if self.left_out:
            console.print(
                f"{self.left_out} training tasks are left out: no answer to them has a soft score of "
                f"{recipe.reward.soft}",
                highlight=False,
            )
        self.prompter = parts.build_prompter(recipe, self.base)
        self.records: list[dict[str, Any]] = []
        self._loaded: Path | None = None

    @cached_property
    def policy(self) -> Policy:
        """The engine; a run whose stages are all complete never starts it."""
        return parts.build_policy(self.recipe, self.base, self.run.folder / "log")

    def close(self) -> None:
        """Stop the engine, if one was started."""
        if "policy" in self.__dict__:
            self.policy.close()

    def evaluate_base(self) -> None:
        """Accuracy of the policy before any training, with the recipe's examples and without any."""
        folder = self.run.folder / "base"
        prompters = {self.recipe.prompt.count: self.prompter}
        if self.recipe.evaluation.base_without_examples and self.recipe.prompt.count:
            prompters = {0: parts.build_prompter(self.recipe, self.base, count=0)} | prompters
        for count, prompter in prompters.items():
            result = self._evaluate(folder, f"examples_{count}", prompter, adapter=None, author=Author(0, "base"))
            self._record({"iteration": 0, "examples": count} | result)

    def iterate_all(self) -> int:
        """Iterations until all are done or the policy is saturated; the last one's number."""
        for number in range(1, self.recipe.iterations + 1):
            self.iterate(number)
            reason = saturation([r for r in self.records if r["iteration"]], self.recipe.saturation)
            if reason and number < self.recipe.iterations:
                self.console.print(f"stopped after iteration {number}: {reason}", highlight=False, soft_wrap=True)
                break
        return number

    def iterate(self, number: int) -> None:
        """One iteration, from sampling to its record in metrics.jsonl."""
        folder = self.run.iteration(number)
        self.console.rule(f"iteration {number} of {self.recipe.iterations}")
        before = self._adapter(number - 1)
        author = Author(number, f"iteration_{number - 1:02d}" if before else "base")
        sampled = self._sample(folder, number, author)
        selected = stage(folder, "select", {"iteration": number}, lambda: self._select(folder, number))
        cloned = stage(folder, "clone", {"examples": selected["examples"]}, lambda: self._clone(folder, number))
        after = self._adapter(number)
        evaluated = self._evaluate(folder, "evaluate", self.prompter, after, Author(number, f"iteration_{number:02d}"))
        blamed = stage(folder, "blame", {"iteration": number}, lambda: self._blame(folder))
        self._record(
            {"iteration": number, "examples": self.recipe.prompt.count}
            | evaluated
            | {"sampling": sampled, "selection": selected, "training": cloned, "blame": blamed}
        )

    def export(self, number: int) -> Path:
        """An iteration as a checkpoint of its own, in place of that of an earlier one."""
        to = self.run.folder / "export"
        forget_stage(self.run.folder, "export", unless={"iteration": number})
        made = stage(self.run.folder, "export", {"iteration": number}, lambda: self._export(to, number))
        return Path(made["path"])

    def _sample(self, folder: Path, number: int, author: Author) -> dict[str, Any]:
        tasks = self.train_tasks
        rounds, again = self._plan(folder)
        result: dict[str, Any] = {}
        for index in range(rounds):
            result[f"round_{index + 1}"] = {"tasks": len(tasks)} | self._round(folder, number, index, tasks, author)
            # Not those of later rounds, which are there already in a run that is resumed.
            counts = tally(self.prompter, self.train_tasks, _files(folder), rounds=range(index + 1))
            found = array("L", (distinct for _, _, distinct in counts))
            tasks = Subset(self.train_tasks, bytes(distinct < self.recipe.sampling.enough for distinct in found))
        if again:
            unsolved = Subset(self.train_tasks, bytes(distinct == 0 for distinct in found))
            result["retry"] = self._retry(folder, number, rounds, unsolved, dataclasses.replace(author, name="retry"))
        solved = (len(found) - found.count(0)) / len(found)
        solved_share = {"solved": round(solved, 4), "pass_at_k": self._pass_at_k(folder)}
        return result | solved_share | ({"left_out": self.left_out} if self.left_out else {})

    def _plan(self, folder: Path) -> tuple[int, bool]:
        """How many rounds there are, and whether unsolved tasks are asked about once more: as the recipe says; for an
        iteration that is past them, as it was."""
        if (folder / "select.done.json").exists():
            return len(list(folder.glob("sample_*.done.json"))), (folder / "retry.done.json").exists()
        return self.recipe.sampling.rounds, self.recipe.retry.n > 0

    def _round(self, folder: Path, number: int, index: int, tasks: Tasks, author: Author) -> dict[str, Any]:
        settings, adapter, seed = self.recipe.sampling, self._adapter(number - 1), self._seed(number, index)
        n = settings.more if index else settings.n
        sampling = Sampling(f"sampling, round {index + 1}", index, n, settings.temperature, seed)
        prompter = parts.build_prompter(self.recipe, self.base, first=index)

        def work() -> dict[str, Any]:
            probed = self._serve(adapter)
            bench = Bench(self.policy, prompter, self.environment, tasks)
            return collect(bench, sampling, _files(folder), author, self.console) | probed

        return stage(folder, f"sample_{index + 1}", _made_from(author, tasks, seed), work)

    def _retry(self, folder: Path, number: int, index: int, tasks: Tasks, author: Author) -> dict[str, Any]:
        """What would be the next round, were it not for the hints."""
        adapter, seed = self._adapter(number - 1), self._seed(number, index)
        sampling = Sampling("asking again", 0, self.recipe.retry.n, self.recipe.sampling.temperature, seed)
        prompter = parts.build_prompter(self.recipe, self.base, first=index)

        def work() -> dict[str, Any]:
            probed = self._serve(adapter)
            with parts.build_sandbox(self.recipe.sandbox) as sandbox:
                hints = Hints(_files(folder).rollouts, sandbox, parts.frame_rate(self.recipe.video))
                bench = Bench(self.policy, prompter, self.environment, tasks, hints.of)
                return retry(bench, sampling, _files(folder, "retry."), author, self.console) | probed

        return stage(folder, "retry", _made_from(author, tasks, seed), work)

    def _seed(self, number: int, index: int) -> int:
        return self.recipe.seed * 10_000 + number * 100 + index

    def _pass_at_k(self, folder: Path) -> dict[str, float]:
        """Of the first round, whose number of programs per task is fixed."""
        sums = {k: 0.0 for k in (1, 2, 4, 8, 16, 32, 64) if k <= self.recipe.sampling.n}
        for n, right, _ in tally(self.prompter, self.train_tasks, _files(folder), rounds=[0]):
            for k in sums:
                sums[k] += pass_at_k(n, right, k)
        return {str(k): round(each / len(self.train_tasks), 4) for k, each in sums.items()}

    def _select(self, folder: Path, number: int) -> dict[str, Any]:
        settings, people = self.recipe.selection, self._corrected()
        pool = self._pool(number, people)
        selection = select(
            pool,
            people.tasks,
            per_task=settings.per_task,
            limit=settings.limit,
            percentile=settings.percentile,
            correction_weight=self.recipe.corrections.weight,
            correction_repeat=self.recipe.corrections.repeat,
            corrections_per_category=self.recipe.corrections.per_category,
            refused=self._refused(pool, people.tasks),
            seed=self.recipe.seed,
        )
        chosen = {row.task_id for row in selection.examples}
        questions = {task.question.id: task.question for task in people.tasks if task.question.id in chosen}
        jsonl.write_lines(folder / "selection.jsonl", (dataclasses.asdict(row) for row in selection.examples))
        jsonl.write_lines(
            folder / "examples.jsonl",
            (
                {
                    "task": row.task_id,
                    "category": row.category,
                    "prompt": self.prompter.prompt(questions[row.task_id]),
                    "completion": self.prompter.target(questions[row.task_id], row.program),
                    "weight": row.weight,
                }
                for row in selection.examples
                for _ in range(row.repeat)
            ),
        )
        return {"pool": selection.right} | selection.counts()

    def _corrected(self) -> Corrected:
        """The corrections, and what may be learnt from with them; says so where some are no longer right."""
        path = self.recipe.corrections.store
        people = corrected(self.recipe, Path(path) if path else None, self.environment, self.train_tasks)
        if people.wrong:
            self.console.print(
                f"{len(people.wrong)} of {len(people.checked)} corrections are left out, as they are no longer right; "
                "`visrep corrections check` says why",
                highlight=False,
                soft_wrap=True,
            )
        return people

    def _pool(self, number: int, people: Corrected) -> Pool:
        folders = [self.run.iteration(i) for i in range(1, number + 1)]
        files, retried = (tuple(_files(folder, name).rollouts for folder in folders) for name in ("", "retry."))
        return Pool(files, people.rollouts, retried)

    def _refused(self, pool: Pool, tasks: Tasks) -> Iterator[tuple[tuple[str, str], str]]:
        """Right programs that are not to be learnt from, with the reason."""
        if self.recipe.selection.guard:
            yield from guard(self.environment, self.environment.perturbed(self.recipe.seed), tasks, pool)
        if any(file.exists() for file in pool.retried):
            yield from refused(tasks, pool)

    def _clone(self, folder: Path, number: int) -> dict[str, Any]:
        self._free_device()
        settings = self.recipe.clone.model_dump()
        job = clone.CloneJob(
            base=self.base,
            examples=folder / "examples.jsonl",
            output=folder / "adapter",
            seed=self.recipe.seed * 100 + number,
            settings=clone.CloneSettings(**settings),
        )
        shutil.rmtree(job.output, ignore_errors=True)
        return clone.run(job, self.console)

    def _evaluate(
        self, folder: Path, name: str, prompter: Prompter, adapter: Path | None, author: Author
    ) -> dict[str, Any]:
        def work() -> dict[str, Any]:
            probed = self._serve(adapter)
            bench = Bench(self.policy, prompter, self.environment, self.test_tasks)
            return evaluate_greedily(bench, self.recipe.data, folder, name, author, self.console) | probed

        return stage(folder, name, {"adapter": author.policy, "tasks": len(self.test_tasks)}, work)

    def _blame(self, folder: Path) -> dict[str, Any]:
        sets = {
            "held_out": (self.test_tasks, folder / "evaluate.rollouts.jsonl"),
            "training": (self.train_tasks, _files(folder).rollouts),
        }
        return blame(self.recipe, self.environment.perception, sets, folder)

    def _adapter(self, number: int) -> Path | None:
        return self.run.iteration(number) / "adapter" if number else None

    def _serve(self, adapter: Path | None) -> dict[str, Any]:
        """Have the engine write with the adapter; where it is loaded now, what the probe of it came to."""
        if adapter == self._loaded:
            return {}
        published = None if adapter is None else probe.read(adapter, self.base)
        self.policy.load(adapter)
        found = None if published is None else self._probe(published)
        self._loaded = adapter
        return {} if found is None else {"probe": found}

    def _probe(self, published: probe.Probe) -> dict[str, Any] | None:
        settings = self.recipe.policy
        remedy = "continue with --resume, and report it if it comes again"
        if settings.urls:
            remedy = "let servers of policy.model alone be in policy.urls, and continue with --resume"
        count = len(settings.urls) or 1
        return probe.check(self.policy, published, f"engine {settings.engine!r}", remedy, engines=count)

    def _free_device(self) -> None:
        self.environment.stop()
        if "policy" in self.__dict__:
            self.policy.stop()

    def _export(self, to: Path, number: int) -> dict[str, Any]:
        self._free_device()  # the export is tried out
        shutil.rmtree(to, ignore_errors=True)
        return {"path": str(export(self.run.folder, to, "merged", number, self.console))}

    def _record(self, record: dict[str, Any]) -> None:
        self.records.append(record)
        for line in lines(record):
            self.console.print(line, highlight=False, soft_wrap=True)
        known = self.run.metrics()
        if known[: len(self.records)] == self.records:
            return  # resumed, and not yet where it stopped
        jsonl.write_lines(self.run.folder / "metrics.jsonl", self.records)
        self.report()
        tracking.publish(self.run, record, step=len(self.records) - 1)

    def report(self) -> Path | None:
        """The run so far as a page; returns where it is. Reads less than selection does; no run ends for want of it."""
        to = self.run.folder / "report.html"
        try:
            page.write(self.run, to)
        except Fault as fault:
            self.console.print(f"no report: {fault}", highlight=False, soft_wrap=True)
            return None
        return to


def _files(folder: Path, of: str = "") -> Files:
    return Files(folder / f"{of}completions.jsonl", folder / f"{of}rollouts.jsonl")


def _made_from(author: Author, tasks: Tasks, seed: int) -> dict[str, Any]:
    """Of the adapter its name alone: a run's folder may be copied or moved."""
    return {"adapter": author.policy, "tasks": len(tasks), "seed": seed}
