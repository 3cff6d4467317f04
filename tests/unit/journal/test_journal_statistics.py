"""Intervals against published and exactly computed values, and their coverage on simulated series."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import UsageError
from sandbox.journal.statistics import (
    batch_sums,
    binomial_cdf,
    binomial_interval,
    binomial_quantile,
    half_width,
    rate_of,
    ratio_of_sums,
    regularized_beta,
    share_of,
    t_quantile,
    wilson,
    z_quantile,
)


@pytest.mark.parametrize("hits, n, low, high", [
    (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3, 95 %
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0, 0.1611),
    (1, 29, 0.0061, 0.1718),
])  # fmt: skip
def test_wilson_agrees_with_newcombes_table(hits: int, n: int, low: float, high: float) -> None:
    found = wilson(hits, n, 0.95)

    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_wilson_of_all_hits_reaches_one() -> None:
    assert wilson(20, 20, 0.95).high == 1.0


@given(st.integers(1, 60), st.floats(0.001, 0.999), st.data())
def test_binomial_cdf_is_the_sum_of_its_terms(n: int, p: float, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    exact = math.fsum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))

    assert binomial_cdf(k, n, p) == pytest.approx(exact, abs=1e-12)


@given(st.integers(1, 2000), st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_a_binomial_quantile_is_the_first_count_to_reach_it(n: int, p: float, q: float) -> None:
    k = binomial_quantile(q, n, p)

    assert binomial_cdf(k - 1, n, p) < q <= binomial_cdf(k, n, p)


@pytest.mark.parametrize("p", [0.5, 0.05])
@pytest.mark.parametrize("q", [0.005, 0.5, 0.995])
def test_large_counts_take_the_normal_quantile_within_one_count(p: float, q: float) -> None:
    n = math.ceil(10_001 / (p * (1 - p)))
    near = binomial_quantile(q, n, p)

    assert binomial_cdf(near - 2, n, p) < q <= binomial_cdf(near + 1, n, p)


def test_binomial_ends() -> None:
    assert [binomial_quantile(0.5, 9, 0.0), binomial_quantile(0.5, 9, 1.0), binomial_cdf(-1, 9, 0.5)] == [0, 9, 0.0]
    assert [regularized_beta(2, 2, 0.0), regularized_beta(2, 2, 1.0)] == [0.0, 1.0]


@pytest.mark.parametrize("n, p, low, high", [(100, 0.5, 0.37, 0.63), (20, 0.05, 0.0, 0.2), (10, 0.0, 0.0, 0.0)])
def test_binomial_interval_holds_99_percent(n: int, p: float, low: float, high: float) -> None:
    first, last = binomial_interval(n, p)
    inside = binomial_cdf(round(last * n), n, p) - binomial_cdf(round(first * n) - 1, n, p)

    assert (first, last) == (low, high)
    assert inside >= 0.99


@pytest.mark.parametrize("n, p", [(0, 0.5), (10, 1.5), (10, -0.1)])
def test_a_share_of_nothing_is_refused(n: int, p: float) -> None:
    with pytest.raises(UsageError):
        binomial_interval(n, p)


@pytest.mark.parametrize("confidence, freedom, t", [
    (0.95, 1, 12.706), (0.99, 5, 4.032), (0.99, 19, 2.861), (0.95, 100, 1.984),
])  # fmt: skip
def test_t_quantile_agrees_with_the_table(confidence: float, freedom: float, t: float) -> None:
    assert round(t_quantile(confidence, freedom), 3) == t


def test_a_confidence_outside_of_zero_and_one_is_refused() -> None:
    assert round(z_quantile(0.99), 4) == 2.5758
    with pytest.raises(UsageError, match="confidence"):
        z_quantile(99)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=300))
def test_batches_hold_every_second_once(seconds: list[int]) -> None:
    sums = batch_sums(np.array(seconds, dtype=np.float64))

    assert (len(sums), sums.sum()) == (min(20, len(seconds)), sum(seconds))


def test_too_few_seconds_have_no_batches() -> None:
    assert ratio_of_sums(np.ones(4), np.ones(4)) is None


def test_a_constant_rate_is_certain_and_a_short_one_is_as_if_poisson() -> None:
    assert rate_of(np.full(60, 50.0)) == (found := rate_of(np.full(600, 50.0)))
    assert (found.low, found.value, found.high) == (50.0, 50.0, 50.0)
    short = rate_of(np.array([100.0]), 0.95)
    assert (round(short.low, 1), short.value, round(short.high, 1)) == (82.2, 100.0, 121.6)


def test_a_trend_is_no_noise() -> None:
    ramp, ones = np.arange(2000.0), np.ones(2000)
    plain = t_quantile(0.99, 19) * np.std(batch_sums(ramp) / 100, ddof=1) / np.sqrt(20)
    forgiving = half_width(ramp, ones)

    assert round(plain) == 378
    assert forgiving is not None
    assert 0 < forgiving < 0.15 * plain


def covered(make, estimate, truth: float, trials: int = 400) -> float:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(7)
    found = [estimate(make(rng)) for _ in range(trials)]
    return float(np.mean([one.low <= truth <= one.high for one in found]))


def test_intervals_of_a_rate_cover_the_true_one() -> None:
    share = covered(lambda rng: rng.poisson(20, 60).astype(np.float64), lambda x: rate_of(x, 0.95), 20.0)

    assert 0.92 <= share <= 0.98  # 0.95 within three standard errors of 400 trials


def test_intervals_of_a_share_cover_the_true_one_although_seconds_hang_together() -> None:
    def blocks(rng: np.random.Generator) -> np.ndarray:
        """Each share of hits lasts 10 seconds: far from 600 * 50 independent draws."""
        return np.repeat(rng.choice([0.2, 0.6], 60), 10) * 50

    tries = np.full(600, 50.0)
    honest = covered(blocks, lambda hits: share_of(hits, tries, 0.95), 0.4)
    naive = covered(blocks, lambda hits: wilson(hits.sum(), tries.sum(), 0.95), 0.4)

    assert 0.90 <= honest <= 0.99
    assert naive < 0.2


def test_a_share_of_few_seconds_has_wilsons_interval() -> None:
    assert share_of(np.array([8.0, 7.0]), np.array([100.0, 48.0]), 0.95) == wilson(15, 148, 0.95)
