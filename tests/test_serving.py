"""Which way of serving an adapter is chosen, from priors and from what was measured."""

from visrep.policy.serving import Choice, choose
from visrep.policy.statistics import Statistics

SMALL = 270_000_000  # bytes of the 135M model's weights


def chosen(tokens: int, *, done: Statistics | None = None, starts_anyway: bool = True, cpu: bool = True) -> Choice:
    return choose(done or Statistics(), tokens, starts_anyway=starts_anyway, weights=SMALL, cpu=cpu)


def measured(plain: float, beside: float, start: float, merge: float) -> Statistics:
    """Of an engine with these tokens/s, and seconds of a start and of a merge."""
    return Statistics(
        completion_tokens=20_000,
        seconds=10_000 / plain + 10_000 / beside,
        beside_tokens=10_000,
        beside_seconds=10_000 / beside,
        starts=2,
        start_seconds=2 * start,
        merges=1,
        merge_seconds=merge,
    )


def test_many_tokens_are_worth_a_merge_and_few_are_not() -> None:
    assert chosen(30_000).merged
    assert not chosen(100).merged


def test_a_start_that_is_due_anyway_does_not_count_against_merging() -> None:
    assert chosen(6_000, starts_anyway=True).merged
    assert not chosen(6_000, starts_anyway=False).merged


def test_a_gpu_is_taken_to_lose_less_than_a_cpu() -> None:
    assert chosen(2_000, cpu=True).merged
    assert not chosen(2_000, cpu=False).merged


def test_what_was_measured_takes_the_place_of_what_was_assumed() -> None:
    slow_merge = measured(plain=300, beside=280, start=40, merge=60)
    assert not chosen(30_000, done=slow_merge).merged
    quick_merge = measured(plain=300, beside=280, start=40, merge=2)
    assert chosen(30_000, done=quick_merge).merged
    assert not chosen(30_000, done=quick_merge, starts_anyway=False).merged


def test_a_speed_that_is_not_known_is_taken_from_the_one_that_is() -> None:
    base_only = Statistics(completion_tokens=5_000, seconds=10.0)
    choice = chosen(9_000, done=base_only)
    assert choice.beside_seconds == 40.0  # 500 tokens/s without an adapter, 225 with
    assert choice.merged_seconds == 18.0 + 2.7


def test_a_few_tokens_are_no_measurement() -> None:
    cold = Statistics(completion_tokens=50, seconds=10.0)
    assert chosen(30_000, done=cold) == chosen(30_000)


def test_the_reason_has_the_figures_of_both_ways() -> None:
    assert str(Choice(True, 31_000, 230.4, 110.0)) == (
        "the adapter is served merged: 110 s for about 31,000 tokens, 230 s beside the base"
    )
    assert "served beside the base: 1 s for about 90 tokens, 4 s merged" in str(Choice(False, 90, 1.0, 4.0))
