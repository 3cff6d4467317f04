"""Weighted splits: thresholds and the target of a draw."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.mechanisms.routing.split import SPAN, pick, thresholds
from sandbox.sim.draws import mix64, uniform53


def test_the_last_threshold_is_the_whole_span() -> None:
    assert thresholds([1, 1, 1])[-1] == SPAN


def test_no_weight_means_no_target() -> None:
    assert thresholds([]) == []
    assert thresholds([0, 0]) == []


@pytest.mark.parametrize(("draw", "target"), [(0, 0), (SPAN // 4 - 1, 0), (SPAN // 4, 1), (SPAN - 1, 1)])
def test_a_draw_falls_into_its_targets_share(draw: int, target: int) -> None:
    assert target == pick(thresholds([25, 75]), 0, 2, draw)


def test_a_route_reads_its_own_thresholds() -> None:
    cumulative = thresholds([1]) + thresholds([1, 1])

    assert pick(cumulative, 1, 2, SPAN // 2) == 1


def test_a_canary_of_five_percent_gets_five_percent() -> None:
    n = 40_000
    cumulative = thresholds([5, 95])

    hits = sum(pick(cumulative, 0, 2, uniform53(mix64(11, i))) == 0 for i in range(n))

    assert abs(hits / n - 0.05) < 4 * (0.05 * 0.95 / n) ** 0.5


@given(st.lists(st.integers(0, 100), min_size=1, max_size=6).filter(any), st.integers(0, SPAN - 1))
def test_only_targets_with_weight_are_picked(weights: list[int], draw: int) -> None:
    assert weights[pick(thresholds(weights), 0, len(weights), draw)] > 0
