"""The fake engine: writes what it is told. It ships, so that tests need no model and patch nothing."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from visrep.env.faults import UserFault
from visrep.policy import Completion, EngineSettings

Script = Callable[[str, int, int], Sequence[str]]
"""`(prompt, n, seed) -> texts`; where there are fewer than n they are gone through again."""


class Scripted:
    """Policy that completes prompts by a script, or by a mapping of questions to texts.

    Of the mapping's keys the one that stands last in the prompt decides, and "" where none does. Equal arguments give
    equal completions. A text's tokens are its words. `loaded` is the adapter it was last handed.
    """

    def __init__(self, script: Script | Mapping[str, Sequence[str]]) -> None:
        self._script = script if callable(script) else _by_question(script)
        self.loaded: Path | None = None

    @staticmethod
    def from_file(path: Path) -> "Scripted":
        """From a JSON file that holds such a mapping. Raises UserFault for anything else."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            return Scripted({question: [str(text) for text in texts] for question, texts in data.items()})
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise UserFault(f"script {path}: {error}; expected a JSON object of questions and lists of texts") from None

    def sample(
        self, prompts: Sequence[str], n: int, temperature: float, seed: int
    ) -> Iterator[tuple[int, list[Completion]]]:
        """See `Policy`. The temperature makes no difference."""
        for index, prompt in enumerate(prompts):
            texts = self._script(prompt, n, seed)
            chosen = [texts[number % len(texts)] for number in range(n)]
            yield index, [Completion(text, True, len(text.split())) for text in chosen]

    def logprobs(self, prompts: Sequence[str], completions: Sequence[str]) -> None:
        """See `Policy`. A script has no weights to ask."""

    def load(self, adapter: Path | None) -> None:
        """See `Policy`. Changes nothing that is written."""
        self.loaded = adapter

    def stop(self) -> None:
        """See `Policy`; there is nothing to free."""

    def close(self) -> None:
        """See `Policy`. There is nothing to give back."""


def load(base: Path, settings: EngineSettings, log: Path) -> Scripted:
    """The engine of a recipe, from the file that `policy.script` names. Raises UserFault where none is named."""
    if settings.script is None:
        raise UserFault("policy.engine is 'scripted', but policy.script is missing; name its JSON file")
    return Scripted.from_file(Path(settings.script))


def _by_question(texts: Mapping[str, Sequence[str]]) -> Script:
    def script(prompt: str, n: int, seed: int) -> Sequence[str]:
        found = [question for question in texts if question and question in prompt]
        last = max(found, key=lambda question: (prompt.rfind(question) + len(question), len(question)), default="")
        if last not in texts:
            raise UserFault(
                f'the script has no text for the prompt that ends in {prompt[-80:]!r}; add one, or "" for all'
            )
        return texts[last]

    return script
