"""`visrep ask`: one question about one image, answered by a program that a trained policy writes."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.syntax import Syntax
from rich.text import Text

from visrep.env.faults import UserFault
from visrep.env.types import Execution, Instance, Question
from visrep.scripts import exported, terminal

if TYPE_CHECKING:
    from visrep.train.config import Recipe


def ask(
    image: Annotated[Path, typer.Argument(help="Image file.", show_default=False)],
    question: Annotated[str, typer.Argument(help="What to ask about it.", show_default=False)],
    policy: Annotated[Path, typer.Option(help="Exported checkpoint (`visrep export`).", show_default=False)],
    perception: Annotated[
        str | None,
        typer.Option(help="Backend that sees, or a Python file. (default: the checkpoint's own)", show_default=False),
    ] = None,
    votes: Annotated[
        int, typer.Option(min=1, help="Programs to sample; above 1, the answer is what most of them agree on.")
    ] = 1,
    as_json: terminal.Json = False,
) -> None:
    """Let a trained policy write a program for a question, run it on the image, and show answer, program and calls."""
    from visrep import reward
    from visrep.env.environment import Environment
    from visrep.env.perception.picture import Picture
    from visrep.env.perception.service import Service
    from visrep.reward.agreement import agreed
    from visrep.train import config, parts

    recipe = exported.recipe(exported.read(policy))
    seeing = config.PerceptionSettings(backend=perception) if perception else recipe.perception
    backend = parts.build_perception(seeing)
    service = Service(backend, parts.text_model(backend))
    _ = Picture(image).size  # a broken image is said before the policy is loaded
    asked = Question(id="ask", text=question, kind="answer", category="")
    with Environment(parts.build_sandbox(recipe.sandbox), service, reward.score) as environment:
        programs = _write(policy, asked, recipe, votes)
        ran = dict(environment.execute(programs, Instance(id="ask", images=(image,)), asked))
    valued = [number for number in sorted(ran) if ran[number].outcome == "ok"]
    index = agreed(asked, 1, [ran[number].value for number in valued], [1] * len(valued))
    chosen = 0 if index is None else valued[index]
    program, execution = programs[chosen], ran[chosen]
    if as_json:
        told = {"question": question, "program": program, **dataclasses.asdict(execution)}
        others = [{"program": programs[number], "value": ran[number].value} for number in valued if number != chosen]
        terminal.print_json(told | ({"others": others} if votes > 1 else {}))
    else:
        _print(program, execution)
        if votes > 1:
            same = sum(ran[number].value == execution.value for number in valued)
            typer.echo(f"{same} of {votes} programs returned this")
    if execution.outcome != "ok":
        raise UserFault(
            f"the program did not answer ({execution.outcome}: {execution.message}); word the question anew"
        )


def _write(policy: Path, question: Question, recipe: "Recipe", votes: int) -> list[str]:
    """The policy's most likely program, or several sampled as the recipe samples. In this process: a server takes
    longer to start than a few programs to write."""
    from transformers.utils import logging

    from visrep.policy.transformers import Transformers

    logging.disable_progress_bar()  # the weights of one small model are there before a bar is read
    described = exported.read(policy)
    base = exported.base(described, policy)
    engine = Transformers(base, max_tokens=recipe.sampling.max_tokens)
    if base != policy:
        engine.load(policy)
    prompter = exported.prompter(described, base)
    temperature = recipe.sampling.temperature if votes > 1 else 0.0
    _, completions = next(engine.sample([prompter.prompt(question)], votes, temperature, recipe.seed))
    return [prompter.program(question, completion.text) for completion in completions]


def _print(program: str, execution: Execution) -> None:
    console = terminal.console()
    if execution.outcome == "ok":
        console.print(f"[bold]{escape(_plain(execution.value))}[/]", highlight=False)
    console.print(Syntax(program, "python", background_color="default", word_wrap=True))
    for call in execution.calls:
        arguments = ", ".join(map(repr, call.arguments))
        console.print(Text(f"{call.method}({arguments}) -> {call.error or call.result}", style="dim"))


def _plain(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
