"""Quantiles and means from log buckets are within 1 %, and their intervals hold what they should."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import UsageError
from sandbox.journal.histogram import LatencyTable, bucket_edges_s, extremes_of, mean_of, quantile_of
from sandbox.journal.schema import bucket_bounds_ns, bucket_of


def table(latencies_ns: list[int] | np.ndarray, seconds: int = 1) -> LatencyTable:
    """Latencies spread over the seconds in the order given."""
    bucket = np.array([bucket_of(int(ns)) for ns in latencies_ns], dtype=np.int64)
    second = np.arange(len(bucket)) * seconds // len(bucket)
    return LatencyTable(second.astype(np.int64), bucket, np.ones(len(bucket)), seconds)


latencies = st.lists(st.integers(1, 10**13), min_size=1, max_size=200)


@given(st.integers(0, 4095))
def test_edges_are_those_of_the_schema(bucket: int) -> None:
    edges = bucket_edges_s()

    assert (edges[bucket], edges[bucket + 1]) == pytest.approx(
        [1e-9 * ns for ns in bucket_bounds_ns(bucket)], rel=1e-12
    )


@given(latencies, st.floats(0.001, 0.999))
def test_a_quantile_is_within_one_percent(sample: list[int], q: float) -> None:
    found = quantile_of(table(sample), q)
    true_s = sorted(sample)[max(math.ceil(q * len(sample)), 1) - 1] * 1e-9

    assert found.value == pytest.approx(true_s, rel=0.01)
    assert found.low <= true_s * (1 + 1e-12)
    assert found.high >= true_s


@given(latencies)
def test_mean_and_extremes_are_within_one_percent(sample: list[int]) -> None:
    mean, (smallest, largest) = mean_of(table(sample)), extremes_of(table(sample))
    true_s = sum(sample) / len(sample) * 1e-9

    assert mean.value == pytest.approx(true_s, rel=0.01)
    assert mean.low <= true_s * (1 + 1e-9)
    assert mean.high >= true_s * (1 - 1e-9)
    assert smallest.value == pytest.approx(min(sample) * 1e-9, rel=0.01)
    assert largest.value == pytest.approx(max(sample) * 1e-9, rel=0.01)


def test_a_constant_latency_is_no_more_certain_than_its_bucket() -> None:
    mean = mean_of(table([100_000_000] * 600, seconds=60))
    low, high = (1e-9 * ns for ns in bucket_bounds_ns(bucket_of(100_000_000)))

    assert (mean.low, mean.high) == pytest.approx((low, high), rel=1e-12)


def test_few_answers_cannot_bound_a_high_quantile() -> None:
    assert quantile_of(table([10**8] * 526), 0.99).high == math.inf  # 0.99^526 > 0.005
    assert quantile_of(table([10**8] * 530), 0.99).high < math.inf


@pytest.mark.parametrize("q", [0.0, 1.0, 99.0])
def test_a_quantile_lies_between_zero_and_one(q: float) -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        quantile_of(table([1]), q)


def exponential(rng: np.random.Generator) -> LatencyTable:
    return table(rng.exponential(1e8, 1200).astype(np.int64) + 1, seconds=60)


@pytest.mark.parametrize("estimate, truth", [
    (lambda some: mean_of(some, 0.95), 0.1),
    (lambda some: quantile_of(some, 0.9, 0.95), 0.1 * math.log(10)),
    (lambda some: quantile_of(some, 0.5, 0.95), 0.1 * math.log(2)),
])  # fmt: skip
def test_intervals_cover_the_true_value(estimate, truth: float) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(11)
    found = [estimate(exponential(rng)) for _ in range(200)]

    assert np.mean([one.low <= truth <= one.high for one in found]) >= 0.93
    assert np.mean([one.high - one.low for one in found]) < 0.25 * truth


def test_seconds_that_hang_together_widen_the_interval() -> None:
    rng = np.random.default_rng(3)
    loads = np.repeat(rng.choice([1.0, 4.0], 30), 40)  # each load lasts 2 of the 60 seconds
    sample = (rng.exponential(1e8, 1200) * loads).astype(np.int64) + 1
    together, apart = table(sample, 60), table(rng.permutation(sample), 60)

    assert (w := quantile_of(together, 0.5)).high - w.low > 1.5 * ((p := quantile_of(apart, 0.5)).high - p.low)
    assert (w := mean_of(together)).high - w.low > 1.5 * ((p := mean_of(apart)).high - p.low)
