"""The data plane: advances every request from one control event to the next, in one compiled loop.

`advance(state, until)` plays arrivals, completions, time-outs and waking users up to (not including) `until` and
says why it stopped: REACHED, FIRST_REQUEST (an activator met a revision it did not know: the autoscaler must be
told at once) or NEED_ROOM (the arrays are full: the caller makes them larger and calls again; nothing was lost).
Between calls the control plane changes the arrays (columns.py says what each column means) and may leave work:
replies for requests of a killed pod, activators with new capacity.

A request's path is a sequence of stages (stages/), each a function that takes the state and a row and says what
comes next:

    new_request -> arrive -> (dispatch, behind an activator) -> enter -> enter_container -> start
    end_work -> proceed -> reply, or, for a transformer without a cached answer, arrive with the inner hop

Per-request decisions (balancing, breaker, split, cache keys) are the functions of `sandbox.mechanisms`, compiled
here as they are.
"""

from __future__ import annotations

from sandbox.sim.columns import (
    A_HEAD,
    ACT_COLUMNS,
    DO_ARRIVE,
    DO_CONTAINER,
    DO_CREATE,
    DO_DEQUEUE,
    DO_ENTER,
    DO_REPLY,
    DO_SHIFT,
    DO_START,
    EVENT_ACT_TIMER,
    EVENT_HOP,
    EVENT_POD_TIMER,
    F_NEXT,
    FIRST_REQUEST,
    FLOW_COLUMNS,
    FOREVER,
    GEN_MASK,
    GEN_SHIFT,
    H_ACT,
    H_GEN,
    HOP_COLUMNS,
    KIND_SHIFT,
    NEED_ROOM,
    NO_USER,
    NONE,
    REACHED,
    ROW_MASK,
    S_FREE,
    S_HEAP,
    S_NEW_FLOWS,
    S_NOW,
    S_POD_ROWS,
    S_SERVED,
    S_SIGNAL_REV,
    S_TODO,
    USER_BITS,
)
from sandbox.sim.compiled import jit_outer
from sandbox.sim.stages.activator import dispatch
from sandbox.sim.stages.answer import reply
from sandbox.sim.stages.arrivals import first_arrivals, new_request, next_arrival, soonest_flow
from sandbox.sim.stages.deadlines import ring_activator, ring_pod
from sandbox.sim.stages.gateway import arrive
from sandbox.sim.stages.pod import end_work, enter, enter_container, start
from sandbox.sim.stages.queues import take_event
from sandbox.sim.stages.transformer import proceed
from sandbox.sim.state import Arrays, State, as_cells

__all__ = ["Arrays", "State", "advance"]

_HEAP_RESERVE = 8  # one event leaves fewer new ones, and the heap wants some spare cells


# Longer than the house's sixty lines: all stages are copied into it once, whatever they are entered from.
@jit_outer
def advance(arrays: Arrays, until: int) -> int:
    """Play everything before `until`; returns REACHED, FIRST_REQUEST or NEED_ROOM."""
    s = as_cells(arrays)
    scalars = s.scalars
    n_flows = arrays.flows.shape[0]
    heap_room = arrays.heap_t.shape[0] - _HEAP_RESERVE
    scalars[S_POD_ROWS] = arrays.pods.shape[0]
    scalars[S_SIGNAL_REV] = NONE
    if scalars[S_NEW_FLOWS] != 0:
        scalars[S_NEW_FLOWS] = 0
        first_arrivals(s, n_flows)
    now = scalars[S_NOW]
    reason = REACHED
    flow = soonest_flow(s, n_flows)
    arrival = s.flows[flow * FLOW_COLUMNS + F_NEXT] if flow != NONE else FOREVER

    while True:
        count = scalars[S_TODO]
        if count > 0:
            # ---- work left over at this instant, the last one first
            scalars[S_TODO] = count - 1
            item = s.todo[count - 1] >> DO_SHIFT
            row = s.todo[count - 1] & ROW_MASK
        else:
            # ---- what happens next: a completion, a timer, a user who wakes, or an arrival
            if scalars[S_SIGNAL_REV] != NONE:
                reason = FIRST_REQUEST
                break
            event_at = s.heap_t[0]
            if event_at >= until and arrival >= until:
                now = until
                break
            if scalars[S_FREE] == NONE or scalars[S_HEAP] >= heap_room:
                reason = NEED_ROOM
                break
            if event_at > arrival:
                now = arrival
                item = DO_CREATE
                row = (flow << USER_BITS) | NO_USER
            else:
                now = event_at
                event = take_event(s)
                kind = event >> KIND_SHIFT
                row = event & ROW_MASK
                if kind == EVENT_HOP:
                    if (s.hops[row * HOP_COLUMNS + H_GEN] & GEN_MASK) != ((event >> GEN_SHIFT) & GEN_MASK):
                        continue  # the request was answered otherwise
                    scalars[S_SERVED] += 1
                    end_work(s, row)
                    item = proceed(s, row, now)
                    if item == DO_ARRIVE:
                        row += 1
                elif kind == EVENT_POD_TIMER:
                    ring_pod(s, row, now)
                    continue
                elif kind == EVENT_ACT_TIMER:
                    ring_activator(s, row, now)
                    continue
                else:
                    item = DO_CREATE

        # ---- the stages of a request's path, in the order in which it meets them
        if item == DO_CREATE:
            comes_from = row >> USER_BITS
            user = row & NO_USER
            row = scalars[S_FREE]
            item = new_request(s, comes_from, user, now)
            if user == NO_USER:
                next_arrival(s, comes_from)
                flow = soonest_flow(s, n_flows)
                arrival = s.flows[flow * FLOW_COLUMNS + F_NEXT] if flow != NONE else FOREVER
        if item == DO_ARRIVE:
            item = arrive(s, row, now)
            if item == DO_DEQUEUE:
                row = s.hops[row * HOP_COLUMNS + H_ACT]
        if item == DO_DEQUEUE:
            act = row
            row = s.acts[act * ACT_COLUMNS + A_HEAD]
            item = dispatch(s, act)
        if item == DO_ENTER:
            item = enter(s, row, now)
        if item == DO_CONTAINER:
            item = enter_container(s, row)
        if item == DO_START:
            start(s, row, now)
        if item == DO_REPLY:
            reply(s, row, now)

    scalars[S_NOW] = now
    return reason
