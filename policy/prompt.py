"""From a question to a prompt, and from what the policy wrote after it to a program.

A prompt is the API, in-context examples, and the task's text last, so that everything shared is one prefix: servers
compute it once, and training packs many examples behind one copy. It is cut right after `def execute_command(image):`,
never behind the newline, which tokenizers merge with the indentation that follows: cut there, a 135M model wrote 757
of 800 programs that did not parse. A program ends before the first line that is neither indented nor blank.
"""

import ast
import inspect
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from visrep.env import image_patch, video_segment
from visrep.env.faults import UserFault, suggestion
from visrep.env.types import Kind, Question

STOP: tuple[str, ...] = ("\n#", "\ndef", "\nclass", "\n```")
"""Where engines may stop early: the likeliest first unindented lines. vLLM takes four at most; `cut` does the rest."""

Format = Literal["completion", "chat"]
_END = re.compile(r"\n(?=\S)")
_TASK = "Write the body of the function. Use only this API:"
_MARK = "\x00question\x00"


@dataclass(frozen=True, slots=True)
class Example:
    """An in-context example: a question of a named category and a right program for it."""

    category: str
    question: str
    program: str


def cut(completion: str) -> tuple[str, bool]:
    """The completion up to its first unindented, non-blank line, and whether there was one."""
    end = _END.search(completion)
    return (completion, False) if end is None else (completion[: end.start()], True)


class Prompter:
    """Writes prompts with the given API members ("ImagePatch.find", "distance", …) and examples; questions of a kind in
    `kinds` get those of that prompter.

    `tokenizer` is needed for the format "chat": its template makes the turns. Raises UserFault for an unknown member.
    """

    def __init__(
        self,
        api: Sequence[str],
        examples: Sequence[Example],
        format: Format = "completion",
        tokenizer: Any = None,
        kinds: Mapping[Kind, "Prompter"] | None = None,
    ) -> None:
        self._make(api_text(api), examples, format, tokenizer, kinds or {})

    def _make(
        self,
        api: str,
        examples: Sequence[Example],
        format: Format,
        tokenizer: Any,
        kinds: Mapping[Kind, "Prompter"],
    ) -> None:
        if format == "chat" and not getattr(tokenizer, "chat_template", None):
            raise UserFault("prompt.format is 'chat', but the model has no chat template; use 'completion'")
        self.api, self.examples, self.format, self._tokenizer = api, tuple(examples), format, tokenizer
        self.kinds = kinds

    def prefix(self) -> str:
        """What all prompts begin with, but for the kinds that have their own."""
        return self._around(_MARK).partition(_MARK)[0]

    def prompt(self, question: Question, hint: str = "") -> str:
        """The prompt; a completion of it begins with the newline after the function's head. The lines of a hint come
        right before the question, behind all that prompts share."""
        text = "\n# ".join([*hint.splitlines(), _text(question)])
        return self.kinds.get(question.kind, self)._around(text) + _head(question)

    def program(self, question: Question, completion: str) -> str:
        """The program that the completion makes, whether it parses or not."""
        return (_head(question) + cut(completion)[0]).rstrip()

    def target(self, question: Question, program: str) -> str:
        """The completion that makes this program. Raises UserFault if none does."""
        head = _head(question)
        completion = program.strip().removeprefix(head)
        if not program.strip().startswith(head) or self.program(question, completion) != program.strip():
            raise UserFault(
                f"the program for {question.id} should begin with {head!r} and have no unindented line after it; "
                f"found {program.strip()[:60]!r}"
            )
        return completion

    def to_json(self) -> dict[str, Any]:
        """All that the prompts are made of, the API's text included, which a later version may word differently."""
        own = {"format": self.format, "api": self.api, "examples": [asdict(example) for example in self.examples]}
        return own | {"kinds": {kind: prompter.to_json() for kind, prompter in self.kinds.items()}}

    @staticmethod
    def from_json(data: dict[str, Any], tokenizer: Any = None) -> "Prompter":
        """The prompter that `to_json` described. Raises UserFault for other data."""
        prompter = object.__new__(Prompter)
        try:
            examples = [Example(**example) for example in data["examples"]]
            kinds = {kind: Prompter.from_json(own, tokenizer) for kind, own in data.get("kinds", {}).items()}
            prompter._make(data["api"], examples, data["format"], tokenizer, kinds)
        except (KeyError, TypeError, AttributeError) as error:
            raise UserFault(f"not a prompt's description ({error}); export the checkpoint again") from None
        return prompter

    def _around(self, text: str) -> str:
        """Everything before the function's head, with `text` as the task."""
        if self.format == "completion":
            shown = "".join(f"# {example.question}\n{example.program}\n\n" for example in self.examples)
            return f"{self.api}\n{shown}# {text}\n"
        turns, first = [], f"{_TASK}\n\n{self.api}\n"
        for example in self.examples:
            turns += [_turn("user", f"{first}# {example.question}"), _turn("assistant", example.program)]
            first = ""
        turns.append(_turn("user", f"{first}# {text}"))
        prompt: str = self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        return prompt.removeprefix(_added_by_tokenizer(self._tokenizer))


def api_members() -> list[str]:
    """Everything that the visual API offers, in the order of the source."""
    return [name for module, tree in _trees().items() for name in _members(tree, module.__all__)]


def api_text(members: Sequence[str]) -> str:
    """The named members' signatures and docstrings, as Python, in the order of the source."""
    known = api_members()
    for name in members:
        if name not in known:
            near = suggestion(name, known) or f"; expected some of: {', '.join(known)}"
            raise UserFault(f"unknown API member {name!r}{near}")
    parts = []
    for node in (node for tree in _trees().values() for node in tree.body):
        if isinstance(node, ast.ClassDef):
            functions = [item for item in node.body if isinstance(item, ast.FunctionDef)]
            methods = [item for item in functions if f"{node.name}.{item.name}" in members]
            if methods:
                shown = "\n".join(_indented(_described(method)) for method in methods)
                parts.append(f"{_described(node)}\n{shown}\n")
        elif isinstance(node, ast.FunctionDef) and node.name in members:
            parts.append(f"{_described(node)}\n")
    return "\n".join(parts)


def load_examples(name_or_path: str) -> list[Example]:
    """The examples that ship under this name, or those of a TOML file. Raises UserFault for anything but examples."""
    file = Path(__file__).parent / "examples" / f"{name_or_path}.toml"
    if not file.exists():
        file = Path(name_or_path)
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
        examples = [Example(**entry) for entry in data["example"]]
    except OSError:
        shipped = [path.stem for path in sorted((Path(__file__).parent / "examples").glob("*.toml"))]
        raise UserFault(f"no examples {name_or_path!r}; expected {', '.join(shipped)} or a TOML file") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserFault(f"{file}: {error}; expected [[example]] tables of category, question and program") from None
    return [_checked(example, file) for example in examples]


def _checked(example: Example, file: Path) -> Example:
    program = example.program.strip()
    try:
        ast.parse(program)
    except SyntaxError as error:
        raise UserFault(f"{file}: the program for {example.question!r} does not parse: {error}") from None
    if not program.startswith("def execute_command(") or cut(program)[1]:
        raise UserFault(f"{file}: the program for {example.question!r} should be one function, execute_command")
    return Example(example.category, example.question, program)


def _head(question: Question) -> str:
    return f"def {question.signature}:"


def _text(question: Question) -> str:
    """The task in one line, as a line break would end the comment it stands in."""
    text = " ".join(question.text.split())
    return f"{text} Options: {list(question.options)}" if question.options else text


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _added_by_tokenizer(tokenizer: Any) -> str:
    """The token that the engine's tokenizer puts in front by itself, and which a template would repeat."""
    added = tokenizer("").input_ids[:1]
    return tokenizer.bos_token if added and added[0] == tokenizer.bos_token_id else ""


def _trees() -> dict[ModuleType, ast.Module]:
    return {module: ast.parse(inspect.getsource(module)) for module in (image_patch, video_segment)}


def _members(tree: ast.Module, offered: Sequence[str]) -> list[str]:
    names = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            names.append(node.name)
        elif isinstance(node, ast.ClassDef):
            names += [f"{node.name}.{item.name}" for item in node.body if isinstance(item, ast.FunctionDef)]
    return [name for name in names if name.split(".")[0] in offered and "._" not in name]


def _described(node: ast.ClassDef | ast.FunctionDef) -> str:
    """Head and docstring."""
    head = f"class {node.name}:" if isinstance(node, ast.ClassDef) else ast.unparse(node).split("\n")[0]
    return f'{head}\n    """{inspect.cleandoc(ast.get_docstring(node) or "")}"""'


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.split("\n"))
