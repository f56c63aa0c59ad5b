"""Writing programs: the protocol every policy engine keeps.

One file per engine, named in a recipe by its module's name; each has `load(base, settings, log, **options) -> Policy`,
which is given the folder of the base weights, the recipe's settings, and the file that a server of it may log to. An
engine sees prompts only, never a task or its answer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Completion:
    """What the policy wrote after a prompt; `finished` is False where the token limit cut it off."""

    text: str
    finished: bool
    tokens: int


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What a recipe says to every engine, each of which takes what concerns it; see `PolicySettings` and
    `SamplingSettings` in `visrep.train.config`."""

    max_tokens: int
    top_p: float
    dtype: str
    max_model_len: int
    serve: Literal["adapter", "merged", "auto"]
    urls: tuple[str, ...]
    port: int
    script: str | None


class Policy(Protocol):
    """Samples completions. Raises MachineFault, with the engine's own last words, when the engine is lost."""

    def sample(
        self, prompts: Sequence[str], n: int, temperature: float, seed: int
    ) -> Iterator[tuple[int, list[Completion]]]:
        """`(index of the prompt, its n completions)` as prompts get done. Temperature 0 is greedy."""

    def logprobs(self, prompts: Sequence[str], completions: Sequence[str]) -> list[list[float]] | None:
        """Natural-log probability of each token of each completion after its prompt; None where no model writes."""

    def load(self, adapter: Path | None) -> None:
        """Write with this LoRA adapter from now on; None is the base model."""

    def stop(self) -> None:
        """Free the device, for training say; the next call takes it again."""

    def close(self) -> None:
        """Give all resources back."""


@runtime_checkable
class Reporting(Protocol):
    """What an engine may offer beside: figures on its work."""

    def report(self) -> dict[str, Any]:
        """What it has done since it was last asked, as JSON data for a run's records. Where it chose something, the
        key "choice" has a "reason", one line for the log."""


def report(policy: Policy) -> dict[str, Any]:
    """What the engine reports, if it does."""
    return policy.report() if isinstance(policy, Reporting) else {}
