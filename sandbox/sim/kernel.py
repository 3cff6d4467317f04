"""The data plane: advances every request from one control event to the next, in one compiled loop.

`advance(state, until)` plays arrivals, completions, time-outs and waking users up to (not including) `until` and
says why it stopped: REACHED, FIRST_REQUEST (an activator met a revision it did not know: the autoscaler must be
told at once) or NEED_ROOM (the arrays are full: the caller makes them larger and calls again; nothing was lost).
Between calls the control plane changes the arrays (columns.py says what each column means) and may push work
onto the to-do stack: replies for requests of a killed pod, activators with new capacity.

Per-request decisions (balancing, breaker, split, cache keys) are the functions of `sandbox.mechanisms`, compiled
here as they are. Upstream behaviour: ../mechanisms' docstrings; the order on the path is gateway, activator or
not, queue-proxy, container, and for a transformer its cache and then the predictor by the same path.

Leaves out, with the seam where it would go: batching (between DO_CONTAINER and DO_START), retries and outlier
ejection (DO_REPLY before the counters), CPU shares (the duration in DO_START).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sandbox.mechanisms.caching import keys as caching
from sandbox.mechanisms.routing import balancing, breaker, split
from sandbox.sim.columns import (
    A_AREA,
    A_CAPACITY,
    A_COUNT,
    A_HEAD,
    A_INSIDE,
    A_KNOWN,
    A_NEXT_POD,
    A_PODS,
    A_QUEUED,
    A_TIMER,
    A_USED,
    ARRIVING,
    AT_ACTIVATOR,
    AT_CONTAINER,
    AT_QUEUE_PROXY,
    DIRECT,
    DO_ARRIVE,
    DO_CONTAINER,
    DO_DEQUEUE,
    DO_ENTER,
    DO_MASK,
    DO_REPLY,
    DO_SHIFT,
    DO_START,
    EVENT_ACT_TIMER,
    EVENT_HOP,
    EVENT_POD_TIMER,
    EVENT_USER,
    F_CLIENT_BASE,
    F_CLIENT_STREAM,
    F_CLIENTS,
    F_FAIL_STREAM,
    F_GAP_STREAM,
    F_INDEX,
    F_KEY_OFFSET,
    F_KEY_STREAM,
    F_KEYS,
    F_KIND,
    F_LAST_SEGMENT,
    F_NEXT,
    F_PICK_STREAM,
    F_ROUTE,
    F_SEGMENT,
    F_SERVICE_STREAM,
    F_SPLIT_STREAM,
    F_THINK,
    F_THINK_STREAM,
    F_TRACE,
    F_TRACE_END,
    FIRST_REQUEST,
    FOREVER,
    FREE,
    GEN_MASK,
    GEN_SHIFT,
    GONE,
    H_ACT,
    H_DEADLINE,
    H_FLOW,
    H_GEN,
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
    K_LENGTH,
    K_RATE,
    K_SLOPE,
    K_START,
    KIND_CONSTANT,
    KIND_SHIFT,
    KIND_TRACE,
    N_200,
    N_500,
    N_502,
    N_503,
    N_504,
    N_ARRIVED,
    N_HIT,
    N_MISS,
    N_PROXIED,
    N_STALE,
    N_STARTED,
    NEED_ROOM,
    NONE,
    P_ACTIVE,
    P_ALIVE,
    P_AREA,
    P_CACHE,
    P_COUNT,
    P_HEAD,
    P_INSIDE,
    P_PROXIED,
    P_PROXIED_AREA,
    P_PROXIED_COUNT,
    P_QUEUED,
    P_RUNNING,
    P_TIMER,
    P_WAIT_HEAD,
    P_WAITING,
    R_ACT_HOP,
    R_ACTIVATORS,
    R_CACHE_TABLE,
    R_CC,
    R_ENDPOINTS,
    R_FAIL,
    R_HAS_CACHE,
    R_HOP,
    R_INNER_ROUTE,
    R_KEY_HAS_MODEL,
    R_MODE,
    R_MODEL,
    R_NEXT_ENDPOINT,
    R_POLICY,
    R_RESPONSE_BYTES,
    R_TABLE,
    R_TIMEOUT,
    R_WORKERS,
    REACHED,
    REFUSED,
    ROW_MASK,
    S_FREE,
    S_HEAP,
    S_NO_ROUTE,
    S_NOW,
    S_SERVED,
    S_SIGNAL_ACT,
    S_SIGNAL_REV,
    S_TODO,
    T_COUNT,
    T_OFFSET,
    WAITING,
    WORKING,
)
from sandbox.sim.compiled import jit, jit_outer
from sandbox.sim.draws import alias_draw, mix64, sample, uniform53
from sandbox.sim.heap import drop_first, push
from sandbox.sim.lru import look_up, store

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

first_available = jit(balancing.first_available)
round_robin = jit(balancing.round_robin)
random_choice_2 = jit(balancing.random_choice_2)
least_request = jit(balancing.least_request)
random_pod = jit(balancing.random_pod)
activator_policy = jit(balancing.activator_policy)
queue_depth = jit(breaker.queue_depth)
admits = jit(breaker.admits)
runs_at_once = jit(breaker.runs_at_once)
pick_target = jit(split.pick)
cache_key = jit(caching.cache_key)
is_stale = jit(caching.is_stale)
stores = jit(caching.stores)

_FIRST_AVAILABLE = balancing.FIRST_AVAILABLE
_RANDOM_CHOICE_2 = balancing.RANDOM_CHOICE_2
_ROUND_ROBIN = balancing.ROUND_ROBIN
_LEAST_REQUEST = balancing.LEAST_REQUEST



class State(NamedTuple):
    """The arrays of the data plane (columns.py)."""

    scalars: Ints
    hops: Ints
    heap_t: Ints
    heap_v: Ints
    todo: Ints
    revs: Ints
    pods: Ints
    acts: Ints
    load: Ints  # [1 + activators, pods]: in flight per pod as the gateway counts (row 0) and activator a (row 1 + a)
    endpoints: Ints  # [revs, pods]: pods the gateway knows
    act_pods: Ints  # [acts, pods]: pods an activator may use
    rev_counts: Ints
    pod_counts: Ints
    hist: Ints  # [2 * revs, buckets]
    routes: Ints
    targets: Ints  # revision of each target
    shares: Ints  # cumulative thresholds of each target
    flows: Ints
    positions: Floats  # per flow: ns into its rate segment
    knots: Floats
    keys: Ints  # alias tables
    tables: Floats  # quantile tables; table 0 is the unit exponential
    trace_t: Ints
    trace_service: Ints
    trace_key: Ints
    trace_route: Ints
    client_pods: Ints  # [clients, pods]
    client_counts: Ints
    caches: Ints
    entries: Ints
    slots: Ints


@jit
def bucket(latency: int) -> int:
    """journal.schema.bucket_of from the bits of the number as a double: exponent, then six bits of fraction."""
    return int((np.float64(max(latency, 1)).view(np.int64) >> 46) - (1023 << 6))


@jit
def status_column(status: int) -> int:
    """The counter column of an HTTP status."""
    if status == 200:
        return N_200
    if status == 500:
        return N_500
    if status == 502:
        return N_502
    if status == 503:
        return N_503
    return N_504


@jit
def enqueue(rows: Ints, row: int, length: int, hops: Ints, hop: int) -> None:
    """Append to a queue whose length, head and tail are the columns `length`, +1 and +2 of `rows`."""
    hops[hop, H_NEXT] = NONE
    if rows[row, length] == 0:
        rows[row, length + 1] = hop
    else:
        hops[rows[row, length + 2], H_NEXT] = hop
    rows[row, length + 2] = hop
    rows[row, length] += 1


@jit
def dequeue(rows: Ints, row: int, length: int, hops: Ints) -> int:
    """Take the first of a queue that is not empty."""
    hop = rows[row, length + 1]
    rows[row, length + 1] = hops[hop, H_NEXT]
    rows[row, length] -= 1
    return int(hop)


@jit
def expire(rows: Ints, row: int, length: int, hops: Ints, now: int, todo: Ints, count: int) -> int:
    """Answer 504 for every queued request whose deadline has come; returns the size of the to-do stack."""
    previous = NONE
    hop = rows[row, length + 1]
    for _ in range(rows[row, length]):
        following = hops[hop, H_NEXT]
        if hops[hop, H_DEADLINE] <= now:
            if previous == NONE:
                rows[row, length + 1] = following
            else:
                hops[previous, H_NEXT] = following
            if rows[row, length + 2] == hop:
                rows[row, length + 2] = previous
            rows[row, length] -= 1
            hops[hop, H_STATUS] = 504
            todo[count] = (DO_REPLY << DO_SHIFT) | hop
            count += 1
        else:
            previous = hop
        hop = following
    return count


@jit
def earliest_deadline(rows: Ints, row: int, length: int, hops: Ints) -> int:
    """The earliest deadline in a queue, FOREVER when it is empty."""
    earliest = FOREVER
    hop = rows[row, length + 1]
    for _ in range(rows[row, length]):
        earliest = min(earliest, hops[hop, H_DEADLINE])
        hop = hops[hop, H_NEXT]
    return earliest


@jit
def next_arrival(
    flows: Ints, flow: int, positions: Floats, knots: Floats, tables: Floats, trace_t: Ints
) -> None:
    """Find the instant of the flow's next arrival and note it in F_NEXT.

    Open-loop arrivals consume one unit (constant) or a unit exponential (Poisson) of the integral of the rate,
    which is linear within a segment: solve slope/2·dt² + rate·dt = amount for dt.
    """
    kind = flows[flow, F_KIND]
    index = flows[flow, F_INDEX]
    if kind == KIND_TRACE:
        at = flows[flow, F_TRACE] + index
        flows[flow, F_NEXT] = trace_t[at] if at < flows[flow, F_TRACE_END] else FOREVER
        return
    amount = 1.0
    if kind != KIND_CONSTANT:
        amount = sample(tables, 0, mix64(flows[flow, F_GAP_STREAM], index))
    segment = flows[flow, F_SEGMENT]
    position = positions[flow]
    while True:
        slope = knots[segment, K_SLOPE]
        rate = knots[segment, K_RATE] + slope * position
        left = knots[segment, K_LENGTH] - position
        area = left * (rate + 0.5 * slope * left) if slope != 0.0 else left * rate
        if amount < area:
            break
        if segment == flows[flow, F_LAST_SEGMENT]:
            flows[flow, F_NEXT] = FOREVER
            return
        amount -= area
        segment += 1
        position = 0.0
    if slope == 0.0:
        position += amount / rate
    else:
        position += 2.0 * amount / (rate + math.sqrt(max(rate * rate + 2.0 * slope * amount, 0.0)))
    flows[flow, F_SEGMENT] = segment
    positions[flow] = position
    flows[flow, F_NEXT] = int(knots[segment, K_START] + position)


@jit_outer
def first_arrivals(s: State) -> None:
    """Set every open-loop flow to its first arrival; called once, before the first `advance`."""
    for flow in range(s.flows.shape[0]):
        if s.flows[flow, F_KIND] <= KIND_TRACE:
            next_arrival(s.flows, flow, s.positions, s.knots, s.tables, s.trace_t)


# One function on purpose: the loop keeps its arrays in registers, and each stage of a request's path is written
# once although it is entered from several places. Read it as a list of stages; `item` says which comes next.
@jit_outer
def advance(s: State, until: int) -> int:
    """Play everything before `until`; returns REACHED, FIRST_REQUEST or NEED_ROOM."""
    # Taken out of the tuple once: inside the loop numba would count references at every use.
    scalars, hops, heap_t, heap_v, todo = s.scalars, s.hops, s.heap_t, s.heap_v, s.todo
    revs, pods, acts = s.revs, s.pods, s.acts
    rev_counts, pod_counts, hist = s.rev_counts, s.pod_counts, s.hist
    flows, positions, knots, tables, keys = s.flows, s.positions, s.knots, s.tables, s.keys
    routes, targets, shares = s.routes, s.targets, s.shares
    trace_t, trace_service, trace_key, trace_route = s.trace_t, s.trace_service, s.trace_key, s.trace_route
    client_counts, caches, entries, slots = s.client_counts, s.caches, s.entries, s.slots
    load, endpoints, act_pods = s.load.ravel(), s.endpoints.ravel(), s.act_pods.ravel()
    client_pods = s.client_pods.ravel()
    n_pods = pods.shape[0]  # row length of load, endpoints, act_pods, client_pods
    n_flows = flows.shape[0]
    max_activators = s.load.shape[0] - 1
    heap = scalars[S_HEAP]
    count = scalars[S_TODO]
    free = scalars[S_FREE]
    now = scalars[S_NOW]
    served = 0
    reason = REACHED
    heap_room = heap_t.shape[0] - 8

    while True:
        # ---- what happens next: work left over, a completion or timer, an arrival
        if count == 0:
            if reason == FIRST_REQUEST:
                break
            flow = 0
            arrival = FOREVER
            for candidate in range(n_flows):
                if flows[candidate, F_NEXT] < arrival:
                    arrival = flows[candidate, F_NEXT]
                    flow = candidate
            event_at = heap_t[0] if heap > 0 else FOREVER
            if min(event_at, arrival) >= until:
                now = until
                break
            if heap >= heap_room:
                reason = NEED_ROOM
                break
            user = NONE
            if event_at <= arrival:
                # ---- the heap's first entry
                now = event_at
                payload = heap_v[0]
                kind = payload >> KIND_SHIFT
                row = payload & ROW_MASK
                if kind == EVENT_USER and free == NONE:
                    reason = NEED_ROOM
                    break
                heap = drop_first(heap_t, heap_v, heap)
                if kind == EVENT_HOP:
                    if (hops[row, H_GEN] & GEN_MASK) != ((payload >> GEN_SHIFT) & GEN_MASK):
                        continue
                    served += 1
                    # ---- a worker is done
                    pod = hops[row, H_POD]
                    if pods[pod, P_WAITING] > 0:
                        todo[count] = (DO_START << DO_SHIFT) | dequeue(pods, pod, P_WAITING, hops)
                        count += 1
                    else:
                        pods[pod, P_RUNNING] -= 1
                    hops[row, H_STAGE] = WAITING
                    rev = hops[row, H_REV]
                    inner = revs[rev, R_INNER_ROUTE]
                    if inner == NONE or hops[row, H_STATUS] != 200:
                        todo[count] = (DO_REPLY << DO_SHIFT) | row
                        count += 1
                        continue
                    # ---- a transformer: its cache, else the predictor
                    flow = hops[row, H_FLOW]
                    index = hops[row, H_INDEX]
                    target = routes[inner, T_OFFSET]
                    if routes[inner, T_COUNT] == 0:
                        hops[row, H_STATUS] = 503
                        todo[count] = (DO_REPLY << DO_SHIFT) | row
                        count += 1
                        continue
                    target += pick_target(
                        shares,
                        target,
                        routes[inner, T_COUNT],
                        uniform53(mix64(flows[flow, F_SPLIT_STREAM], 2 * index + 1)),
                    )
                    inner_rev = targets[target]
                    cache = pods[pod, P_CACHE]
                    if cache != NONE:
                        model = revs[inner_rev, R_MODEL]
                        stored = look_up(
                            caches,
                            entries,
                            slots,
                            cache,
                            cache_key(hops[row, H_KEY], model, revs[rev, R_KEY_HAS_MODEL] != 0),
                            now,
                        )
                        if stored != NONE:
                            pod_counts[2 * pod, N_HIT] += 1
                            if is_stale(stored, model):
                                pod_counts[2 * pod, N_STALE] += 1
                            todo[count] = (DO_REPLY << DO_SHIFT) | row
                            count += 1
                            continue
                        pod_counts[2 * pod, N_MISS] += 1
                    child = row + 1
                    hops[child, H_REV] = inner_rev
                    hops[child, H_POD] = NONE
                    hops[child, H_ACT] = NONE
                    hops[child, H_T_IN] = now
                    hops[child, H_DEADLINE] = min(now + revs[inner_rev, R_TIMEOUT], hops[row, H_DEADLINE])
                    hops[child, H_STAGE] = ARRIVING
                    hops[child, H_STATUS] = 200
                    hops[child, H_OVER] = revs[inner_rev, R_HOP]
                    todo[count] = (DO_ARRIVE << DO_SHIFT) | child
                    count += 1
                    continue
                if kind == EVENT_POD_TIMER:
                    count = expire(pods, row, P_QUEUED, hops, now, todo, count)
                    count = expire(pods, row, P_WAITING, hops, now, todo, count)
                    deadline = min(
                        earliest_deadline(pods, row, P_QUEUED, hops), earliest_deadline(pods, row, P_WAITING, hops)
                    )
                    pods[row, P_TIMER] = 0
                    if deadline < FOREVER:
                        pods[row, P_TIMER] = 1
                        heap = push(heap_t, heap_v, heap, deadline, (EVENT_POD_TIMER << KIND_SHIFT) | row)
                    continue
                if kind == EVENT_ACT_TIMER:
                    count = expire(acts, row, A_QUEUED, hops, now, todo, count)
                    acts[row, A_TIMER] = 0
                    deadline = earliest_deadline(acts, row, A_QUEUED, hops)
                    if deadline < FOREVER:
                        acts[row, A_TIMER] = 1
                        heap = push(heap_t, heap_v, heap, deadline, (EVENT_ACT_TIMER << KIND_SHIFT) | row)
                    continue
                user = row & 0xFFFFF
                flow = row >> 20
            else:
                # ---- an arrival of an open-loop flow
                if free == NONE:
                    reason = NEED_ROOM
                    break
                now = arrival
            index = flows[flow, F_INDEX]
            row = free
            free = hops[row, H_NEXT]
            hops[row, H_FLOW] = flow
            hops[row, H_INDEX] = index
            hops[row, H_USER] = user
            hops[row, H_POD] = NONE
            hops[row, H_ACT] = NONE
            hops[row, H_T_IN] = now
            hops[row, H_STAGE] = ARRIVING
            hops[row, H_STATUS] = 200
            hops[row, H_SERVICE] = NONE
            hops[row, H_KEY] = 0
            route = flows[flow, F_ROUTE]
            if flows[flow, F_KEYS] > 0:
                hops[row, H_KEY] = alias_draw(
                    keys, flows[flow, F_KEY_OFFSET], flows[flow, F_KEYS], mix64(flows[flow, F_KEY_STREAM], index)
                )
            if flows[flow, F_KIND] == KIND_TRACE:
                at = flows[flow, F_TRACE] + index
                hops[row, H_SERVICE] = trace_service[at]
                if trace_key[at] != NONE:
                    hops[row, H_KEY] = trace_key[at]
                if trace_route[at] != NONE:
                    route = trace_route[at]
            flows[flow, F_INDEX] = index + 1
            if user == NONE:
                next_arrival(flows, flow, positions, knots, tables, trace_t)
            hops[row, H_ROUTE] = route
            n_targets = routes[route, T_COUNT]
            if n_targets == 0:
                scalars[S_NO_ROUTE] += 1
                hops[row, H_STAGE] = FREE
                hops[row, H_NEXT] = free
                free = row
                if user != NONE:
                    wake = now + int(
                        sample(tables, flows[flow, F_THINK], mix64(flows[flow, F_THINK_STREAM], index))
                    )
                    heap = push(
                        heap_t, heap_v, heap, max(wake, now + 1), (EVENT_USER << KIND_SHIFT) | (flow << 20) | user
                    )
                continue
            target = routes[route, T_OFFSET]
            if n_targets > 1:
                target += pick_target(
                    shares, target, n_targets, uniform53(mix64(flows[flow, F_SPLIT_STREAM], 2 * index))
                )
            rev = targets[target]
            hops[row, H_REV] = rev
            hops[row, H_DEADLINE] = now + revs[rev, R_TIMEOUT]
            hops[row, H_OVER] = revs[rev, R_HOP]
            item = DO_ARRIVE
        else:
            count -= 1
            item = todo[count] >> DO_SHIFT
            row = todo[count] & DO_MASK

        role = row & 1
        rev = hops[row, H_REV] if item != DO_DEQUEUE else NONE

        if item == DO_ARRIVE:
            # ---- the revision's front door: gateway, activator or a client's own choice
            rev_counts[2 * rev + role, N_ARRIVED] += 1
            first = row - role
            flow = hops[first, H_FLOW]
            bits = mix64(flows[flow, F_PICK_STREAM], 2 * hops[first, H_INDEX] + role)
            if revs[rev, R_MODE] == DIRECT:
                pod = NONE
                if role == 0 and flows[flow, F_CLIENTS] > 0:
                    client = flows[flow, F_CLIENT_BASE] + (
                        mix64(flows[flow, F_CLIENT_STREAM], hops[first, H_INDEX]) >> 33 & 0x3FFFFFFF
                    ) % flows[flow, F_CLIENTS]
                    position = random_pod(client_counts[client], bits)
                    if position != NONE:
                        pod = client_pods[client * n_pods + position]
                    hops[row, H_OVER] = 0  # no gateway on the way
                else:
                    n = revs[rev, R_ENDPOINTS]
                    policy = revs[rev, R_POLICY]
                    if policy == _LEAST_REQUEST:
                        position = least_request(load, 0, endpoints, rev * n_pods, n, bits)
                    elif policy == _ROUND_ROBIN:
                        position = round_robin(
                            load, 0, endpoints, rev * n_pods, n, 1 << 30, revs[rev, R_NEXT_ENDPOINT]
                        )
                        revs[rev, R_NEXT_ENDPOINT] = position + 1
                    else:
                        position = random_pod(n, bits)
                    if position != NONE:
                        pod = endpoints[rev * n_pods + position]
                if pod == NONE:
                    hops[row, H_STATUS] = 503
                    item = DO_REPLY
                else:
                    hops[row, H_POD] = pod
                    load[pod] += 1
                    item = DO_ENTER
            else:
                activator = 0
                if revs[rev, R_ACTIVATORS] > 1:
                    activator = (bits >> 13 & 0xFFFFF) % revs[rev, R_ACTIVATORS]
                act = rev * max_activators + activator
                hops[row, H_ACT] = act
                hops[row, H_OVER] += revs[rev, R_ACT_HOP]
                acts[act, A_INSIDE] += 1
                acts[act, A_AREA] -= now
                acts[act, A_COUNT] += 1
                rev_counts[2 * rev + role, N_PROXIED] += 1
                if acts[act, A_KNOWN] == 0:
                    acts[act, A_KNOWN] = 1
                    scalars[S_SIGNAL_REV] = rev
                    scalars[S_SIGNAL_ACT] = activator
                    reason = FIRST_REQUEST
                hops[row, H_STAGE] = AT_ACTIVATOR
                enqueue(acts, act, A_QUEUED, hops, row)
                if acts[act, A_QUEUED] > 1:
                    continue  # whoever failed to place the first one has set the timer
                row = act
                item = DO_DEQUEUE

        if item == DO_DEQUEUE:
            # ---- the activator's queue: the first request goes as soon as a pod may have it
            act = row
            if acts[act, A_QUEUED] == 0:
                continue
            rev = act // max_activators
            own = (1 + act - rev * max_activators) * n_pods  # this activator's row of load
            cc = revs[rev, R_CC]
            row = acts[act, A_HEAD]
            position = NONE
            if cc == 0:
                bits = mix64(flows[hops[row - (row & 1), H_FLOW], F_PICK_STREAM], 2 * hops[row - (row & 1), H_INDEX] + (row & 1))
                position = random_choice_2(load, own, act_pods, act * n_pods, acts[act, A_PODS], bits)
            elif runs_at_once(acts[act, A_USED], acts[act, A_CAPACITY]):
                if activator_policy(cc) == _FIRST_AVAILABLE:
                    position = first_available(load, own, act_pods, act * n_pods, acts[act, A_PODS], cc)
                else:
                    position = round_robin(
                        load, own, act_pods, act * n_pods, acts[act, A_PODS], cc, acts[act, A_NEXT_POD]
                    )
                    if position != NONE:
                        acts[act, A_NEXT_POD] = position + 1
            if position == NONE:
                if acts[act, A_TIMER] == 0:
                    acts[act, A_TIMER] = 1
                    heap = push(
                        heap_t, heap_v, heap, hops[row, H_DEADLINE], (EVENT_ACT_TIMER << KIND_SHIFT) | act
                    )
                continue
            dequeue(acts, act, A_QUEUED, hops)
            if acts[act, A_QUEUED] > 0:
                todo[count] = (DO_DEQUEUE << DO_SHIFT) | act
                count += 1
            pod = act_pods[act * n_pods + position]
            acts[act, A_USED] += 1
            load[own + pod] += 1
            hops[row, H_POD] = pod
            role = row & 1
            item = DO_ENTER

        if item == DO_ENTER:
            # ---- queue-proxy
            pod = hops[row, H_POD]
            if pods[pod, P_ALIVE] == 0:
                hops[row, H_STAGE] = ARRIVING
                hops[row, H_STATUS] = 502 if hops[row, H_ACT] != NONE else 503
                item = DO_REPLY
            else:
                pods[pod, P_INSIDE] += 1
                pods[pod, P_AREA] -= now
                pods[pod, P_COUNT] += 1
                pod_counts[2 * pod + role, N_STARTED] += 1
                if hops[row, H_ACT] != NONE:
                    pods[pod, P_PROXIED] += 1
                    pods[pod, P_PROXIED_AREA] -= now
                    pods[pod, P_PROXIED_COUNT] += 1
                cc = revs[rev, R_CC]
                if cc == 0 or runs_at_once(pods[pod, P_ACTIVE], cc):
                    pods[pod, P_ACTIVE] += 1
                    item = DO_CONTAINER
                elif admits(pods[pod, P_ACTIVE] + pods[pod, P_QUEUED], queue_depth(cc), cc):
                    hops[row, H_STAGE] = AT_QUEUE_PROXY
                    enqueue(pods, pod, P_QUEUED, hops, row)
                    if pods[pod, P_TIMER] == 0:
                        pods[pod, P_TIMER] = 1
                        heap = push(
                            heap_t, heap_v, heap, hops[row, H_DEADLINE], (EVENT_POD_TIMER << KIND_SHIFT) | pod
                        )
                    continue
                else:
                    hops[row, H_STAGE] = REFUSED
                    hops[row, H_STATUS] = 503
                    item = DO_REPLY

        if item == DO_CONTAINER:
            # ---- inside the container: a free worker, or its queue
            pod = hops[row, H_POD]
            workers = revs[rev, R_WORKERS]
            if workers > 0 and pods[pod, P_RUNNING] >= workers:
                hops[row, H_STAGE] = AT_CONTAINER
                enqueue(pods, pod, P_WAITING, hops, row)
                if pods[pod, P_TIMER] == 0:
                    pods[pod, P_TIMER] = 1
                    heap = push(
                        heap_t, heap_v, heap, hops[row, H_DEADLINE], (EVENT_POD_TIMER << KIND_SHIFT) | pod
                    )
                continue
            pods[pod, P_RUNNING] += 1
            item = DO_START

        if item == DO_START:
            # ---- a worker begins
            first = row - role
            flow = hops[first, H_FLOW]
            index = hops[first, H_INDEX]
            if hops[first, H_SERVICE] != NONE and revs[rev, R_INNER_ROUTE] == NONE:
                takes = hops[first, H_SERVICE]
            else:
                takes = int(sample(tables, revs[rev, R_TABLE], mix64(flows[flow, F_SERVICE_STREAM], 2 * index + role)))
            if revs[rev, R_HAS_CACHE] != 0:
                takes += int(
                    sample(tables, revs[rev, R_CACHE_TABLE], mix64(flows[flow, F_SERVICE_STREAM] + 1, 2 * index + role))
                )
            hops[row, H_STAGE] = WORKING
            if revs[rev, R_FAIL] > 0 and uniform53(mix64(flows[flow, F_FAIL_STREAM], 2 * index + role)) < revs[rev, R_FAIL]:
                hops[row, H_STATUS] = 500
            done = now + takes
            if done > hops[row, H_DEADLINE]:
                done = max(hops[row, H_DEADLINE], now)
                hops[row, H_STATUS] = 504
            heap = push(
                heap_t,
                heap_v,
                heap,
                done,
                (EVENT_HOP << KIND_SHIFT) | ((hops[row, H_GEN] & GEN_MASK) << GEN_SHIFT) | row,
            )
            continue

        if item == DO_REPLY:
            # ---- the answer travels back, and frees what the request held on the way
            stage = hops[row, H_STAGE]
            status = hops[row, H_STATUS]
            pod = hops[row, H_POD]
            act = hops[row, H_ACT]
            column = status_column(status)
            if pod == NONE or stage == AT_ACTIVATOR:
                rev_counts[2 * rev + role, column] += 1
            else:
                pod_counts[2 * pod + role, column] += 1
                if stage != ARRIVING:
                    pods[pod, P_INSIDE] -= 1
                    pods[pod, P_AREA] += now
                    if act != NONE:
                        pods[pod, P_PROXIED] -= 1
                        pods[pod, P_PROXIED_AREA] += now
                if stage == AT_CONTAINER or stage == WORKING or stage == WAITING:
                    if pods[pod, P_QUEUED] > 0 and revs[rev, R_CC] > 0:
                        todo[count] = (DO_CONTAINER << DO_SHIFT) | dequeue(pods, pod, P_QUEUED, hops)
                        count += 1
                    else:
                        pods[pod, P_ACTIVE] -= 1
                if act == NONE:
                    load[pod] -= 1
            if act != NONE:
                acts[act, A_INSIDE] -= 1
                acts[act, A_AREA] += now
                if stage != AT_ACTIVATOR:
                    acts[act, A_USED] -= 1
                    load[(1 + act % max_activators) * n_pods + pod] -= 1
                    if acts[act, A_QUEUED] > 0:
                        todo[count] = (DO_DEQUEUE << DO_SHIFT) | act
                        count += 1
            if status == 200:
                hist[2 * rev + role, bucket(now - hops[row, H_T_IN] + hops[row, H_OVER])] += 1
            if role == 1:
                parent = row - 1
                hops[row, H_STAGE] = FREE
                if hops[parent, H_STAGE] != GONE:
                    parent_pod = hops[parent, H_POD]
                    if stores(status) and pods[parent_pod, P_CACHE] != NONE:
                        parent_rev = hops[parent, H_REV]
                        store(
                            caches,
                            entries,
                            slots,
                            pods[parent_pod, P_CACHE],
                            cache_key(hops[parent, H_KEY], revs[rev, R_MODEL], revs[parent_rev, R_KEY_HAS_MODEL] != 0),
                            revs[rev, R_MODEL],
                            revs[rev, R_RESPONSE_BYTES],
                            now,
                        )
                    hops[parent, H_OVER] += hops[row, H_OVER]
                    hops[parent, H_STATUS] = status
                    todo[count] = (DO_REPLY << DO_SHIFT) | parent
                    count += 1
                    continue
                row = parent
            else:
                user = hops[row, H_USER]
                if user != NONE:
                    flow = hops[row, H_FLOW]
                    think = int(
                        sample(
                            tables, flows[flow, F_THINK], mix64(flows[flow, F_THINK_STREAM], hops[row, H_INDEX])
                        )
                    )
                    heap = push(
                        heap_t,
                        heap_v,
                        heap,
                        max(now + think + hops[row, H_OVER], now + 1),
                        (EVENT_USER << KIND_SHIFT) | (flow << 20) | user,
                    )
                if hops[row + 1, H_STAGE] != FREE:
                    hops[row, H_STAGE] = GONE
                    continue
            hops[row, H_STAGE] = FREE
            hops[row, H_GEN] += 1
            hops[row, H_NEXT] = free
            free = row

    scalars[S_HEAP] = heap
    scalars[S_TODO] = count
    scalars[S_FREE] = free
    scalars[S_NOW] = now
    scalars[S_SERVED] += served
    return reason
