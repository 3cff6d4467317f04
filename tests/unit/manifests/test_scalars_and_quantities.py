"""Scalars resolve as kubectl resolves them; quantities are exact."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.manifests.quantity import milli, parse_quantity, whole
from sandbox.manifests.scalars import Scalar, resolve_plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("Off", False),
        ("y", True),
        ("N", False),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("", None),
        ("~", None),
        ("Null", None),
        ("010", 8),
        ("0o10", 8),
        ("08", 8),  # no octal number: a float of 8, and so 8 on its way through JSON
        ("0x1F", 31),
        ("-0b101", -5),
        ("1_000", 1000),
        ("+7", 7),
        ("1e3", 1000),
        ("2.0", 2),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1e999", "1e999"),
        ("1:30", "1:30"),  # no base 60
        ("2024-01-01", "2024-01-01"),
        ("500m", "500m"),
        ("-", "-"),
        ("9" * 400, "9" * 400),
    ],
)
def test_a_plain_scalar_is_what_kubectl_takes_it_for(text: str, value: Scalar) -> None:
    resolved = resolve_plain(text)

    assert (type(resolved), resolved) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500m", Fraction(1, 2)),
        ("2Gi", Fraction(2 * 1024**3)),
        ("1e3", Fraction(1000)),
        ("1E-3", Fraction(1, 1000)),
        ("2", Fraction(2)),
        ("0.1", Fraction(1, 10)),
        ("5.", Fraction(5)),
        (".5M", Fraction(500_000)),
        ("-1k", Fraction(-1000)),
        ("+1Ei", Fraction(1024**6)),
        ("100n", Fraction(1, 10_000_000)),
        ("1E", Fraction(10**18)),
    ],
)
def test_a_quantity_is_exact(text: str, value: Fraction) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize("text", ["", "Gi", "2GiB", "1 Gi", "1,5", "0x10", "1e", "1e99", "1kk", "1" * 100, "٣"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"quantity|range"):
        parse_quantity(text)


def test_what_is_asked_for_rounds_up() -> None:
    assert milli("100u") == 1
    assert whole("1.5") == 2
    assert whole("128Mi") == 128 * 1024 * 1024


@given(st.integers(0, 10**9), st.sampled_from(["", "m", "k", "Mi", "Gi"]))
def test_every_whole_number_with_a_suffix_scales_exactly(number: int, suffix: str) -> None:
    scale = {"": Fraction(1), "m": Fraction(1, 1000), "k": Fraction(1000), "Mi": Fraction(2**20), "Gi": Fraction(2**30)}

    assert parse_quantity(f"{number}{suffix}") == number * scale[suffix]
