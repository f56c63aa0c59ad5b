"""When self-training has run dry: further iterations no longer make the policy better at its own training tasks.

Judged on pass@1 of the first round of sampling, whose number of programs per task is fixed, never on held-out tasks:
a run that stops where those look best has chosen by them.
"""

from typing import Any

from visrep.train.config import SaturationSettings


def saturation(records: list[dict[str, Any]], settings: SaturationSettings) -> str | None:
    """Why to stop after these iterations' records, or None. The policy that wrote in iteration 1 is the base."""
    patience = settings.patience
    if patience is None or len(records) <= patience:
        return None
    rates = [float(record["sampling"]["pass_at_k"]["1"]) for record in records]
    before, since = max(rates[:-patience]), max(rates[-patience:])
    if since - before >= settings.gain:
        return None
    return (
        f"pass@1 on the training tasks was {before:.1%} and has reached {since:.1%} in {patience} iterations since, "
        f"less than saturation.gain = {settings.gain:g} more; raise saturation.patience to go on"
    )
