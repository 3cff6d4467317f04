"""Transfers share a link evenly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.sim.link import Transfers


def test_one_transfer_has_the_whole_link():
    link = Transfers(100.0)
    link.begin(0.0, "a", 1000)

    assert link.next_s() == 10.0
    assert ["a"] == link.finished(10.0)
    assert link.next_s() is None


def test_two_transfers_halve_it_and_the_survivor_speeds_up():
    link = Transfers(100.0)
    link.begin(0.0, "a", 1000)
    link.begin(5.0, "b", 1000)  # a has 500 left, both get 50 a second: a is over at 15

    assert link.next_s() == 15.0
    assert ["a"] == link.finished(15.0)
    assert link.next_s() == 20.0  # b has 500 left and the link for itself
    assert ["b"] == link.finished(20.0)


def test_a_cancelled_transfer_frees_its_share():
    link = Transfers(100.0)
    link.begin(0.0, "a", 1000)
    link.begin(0.0, "b", 1000)
    link.cancel(10.0, "b")

    assert link.next_s() == 15.0
    assert link.moved_bytes == 1000.0


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(1, 10_000)), min_size=1, max_size=20))
def test_all_bytes_are_moved_and_no_faster_than_the_link(starts):
    link = Transfers(50.0)
    waiting = sorted(starts)
    names = iter(range(len(waiting)))
    now = 0.0
    done: list[str] = []
    while waiting or link.left:
        due = link.next_s()
        if waiting and (due is None or waiting[0][0] <= due):
            now, size = waiting.pop(0)
            link.begin(now, str(next(names)), size)
        else:
            assert due is not None
            now = due + 1e-9
            done += link.finished(now)

    assert len(starts) == len(done)
    assert link.moved_bytes == pytest.approx(sum(size for _, size in starts), abs=len(starts))
    assert now >= sum(size for _, size in starts) / 50.0 - 1e-6
