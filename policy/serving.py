"""How to serve an adapter: beside the base, or merged into a copy of it, whichever is done sooner.

An adapter beside the base costs speed with every token; a merge costs its making and a server that starts anew. Both
are known from what the engine did before; until then the priors below stand in.
"""

from dataclasses import dataclass

from visrep.policy.statistics import Statistics

_ENOUGH_TOKENS = 1000
"""Fewer say little of an engine's speed."""
_SPEED = 300.0
"""Tokens/s without an adapter: a 135M model on two cores. What is faster than that merges too soon the first time."""
_SLOWDOWN = {True: 0.45, False: 0.75}
"""Share of that speed which is left with an adapter beside the base, on a CPU and on a GPU."""
_START_SECONDS = 40.0
STAGE_TOKENS = 20_000
"""Expected of an adapter that is only tried so far, by an engine that has written nothing: a small run's iteration."""
_MERGE_BYTES_PER_SECOND = 100e6


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether to serve the adapter merged, and the seconds expected of either way for the tokens expected."""

    merged: bool
    tokens: int
    beside_seconds: float
    merged_seconds: float

    def __str__(self) -> str:
        name, other = ("merged", "beside the base") if self.merged else ("beside the base", "merged")
        seconds = sorted((self.beside_seconds, self.merged_seconds))
        return (
            f"the adapter is served {name}: {seconds[0]:.0f} s for about {self.tokens:,} tokens, "
            f"{seconds[1]:.0f} s {other}"
        )


def choose(done: Statistics, tokens: int, *, starts_anyway: bool, weights: int, cpu: bool) -> Choice:
    """The cheaper way to write so many tokens. `starts_anyway` where a server has to be started for either; `weights`
    are the base's, in bytes."""
    beside, plain = _speeds(done, _SLOWDOWN[cpu])
    start = done.start_seconds / done.starts if done.starts else _START_SECONDS
    merge = done.merge_seconds / done.merges if done.merges else weights / _MERGE_BYTES_PER_SECOND
    beside_seconds = tokens / beside
    merged_seconds = tokens / plain + merge + (0.0 if starts_anyway else start)
    return Choice(merged_seconds < beside_seconds, tokens, round(beside_seconds, 1), round(merged_seconds, 1))


def _speeds(done: Statistics, slowdown: float) -> tuple[float, float]:
    """Tokens/s with an adapter beside the base, and without."""
    plain_tokens, plain_seconds = done.completion_tokens - done.beside_tokens, done.seconds - done.beside_seconds
    plain = plain_tokens / plain_seconds if plain_tokens >= _ENOUGH_TOKENS else None
    beside = done.beside_tokens / done.beside_seconds if done.beside_tokens >= _ENOUGH_TOKENS else None
    if plain is None:
        plain = _SPEED if beside is None else beside / slowdown
    return beside or plain * slowdown, plain
