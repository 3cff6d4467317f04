"""Inside a pod: the mesh's sidecar, queue-proxy's limit and queue, the container's workers.

Before them stands the mesh's sidecar, which answers 403 to callers that a policy denies: neither queue-proxy nor the
container hears of such a request, and so does no autoscaler.

Upstream: knative/serving pkg/queue (breaker, concurrency reports). Leaves out, with the seam where it would go:
batching (between `enter_container` and `start`), CPU shares (the duration in `start`).
"""

from __future__ import annotations

from sandbox.mechanisms.routing import breaker
from sandbox.mechanisms.serving import work
from sandbox.mechanisms.tenancy import authorization
from sandbox.sim.columns import (
    ARRIVING,
    AT_CONTAINER,
    AT_QUEUE_PROXY,
    COUNTERS,
    DO_CONTAINER,
    DO_NOTHING,
    DO_REPLY,
    DO_SHIFT,
    DO_START,
    EVENT_HOP,
    EVENT_POD_TIMER,
    F_FAIL_STREAM,
    F_SERVICE_STREAM,
    FLOW_COLUMNS,
    FROM_ACTIVATOR,
    GEN_MASK,
    GEN_SHIFT,
    H_ACT,
    H_DEADLINE,
    H_FLOW,
    H_GEN,
    H_INDEX,
    H_POD,
    H_REV,
    H_SERVICE,
    H_STAGE,
    H_STATUS,
    HOP_COLUMNS,
    HUNG,
    KIND_SHIFT,
    N_STARTED,
    NONE,
    P_ACTIVE,
    P_ALIVE,
    P_AREA,
    P_COUNT,
    P_INSIDE,
    P_PROXIED,
    P_PROXIED_AREA,
    P_PROXIED_COUNT,
    P_QUEUED,
    P_RUNNING,
    P_TIMER,
    P_WAITING,
    POD_COLUMNS,
    R_CACHE_TABLE,
    R_CC,
    R_DENIED,
    R_FAIL,
    R_HAS_CACHE,
    R_INNER_ROUTE,
    R_TABLE,
    R_WORKERS,
    REFUSED,
    REV_COLUMNS,
    WAITING,
    WORKING,
)
from sandbox.sim.compiled import jit
from sandbox.sim.draws import mix64, sample, uniform53
from sandbox.sim.stages.activator import runs_at_once
from sandbox.sim.stages.callers import caller
from sandbox.sim.stages.deadlines import is_due
from sandbox.sim.stages.queues import dequeue, enqueue, leave, schedule, schedule_apart
from sandbox.sim.state import Memory

admits = jit(breaker.admits)
denies = jit(authorization.denies)
draw_number = jit(work.draw_number)
fails = jit(work.fails)
queue_depth = jit(breaker.queue_depth)


@jit
def wait(s: Memory, pod: int, q: int, row: int) -> int:
    """Join one of the pod's two queues, under the pod's timer."""
    enqueue(s.pods, q, s.hops, row)
    if s.pods[pod * POD_COLUMNS + P_TIMER] == 0:
        s.pods[pod * POD_COLUMNS + P_TIMER] = 1
        schedule_apart(s, s.hops[row * HOP_COLUMNS + H_DEADLINE], (EVENT_POD_TIMER << KIND_SHIFT) | pod)
    return DO_NOTHING


@jit
def enter(s: Memory, row: int, now: int) -> int:
    """Reach the pod's sidecar and queue-proxy: in, wait, or refused; returns what to do next."""
    hops, pods = s.hops, s.pods
    h = row * HOP_COLUMNS
    pod = hops[h + H_POD]
    p = pod * POD_COLUMNS
    proxied = hops[h + H_ACT] != NONE
    if pods[p + P_ALIVE] == 0:
        hops[h + H_STAGE] = ARRIVING
        hops[h + H_STATUS] = 502 if proxied else 503
        return DO_REPLY
    denied = s.revs[hops[h + H_REV] * REV_COLUMNS + R_DENIED]
    # What comes through the activator comes from the activator.
    if denied != 0 and denies(denied, FROM_ACTIVATOR if proxied else caller(s, row)):
        hops[h + H_STAGE] = ARRIVING
        hops[h + H_STATUS] = 403
        return DO_REPLY
    pods[p + P_INSIDE] += 1
    pods[p + P_AREA] -= now
    pods[p + P_COUNT] += 1
    s.pod_counts[(2 * pod + (row & 1)) * COUNTERS + N_STARTED] += 1
    if proxied:
        pods[p + P_PROXIED] += 1
        pods[p + P_PROXIED_AREA] -= now
        pods[p + P_PROXIED_COUNT] += 1
    cc = s.revs[hops[h + H_REV] * REV_COLUMNS + R_CC]
    if cc == 0 or runs_at_once(pods[p + P_ACTIVE], cc):
        pods[p + P_ACTIVE] += 1
        return DO_CONTAINER
    if admits(pods[p + P_ACTIVE] + pods[p + P_QUEUED], queue_depth(cc), cc):
        hops[h + H_STAGE] = AT_QUEUE_PROXY
        return wait(s, pod, p + P_QUEUED, row)
    hops[h + H_STAGE] = REFUSED
    hops[h + H_STATUS] = 503
    return DO_REPLY


@jit
def enter_container(s: Memory, row: int) -> int:
    """Take a free worker or wait for one; in a hung container nobody works."""
    h = row * HOP_COLUMNS
    pod = s.hops[h + H_POD]
    p = pod * POD_COLUMNS
    workers = s.revs[s.hops[h + H_REV] * REV_COLUMNS + R_WORKERS]
    if (workers > 0 and s.pods[p + P_RUNNING] >= workers) or s.pods[p + P_ALIVE] == HUNG:
        s.hops[h + H_STAGE] = AT_CONTAINER
        return wait(s, pod, p + P_WAITING, row)
    s.pods[p + P_RUNNING] += 1
    return DO_START


@jit
def start(s: Memory, row: int, now: int) -> None:
    """A worker begins: how long it takes, whether it fails, and the event of its end."""
    hops, revs, flows = s.hops, s.revs, s.flows
    h = row * HOP_COLUMNS
    outer = (row & ~1) * HOP_COLUMNS
    r = hops[h + H_REV] * REV_COLUMNS
    f = hops[outer + H_FLOW] * FLOW_COLUMNS
    number = draw_number(hops[outer + H_INDEX], row & 1)
    if hops[outer + H_SERVICE] != NONE and revs[r + R_INNER_ROUTE] == NONE:
        takes = hops[outer + H_SERVICE]
    else:
        takes = int(sample(s.tables, revs[r + R_TABLE], mix64(flows[f + F_SERVICE_STREAM], number)))
    if revs[r + R_HAS_CACHE] != 0:
        takes += int(sample(s.tables, revs[r + R_CACHE_TABLE], mix64(flows[f + F_SERVICE_STREAM] + 1, number)))
    hops[h + H_STAGE] = WORKING
    if revs[r + R_FAIL] > 0 and fails(uniform53(mix64(flows[f + F_FAIL_STREAM], number)), revs[r + R_FAIL]):
        hops[h + H_STATUS] = 500
    done = now + takes
    deadline = hops[h + H_DEADLINE]
    if is_due(deadline, done):
        done = deadline if deadline > now else now
        hops[h + H_STATUS] = 504
    schedule(s, done, (EVENT_HOP << KIND_SHIFT) | ((hops[h + H_GEN] & GEN_MASK) << GEN_SHIFT) | row)


@jit
def end_work(s: Memory, row: int) -> None:
    """A worker is done with a request and takes the next."""
    h = row * HOP_COLUMNS
    p = s.hops[h + H_POD] * POD_COLUMNS
    s.hops[h + H_STAGE] = WAITING
    if s.pods[p + P_WAITING] > 0:
        leave(s, (DO_START << DO_SHIFT) | dequeue(s.pods, p + P_WAITING, s.hops))
    else:
        s.pods[p + P_RUNNING] -= 1
