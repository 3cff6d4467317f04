"""What one request costs a model's container: drawn by number, failing by share, growing with its batch."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.mechanisms.routing.split import SPAN
from sandbox.mechanisms.serving.work import ServiceTimes, batch_ns, draw_number, fails, failure_threshold
from sandbox.profiles import Distribution, constant

LOGNORMAL = Distribution("lognormal", {"median": 0.04, "sigma": 0.3})
MS = 1_000_000


def test_the_two_calls_of_one_request_never_share_a_draw() -> None:
    numbers = {draw_number(index, inner) for index in range(100) for inner in (0, 1)}

    assert len(numbers) == 200


@pytest.mark.parametrize(("rate", "share"), [(0.0, 0), (0.25, SPAN // 4), (1.0, SPAN)])
def test_the_threshold_is_the_rate_of_all_draws(rate: float, share: int) -> None:
    assert failure_threshold(rate) == share


def test_a_request_fails_below_the_threshold_only() -> None:
    assert fails(0, 1)
    assert not fails(1, 1)
    assert not fails(0, 0)
    assert fails(SPAN - 1, SPAN)


@given(st.integers(0, 10**12), st.integers(1, 1000), st.floats(1, 1000))
def test_a_batch_takes_at_least_one_and_at_most_all_of_its_instances_times(takes: int, n: int, speedup: float) -> None:
    batch = batch_ns(takes, n, speedup)

    assert takes <= batch <= n * takes
    assert batch == pytest.approx(takes * (1 + (n - 1) / speedup), abs=1)


def test_an_empty_batch_takes_nothing() -> None:
    assert batch_ns(40 * MS, 0, 1.0) == 0


def test_the_same_seed_name_and_number_draw_the_same() -> None:
    one, other = (ServiceTimes.of(LOGNORMAL, 0.3, seed=7, name="flow/ranker/0") for _ in range(2))

    assert [one.service_ns(i) for i in range(50)] == [other.service_ns(i) for i in range(50)]
    assert [one.failing(i) for i in range(50)] == [other.failing(i) for i in range(50)]


@pytest.mark.parametrize(("seed", "name"), [(8, "flow/ranker/0"), (7, "flow/ranker/1")])
def test_another_seed_or_flow_draws_others(seed: int, name: str) -> None:
    one = ServiceTimes.of(LOGNORMAL, 0.0, seed=7, name="flow/ranker/0")
    other = ServiceTimes.of(LOGNORMAL, 0.0, seed=seed, name=name)

    assert [one.service_ns(i) for i in range(5)] != [other.service_ns(i) for i in range(5)]


def test_draws_have_their_distribution_and_their_failures_share() -> None:
    times = ServiceTimes.of(LOGNORMAL, 0.3, seed=7, name="flow/ranker/0")
    n = 20_000

    drawn = sorted(times.service_ns(i) / 1e9 for i in range(n))
    failures = sum(times.failing(i) for i in range(n))

    distance = max(max((i + 1) / n - LOGNORMAL.cdf(x), LOGNORMAL.cdf(x) - i / n) for i, x in enumerate(drawn))
    assert math.sqrt(n) * distance < 1.95  # once in a thousand samples (Kolmogorov's distribution)
    assert abs(failures - 0.3 * n) < 4 * math.sqrt(n * 0.3 * 0.7)


def test_a_constant_is_itself_to_the_nanosecond() -> None:
    times = ServiceTimes.of(constant(0.025), 0.0, seed=1, name="flow/ranker/0")

    assert {times.service_ns(i) for i in range(10)} == {25 * MS}
    assert not any(times.failing(i) for i in range(100))
