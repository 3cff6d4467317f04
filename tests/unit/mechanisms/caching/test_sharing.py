"""Single flight: one asks, the others share; a failed leader is not everybody's failure."""

from __future__ import annotations

from sandbox.mechanisms.caching.sharing import Role, is_open, is_shared, role


def test_the_first_leads_and_the_others_follow() -> None:
    assert role(in_flight=False, flights=0, most_flights=2) == Role.LEAD
    assert role(in_flight=True, flights=1, most_flights=2) == Role.FOLLOW


def test_who_looked_before_the_answer_was_stored_does_not_ask_again() -> None:
    assert is_open(looked_s=3.0, stored_s=None)
    assert is_open(looked_s=3.0, stored_s=4.0)
    assert not is_open(looked_s=4.0, stored_s=4.0)


def test_a_full_table_refuses_nobody() -> None:
    assert role(in_flight=False, flights=2, most_flights=2) == Role.ALONE
    assert role(in_flight=True, flights=2, most_flights=2) == Role.FOLLOW


def test_good_answers_are_shared_at_once_and_failures_from_the_second_on() -> None:
    shared = [(status, before) for status in (200, 400, 503, 504) for before in (0, 1) if is_shared(status, before)]

    assert shared == [(200, 0), (200, 1), (400, 1), (503, 1), (504, 1)]


def test_a_crowd_with_a_dead_predictor_makes_two_calls() -> None:
    waiting, calls = 1000, 0
    failed = 0
    while waiting:
        calls += 1  # the first of those left leads, and fails
        waiting = 0 if is_shared(503, failed) else waiting - 1
        failed += 1

    assert calls == 2
