"""Deadlines of requests that wait: one timer a pod and one an activator's queue, not one a request.

The timer is set for the head of the queue when a request begins to wait. When it rings, every request whose
deadline has come is answered 504, and the timer is set again for the earliest one that is left.
"""

from __future__ import annotations

from sandbox.mechanisms.routing import timeouts
from sandbox.sim.columns import (
    A_QUEUED,
    A_TIMER,
    ACT_COLUMNS,
    DO_REPLY,
    DO_SHIFT,
    EVENT_ACT_TIMER,
    EVENT_POD_TIMER,
    FOREVER,
    H_DEADLINE,
    H_NEXT,
    H_STATUS,
    HOP_COLUMNS,
    KIND_SHIFT,
    NONE,
    P_QUEUED,
    P_TIMER,
    P_WAITING,
    POD_COLUMNS,
)
from sandbox.sim.compiled import jit, jit_apart
from sandbox.sim.stages.queues import HEAD, LENGTH, TAIL, leave, schedule_apart
from sandbox.sim.state import Cells, Memory

is_due = jit(timeouts.is_due)


@jit_apart
def expire(s: Memory, queues: Cells, q: int, now: int) -> int:
    """Answer 504 for every queued request whose deadline has come; returns the earliest deadline left."""
    hops = s.hops
    earliest = FOREVER
    previous = NONE
    row = queues[q + HEAD]
    for _ in range(queues[q + LENGTH]):
        h = row * HOP_COLUMNS
        following = hops[h + H_NEXT]
        if is_due(hops[h + H_DEADLINE], now):
            if previous == NONE:
                queues[q + HEAD] = following
            else:
                hops[previous * HOP_COLUMNS + H_NEXT] = following
            if queues[q + TAIL] == row:
                queues[q + TAIL] = previous
            queues[q + LENGTH] -= 1
            hops[h + H_STATUS] = 504
            leave(s, (DO_REPLY << DO_SHIFT) | row)
        else:
            if hops[h + H_DEADLINE] < earliest:
                earliest = hops[h + H_DEADLINE]
            previous = row
        row = following
    return earliest


@jit_apart
def ring_pod(s: Memory, pod: int, now: int) -> None:
    """A pod's timer: requests that wait in queue-proxy or for a worker."""
    p = pod * POD_COLUMNS
    deadline = expire(s, s.pods, p + P_QUEUED, now)
    in_container = expire(s, s.pods, p + P_WAITING, now)
    if in_container < deadline:
        deadline = in_container
    s.pods[p + P_TIMER] = 0
    if deadline < FOREVER:
        s.pods[p + P_TIMER] = 1
        schedule_apart(s, deadline, (EVENT_POD_TIMER << KIND_SHIFT) | pod)


@jit_apart
def ring_activator(s: Memory, act: int, now: int) -> None:
    """An activator's timer for one revision."""
    a = act * ACT_COLUMNS
    deadline = expire(s, s.acts, a + A_QUEUED, now)
    s.acts[a + A_TIMER] = 0
    if deadline < FOREVER:
        s.acts[a + A_TIMER] = 1
        schedule_apart(s, deadline, (EVENT_ACT_TIMER << KIND_SHIFT) | act)
