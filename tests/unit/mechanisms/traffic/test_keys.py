"""Alias tables as plain lists; as arrays and compiled they are tested in tests/unit/sim/test_draws.py."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from sandbox.mechanisms.serving.draws import mix64
from sandbox.mechanisms.traffic.keys import alias_draw, fill_alias


def table_of(weights: list[float]) -> list[int]:
    mean = sum(weights) / len(weights)
    packed = [0] * len(weights)
    fill_alias([weight / mean for weight in weights], [0] * len(weights), packed)
    return packed


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=40))
def test_the_tables_cells_add_up_to_each_keys_weight(weights: list[int]) -> None:
    shares: Counter[int] = Counter()
    for key, cell in enumerate(table_of([float(weight) for weight in weights])):
        threshold = (cell >> 32) / 2**31
        shares[key] += threshold
        shares[cell & 0xFFFFFFFF] += 1 - threshold

    mean = sum(weights) / len(weights)
    assert all(abs(shares[key] - weight / mean) < 1e-6 for key, weight in enumerate(weights))


def test_draws_follow_the_weights_from_the_tables_offset_on() -> None:
    packed = table_of([1.0]) + table_of([3.0, 1.0])

    found = Counter(alias_draw(packed, 1, 2, mix64(3, i)) for i in range(8000))
    assert abs(found[0] / 8000 - 0.75) < 4 * (0.75 * 0.25 / 8000) ** 0.5
    assert {0, 1} == set(found)
