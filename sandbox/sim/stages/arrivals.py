"""Requests coming into being: open-loop flows by their rate or trace, closed-loop users when they wake.

The instant of a flow's next arrival is kept in F_NEXT, beside the heap. Request `index` of a flow gets its key
from the flow's key stream, so it is the same request in every variant.
"""

from __future__ import annotations

from sandbox.mechanisms.routing import split
from sandbox.mechanisms.traffic import rates
from sandbox.sim.columns import (
    ARRIVING,
    DO_ARRIVE,
    DO_NOTHING,
    EVENT_USER,
    F_GAP_STREAM,
    F_INDEX,
    F_KEY_OFFSET,
    F_KEY_STREAM,
    F_KEYS,
    F_KIND,
    F_LAST_SEGMENT,
    F_NEXT,
    F_ROUTE,
    F_SEGMENT,
    F_SPLIT_STREAM,
    F_THINK,
    F_THINK_STREAM,
    F_TRACE,
    F_TRACE_END,
    FLOW_COLUMNS,
    FOREVER,
    H_ACT,
    H_DEADLINE,
    H_FLOW,
    H_INDEX,
    H_KEY,
    H_NEXT,
    H_OVER,
    H_POD,
    H_REV,
    H_ROUTE,
    H_SERVICE,
    H_STAGE,
    H_STATUS,
    H_T_IN,
    H_USER,
    HOP_COLUMNS,
    K_LENGTH,
    K_RATE,
    K_SLOPE,
    K_START,
    KIND_CONSTANT,
    KIND_SHIFT,
    KIND_TRACE,
    KNOT_COLUMNS,
    NO_USER,
    NONE,
    R_HOP,
    R_TIMEOUT,
    REV_COLUMNS,
    S_FREE,
    S_NO_ROUTE,
    T_COUNT,
    T_OFFSET,
    USER_BITS,
)
from sandbox.sim.compiled import jit, jit_apart
from sandbox.sim.draws import alias_draw, mix64, sample, uniform53
from sandbox.sim.stages.queues import schedule_apart
from sandbox.sim.state import Memory

arrivals_within = jit(rates.arrivals_within)
pick_target = jit(split.pick)
time_for = jit(rates.time_for)


@jit
def next_arrival(s: Memory, flow: int) -> None:
    """Find the instant of the flow's next arrival and note it in F_NEXT.

    Open-loop arrivals consume one unit (constant) or a unit exponential (Poisson) of the integral of the rate,
    which is linear within a segment.
    """
    flows, knots = s.flows, s.knots
    f = flow * FLOW_COLUMNS
    kind = flows[f + F_KIND]
    index = flows[f + F_INDEX]
    if kind == KIND_TRACE:
        at = flows[f + F_TRACE] + index
        flows[f + F_NEXT] = s.trace_t[at] if at < flows[f + F_TRACE_END] else FOREVER
        return
    amount = 1.0
    if kind != KIND_CONSTANT:
        amount = sample(s.tables, 0, mix64(flows[f + F_GAP_STREAM], index))
    segment = flows[f + F_SEGMENT]
    position = s.positions[flow]
    while True:
        k = segment * KNOT_COLUMNS
        slope = knots[k + K_SLOPE]
        rate = knots[k + K_RATE] + slope * position
        left = knots[k + K_LENGTH] - position
        area = arrivals_within(rate, slope, left)
        if amount < area:
            break
        if segment == flows[f + F_LAST_SEGMENT]:
            flows[f + F_NEXT] = FOREVER
            return
        amount -= area
        segment += 1
        position = 0.0
    position += time_for(amount, rate, slope)
    flows[f + F_SEGMENT] = segment
    s.positions[flow] = position
    flows[f + F_NEXT] = int(knots[k + K_START] + position)


@jit_apart
def first_arrivals(s: Memory, n_flows: int) -> None:
    """Set every open-loop flow to its first arrival."""
    for flow in range(n_flows):
        if s.flows[flow * FLOW_COLUMNS + F_KIND] <= KIND_TRACE:
            next_arrival(s, flow)


@jit
def soonest_flow(s: Memory, n_flows: int) -> int:
    """The flow whose next request comes first, NONE if none does; the lower number wins a tie."""
    soonest = NONE
    at = FOREVER
    for flow in range(n_flows):
        following = s.flows[flow * FLOW_COLUMNS + F_NEXT]
        if following < at:
            at = following
            soonest = flow
    return soonest


@jit_apart
def think(s: Memory, flow: int, index: int, since: int, user: int) -> None:
    """A closed-loop user has an answer and thinks before the next request, at least until the next instant."""
    f = flow * FLOW_COLUMNS
    takes = int(sample(s.tables, s.flows[f + F_THINK], mix64(s.flows[f + F_THINK_STREAM], index)))
    wakes = since + (takes if takes > 1 else 1)
    schedule_apart(s, wakes, (EVENT_USER << KIND_SHIFT) | (flow << USER_BITS) | user)


@jit
def draw_target(s: Memory, route: int, bits: int) -> int:
    """The revision that one request on a route goes to; the route has at least one target."""
    first = s.routes[2 * route + T_OFFSET]
    n = s.routes[2 * route + T_COUNT]
    if n == 1:
        return s.targets[first]
    return s.targets[first + pick_target(s.shares, first, n, uniform53(bits))]


@jit
def new_request(s: Memory, flow: int, user: int, now: int) -> int:
    """Fill the first free row with the flow's next request and draw its revision; returns what to do next."""
    hops, flows = s.hops, s.flows
    row = s.scalars[S_FREE]
    h = row * HOP_COLUMNS
    f = flow * FLOW_COLUMNS
    index = flows[f + F_INDEX]
    flows[f + F_INDEX] = index + 1
    route = flows[f + F_ROUTE]
    key = 0
    service = NONE
    if flows[f + F_KEYS] > 0:
        bits = mix64(flows[f + F_KEY_STREAM], index)
        key = alias_draw(s.keys, flows[f + F_KEY_OFFSET], flows[f + F_KEYS], bits)
    if flows[f + F_KIND] == KIND_TRACE:
        at = flows[f + F_TRACE] + index
        service = s.trace_service[at]
        if s.trace_key[at] != NONE:
            key = s.trace_key[at]
        if s.trace_route[at] != NONE:
            route = s.trace_route[at]
    if s.routes[2 * route + T_COUNT] == 0:
        s.scalars[S_NO_ROUTE] += 1
        if user != NO_USER:
            think(s, flow, index, now, user)
        return DO_NOTHING
    s.scalars[S_FREE] = hops[h + H_NEXT]
    rev = draw_target(s, route, mix64(flows[f + F_SPLIT_STREAM], 2 * index))
    hops[h + H_REV] = rev
    hops[h + H_POD] = NONE
    hops[h + H_ACT] = NONE
    hops[h + H_T_IN] = now
    hops[h + H_DEADLINE] = now + s.revs[rev * REV_COLUMNS + R_TIMEOUT]
    hops[h + H_STAGE] = ARRIVING
    hops[h + H_OVER] = s.revs[rev * REV_COLUMNS + R_HOP]
    hops[h + H_STATUS] = 200
    hops[h + H_INDEX] = index
    hops[h + H_FLOW] = flow
    hops[h + H_KEY] = key
    hops[h + H_SERVICE] = service
    hops[h + H_USER] = user
    hops[h + H_ROUTE] = route
    return DO_ARRIVE
