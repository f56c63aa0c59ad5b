"""Test-time selection: of several programs for a task, the value that most of them agree on, instance by instance."""

from collections import Counter
from collections.abc import Iterator

from visrep.env import canonical, rollouts
from visrep.env.environment import Reward
from visrep.env.types import Rollout, Score, Task
from visrep.policy.prompt import Prompter
from visrep.reward.agreement import agreed
from visrep.train.grouped import Grouped
from visrep.train.rollout import Files, read_completions
from visrep.train.split import Tasks


def vote(prompter: Prompter, tasks: Tasks, files: Files, reward: Reward) -> Iterator[Rollout]:
    """A rollout per task that has programs: on each instance, the execution whose value the others agree with most, a
    program counting as often as it was written. Its `program` is that of the first instance."""
    written = Grouped(read_completions(files.completions, rounds=[0]))
    ran = Grouped((rollout.task_id, rollout) for rollout in rollouts.read(files.rollouts))
    for task in tasks:
        found = {canonical.form(rollout.program): rollout for rollout in ran.of(task.question.id)}
        programs = (prompter.program(task.question, each.text) for each in written.of(task.question.id))
        counts = Counter(key for key in map(canonical.form, programs) if key in found)
        if counts:
            yield _elect(task, [found[key] for key in counts], [*counts.values()], reward)


def _elect(task: Task, candidates: list[Rollout], counts: list[int], reward: Reward) -> Rollout:
    chosen, scores = [], []
    for place, instance in enumerate(task.instances):
        ran = [rollout.executions[place] for rollout in candidates]
        valued = [index for index, execution in enumerate(ran) if execution.outcome == "ok"]
        values, weights = [ran[each].value for each in valued], [counts[each] for each in valued]
        index = agreed(task.question, len(instance.images), values, weights)
        # Where nothing can be agreed on, it is the first program's fault as well as anybody's.
        winner = 0 if index is None else valued[index]
        outcome = ran[winner].outcome
        chosen.append(winner)
        scores.append(reward(task, instance, ran[winner].value) if outcome == "ok" else Score(0, 0.0, outcome))
    return Rollout(
        task_id=task.question.id,
        category=task.question.category,
        program=candidates[chosen[0]].program,
        executions=tuple(candidates[winner].executions[place] for place, winner in enumerate(chosen)),
        scores=tuple(scores),
        reward=int(all(score.reward == 1 for score in scores)),
    )
