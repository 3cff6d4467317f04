"""What waits: the heap of future events, the stack of work at this instant, and queues of requests.

A queue is three columns of a row (length, head, tail) and the requests' own H_NEXT; `q` is where the first of the
three is. Requests leave a queue at its head or, when their deadline comes, from anywhere (deadlines.py).
"""

from __future__ import annotations

from sandbox.sim.columns import H_NEXT, HOP_COLUMNS, NONE, S_HEAP, S_TODO
from sandbox.sim.compiled import jit, jit_apart
from sandbox.sim.heap import drop_first, push
from sandbox.sim.state import Cells, Memory

LENGTH, HEAD, TAIL = range(3)


@jit
def schedule(s: Memory, at: int, payload: int) -> None:
    """Put an event into the heap; `advance` has made sure of room."""
    s.scalars[S_HEAP] = push(s.heap_t, s.heap_v, s.scalars[S_HEAP], at, payload)


@jit_apart
def schedule_apart(s: Memory, at: int, payload: int) -> None:
    """The same, called rather than copied: for the many places that are seldom reached."""
    schedule(s, at, payload)


@jit
def take_event(s: Memory) -> int:
    """Remove the earliest event and return its payload."""
    payload = s.heap_v[0]
    s.scalars[S_HEAP] = drop_first(s.heap_t, s.heap_v, s.scalars[S_HEAP])
    return payload


@jit
def leave(s: Memory, work: int) -> None:
    """Leave a piece of work (kind << DO_SHIFT | row) for later in this instant."""
    count = s.scalars[S_TODO]
    s.todo[count] = work
    s.scalars[S_TODO] = count + 1


@jit
def enqueue(queues: Cells, q: int, hops: Cells, row: int) -> None:
    """Append a request."""
    hops[row * HOP_COLUMNS + H_NEXT] = NONE
    if queues[q + LENGTH] == 0:
        queues[q + HEAD] = row
    else:
        hops[queues[q + TAIL] * HOP_COLUMNS + H_NEXT] = row
    queues[q + TAIL] = row
    queues[q + LENGTH] += 1


@jit
def dequeue(queues: Cells, q: int, hops: Cells) -> int:
    """Take the first of a queue that is not empty."""
    row = queues[q + HEAD]
    queues[q + HEAD] = hops[row * HOP_COLUMNS + H_NEXT]
    queues[q + LENGTH] -= 1
    return row
