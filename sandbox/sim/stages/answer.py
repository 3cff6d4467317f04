"""The answer travels back and frees what the request held on its way.

Leaves out, with the seam where they would go: retries and outlier ejection (at the top of `reply`).
"""

from __future__ import annotations

import numpy as np

from sandbox.sim.columns import (
    A_AREA,
    A_INSIDE,
    A_QUEUED,
    A_USED,
    ACT_COLUMNS,
    ARRIVING,
    AT_ACTIVATOR,
    AT_CONTAINER,
    COUNTERS,
    DO_CONTAINER,
    DO_DEQUEUE,
    DO_REPLY,
    DO_SHIFT,
    FREE,
    GONE,
    H_ACT,
    H_FLOW,
    H_GEN,
    H_INDEX,
    H_NEXT,
    H_OVER,
    H_POD,
    H_REV,
    H_STAGE,
    H_STATUS,
    H_T_IN,
    H_USER,
    HIST_BUCKETS,
    HOP_COLUMNS,
    N_200,
    N_403,
    N_500,
    N_502,
    N_503,
    N_504,
    NO_USER,
    NONE,
    P_ACTIVE,
    P_AREA,
    P_INSIDE,
    P_PROXIED,
    P_PROXIED_AREA,
    P_QUEUED,
    POD_COLUMNS,
    R_CC,
    R_LATENCY,
    REV_COLUMNS,
    S_FREE,
    WAITING,
    WORKING,
)
from sandbox.sim.compiled import jit
from sandbox.sim.stages.activator import own_load
from sandbox.sim.stages.arrivals import think
from sandbox.sim.stages.queues import dequeue, leave
from sandbox.sim.stages.transformer import keep_answer
from sandbox.sim.state import Memory

_LAST_BUCKET = HIST_BUCKETS - 1


@jit
def bucket(latency: int) -> int:
    """journal.schema.bucket_of from the bits of the number as a double: exponent, then six bits of fraction."""
    if latency < 1:
        return 0
    number = (np.float64(latency).view(np.int64) >> 46) - (1023 << 6)
    return int(number) if number < _LAST_BUCKET else _LAST_BUCKET


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
    if status == 403:
        return N_403
    return N_504


@jit
def leave_pod(s: Memory, h: int, p: int, now: int) -> None:
    """Free the places of the request at `h` in the pod at `p`; queue-proxy lets the next one in."""
    pods = s.pods
    stage = s.hops[h + H_STAGE]
    pods[p + P_INSIDE] -= 1
    pods[p + P_AREA] += now
    if s.hops[h + H_ACT] != NONE:
        pods[p + P_PROXIED] -= 1
        pods[p + P_PROXIED_AREA] += now
    if stage in (AT_CONTAINER, WORKING, WAITING):
        if pods[p + P_QUEUED] > 0 and s.revs[s.hops[h + H_REV] * REV_COLUMNS + R_CC] > 0:
            leave(s, (DO_CONTAINER << DO_SHIFT) | dequeue(pods, p + P_QUEUED, s.hops))
        else:
            pods[p + P_ACTIVE] -= 1


@jit
def leave_activator(s: Memory, h: int, act: int, now: int) -> None:
    """Free the places of the request at `h` in its activator, and wake the activator's queue."""
    a = act * ACT_COLUMNS
    s.acts[a + A_INSIDE] -= 1
    s.acts[a + A_AREA] += now
    if s.hops[h + H_STAGE] == AT_ACTIVATOR:
        return
    s.acts[a + A_USED] -= 1
    s.load[own_load(s, act, s.hops[h + H_REV]) + s.hops[h + H_POD]] -= 1
    if s.acts[a + A_QUEUED] > 0:
        leave(s, (DO_DEQUEUE << DO_SHIFT) | act)


@jit
def free_request(s: Memory, row: int) -> None:
    """Both rows of a request are free again."""
    h = row * HOP_COLUMNS
    s.hops[h + H_STAGE] = FREE
    s.hops[h + H_GEN] += 1
    s.hops[h + H_NEXT] = s.scalars[S_FREE]
    s.scalars[S_FREE] = row


@jit
def answer_client(s: Memory, row: int, now: int) -> None:
    """The client has its answer: a closed-loop user starts to think, the row is free when the inner hop is."""
    h = row * HOP_COLUMNS
    if s.hops[h + H_USER] != NO_USER:
        since = now + s.hops[h + H_OVER]
        think(s, s.hops[h + H_FLOW], s.hops[h + H_INDEX], since, s.hops[h + H_USER])
    if s.hops[h + HOP_COLUMNS + H_STAGE] != FREE:
        s.hops[h + H_STAGE] = GONE
    else:
        free_request(s, row)


@jit
def answer_transformer(s: Memory, row: int, now: int) -> None:
    """Hand the predictor's answer to the transformer, if that is still there to take it."""
    h = row * HOP_COLUMNS
    outer = h - HOP_COLUMNS
    s.hops[h + H_STAGE] = FREE
    if s.hops[outer + H_STAGE] == GONE:
        free_request(s, row - 1)
        return
    keep_answer(s, outer, h, now)
    s.hops[outer + H_OVER] += s.hops[h + H_OVER]
    s.hops[outer + H_STATUS] = s.hops[h + H_STATUS]
    leave(s, (DO_REPLY << DO_SHIFT) | (row - 1))


@jit
def reply(s: Memory, row: int, now: int) -> None:
    """Answer a request: count it, free its places, and hand the answer on."""
    hops = s.hops
    h = row * HOP_COLUMNS
    rev = hops[h + H_REV]
    pod = hops[h + H_POD]
    act = hops[h + H_ACT]
    stage = hops[h + H_STAGE]
    if stage in (FREE, GONE):
        return  # a transformer's pod and its predictor's died at one instant: the first answer has counted
    status = hops[h + H_STATUS]
    role = row & 1
    if pod == NONE or stage == AT_ACTIVATOR:
        s.rev_counts[(2 * rev + role) * COUNTERS + status_column(status)] += 1
    else:
        s.pod_counts[(2 * pod + role) * COUNTERS + status_column(status)] += 1
        if stage != ARRIVING:
            leave_pod(s, h, pod * POD_COLUMNS, now)
        if act == NONE:
            s.load[pod] -= 1
    if act != NONE:
        leave_activator(s, h, act, now)
    if status == 200:
        latency = now - hops[h + H_T_IN] + hops[h + H_OVER]
        s.hist[(2 * rev + role) * HIST_BUCKETS + bucket(latency)] += 1
        s.revs[rev * REV_COLUMNS + R_LATENCY + role] += latency
    if role == 1:
        answer_transformer(s, row, now)
    else:
        answer_client(s, row, now)
