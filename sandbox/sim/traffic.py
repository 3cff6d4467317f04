"""From the flows of a variant to the arrays the data plane draws arrivals, keys and clients from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from sandbox.profiles import Distribution
from sandbox.requests.schedule import segments, stream_name, zipf_weights
from sandbox.scenario.model import Arrivals, Flow, Keys, Trace
from sandbox.sim import columns as c
from sandbox.sim import heap
from sandbox.sim.agenda import NS, to_ns
from sandbox.sim.dataplane import DataPlane
from sandbox.sim.draws import alias_table, mix64, sample, stream

Ints = npt.NDArray[np.int64]

KINDS = {
    Arrivals.POISSON: c.KIND_POISSON,
    Arrivals.CONSTANT: c.KIND_CONSTANT,
    Arrivals.TRACE: c.KIND_TRACE,
    Arrivals.USERS: c.KIND_USERS,
}
STREAMS = {
    c.F_GAP_STREAM: "gap",
    c.F_KEY_STREAM: "key",
    c.F_SPLIT_STREAM: "split",
    c.F_PICK_STREAM: "pick",
    c.F_SERVICE_STREAM: "service",
    c.F_FAIL_STREAM: "fail",
    c.F_THINK_STREAM: "think",
    c.F_CLIENT_STREAM: "client",
}


class Traffic:
    """Writes a variant's flows into the data plane."""

    def __init__(
        self,
        plane: DataPlane,
        seed: int,
        route: Callable[[str], int],
        table: Callable[[Distribution], int],
        caller: Callable[[str], int],
    ) -> None:
        self.plane = plane
        self.seed = seed
        self._route = route
        self._table = table
        self._caller = caller
        self._keys: list[Ints] = []
        self._key_offsets: dict[Keys, int] = {}
        self._knots: list[npt.NDArray[np.float64]] = []
        self._traces: list[tuple[Ints, Ints, Ints, Ints]] = []
        self.clients: list[tuple[Flow, int]] = []  # (flow, first row of its clients)

    def write(self, flows: Sequence[Flow], start_ns: int) -> None:
        """Set all flows up; the first request comes at `start_ns` or later."""
        rows = np.zeros((len(flows), c.FLOW_COLUMNS), dtype=np.int64)
        n_clients = 0
        for number, flow in enumerate(flows):
            row = rows[number]
            row[c.F_KIND] = KINDS[flow.arrivals]
            row[c.F_NEXT] = c.FOREVER
            row[c.F_ROUTE] = self._route(flow.to)
            row[c.F_CALLER] = self._caller(flow.source)
            for column, name in STREAMS.items():
                row[column] = stream(self.seed, f"{stream_name(flow, number)}/{name}")
            if flow.keys is not None:
                row[c.F_KEY_OFFSET] = self._key_offset(flow.keys)
                row[c.F_KEYS] = flow.keys.n
            if flow.rate:
                row[c.F_SEGMENT] = sum(len(part) for part in self._knots)
                self._knots.append(np.array(segments(flow.rate, start_ns), dtype=np.float64))
                row[c.F_LAST_SEGMENT] = sum(len(part) for part in self._knots) - 1
            if flow.trace is not None:
                row[c.F_TRACE] = sum(len(part[0]) for part in self._traces)
                self._traces.append(self._trace(flow.trace, start_ns))
                row[c.F_TRACE_END] = row[c.F_TRACE] + len(flow.trace.t_ns)
            if flow.think is not None:
                row[c.F_THINK] = self._table(flow.think)
            if flow.client_side is not None:
                row[c.F_CLIENTS] = flow.client_side.clients
                row[c.F_CLIENT_BASE] = n_clients
                self.clients.append((flow, n_clients))
                n_clients += flow.client_side.clients
        self._commit(rows, n_clients)
        self.plane.start_flows()
        for number, flow in enumerate(flows):
            if flow.arrivals is Arrivals.USERS:
                self._wake_users(number, flow, rows[number], start_ns)

    def _commit(self, rows: Ints, n_clients: int) -> None:
        plane = self.plane
        none = np.full(1, c.NONE, dtype=np.int64)
        columns = list(zip(*self._traces, strict=True)) if self._traces else [(none,)] * 4
        t, service, key, route = (np.concatenate(column) for column in columns)
        plane.replace(
            flows=rows,
            positions=np.zeros(len(rows)),
            knots=np.concatenate(self._knots) if self._knots else np.zeros((1, c.KNOT_COLUMNS)),
            keys=np.concatenate(self._keys) if self._keys else np.zeros(1, dtype=np.int64),
            trace_t=t,
            trace_service=service,
            trace_key=key,
            trace_route=route,
            client_pods=np.zeros((max(n_clients, 1), plane.state.pods.shape[0]), dtype=np.int64),
            client_counts=np.zeros(max(n_clients, 1), dtype=np.int64),
        )

    def _key_offset(self, keys: Keys) -> int:
        if keys not in self._key_offsets:
            self._key_offsets[keys] = sum(len(part) for part in self._keys)
            self._keys.append(alias_table(zipf_weights(keys)))
        return self._key_offsets[keys]

    def _trace(self, trace: Trace, start_ns: int) -> tuple[Ints, Ints, Ints, Ints]:
        n = len(trace.t_ns)
        none = np.full(n, c.NONE, dtype=np.int64)
        routes = none
        if trace.route is not None:
            by_name = {name: self._route(name) for name in dict.fromkeys(trace.route)}
            routes = np.array([by_name[name] for name in trace.route], dtype=np.int64)
        return (
            np.asarray(trace.t_ns, dtype=np.int64) + start_ns,
            none if trace.service_ns is None else np.asarray(trace.service_ns, dtype=np.int64),
            none if trace.key is None else np.asarray(trace.key, dtype=np.int64),
            routes,
        )

    def _wake_users(self, number: int, flow: Flow, row: Ints, start_ns: int) -> None:
        """Users begin somewhere in their first think time, so that they don't all come at once."""
        state = self.plane.state
        self.plane.room_for(flow.users)
        state = self.plane.state
        first = stream(self.seed, f"flow/{number}/first")
        for user in range(flow.users):
            think_ns = sample(state.tables, int(row[c.F_THINK]), mix64(int(row[c.F_THINK_STREAM]) ^ 1, user))
            share = (mix64(first, user) >> 11 & ((1 << 53) - 1)) / (1 << 53)
            wake = start_ns + to_ns(think_ns * share / NS) + 1
            payload = (c.EVENT_USER << c.KIND_SHIFT) | (number << 20) | user
            size = int(state.scalars[c.S_HEAP])
            state.scalars[c.S_HEAP] = heap.push(state.heap_t, state.heap_v, size, wake, payload)
