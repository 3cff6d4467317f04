"""Instants on a piecewise linear rate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.mechanisms.traffic.rates import arrivals_within, time_for


@pytest.mark.parametrize(
    ("rate", "slope", "length", "arrivals"),
    [(3.0, 0.0, 2.0, 6.0), (0.0, 2.0, 3.0, 9.0), (6.0, -2.0, 3.0, 9.0)],
    ids=["even", "rising from nothing", "falling to nothing"],
)
def test_the_integral_and_the_time_it_takes_are_each_others_inverse(
    rate: float, slope: float, length: float, arrivals: float
) -> None:
    assert arrivals == arrivals_within(rate, slope, length)
    assert length == pytest.approx(time_for(arrivals, rate, slope))


@given(st.floats(0.01, 1e4), st.floats(-100, 100, allow_subnormal=False), st.floats(0.01, 0.99))
def test_whatever_the_rate_the_time_for_an_amount_integrates_to_it(rate: float, slope: float, share: float) -> None:
    length = min(rate / -slope * share, 10.0) if slope < 0 else 10.0

    amount = arrivals_within(rate, slope, length)
    assert amount == pytest.approx(arrivals_within(rate, slope, time_for(amount, rate, slope)), rel=1e-6)


def test_an_amount_that_is_reached_just_as_the_rate_ends_needs_no_root_of_less_than_nothing() -> None:
    amount = arrivals_within(1.0, -3.0, 1.0 / 3.0)

    assert 1 / 3 == pytest.approx(time_for(amount * (1 + 1e-15), 1.0, -3.0), abs=1e-6)
