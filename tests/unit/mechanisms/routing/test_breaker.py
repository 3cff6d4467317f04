"""The breaker: 1 runs, 10 wait, the next is refused; capacity comes and goes."""

from __future__ import annotations

import pytest

from sandbox.mechanisms.routing.breaker import Breaker, BreakerRefused, admits, queue_depth, runs_at_once


def test_queue_proxy_lets_ten_wait_for_each_that_may_run() -> None:
    breaker = Breaker(depth=queue_depth(1), max_concurrency=1, capacity=1)

    answers = [breaker.request() for _ in range(12)]

    assert answers == ["running"] + 10 * ["queued"] + ["rejected"]


def test_admission_counts_running_and_waiting() -> None:
    assert admits(inside=10, depth=10, max_concurrency=1)
    assert not admits(inside=11, depth=10, max_concurrency=1)
    assert runs_at_once(running=0, capacity=1)
    assert not runs_at_once(running=1, capacity=1)


def test_the_longest_waiting_request_takes_a_free_place() -> None:
    breaker = Breaker(depth=2, max_concurrency=1, capacity=1)
    breaker.request()
    breaker.request()

    breaker.finish()

    assert (breaker.running, breaker.waiting) == (1, 0)


def test_more_capacity_starts_who_waits_and_is_bounded_by_the_maximum() -> None:
    breaker = Breaker(depth=5, max_concurrency=2, capacity=0)
    for _ in range(3):
        breaker.request()

    breaker.set_capacity(9)

    assert (breaker.capacity, breaker.running, breaker.waiting) == (2, 2, 1)


def test_less_capacity_lets_running_requests_finish() -> None:
    breaker = Breaker(depth=5, max_concurrency=2, capacity=2)
    for _ in range(3):
        breaker.request()

    breaker.set_capacity(1)
    breaker.finish()

    assert (breaker.running, breaker.waiting) == (1, 1)


def test_a_reservation_takes_a_place_at_once_or_none() -> None:
    breaker = Breaker(depth=1, max_concurrency=1, capacity=0)

    assert not breaker.reserve()
    breaker.set_capacity(1)
    assert breaker.reserve()
    assert not breaker.reserve()
    assert breaker.request() == "queued"
    assert not breaker.reserve()  # full, too


def test_who_gives_up_waiting_leaves_a_place() -> None:
    breaker = Breaker(depth=1, max_concurrency=0, capacity=0)
    assert breaker.request() == "queued"
    assert breaker.request() == "rejected"

    breaker.cancel()

    assert breaker.request() == "queued"


@pytest.mark.parametrize(
    ("depth", "most", "capacity", "rule"),
    [(0, 1, 1, "queue depth"), (1, -1, 0, "max concurrency"), (1, 1, -1, "within 0"), (1, 1, 2, "within 0 … 1")],
)
def test_a_breaker_that_cannot_be_says_why(depth: int, most: int, capacity: int, rule: str) -> None:
    with pytest.raises(BreakerRefused, match=rule):
        Breaker(depth, most, capacity)
