"""Stopping where further iterations no longer help."""

import pytest

from visrep.train.config import SaturationSettings
from visrep.train.saturation import saturation


def reason(rates: list[float], patience: int | None = 2, gain: float = 0.01) -> str | None:
    records = [{"sampling": {"pass_at_k": {"1": rate}}} for rate in rates]
    return saturation(records, SaturationSettings(patience=patience, gain=gain))


@pytest.mark.parametrize("rates", [[], [0.1], [0.1, 0.1], [0.1, 0.3, 0.5], [0.5, 0.4, 0.51], [0.5, 0.51, 0.3]])
def test_a_policy_that_gains_goes_on(rates: list[float]) -> None:
    assert reason(rates) is None


@pytest.mark.parametrize("rates", [[0.5, 0.5, 0.5], [0.1, 0.5, 0.505, 0.5], [0.6, 0.1, 0.2]])
def test_a_policy_that_does_not_gain_is_saturated_and_told_why(rates: list[float]) -> None:
    said = reason(rates)
    assert said is not None
    assert f"was {max(rates[:-2]):.1%}" in said
    assert "saturation.patience" in said


def test_nothing_stops_a_run_that_does_not_ask_for_it() -> None:
    assert reason([0.5] * 50, patience=None) is None
