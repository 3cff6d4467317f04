"""Distributions: written, refused, and true to their own quantiles."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import Location, UsageError
from sandbox.profiles import (
    Distribution,
    ProfileBook,
    constant,
    default_book,
    default_profile,
    parse_distribution,
    transformer_profile,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("40ms", constant(0.04)),
        (" 2s ", constant(2.0)),
        ("0", constant(0.0)),
        ("constant(40ms)", constant(0.04)),
        ("constant(value=40ms)", constant(0.04)),
        ("exponential(mean=100ms)", Distribution("exponential", {"mean": 0.1})),
        ("exponential(1m)", Distribution("exponential", {"mean": 60.0})),
        ("Lognormal( sigma=0.5 ,median = 100ms )", Distribution("lognormal", {"median": 0.1, "sigma": 0.5})),
        ("uniform(low=1s, high=3s)", Distribution("uniform", {"low": 1.0, "high": 3.0})),
    ],
)
def test_a_distribution_is_read_as_written(text: str, expected: Distribution) -> None:
    assert parse_distribution(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs a duration with a unit"),
        ("100", 'needs a duration with a unit, such as 100ms or 2s: write "100s" or "100ms"'),
        ("fast", "needs a duration with a unit"),
        ("-1s", "needs a duration of at least 0"),
        ("lognormal", "needs a duration with a unit"),
        ("lognorm(median=1s, sigma=1)", "knows no distribution 'lognorm' (did you mean lognormal?)"),
        ("gamma(mean=1s, cv=1)", "knows no distribution 'gamma'"),
        ("lognormal()", "lacks median and sigma"),
        ("lognormal(median=1s)", "lacks sigma"),
        ("lognormal(1s, 0.5)", "has a parameter without a name, number 1"),
        (
            "lognormal(mean=1s, sigma=1)",
            "has no parameter 'mean' (did you mean median?): lognormal takes median, sigma",
        ),
        ("lognormal(median=1s, median=2s)", "has the parameter median twice"),
        ("lognormal(median=1s, sigma=1s)", "needs a plain number as sigma"),
        ("lognormal(median=1s, sigma=-1)", "needs sigma of at least 0"),
        ("lognormal(median=1s, sigma=inf)", "needs sigma of at least 0"),
        ("lognormal(median=1s, sigma=100)", "needs a sigma of at most 10"),
        ("lognormal(median=0s, sigma=1)", "needs a median above 0"),
        ("exponential(mean=0s)", "needs a mean above 0"),
        ("uniform(low=3s, high=1s)", "has a low above its high"),
    ],
)
def test_what_is_no_distribution_is_refused_with_the_rule(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_distribution(text, "--service-time", Location("p.yaml", 3, 5))

    assert str(caught.value).startswith(f"p.yaml:3:5: --service-time {message}")
    assert "exponential(mean=…), lognormal(median=…, sigma=…), uniform(low=…, high=…)" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "mean_s", "median_s"),
    [
        ("40ms", 0.04, 0.04),
        ("exponential(mean=2s)", 2.0, 2.0 * math.log(2)),
        ("lognormal(median=100ms, sigma=0.5)", 0.1 * math.exp(0.125), 0.1),
        ("uniform(low=1s, high=3s)", 2.0, 2.0),
    ],
)
def test_mean_and_median_have_their_closed_forms(text: str, mean_s: float, median_s: float) -> None:
    one = parse_distribution(text)

    assert one.mean_s == pytest.approx(mean_s)
    assert one.quantile(0.5) == pytest.approx(median_s)


ALL = st.sampled_from(["exponential(mean=2s)", "lognormal(median=100ms, sigma=0.5)", "uniform(low=1s, high=3s)"])


@given(text=ALL, u=st.floats(1e-6, 1 - 1e-6))
def test_the_quantile_inverts_the_distribution(text: str, u: float) -> None:
    one = parse_distribution(text)

    assert one.cdf(one.quantile(u)) == pytest.approx(u, abs=1e-9)


@given(text=ALL)
def test_the_mean_is_the_integral_of_the_quantiles(text: str) -> None:
    one = parse_distribution(text)
    steps = 20_000

    assert sum(one.quantile((k + 0.5) / steps) for k in range(steps)) / steps == pytest.approx(one.mean_s, rel=2e-3)


@pytest.mark.parametrize(
    ("one", "ends"),
    [
        (constant(1.0), (1.0, 1.0)),
        (Distribution("exponential", {"mean": 1.0}), (0.0, math.inf)),
        (Distribution("lognormal", {"median": 1.0, "sigma": 1.0}), (0.0, math.inf)),
        (Distribution("lognormal", {"median": 1.0, "sigma": 0.0}), (1.0, 1.0)),
        (Distribution("uniform", {"low": 1.0, "high": 2.0}), (1.0, 2.0)),
    ],
)
def test_the_ends_are_where_the_distribution_ends(one: Distribution, ends: tuple[float, float]) -> None:
    assert (one.quantile(0.0), one.quantile(1.0)) == ends


@pytest.mark.parametrize(
    ("one", "x", "share"),
    [
        (constant(1.0), 0.999, 0.0),
        (constant(1.0), 1.0, 1.0),
        (Distribution("exponential", {"mean": 1.0}), -1.0, 0.0),
        (Distribution("lognormal", {"median": 1.0, "sigma": 1.0}), 0.0, 0.0),
        (Distribution("lognormal", {"median": 1.0, "sigma": 0.0}), 1.0, 1.0),
        (Distribution("uniform", {"low": 1.0, "high": 1.0}), 1.0, 1.0),
        (Distribution("uniform", {"low": 1.0, "high": 1.0}), 0.9, 0.0),
        (Distribution("uniform", {"low": 1.0, "high": 2.0}), 5.0, 1.0),
    ],
)
def test_the_share_below_a_point_is_right_at_the_edges(one: Distribution, x: float, share: float) -> None:
    assert one.cdf(x) == share


def test_a_share_outside_0_and_1_has_no_quantile() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        constant(1.0).quantile(1.5)


def test_a_kind_made_by_hand_that_nobody_knows_is_refused_in_use() -> None:
    odd = Distribution("weibull", {})

    for use in (lambda: odd.mean_s, lambda: odd.quantile(0.5), lambda: odd.cdf(1.0)):
        with pytest.raises(ValueError, match="no distribution 'weibull'"):
            use()


def test_a_distribution_is_shown_as_it_is_written() -> None:
    text = str(parse_distribution("lognormal(median=100ms, sigma=0.5)"))

    assert text == "lognormal(median=100ms, sigma=0.5)"
    assert str(parse_distribution(text)) == text


def test_the_first_rule_that_matches_decides() -> None:
    slow, fast = default_profile(), transformer_profile()
    book = ProfileBook(slow, (({"name": "a", "component": "predictor"}, fast), ({"storageUri": "s3://m/*"}, slow)))

    assert book.of({"name": "a", "component": "predictor", "storageUri": "s3://m/x"}) is fast
    assert book.of({"name": "a", "storageUri": "s3://m/x"}) is slow
    assert book.of({}) is slow


def test_without_a_file_transformers_are_told_from_models() -> None:
    model = default_profile()

    book = default_book(model)

    assert book.of({"component": "predictor"}) is model
    assert book.of({"component": "transformer"}) == transformer_profile()
    assert default_book().default == default_profile()
