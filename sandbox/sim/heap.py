"""A 4-ary heap of (time, payload) in two arrays, smallest time first.

Only completions, timers and waking users are in it; the next arrival is kept beside it. Times beyond the heap's
size are FOREVER, so that four children can be compared without asking how many there are. Equal times leave in an
order that depends on the history of the heap alone, so it is the same on every run.
"""

from __future__ import annotations

from sandbox.sim.columns import FOREVER
from sandbox.sim.compiled import jit
from sandbox.sim.state import Cells, Ints

SPARE = 4  # cells that the arrays must have beyond the largest size


@jit
def push(times: Cells | Ints, payloads: Cells | Ints, size: int, time: int, payload: int) -> int:
    """Add an entry; returns the new size."""
    child = size
    while child > 0:
        parent = (child - 1) >> 2
        if times[parent] <= time:
            break
        times[child] = times[parent]
        payloads[child] = payloads[parent]
        child = parent
    times[child] = time
    payloads[child] = payload
    return size + 1


@jit
def drop_first(times: Cells | Ints, payloads: Cells | Ints, size: int) -> int:
    """Remove the smallest entry; returns the new size."""
    size -= 1
    time = times[size]
    payload = payloads[size]
    times[size] = FOREVER
    if size == 0:
        return size
    hole = 0
    while True:
        first = (hole << 2) + 1
        if first >= size:
            break
        # Two pairs, then their winners. Sums of comparisons, because jumps would go astray half of the time.
        a, b, c, d = times[first], times[first + 1], times[first + 2], times[first + 3]
        left, left_time = first + (b < a), (b if b < a else a)
        right, right_time = first + 2 + (d < c), (d if d < c else c)
        smallest = left + (right - left) * (right_time < left_time)
        smallest_time = right_time if right_time < left_time else left_time
        if smallest_time >= time:
            break
        times[hole] = smallest_time
        payloads[hole] = payloads[smallest]
        hole = smallest
    times[hole] = time
    payloads[hole] = payload
    return size
