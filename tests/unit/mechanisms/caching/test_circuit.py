"""A broken cache is left alone, asked again by a probe, and trusted again when that goes well."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sandbox.mechanisms.caching.circuit import (
    FAILURES_IN_A_ROW,
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    Circuit,
    after_failure,
    after_probe,
    after_success,
    budget_s,
    pause_s,
)


def test_three_failures_in_a_row_open_it() -> None:
    circuit = Circuit()
    seen = []
    for now in range(FAILURES_IN_A_ROW):
        circuit = after_failure(circuit, float(now))
        seen.append(circuit.closed)

    assert seen == [True, True, False]
    assert circuit.until_s == 2.0 + FIRST_PAUSE_S


def test_a_success_in_between_starts_the_count_anew() -> None:
    circuit = after_failure(after_failure(Circuit(), 0.0), 0.0)

    assert after_success(circuit) == Circuit()
    assert after_failure(after_success(circuit), 0.0).closed


def test_outcomes_of_operations_sent_before_it_opened_change_nothing() -> None:
    opened = Circuit(pauses=1, until_s=5.0)

    assert after_failure(opened, 4.0) == opened
    assert after_success(opened) == opened


def test_a_probe_that_goes_well_closes_it_and_one_that_fails_doubles_the_pause() -> None:
    opened = Circuit(pauses=1, until_s=5.0)

    assert after_probe(opened, True, 5.1) == Circuit()
    assert after_probe(opened, False, 5.1) == Circuit(pauses=2, until_s=5.1 + 2 * FIRST_PAUSE_S)


@given(st.integers(1, 10_000))
def test_pauses_grow_and_have_a_longest(pauses: int) -> None:
    assert FIRST_PAUSE_S <= pause_s(pauses) <= pause_s(pauses + 1) <= LONGEST_PAUSE_S


@given(st.lists(st.floats(0, 0.2), max_size=8))
def test_a_request_never_spends_more_on_its_cache_than_the_time_out(wishes: list[float]) -> None:
    spent = 0.0
    for wish in wishes:
        spent += min(wish, budget_s(0.05, spent))

    assert spent <= 0.05 + 1e-12
    assert budget_s(0.05, 0.06) == 0.0
