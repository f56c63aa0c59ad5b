"""What a vLLM engine has done so far, and what is recorded of it."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Statistics:
    """Counts over an engine's life. `seconds` are those spent inside `sample`, server starts not counted; `beside_…`
    are the part of them in which an adapter was served beside the base. `restarts` are the starts in place of a server
    that was lost. `looked_up` prompt tokens were sought in the servers' prefix caches, `found` of them were there."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    completions: int = 0
    seconds: float = 0.0
    beside_tokens: int = 0
    beside_seconds: float = 0.0
    starts: int = 0
    start_seconds: float = 0.0
    restarts: int = 0
    merges: int = 0
    merge_seconds: float = 0.0
    looked_up: int = 0
    found: int = 0

    def count(self, usage: dict[str, Any], completions: int, seconds: float, beside: bool) -> None:
        """A reply with so many completions, `usage` as the server reports it, and the seconds it was waited for."""
        self.prompt_tokens += usage["prompt_tokens"]
        self.completion_tokens += usage["completion_tokens"]
        self.completions += completions
        self.seconds += seconds
        if beside:
            self.beside_tokens += usage["completion_tokens"]
            self.beside_seconds += seconds

    def count_cache(self, before: dict[str, float], after: dict[str, float]) -> None:
        """What a server's own counters say of its prefix cache; those of other users of the server are in it."""
        self.looked_up += int(after.get("prefix_cache_queries", 0.0) - before.get("prefix_cache_queries", 0.0))
        self.found += int(after.get("prefix_cache_hits", 0.0) - before.get("prefix_cache_hits", 0.0))

    def since(self, before: "Statistics") -> dict[str, Any]:
        """What was done since then, as data for a record."""
        then = asdict(before)
        done = {name: round(value - then[name], 2) for name, value in asdict(self).items()}
        looked_up, found = done.pop("looked_up"), done.pop("found")
        return done | ({"prefix_cache_hits": round(found / looked_up, 4)} if looked_up else {})
