"""The heap of events: smallest first, whatever came in which order."""

from __future__ import annotations

import heapq

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sandbox.sim.columns import FOREVER
from sandbox.sim.heap import SPARE, drop_first, push

TIMES = st.integers(0, 50)


@given(st.lists(st.one_of(TIMES, st.none()), max_size=200))
def test_events_leave_in_the_order_of_time(moves: list[int | None]) -> None:
    """A number comes in, None takes the first out."""
    times = np.full(200 + SPARE, FOREVER, dtype=np.int64)
    payloads = np.zeros(200 + SPARE, dtype=np.int64)
    size = 0
    reference: list[int] = []
    payload_of: dict[int, int] = {}
    for number, time in enumerate(moves):
        if time is not None:
            size = push(times, payloads, size, time, number)
            heapq.heappush(reference, time)
            payload_of[number] = time
        elif reference:
            assert times[0] == heapq.heappop(reference)
            assert payload_of.pop(int(payloads[0])) == times[0]
            size = drop_first(times, payloads, size)

        assert size == len(reference)
        assert sorted(payloads[:size].tolist()) == sorted(payload_of)


def test_beyond_its_size_the_heap_is_forever() -> None:
    times = np.full(8 + SPARE, FOREVER, dtype=np.int64)
    payloads = np.zeros(8 + SPARE, dtype=np.int64)
    size = 0
    for time in (5, 3, 8, 1):
        size = push(times, payloads, size, time, 0)

    while size:
        size = drop_first(times, payloads, size)
        assert (times[size:] == FOREVER).all()
