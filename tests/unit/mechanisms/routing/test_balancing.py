"""Balancing policies: which pod, whose counts, what with none."""

from __future__ import annotations

from collections import Counter

import pytest

from sandbox.mechanisms.routing import balancing as b
from sandbox.sim.draws import mix64


@pytest.mark.parametrize(
    ("concurrency", "policy"),
    [
        (0, b.RANDOM_CHOICE_2),
        (1, b.FIRST_AVAILABLE),
        (3, b.FIRST_AVAILABLE),
        (4, b.ROUND_ROBIN),
        (1000, b.ROUND_ROBIN),
    ],
)
def test_the_activator_picks_its_policy_by_container_concurrency(concurrency: int, policy: int) -> None:
    assert policy == b.activator_policy(concurrency)


def test_first_available_fills_the_first_pod_before_the_second() -> None:
    assert b.first_available([1, 0, 0], 0, [0, 1, 2], 0, 3, 2) == 0
    assert b.first_available([2, 1, 0], 0, [0, 1, 2], 0, 3, 2) == 1
    assert b.first_available([2, 2, 2], 0, [0, 1, 2], 0, 3, 2) == b.NO_POD


def test_round_robin_goes_on_from_where_it_was_and_around_once() -> None:
    load = [0, 0, 0]

    assert b.round_robin(load, 0, [0, 1, 2], 0, 3, 1, 1) == 1
    assert b.round_robin([1, 0, 1], 0, [0, 1, 2], 0, 3, 1, 2) == 1
    assert b.round_robin([1, 1, 1], 0, [0, 1, 2], 0, 3, 1, 2) == b.NO_POD
    assert b.round_robin(load, 0, [0, 1, 2], 0, 3, 1, 7) == 0  # the list has become shorter


def test_a_chooser_reads_its_own_counts_and_its_own_pods() -> None:
    load = [9, 9, 9, 0, 5, 9]  # of the first chooser, then of the second
    pods = [2, 2, 1, 0]

    assert b.first_available(load, 3, pods, 2, 2, 6) == 0
    assert b.first_available(load, 3, pods, 2, 2, 5) == 1
    assert b.round_robin(load, 3, pods, 2, 2, 5, 0) == 1


def _bits(first: int, second: int, coin: int) -> int:
    """Random bits whose two 31-bit numbers are those shares of 1,000 and whose lowest bit is the coin."""
    return (first * (1 << 31) // 1000 << 33) | (second * (1 << 31) // 1000 << 2) | coin


def test_two_choices_take_the_less_loaded_pod() -> None:
    pods = [0, 1, 2]

    assert b.random_choice_2([5, 1, 9], 0, pods, 0, 3, _bits(100, 100, 0)) == 1  # draws 0 and, of the others, 1
    assert b.random_choice_2([0, 1, 9], 0, pods, 0, 3, _bits(100, 100, 1)) == 0
    assert b.random_choice_2([5, 1, 9], 0, pods, 0, 3, _bits(900, 100, 0)) == 0  # draws 2 and 0


def test_a_coin_decides_between_two_equally_loaded_pods() -> None:
    pods = [0, 1]

    assert b.random_choice_2([3, 3], 0, pods, 0, 2, _bits(100, 100, 0)) == 0
    assert b.random_choice_2([3, 3], 0, pods, 0, 2, _bits(100, 100, 1)) == 1


def test_two_choices_need_no_choice_between_less_than_two_pods() -> None:
    assert b.random_choice_2([3], 0, [0], 0, 1, 12345) == 0
    assert b.random_choice_2([], 0, [], 0, 0, 12345) == b.NO_POD


def test_two_choices_never_compare_a_pod_with_itself() -> None:
    # Pod 0 is the busiest: it is chosen only by who draws it twice.
    chosen = Counter(b.random_choice_2([9, 0, 0], 0, [0, 1, 2], 0, 3, mix64(1, i)) for i in range(1000))

    assert chosen[0] == 0
    assert set(chosen) == {1, 2}


def test_least_request_may_draw_a_pod_twice_and_the_first_wins_a_tie() -> None:
    pods = [0, 1, 2]

    assert b.least_request([9, 0, 0], 0, pods, 0, 3, _bits(100, 100, 1)) == 0
    assert b.least_request([9, 0, 0], 0, pods, 0, 3, _bits(100, 400, 1)) == 1
    assert b.least_request([1, 1, 1], 0, pods, 0, 3, _bits(700, 400, 1)) == 2
    assert b.least_request([], 0, [], 0, 0, 1) == b.NO_POD


def test_least_request_takes_the_busiest_pod_as_often_as_it_is_drawn_twice() -> None:
    n = 9000
    chosen = Counter(b.least_request([9, 0, 0], 0, [0, 1, 2], 0, 3, mix64(2, i)) for i in range(n))

    assert abs(chosen[0] / n - 1 / 9) < 4 * (1 / 9 * 8 / 9 / n) ** 0.5


def test_a_random_pod_is_any_of_them() -> None:
    n = 4000
    chosen = Counter(b.random_pod(4, mix64(3, i)) for i in range(n))

    assert set(chosen) == {0, 1, 2, 3}
    assert max(abs(count / n - 0.25) for count in chosen.values()) < 4 * (0.25 * 0.75 / n) ** 0.5
    assert b.random_pod(0, 1) == b.NO_POD
