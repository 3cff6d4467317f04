"""Draws: known values, what the samplers' tables promise, and alias tables to the last digit."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.profiles import Distribution
from sandbox.sim import draws
from sandbox.sim.draws import (
    TABLE_SIZE,
    UNIT,
    alias_draw,
    alias_table,
    below,
    constant,
    mix64,
    quantile_table,
    sample,
    shuffle_front,
    stream,
    uniform53,
)

# splitmix64 of seed 1234567 as its authors' C code prints it (the values that Rosetta Code lists).
SPLITMIX_1234567 = [
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
]


def unsigned(bits: int) -> int:
    return bits & (2**64 - 1)


def test_a_stream_is_splitmix64_by_number() -> None:
    assert [unsigned(mix64(1234567, number)) for number in range(5)] == SPLITMIX_1234567


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**62))
def test_every_draw_is_a_signed_64_bit_number(seed: int, number: int) -> None:
    assert -(2**63) <= mix64(seed, number) < 2**63


def test_streams_of_other_names_and_seeds_are_other_streams() -> None:
    assert len({stream(seed, name) for seed in range(20) for name in ("gap", "key", "pick")}) == 60


@given(st.integers(-(2**63), 2**63 - 1), st.integers(1, 2**31 - 1))
def test_scaled_draws_stay_below_their_bound(bits: int, n: int) -> None:
    assert 0 <= below(bits, n) < n
    assert 0 <= uniform53(bits) < 2**53


def kolmogorov_smirnov(values: list[float], cdf) -> float:
    """The statistic sqrt(n)·D; above 1.95 once in a thousand samples (Kolmogorov's distribution)."""
    n = len(values)
    ordered = sorted(values)
    return math.sqrt(n) * max(max((i + 1) / n - cdf(value), cdf(value) - i / n) for i, value in enumerate(ordered))


N = 20_000
NORMAL = statistics.NormalDist()


@pytest.mark.parametrize(
    ("distribution", "cdf"),
    [
        (Distribution("exponential", {"mean": 2.0}), lambda x: -math.expm1(-x / 2.0)),
        (Distribution("uniform", {"low": 1.0, "high": 3.0}), lambda x: min(max((x - 1) / 2, 0.0), 1.0)),
        (
            Distribution("lognormal", {"median": 0.1, "sigma": 0.5}),
            lambda x: NORMAL.cdf(math.log(max(x, 1e-300) / 0.1) / 0.5),
        ),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_samples_have_their_distribution(distribution: Distribution, cdf) -> None:
    table = quantile_table(distribution.quantile, 2.0**-40)
    seed = stream(1, distribution.kind)

    values = [sample(table, 0, mix64(seed, number)) for number in range(N)]

    assert kolmogorov_smirnov(values, cdf) < 1.95


def test_uniform_numbers_are_uniform() -> None:
    assert kolmogorov_smirnov([uniform53(mix64(5, i)) * UNIT for i in range(N)], lambda x: x) < 1.95


def test_neighbours_in_a_stream_do_not_know_each_other() -> None:
    values = np.array([uniform53(mix64(6, i)) * UNIT for i in range(N)])

    correlation = float(np.corrcoef(values[:-1], values[1:])[0, 1])

    assert abs(correlation) < 4 / math.sqrt(N)


def bits_of(u: float) -> int:
    """Random bits whose upper 53 are the share u."""
    return int(u * 2**53) << 11


@pytest.mark.parametrize("u", [0.0, 1e-9, 1e-4, 0.25, 0.5, 0.75, 0.999, 1 - 1e-4, 1 - 1e-7, 1 - 1e-9])
def test_a_table_follows_the_exponentials_quantiles_into_its_tails(u: float) -> None:
    table = quantile_table(lambda v: -math.log1p(-v), 2.0**-40)

    got = sample(table, 0, bits_of(u))

    assert got == pytest.approx(-math.log1p(-u), rel=0.04, abs=1e-9)


def test_a_tables_mean_is_the_distributions() -> None:
    table = draws.unit_exponential_table()
    edges = np.linspace(0, 1, 2**16, endpoint=False) + 2.0**-17

    mean = np.mean([sample(table, 0, bits_of(float(u))) for u in edges])

    assert mean == pytest.approx(1.0, rel=2e-4)


def test_tables_lie_one_after_another() -> None:
    both = np.concatenate([quantile_table(lambda u: 1.0, 1.0), quantile_table(lambda u: 2.0, 1.0)])

    assert len(both) == 2 * TABLE_SIZE
    assert (sample(both, 0, 77), sample(both, 1, 77)) == (1.0, 2.0)


def test_a_constant_needs_no_table() -> None:
    assert sample([], constant(1_000_000), 99) == 1_000_000.0
    assert sample([], constant(0), 99) == 0.0


def shares(packed: np.ndarray) -> np.ndarray:
    """The exact probability of each key, from the table itself."""
    n = len(packed)
    threshold = (packed >> 32) / 2**31
    chance = threshold / n
    np.add.at(chance, packed & 0xFFFFFFFF, (1 - threshold) / n)
    return chance


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=40))
def test_an_alias_table_gives_each_key_its_weight(weights: list[float]) -> None:
    wanted = np.array(weights) / np.sum(weights)

    got = shares(alias_table(np.array(weights)))

    # A threshold is cut to a multiple of 2^-31, and a rich key gets what its poor ones were cut.
    assert np.abs(got - wanted).max() < 2.0**-30


def test_keys_are_drawn_by_their_weights_from_their_own_table() -> None:
    packed = np.concatenate([alias_table(np.array([1.0])), alias_table(np.array([4.0, 3.0, 2.0, 1.0]))])

    counts = np.bincount([alias_draw(packed, 1, 4, mix64(8, i)) for i in range(N)], minlength=4)

    expected = N * np.array([0.4, 0.3, 0.2, 0.1])
    assert ((counts - expected) ** 2 / expected).sum() < 16.27  # chi square, 3 degrees of freedom, 0.1 %


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(0, 30), st.integers(0, 10**6))
def test_a_shuffle_keeps_all_items(length: int, n: int, first: int) -> None:
    items = np.arange(length, dtype=np.int64)

    shuffle_front(items, min(n, length), 3, first)

    assert sorted(items.tolist()) == list(range(length))


def test_every_item_comes_to_the_front_alike() -> None:
    fronts = []
    for number in range(3000):
        items = np.arange(5, dtype=np.int64)
        shuffle_front(items, 2, 4, 2 * number)
        fronts += items[:2].tolist()

    counts = np.bincount(fronts, minlength=5)

    assert ((counts - 1200) ** 2 / 1200).sum() < 18.47  # chi square, 4 degrees of freedom, 0.1 %
