"""A measured value compares only where its whole interval does, and each comparison is recorded."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import UsageError
from sandbox.journal.measured import Expectation, Inconclusive, Measured, format_number, recording, within

ratio = Measured(0.12, 0.10, 0.14, 3000, label="hit_ratio")
three = Measured.exact(3, unit="pods", label="pods")


@pytest.mark.parametrize("claim, holds", [
    (lambda m: m < 0.15, True), (lambda m: m < 0.10, False), (lambda m: m < 0.05, False),
    (lambda m: m <= 0.14, True), (lambda m: m <= 0.09, False),
    (lambda m: m > 0.05, True), (lambda m: m > 0.14, False),
    (lambda m: m >= 0.10, True), (lambda m: m >= 0.15, False),
    (lambda m: 0.05 < m, True), (lambda m: 0.15 <= m, False),
    (lambda m: within(m, 0.1, 0.14), True), (lambda m: within(m, 0.2, 0.3), False),
    (lambda m: within(m, 0.0, 0.05), False),
    (lambda m: m < Measured(0.2, 0.15, 0.25, 10), True), (lambda m: m > Measured(0.2, 0.15, 0.25, 10), False),
])  # fmt: skip
def test_a_whole_interval_on_one_side_gives_a_verdict(claim, holds: bool) -> None:  # type: ignore[no-untyped-def]
    assert claim(ratio) is holds


@pytest.mark.parametrize("claim", [
    lambda m: m < 0.14, lambda m: m <= 0.12, lambda m: m > 0.10, lambda m: m >= 0.12,
    lambda m: within(m, 0.11, 0.2), lambda m: m < Measured(0.15, 0.13, 0.17, 10),
])  # fmt: skip
def test_an_interval_over_the_bound_is_inconclusive(claim) -> None:  # type: ignore[no-untyped-def]
    seen: list[Expectation] = []

    with recording(seen.append), pytest.raises(Inconclusive, match=r"cannot tell: hit_ratio = 0\.120"):
        claim(ratio)

    assert [one.holds for one in seen] == [None]


def test_every_comparison_is_recorded_with_its_numbers() -> None:
    seen: list[Expectation] = []
    with recording(seen.append):
        _ = ratio < 0.2
        _ = three == 3
        _ = within(three, 4, 5)
    _ = ratio < 0.3  # nobody listens any more

    assert [(one.operator, one.bound, one.holds) for one in seen] == [
        ("<", 0.2, True), ("==", 3.0, True), ("within", (4, 5), False),
    ]  # fmt: skip
    assert seen[0].text == "hit_ratio = 0.120 [0.100, 0.140] n=3,000 < 0.2"
    assert seen[0].measured is ratio


def test_exact_values_are_equal_or_not() -> None:
    assert [three == 3, three != 3, three == 4, three != 4] == [True, False, False, True]
    assert (three == Measured.exact(3)) is True


@pytest.mark.parametrize("claim", [
    lambda: ratio == 0.12, lambda: ratio != 0.12, lambda: three == ratio, lambda: three == "three",
    lambda: bool(ratio), lambda: float(ratio), lambda: ratio + "x", lambda: ratio * True, lambda: hash(ratio),
])  # fmt: skip
def test_what_would_lose_the_interval_is_refused(claim) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(TypeError):
        claim()


def test_equality_of_an_interval_advises() -> None:
    with pytest.raises(TypeError, match=r"use within\(measured, low, high\)"):
        _ = ratio == 0.12


@pytest.mark.parametrize("text, measured", [
    ("0.120 [0.100, 0.140] n=3,000", ratio),
    ("3 pods", three),
    ("104.0 ms [101.0, 107.0] n=50", Measured(0.104, 0.101, 0.107, 50, "s")),
    ("1.040 s [1.010, 1.070] n=50", Measured(1.04, 1.01, 1.07, 50, "s")),
    ("2 s [1.9, ∞] n=50", Measured(2, 1.9, math.inf, 50, "s")),
    ("0 [0, 2.1e-08] n=300", Measured(0, 0, 2.1e-8, 300)),
        ("12,345 requests", Measured.exact(12_345, unit="requests")),
    ("0.333", Measured.exact(1 / 3)),
])  # fmt: skip
def test_a_value_is_readable(text: str, measured: Measured) -> None:
    assert text == str(measured)


def test_arithmetic_keeps_interval_unit_label_and_doubt() -> None:
    quarter = 0.25 * Measured(0.4, 0.36, 0.44, 500, label="before")
    quotient = Measured(0.2, 0.1, 0.4, 20, "s", "a") / Measured(2, 1, 4, 10, "s", "b")
    difference = 1 - ratio

    assert (quarter.low, quarter.high, quarter.n, quarter.label) == (0.09, 0.11, 500, "0.25 × before")
    assert (quotient.low, quotient.high, quotient.unit, quotient.n, quotient.confidence) == (0.025, 0.4, "", 10, 0.98)
    assert (difference.value, difference.low, difference.high) == (0.88, 0.86, 0.9)
    assert ((three + 1).value, (three + 1).unit, (three + 1).is_exact) == (4, "pods", True)
    assert (1 + three).value == 4
    assert (1 / three).unit == "1/pods"
    assert (three / Measured.exact(2, unit="nodes")).unit == "pods/nodes"
    assert ((-ratio).low, (-ratio).high) == (-0.14, -0.10)
    assert ((ratio + 1) * 2).label == "(hit_ratio + 1) × 2"


def test_exact_values_stay_exact_under_arithmetic() -> None:
    assert ((three * 7 + 1) / 3).is_exact


def test_different_units_do_not_add() -> None:
    with pytest.raises(UsageError, match="different units"):
        _ = three + Measured.exact(1, unit="s")


def test_division_by_zero_is_explained() -> None:
    with pytest.raises(UsageError, match="hit_ratio divided by zero"):
        _ = ratio / 0


def test_division_by_an_interval_around_zero_bounds_nothing() -> None:
    quotient = ratio / Measured(0.1, -0.1, 0.3, 5)

    assert (quotient.low, quotient.high) == (-math.inf, math.inf)


def test_an_interval_must_hold_its_value() -> None:
    for value in (3.0, math.nan):
        with pytest.raises(UsageError, match="must hold its value"):
            Measured(value, 1, 2, 1)


@pytest.mark.parametrize("claim", [lambda: ratio < math.nan, lambda: within(ratio, 2, 1)])
def test_a_senseless_bound_is_refused(claim) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError):
        claim()


def test_numpy_numbers_are_numbers() -> None:
    assert (np.float64(0.05) < ratio) is True
    assert (np.float64(2) * ratio).high == 0.28
    assert (three == np.int64(3)) is True


def test_observed_is_what_was_counted() -> None:
    assert (ratio.observed.low, ratio.observed.high, ratio.observed.n) == (0.12, 0.12, 3000)


def test_named_changes_only_the_label() -> None:
    assert ratio.named("h").label == "h"


@pytest.mark.parametrize("text, value", [("1,234", 1234.5), ("0.0012", 0.0012), ("-∞", -math.inf), ("7", 7.0)])
def test_numbers_are_formatted(text: str, value: float) -> None:
    assert text == format_number(value)


ends = st.integers(-(10**9), 10**9).map(lambda x: x / 1000)


@st.composite
def intervals(draw: st.DrawFn) -> tuple[Measured, float]:
    """A measured value, and any true value inside its interval."""
    low, high = sorted((draw(ends), draw(ends)))
    value, truth = (draw(st.floats(low, high)) for _ in range(2))
    return Measured(value, low, high, 10), truth


@given(intervals(), intervals(), st.sampled_from("+-*/"))
def test_the_true_result_lies_in_the_interval(a: tuple[Measured, float], b: tuple[Measured, float], sign: str) -> None:
    operations = {"+": lambda x, y: x + y, "-": lambda x, y: x - y, "*": lambda x, y: x * y, "/": lambda x, y: x / y}
    (first, x), (second, y) = a, b
    if sign == "/" and (second.value == 0 or abs(y) < 1e-9):
        return
    measured, truth = operations[sign](first, second), operations[sign](x, y)
    slack = 1e-9 * max(abs(truth), 1.0)

    assert measured.low - slack <= truth <= measured.high + slack


@given(intervals(), ends)
def test_a_verdict_is_true_of_every_value_in_the_interval(a: tuple[Measured, float], bound: float) -> None:
    measured, truth = a
    try:
        verdict = measured <= bound
    except Inconclusive:
        assert measured.low <= bound < measured.high
    else:
        assert verdict is (truth <= bound)
