"""The activator: its queue for one revision, and which pod the first request in it may go to.

Upstream: knative/serving pkg/activator/net/throttler.go (revisionThrottler, podTracker) and lb_policy.go. With
containerConcurrency the activator keeps within its capacity and every pod's; without, nothing waits here but
for a pod to exist.
"""

from __future__ import annotations

from sandbox.mechanisms.routing import balancing, breaker
from sandbox.sim.columns import (
    A_CAPACITY,
    A_HEAD,
    A_NEXT_POD,
    A_PODS,
    A_QUEUED,
    A_TIMER,
    A_USED,
    ACT_COLUMNS,
    DO_DEQUEUE,
    DO_ENTER,
    DO_NOTHING,
    DO_SHIFT,
    EVENT_ACT_TIMER,
    H_DEADLINE,
    H_POD,
    H_REV,
    HOP_COLUMNS,
    KIND_SHIFT,
    NONE,
    R_CC,
    REV_COLUMNS,
    S_ACTIVATORS,
    S_POD_ROWS,
)
from sandbox.sim.compiled import jit
from sandbox.sim.stages.gateway import pick_bits, round_robin
from sandbox.sim.stages.queues import dequeue, leave, schedule_apart
from sandbox.sim.state import Memory

activator_policy = jit(balancing.activator_policy)
first_available = jit(balancing.first_available)
random_choice_2 = jit(balancing.random_choice_2)
runs_at_once = jit(breaker.runs_at_once)

_FIRST_AVAILABLE = balancing.FIRST_AVAILABLE


@jit
def own_load(s: Memory, act: int, rev: int) -> int:
    """Where this activator's own counts of requests in flight begin in `load`; the gateway's come first."""
    return (1 + act - rev * s.scalars[S_ACTIVATORS]) * s.scalars[S_POD_ROWS]


@jit
def position_for(s: Memory, row: int, act: int, rev: int, own: int) -> int:
    """The place in act_pods of the pod that request `row` may go to now, or NONE."""
    a = act * ACT_COLUMNS
    at = act * s.scalars[S_POD_ROWS]
    n = s.acts[a + A_PODS]
    cc = s.revs[rev * REV_COLUMNS + R_CC]
    if cc == 0:
        return random_choice_2(s.load, own, s.act_pods, at, n, pick_bits(s, row))
    if not runs_at_once(s.acts[a + A_USED], s.acts[a + A_CAPACITY]):
        return NONE
    if activator_policy(cc) == _FIRST_AVAILABLE:
        return first_available(s.load, own, s.act_pods, at, n, cc)
    position = round_robin(s.load, own, s.act_pods, at, n, cc, s.acts[a + A_NEXT_POD])
    if position != NONE:
        s.acts[a + A_NEXT_POD] = position + 1
    return position


@jit
def dispatch(s: Memory, act: int) -> int:
    """Send the first request of the activator's queue to a pod if one may have it.

    Returns DO_ENTER, the request being the queue's former head, or DO_NOTHING.
    """
    acts = s.acts
    a = act * ACT_COLUMNS
    if acts[a + A_QUEUED] == 0:
        return DO_NOTHING
    row = acts[a + A_HEAD]
    h = row * HOP_COLUMNS
    rev = s.hops[h + H_REV]
    own = own_load(s, act, rev)
    position = position_for(s, row, act, rev, own)
    if position == NONE:
        if acts[a + A_TIMER] == 0:
            acts[a + A_TIMER] = 1
            schedule_apart(s, s.hops[h + H_DEADLINE], (EVENT_ACT_TIMER << KIND_SHIFT) | act)
        return DO_NOTHING
    dequeue(acts, a + A_QUEUED, s.hops)
    if acts[a + A_QUEUED] > 0:
        leave(s, (DO_DEQUEUE << DO_SHIFT) | act)
    pod = s.act_pods[act * s.scalars[S_POD_ROWS] + position]
    acts[a + A_USED] += 1
    s.load[own + pod] += 1
    s.hops[h + H_POD] = pod
    return DO_ENTER
