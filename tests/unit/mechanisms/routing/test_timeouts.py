"""Time-outs between the writes of an answer, beyond upstream's own cases."""

from __future__ import annotations

import pytest

from sandbox.mechanisms.routing.timeouts import TimedAnswer, Timeouts, is_due, until_first_byte


def test_a_timer_goes_off_at_its_instant() -> None:
    assert [is_due(10, now) for now in (9, 10, 11)] == [False, True, True]


@pytest.mark.parametrize(
    ("request_", "response_start", "idle", "want"),
    [(300, 0, 0, 300), (300, 300, 0, 300), (300, 20, 0, 20), (300, 0, 7, 7), (300, 7, 20, 7), (5, 20, 20, 5)],
)
def test_a_request_without_a_byte_ends_with_the_earliest_timer(
    request_: int, response_start: int, idle: int, want: int
) -> None:
    assert want == until_first_byte(request_, response_start, idle)


def test_a_stream_that_is_cut_keeps_its_status() -> None:
    answer = TimedAnswer(Timeouts(request=10), "request timeout")
    answer.write("half ", 5)

    assert answer.advance(10)
    assert (answer.status, answer.body) == (200, "half request timeout")
    assert not answer.write("the rest", 11)


def test_the_applications_own_status_is_the_first_one() -> None:
    answer = TimedAnswer(Timeouts(request=10), "T")

    assert answer.start(201, 1)
    assert answer.start(500, 2)
    assert answer.status == 201


def test_a_slow_stream_outlives_the_response_start_and_ends_when_it_falls_silent() -> None:
    answer = TimedAnswer(Timeouts(request=1000, response_start=20, idle=30), "T", arrived=100)

    answer.write("a", 110)
    assert not answer.advance(120)
    assert answer.flush()
    answer.write("b", 135)
    assert not answer.advance(140)
    assert answer.abort()
    assert answer.advance(165)
    assert answer.body == "abT"


def test_a_request_ends_once() -> None:
    answer = TimedAnswer(Timeouts(request=10, response_start=5), "T")
    answer.advance(5)

    assert answer.advance(10)
    assert (answer.status, answer.body) == (504, "T")
    assert not answer.start(200, 11)
    assert not answer.flush()
    assert not answer.abort()
