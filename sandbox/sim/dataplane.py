"""The Python side of the data plane: makes and grows the arrays, and speaks of revisions, pods and routes.

The control plane calls the methods here between two `advance`s; nothing here runs per request. Rows are handed
out and taken back (`new_pod`, `free_pod`), so memory follows what exists, not what ever existed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sandbox.errors import InternalError
from sandbox.mechanisms.routing import balancing, split
from sandbox.sim import columns as c
from sandbox.sim import kernel, lru
from sandbox.sim.draws import TABLE_SIZE, constant, unit_exponential_table
from sandbox.sim.heap import push

Ints = npt.NDArray[np.int64]


CELLS_PER_LINE = 8  # of 8 bytes in a cache line of 64


def _ints(*shape: int, fill: int = 0) -> Ints:
    """An array that begins with a cache line, so that a row of 8 columns is one."""
    n = math.prod(shape)
    room = np.empty(n + CELLS_PER_LINE, dtype=np.int64)
    skip = -room.ctypes.data // 8 % CELLS_PER_LINE
    cells = room[skip : skip + n].reshape(shape)
    cells[...] = fill
    return cells


def _grown(array: Ints, shape: Sequence[int], fill: int = 0) -> Ints:
    larger = _ints(*shape, fill=fill)
    larger[tuple(slice(0, n) for n in array.shape)] = array
    return larger


class DataPlane:
    """All requests of one run."""

    def __init__(self, activators: int = 1) -> None:
        self.activators = activators
        revs, pods, hops = 4, 16, 256
        self.state = kernel.State(
            scalars=_ints(c.SCALARS),
            hops=_ints(2 * hops, c.HOP_COLUMNS),
            heap_t=_ints(hops + 64, fill=c.FOREVER),
            heap_v=_ints(hops + 64),
            todo=_ints(4 * hops + 256),
            revs=_ints(revs, c.REV_COLUMNS),
            pods=_ints(pods, c.POD_COLUMNS),
            acts=_ints(revs * activators, c.ACT_COLUMNS),
            load=_ints(1 + activators, pods),
            endpoints=_ints(revs, pods),
            act_pods=_ints(revs * activators, pods),
            rev_counts=_ints(2 * revs, c.COUNTERS),
            pod_counts=_ints(2 * pods, c.COUNTERS),
            hist=_ints(2 * revs, c.HIST_BUCKETS),
            routes=_ints(1, 2),
            targets=_ints(1),
            shares=_ints(1),
            flows=_ints(0, c.FLOW_COLUMNS),
            positions=np.zeros(0),
            knots=np.zeros((0, c.KNOT_COLUMNS)),
            keys=_ints(1),
            tables=unit_exponential_table(),
            trace_t=_ints(1),
            trace_service=_ints(1),
            trace_key=_ints(1),
            trace_route=_ints(1),
            client_pods=_ints(1, pods),
            client_counts=_ints(1),
            caches=_ints(0, lru.CACHE_COLUMNS),
            entries=_ints(1, lru.ENTRY_COLUMNS),
            details=_ints(1, lru.DETAIL_COLUMNS),
            slots=_ints(1, fill=c.NONE),
        )
        self.state.scalars[c.S_FREE] = c.NONE
        self.state.scalars[c.S_ACTIVATORS] = activators
        self._chain_free(0, hops)
        self._n_revs = 0
        self._n_routes = 0
        self._route_targets: list[tuple[list[int], list[float]]] = []
        self._free_pods: list[int] = []
        self._n_pods = 0
        self._free_caches: dict[int, list[int]] = {}

    # ---- time

    @property
    def now_ns(self) -> int:
        return int(self.state.scalars[c.S_NOW])

    @property
    def served(self) -> int:
        """Completions processed so far."""
        return int(self.state.scalars[c.S_SERVED])

    def advance(self, until_ns: int) -> tuple[int, int] | None:
        """Play up to `until_ns`. Returns (revision, activator) when an activator met its first request, else None."""
        while True:
            reason = kernel.advance(self.state, until_ns)
            if reason == c.REACHED:
                return None
            if reason == c.FIRST_REQUEST:
                return int(self.state.scalars[c.S_SIGNAL_REV]), int(self.state.scalars[c.S_SIGNAL_ACT])
            self._more_requests()

    def start_flows(self) -> None:
        """Let every open-loop flow begin; once, when the flows have been written."""
        self.state.scalars[c.S_NEW_FLOWS] = 1

    def in_flight(self) -> Ints:
        """Rows of all hops that are somewhere (both roles)."""
        return np.flatnonzero(
            (self.state.hops[:, c.H_STAGE] != c.FREE) & (self.state.hops[:, c.H_STAGE] != c.GONE)
        ).astype(np.int64)

    # ---- growth

    def replace(self, **arrays: npt.NDArray[Any]) -> None:
        """Put other arrays in place of some of the state's."""
        self.state = self.state._replace(**arrays)

    def room_for(self, requests: int) -> None:
        """Make the arrays large enough for that many requests at a time."""
        while self.state.hops.shape[0] // 2 < requests:
            self._more_requests()

    def _chain_free(self, begin: int, end: int) -> None:
        """Put requests begin … end-1 (hop rows 2·i) in front of the free list."""
        hops = self.state.hops
        rows = np.arange(begin, end) * 2
        hops[rows, c.H_NEXT] = np.append(rows[1:], self.state.scalars[c.S_FREE])
        self.state.scalars[c.S_FREE] = rows[0]

    def _more_requests(self) -> None:
        s = self.state
        old = s.hops.shape[0] // 2
        new = 2 * old
        heap = max(s.heap_t.shape[0], new) + new
        self.replace(
            hops=_grown(s.hops, (2 * new, c.HOP_COLUMNS)),
            heap_t=_grown(s.heap_t, (heap,), fill=c.FOREVER),
            heap_v=_grown(s.heap_v, (heap,)),
            todo=_grown(s.todo, (4 * new + 256,)),
        )
        self._chain_free(old, new)

    # ---- revisions

    def new_rev(self) -> int:
        """A row for a revision, all zero (direct, no pods)."""
        s = self.state
        rev = self._n_revs
        self._n_revs += 1
        if rev >= s.revs.shape[0]:
            n, pods, a = 2 * s.revs.shape[0], s.pods.shape[0], self.activators
            self.replace(
                revs=_grown(s.revs, (n, c.REV_COLUMNS)),
                acts=_grown(s.acts, (n * a, c.ACT_COLUMNS)),
                endpoints=_grown(s.endpoints, (n, pods)),
                act_pods=_grown(s.act_pods, (n * a, pods)),
                rev_counts=_grown(s.rev_counts, (2 * n, c.COUNTERS)),
                hist=_grown(s.hist, (2 * n, c.HIST_BUCKETS)),
            )
        self.state.revs[rev, c.R_INNER_ROUTE] = c.NONE
        self.state.revs[rev, c.R_POLICY] = balancing.LEAST_REQUEST
        self.state.revs[rev, c.R_TIMEOUT] = c.FOREVER // 4
        return rev

    @property
    def n_revs(self) -> int:
        return self._n_revs

    def set_mode(self, rev: int, mode: int) -> None:
        self.state.revs[rev, c.R_MODE] = mode

    def set_endpoints(self, rev: int, pods: Sequence[int]) -> None:
        """The pods the gateway knows, in their fixed order."""
        self.state.endpoints[rev, : len(pods)] = pods
        self.state.revs[rev, c.R_ENDPOINTS] = len(pods)

    def set_activator(self, rev: int, activator: int, pods: Sequence[int], capacity: int) -> None:
        """The pods one activator may use and how many requests it may have there; wakes its queue."""
        act = rev * self.activators + activator
        self.state.act_pods[act, : len(pods)] = pods
        self.state.acts[act, c.A_PODS] = len(pods)
        self.state.acts[act, c.A_CAPACITY] = capacity
        if self.state.acts[act, c.A_QUEUED] > 0:
            self.do(c.DO_DEQUEUE, [act])

    def do(self, item: int, rows: Iterable[int]) -> None:
        """Leave work for the next `advance`; the first of `rows` is done first."""
        s = self.state
        count = int(s.scalars[c.S_TODO])
        for row in reversed(list(rows)):
            s.todo[count] = (item << c.DO_SHIFT) | row
            count += 1
        s.scalars[c.S_TODO] = count

    # ---- pods

    def new_pod(self, rev: int) -> int:
        """A row for a pod that does not accept requests yet."""
        if not self._free_pods:
            self._more_pods()
        pod = self._free_pods.pop()
        timer = self.state.pods[pod, c.P_TIMER]  # a stale timer of the row's last pod may still be in the heap
        self.state.pods[pod] = 0
        self.state.pods[pod, c.P_TIMER] = timer
        self.state.pods[pod, c.P_REV] = rev
        self.state.pods[pod, c.P_CACHE] = c.NONE
        self.state.load[:, pod] = 0
        self.state.pod_counts[2 * pod : 2 * pod + 2] = 0
        return pod

    def _more_pods(self) -> None:
        s = self.state
        if self._n_pods >= s.pods.shape[0]:
            n = 2 * s.pods.shape[0]
            self.replace(
                pods=_grown(s.pods, (n, c.POD_COLUMNS)),
                load=_grown(s.load, (s.load.shape[0], n)),
                endpoints=_grown(s.endpoints, (s.endpoints.shape[0], n)),
                act_pods=_grown(s.act_pods, (s.act_pods.shape[0], n)),
                pod_counts=_grown(s.pod_counts, (2 * n, c.COUNTERS)),
                client_pods=_grown(s.client_pods, (s.client_pods.shape[0], n)),
            )
        limit = self.state.pods.shape[0]
        self._free_pods = list(range(limit - 1, self._n_pods - 1, -1))
        self._n_pods = limit

    def free_pod(self, pod: int) -> None:
        """Give the row back; the pod must be empty, unreferenced and its counters harvested."""
        if self.state.pods[pod, c.P_INSIDE] or self.state.load[:, pod].any():
            raise InternalError(f"pod row {pod} is given back while it still has requests")
        self._free_pods.append(pod)

    def kill_pod(self, pod: int) -> None:
        """The pod dies at this instant: all its requests are answered 502, its cache is lost."""
        s = self.state
        hops = s.hops
        at_pod = (hops[:, c.H_POD] == pod) & np.isin(
            hops[:, c.H_STAGE], (c.AT_QUEUE_PROXY, c.AT_CONTAINER, c.WORKING, c.WAITING)
        )
        rows = np.flatnonzero(at_pod)
        hops[rows, c.H_GEN] += 1
        hops[rows, c.H_STATUS] = 502
        s.pods[pod, [c.P_ALIVE, c.P_RUNNING, c.P_QUEUED, c.P_WAITING]] = 0
        self.do(c.DO_REPLY, [int(row) for row in rows])

    def hang_pod(self, pod: int) -> None:
        """The container stops working at this instant: what it has and what comes waits until its time-out."""
        s = self.state
        hops, pods = s.hops, s.pods
        rows = np.flatnonzero((hops[:, c.H_POD] == pod) & (hops[:, c.H_STAGE] == c.WORKING))
        waiting = self._queue(pods[pod, c.P_WAIT_HEAD], pods[pod, c.P_WAITING])
        hops[rows, c.H_GEN] += 1  # their completions no longer count
        hops[rows, c.H_STAGE] = c.AT_CONTAINER
        hops[rows, c.H_STATUS] = 200
        queue = waiting + [int(row) for row in rows]
        for row, following in zip(queue, [*queue, c.NONE][1:], strict=True):
            hops[row, c.H_NEXT] = following
        pods[pod, c.P_ALIVE] = c.HUNG
        pods[pod, c.P_RUNNING] = 0
        pods[pod, c.P_WAITING] = len(queue)
        if queue:
            pods[pod, c.P_WAIT_HEAD], pods[pod, c.P_WAIT_TAIL] = queue[0], queue[-1]
            if not pods[pod, c.P_TIMER]:
                pods[pod, c.P_TIMER] = 1
                due = int(hops[queue, c.H_DEADLINE].min())
                payload = (c.EVENT_POD_TIMER << c.KIND_SHIFT) | pod
                s.scalars[c.S_HEAP] = push(s.heap_t, s.heap_v, int(s.scalars[c.S_HEAP]), due, payload)

    def _queue(self, head: int, length: int) -> list[int]:
        """Rows of a queue, first to last."""
        rows = []
        for _ in range(length):
            rows.append(int(head))
            head = self.state.hops[head, c.H_NEXT]
        return rows

    # ---- routes

    def new_route(self) -> int:
        """A route without targets: the gateway answers 404."""
        self._route_targets.append(([], []))
        self._n_routes += 1
        self._write_routes()
        return self._n_routes - 1

    def set_route(self, route: int, revs: Sequence[int], weights: Sequence[float]) -> None:
        """Send each request to one of `revs`, with probabilities proportional to `weights`."""
        kept = [(rev, weight) for rev, weight in zip(revs, weights, strict=True) if weight > 0]
        self._route_targets[route] = ([rev for rev, _ in kept], [weight for _, weight in kept])
        self._write_routes()

    def _write_routes(self) -> None:
        routes = _ints(max(self._n_routes, 1), 2)
        targets: list[int] = []
        shares: list[int] = []
        for row, (revs, weights) in enumerate(self._route_targets):
            routes[row] = (len(targets), len(revs))
            targets += revs
            shares += split.thresholds(weights)
        self.replace(
            routes=routes,
            targets=np.array(targets or [0], dtype=np.int64),
            shares=np.array(shares or [0], dtype=np.int64),
        )

    # ---- tables, flows, caches

    def new_table(self, table: npt.NDArray[np.float64]) -> int:
        """A quantile table (draws.quantile_table, in ns). One that is constant needs no room."""
        if table.min() == table.max():
            return constant(int(table[0]))
        self.replace(tables=np.concatenate([self.state.tables, table]))
        return len(self.state.tables) // TABLE_SIZE - 1

    def new_cache(self, max_entries: int, max_bytes: int, ttl_ns: int = 0) -> int:
        """An empty cache; rows of the same size that were given back are used again."""
        spare = self._free_caches.get(max_entries)
        if spare:
            cache = spare.pop()
        else:
            s = self.state
            cache = s.caches.shape[0]
            n_slots = lru.slots_for(max_entries)
            row = _ints(1, lru.CACHE_COLUMNS)
            row[0, lru.C_ENTRY_BASE] = s.entries.shape[0]
            row[0, lru.C_ENTRY_CAP] = max_entries
            row[0, lru.C_SLOT_BASE] = s.slots.shape[0]
            row[0, lru.C_SLOT_MASK] = n_slots - 1
            self.replace(
                caches=np.concatenate([s.caches, row]),
                entries=_grown(s.entries, (len(s.entries) + max_entries, lru.ENTRY_COLUMNS)),
                details=_grown(s.details, (len(s.details) + max_entries, lru.DETAIL_COLUMNS)),
                slots=_grown(s.slots, (len(s.slots) + n_slots,), fill=c.NONE),
            )
        self.state.caches[cache, lru.C_BYTES_CAP] = max_bytes
        self.state.caches[cache, lru.C_TTL] = ttl_ns
        self.flush_cache(cache)
        return cache

    def flush_cache(self, cache: int) -> None:
        lru.format_cache(self.state.caches, self.state.entries, self.state.slots, cache)

    def free_cache(self, cache: int) -> None:
        self._free_caches.setdefault(int(self.state.caches[cache, lru.C_ENTRY_CAP]), []).append(cache)
