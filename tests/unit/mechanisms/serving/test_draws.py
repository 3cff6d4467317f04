"""The shared draws: known values of the hash, and a table's look-up in its body and its divided ends."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.mechanisms.serving.draws import (
    CELLS,
    TABLE_SIZE,
    UNIT,
    constant,
    mix64,
    quantile_cells,
    sample,
    stream,
    uniform53,
    wrap64,
)

# splitmix64 of seed 1234567 as its authors' C code prints it (the values that Rosetta Code lists).
SPLITMIX_1234567 = [6457827717110365317, 3203168211198807973, 9817491932198370423]
SHARES = [0.0, 1e-9, 1e-4, 0.25, 0.5, 0.75, 0.999, 1 - 1e-4, 1 - 1e-7, 1 - 1e-9]


def bits_of(u: float) -> int:
    """Random bits whose upper 53 are the share u."""
    return int(u * 2**53) << 11


def test_a_stream_is_splitmix64_by_number() -> None:
    assert [mix64(1234567, number) & (2**64 - 1) for number in range(3)] == SPLITMIX_1234567


@pytest.mark.parametrize(
    ("value", "wrapped"),
    [(0, 0), (2**63 - 1, 2**63 - 1), (2**63, -(2**63)), (2**64, 0), (-1, -1), (-(2**63) - 1, 2**63 - 1)],
)
def test_integers_wrap_as_64_bit_machines_do(value: int, wrapped: int) -> None:
    assert wrap64(value) == wrapped


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**62))
def test_every_draw_has_53_uniform_bits(seed: int, number: int) -> None:
    assert 0 <= uniform53(mix64(seed, number)) < 2**53


def test_a_stream_is_its_seed_and_its_name() -> None:
    assert len({stream(seed, name) for seed in range(20) for name in ("gap", "key", "pick")}) == 60
    assert stream(1, "flow/ranker/0/service") == stream(1, "flow/ranker/0/service")


@pytest.mark.parametrize("u", SHARES)
def test_a_table_follows_its_quantiles_into_both_ends(u: float) -> None:
    cells = quantile_cells(lambda v: -math.log1p(-v), 2.0**-40)

    assert sample(cells, 0, bits_of(u)) == pytest.approx(-math.log1p(-u), rel=0.04, abs=1e-9)


@given(st.integers(0, 2**53 - 1))
def test_a_straight_line_is_its_own_table(u: int) -> None:
    got = sample(LINE, 0, u << 11)

    assert got == pytest.approx(min(max(u * UNIT, 2.0**-45), 1 - 2.0**-45), abs=2.0**-43)


LINE = quantile_cells(lambda v: v, 2.0**-50)


def test_tables_lie_one_after_another_on_their_grid() -> None:
    both = quantile_cells(lambda v: 1.26, 0.5) + quantile_cells(lambda v: 2.0, 0.5)

    assert len(both) == 2 * TABLE_SIZE == 8 * (CELLS + 1)
    assert (sample(both, 0, 77), sample(both, 1, 77)) == (1.5, 2.0)


def test_a_constant_needs_no_table() -> None:
    assert sample((), constant(1_000_000), 99) == 1_000_000.0
