"""A revision's front door: the gateway or a client's own choice of a pod, or the way to an activator.

Whether a request goes direct or through the activator is the revision's mode, which the control plane sets from
its excess burst capacity. A client-side balancer (F_CLIENTS) knows the pods it saw at its last refresh.
"""

from __future__ import annotations

from sandbox.mechanisms.routing import balancing
from sandbox.mechanisms.tenancy import authorization
from sandbox.sim.columns import (
    A_AREA,
    A_COUNT,
    A_INSIDE,
    A_KNOWN,
    A_QUEUED,
    ACT_COLUMNS,
    AT_ACTIVATOR,
    COUNTERS,
    DIRECT,
    DO_DEQUEUE,
    DO_ENTER,
    DO_NOTHING,
    DO_REPLY,
    F_CLIENT_BASE,
    F_CLIENT_STREAM,
    F_CLIENTS,
    F_PICK_STREAM,
    FLOW_COLUMNS,
    H_ACT,
    H_FLOW,
    H_INDEX,
    H_OVER,
    H_POD,
    H_REV,
    H_STAGE,
    H_STATUS,
    HOP_COLUMNS,
    N_ARRIVED,
    N_PROXIED,
    NONE,
    R_ACT_HOP,
    R_ACTIVATORS,
    R_DENIED_AT_ACTIVATOR,
    R_ENDPOINTS,
    R_MODE,
    R_NEXT_ENDPOINT,
    R_POLICY,
    REV_COLUMNS,
    S_ACTIVATORS,
    S_POD_ROWS,
    S_SIGNAL_ACT,
    S_SIGNAL_REV,
)
from sandbox.sim.compiled import jit
from sandbox.sim.draws import below, mix64
from sandbox.sim.stages.callers import caller
from sandbox.sim.stages.queues import enqueue
from sandbox.sim.state import Memory

denies = jit(authorization.denies)
least_request = jit(balancing.least_request)
random_pod = jit(balancing.random_pod)
round_robin = jit(balancing.round_robin)

_LEAST_REQUEST = balancing.LEAST_REQUEST
_ROUND_ROBIN = balancing.ROUND_ROBIN
_NO_LIMIT = 1 << 30


@jit
def pick_bits(s: Memory, row: int) -> int:
    """The 64 random bits that belong to this request's choice of a pod, whoever makes it."""
    h = (row & ~1) * HOP_COLUMNS
    f = s.hops[h + H_FLOW] * FLOW_COLUMNS
    return mix64(s.flows[f + F_PICK_STREAM], 2 * s.hops[h + H_INDEX] + (row & 1))


@jit
def pod_for_client(s: Memory, row: int, bits: int) -> int:
    """A random one of the pods that the request's client knows."""
    h = row * HOP_COLUMNS
    f = s.hops[h + H_FLOW] * FLOW_COLUMNS
    client_bits = mix64(s.flows[f + F_CLIENT_STREAM], s.hops[h + H_INDEX])
    client = s.flows[f + F_CLIENT_BASE] + below(client_bits, s.flows[f + F_CLIENTS])
    position = random_pod(s.client_counts[client], bits)
    if position == NONE:
        return NONE
    return s.client_pods[client * s.scalars[S_POD_ROWS] + position]


@jit
def pod_for_gateway(s: Memory, rev: int, bits: int) -> int:
    """The gateway's choice among the revision's endpoints, by its policy."""
    r = rev * REV_COLUMNS
    at = rev * s.scalars[S_POD_ROWS]
    n = s.revs[r + R_ENDPOINTS]
    policy = s.revs[r + R_POLICY]
    if policy == _LEAST_REQUEST:
        position = least_request(s.load, 0, s.endpoints, at, n, bits)
    elif policy == _ROUND_ROBIN:
        position = round_robin(s.load, 0, s.endpoints, at, n, _NO_LIMIT, s.revs[r + R_NEXT_ENDPOINT])
        s.revs[r + R_NEXT_ENDPOINT] = position + 1
    else:
        position = random_pod(n, bits)
    if position == NONE:
        return NONE
    return s.endpoints[at + position]


@jit
def knock(s: Memory, row: int, rev: int, bits: int, now: int) -> int:
    """Come to an activator and wait in its queue; returns what to do next."""
    h, r = row * HOP_COLUMNS, rev * REV_COLUMNS
    activator = 0
    if s.revs[r + R_ACTIVATORS] > 1:
        activator = ((bits >> 13 & 0xFFFFF) * s.revs[r + R_ACTIVATORS]) >> 20
    act = rev * s.scalars[S_ACTIVATORS] + activator
    a = act * ACT_COLUMNS
    s.hops[h + H_ACT] = act
    s.hops[h + H_OVER] += s.revs[r + R_ACT_HOP]
    s.acts[a + A_INSIDE] += 1
    s.acts[a + A_AREA] -= now
    s.acts[a + A_COUNT] += 1
    s.rev_counts[(2 * rev + (row & 1)) * COUNTERS + N_PROXIED] += 1
    if s.acts[a + A_KNOWN] == 0:
        s.acts[a + A_KNOWN] = 1
        s.scalars[S_SIGNAL_REV] = rev
        s.scalars[S_SIGNAL_ACT] = activator
    s.hops[h + H_STAGE] = AT_ACTIVATOR
    enqueue(s.acts, a + A_QUEUED, s.hops, row)
    # Where others wait already, whoever failed to place the first one has set the timer.
    return DO_NOTHING if s.acts[a + A_QUEUED] > 1 else DO_DEQUEUE


@jit
def arrive(s: Memory, row: int, now: int) -> int:
    """A request is at the front door; returns what to do next."""
    h = row * HOP_COLUMNS
    rev = s.hops[h + H_REV]
    role = row & 1
    s.rev_counts[(2 * rev + role) * COUNTERS + N_ARRIVED] += 1
    bits = pick_bits(s, row)
    if s.revs[rev * REV_COLUMNS + R_MODE] != DIRECT:
        denied = s.revs[rev * REV_COLUMNS + R_DENIED_AT_ACTIVATOR]
        if denied != 0 and denies(denied, caller(s, row)):
            s.hops[h + H_STATUS] = 403
            return DO_REPLY
        return knock(s, row, rev, bits, now)
    if role == 0 and s.flows[s.hops[h + H_FLOW] * FLOW_COLUMNS + F_CLIENTS] > 0:
        s.hops[h + H_OVER] = 0  # no gateway on the way
        pod = pod_for_client(s, row, bits)
    else:
        pod = pod_for_gateway(s, rev, bits)
    if pod == NONE:
        s.hops[h + H_STATUS] = 503
        return DO_REPLY
    s.hops[h + H_POD] = pod
    s.load[pod] += 1
    return DO_ENTER
