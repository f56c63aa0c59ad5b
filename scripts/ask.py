"""`visrep ask`: one question about images or a video, answered by a program that a trained policy writes."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.syntax import Syntax
from rich.text import Text

from visrep.env.entry_point import entry_point
from visrep.env.faults import UserFault
from visrep.env.types import Execution, Kind, Question
from visrep.reward.patches import is_patch
from visrep.scripts import exported, given, terminal

if TYPE_CHECKING:
    from visrep.train.config import Recipe


def ask(
    image: Annotated[Path, typer.Argument(help="Image or video file.", show_default=False)],
    question: Annotated[str, typer.Argument(help="What to ask about it.", show_default=False)],
    policy: Annotated[Path, typer.Option(help="Exported checkpoint (`visrep export`).", show_default=False)],
    perception: Annotated[
        str | None,
        typer.Option(help="Backend that sees, or a Python file. (default: the checkpoint's own)", show_default=False),
    ] = None,
    more: Annotated[
        list[Path] | None,
        typer.Option("--image", help="Another image, for a question about several.", show_default=False),
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="An answer to choose from; give all of them.", show_default=False)
    ] = None,
    kind: Annotated[
        Kind | None,
        typer.Option(help="What is wanted. (default: choice where there are options, else answer)", show_default=False),
    ] = None,
    votes: Annotated[
        int, typer.Option(min=1, help="Programs to sample; above 1, the answer is what most of them agree on.")
    ] = 1,
    as_json: terminal.Json = False,
) -> None:
    """Let a trained policy write a program for a question, run it, and show answer, program and calls.

    What is wanted decides which of the checkpoint's prompts the policy reads.
    """
    from visrep import reward
    from visrep.env.environment import Environment
    from visrep.env.perception.service import Service
    from visrep.reward.agreement import agreed
    from visrep.train import config, parts

    recipe = exported.recipe(exported.read(policy))
    seeing = config.PerceptionSettings(backend=perception) if perception else recipe.perception
    backend = parts.build_perception(seeing)
    service = Service(backend, parts.text_model(backend))
    seen = given.instance([image, *(more or ())])
    asked = _asked(question, kind, tuple(option or ()), len(seen.images))
    rate = parts.frame_rate(recipe.video)
    judged = parts.judging(seeing)
    with Environment(parts.build_sandbox(recipe.sandbox), service, reward.score, rate, judged) as environment:
        programs = _write(policy, asked, recipe, votes)
        ran = dict(environment.execute(programs, seen, asked))
    valued = [number for number in sorted(ran) if ran[number].outcome == "ok"]
    index = agreed(asked, len(seen.images), [ran[number].value for number in valued], [1] * len(valued))
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


def _asked(text: str, kind: Kind | None, options: tuple[str, ...], images: int) -> Question:
    wanted = kind or ("choice" if options else "answer")
    if bool(options) != (wanted == "choice") and wanted != "match":
        found = f"{len(options)} options for {wanted!r}"
        raise UserFault(f"found {found}, expected options for 'choice' or 'match' alone; see --option and --kind")
    return Question("ask", text, wanted, "", options, entry_point(images, options))


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
    """The answer in words; boxes in pixels from the bottom-left corner, as programs have them."""
    if is_patch(value):
        left, lower, right, upper = (round(edge) for edge in value["box"])
        return f"{left} to {right} from the left, {lower} to {upper} from the bottom, of picture {value['image']}"
    if isinstance(value, list):
        return "\n".join(map(_plain, value)) or "nothing"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
