"""Whether an engine writes with the adapter that was trained, told from its log-probabilities of a few fixed texts.

Engines say nothing when they serve the adapter of the iteration before, a merge that did not happen or another base:
programs are written all the same, only worse ones. So training measures with its own weights what adapter and base make
of some texts (`measure.py`) and publishes it with the adapter, as `probe.json`; whoever loads the adapter compares.

A text is a prompt and the program of *another* question. Right programs would hardly tell one iteration's adapter from
the next one's, which both know them by heart. With the 135M model, mean absolute difference from the third iteration's
adapter as training saw it, nats per token:

                            base    adapter 2    vLLM, merged    vLLM, adapter    transformers, float32
    right programs          0.24    0.034        0.001           0.001            0.001
    programs of others      0.93    0.29         0.020           0.025            0.019
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from visrep.env import jsonl
from visrep.env.faults import MachineFault, UserFault
from visrep.policy import Policy
from visrep.policy.fingerprint import fingerprint

FAR = 1 / 4
"""Of the distance between adapter and base: an engine nearer to the adapter than this does not serve the base."""
LIMIT = 0.12
"""Nats per token: what serves the adapter is nearer than this, however far the base is. Over many draws of the texts,
engines that served it came to 0.01 to 0.05 and the adapter of the iteration before to 0.21 to 0.48."""
NOISE = 0.05
"""Nats per token that rounding may make where adapter and base are alike. A probe that would have to see less than
this cannot tell them apart."""

_FILE, _WEIGHTS = "probe.json", "adapter_model.safetensors"


@dataclass(frozen=True, slots=True)
class Text:
    """A completion after a prompt, and the natural-log probability of each of its tokens with and without adapter."""

    prompt: str
    completion: str
    adapter: tuple[float, ...]
    base: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Probe:
    """What an adapter makes of the texts. `base` is the fingerprint of the weights that it was trained on, `weights`
    the SHA-256 of its own file, `folder` where it lies."""

    folder: Path
    base: str
    weights: str
    texts: tuple[Text, ...]

    @property
    def to_base(self) -> float:
        """Distance between adapter and base, nats per token."""
        return distance([text.base for text in self.texts], [text.adapter for text in self.texts])

    @property
    def bound(self) -> float:
        """The distance to the adapter, nats per token, from which on an engine does not serve it."""
        return min(FAR * self.to_base, LIMIT)

    @property
    def telling(self) -> bool:
        """Whether adapter and base differ so much that the probe can tell them apart."""
        return self.bound > NOISE


def distance(found: Sequence[Sequence[float]], expected: Sequence[Sequence[float]]) -> float:
    """Mean absolute difference over all tokens of all texts; infinite where they are not the same number of tokens."""
    if [len(each) for each in found] != [len(each) for each in expected]:
        return math.inf
    gaps = [abs(a - b) for one, other in zip(found, expected, strict=True) for a, b in zip(one, other, strict=True)]
    return sum(gaps) / max(1, len(gaps))


def write(probe: Probe) -> None:
    """Put the probe into its adapter's folder."""
    values = {"base": probe.base, "weights": probe.weights, "texts": [asdict(text) for text in probe.texts]}
    jsonl.write_whole(probe.folder / _FILE, json.dumps(values, indent=1, ensure_ascii=False) + "\n")


def read(adapter: Path, base: Path) -> Probe:
    """The probe of an adapter that is to be used on `base`. Raises UserFault where the adapter's weights or those of
    the base are not the ones that it was measured with."""
    remedy = f"remove {adapter.parent / 'clone.done.json'} and continue the run with --resume, which trains it again"
    file = adapter / _FILE
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        texts = tuple(
            Text(text["prompt"], text["completion"], tuple(text["adapter"]), tuple(text["base"]))
            for text in values["texts"]
        )
        probe = Probe(adapter, values["base"], values["weights"], texts)
        found = digest(adapter)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserFault(f"adapter {adapter} is incomplete or damaged ({error!r}); {remedy}") from None
    if found != probe.weights:
        raise UserFault(f"adapter {adapter} is damaged or another: its weights are not those published; {remedy}")
    if fingerprint(base) != probe.base:
        raise UserFault(
            f"the weights in {base} are not those that adapter {adapter} was trained on; put those back, or {remedy}"
        )
    return probe


def digest(adapter: Path) -> str:
    """SHA-256 of an adapter's weights."""
    with (adapter / _WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(policy: Policy, probe: Probe, subject: str, remedy: str, engines: int = 1) -> dict[str, Any] | None:
    """Ask a policy that has loaded the adapter; the distances, as JSON data, or None for an engine without weights.

    `engines` servers that take turns are asked everything each. Raises MachineFault, which calls the policy `subject`
    and ends in `remedy`, where one of them does not write with the adapter on its base.
    """
    asked = [text for text in probe.texts for _ in range(engines)]
    found = policy.logprobs([text.prompt for text in asked], [text.completion for text in asked])
    if found is None:
        return None
    farthest = max(_judge(probe, found[engine::engines], subject, remedy) for engine in range(engines))
    return {"distance": round(farthest, 4), "to_base": round(probe.to_base, 4), "telling": probe.telling}


def _judge(probe: Probe, found: Sequence[Sequence[float]], subject: str, remedy: str) -> float:
    apart = distance(found, [text.adapter for text in probe.texts])
    bound = probe.bound if probe.telling else math.inf
    if not apart < bound:  # so that nan is a fault too
        from_base = distance(found, [text.base for text in probe.texts])
        meaning = "the base alone" if from_base < bound else "an earlier adapter, another base or another tokenizer"
        raise MachineFault(
            f"{subject} does not write with adapter {probe.folder}: its log-probabilities are {apart:.3f} nats per "
            f"token from the adapter's, expected below {bound:.3f}, and {from_base:.3f} from the base's, as with "
            f"{meaning}; {remedy}"
        )
    return apart
