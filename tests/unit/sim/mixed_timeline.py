"""A timeline that meets everything the data plane has, straight on DataPlane. Run it, and it prints what it left.

Prints one JSON object: `arrays`, a digest of every array of the state at the end, and `seen`, how often each kind
of thing happened (test_interpreted.py runs it compiled and plain).
"""

from __future__ import annotations

import hashlib
import json
import math
import sys

import numpy as np

from sandbox.sim import columns as c
from sandbox.sim import heap
from sandbox.sim.dataplane import DataPlane
from sandbox.sim.draws import alias_table, quantile_table, stream

MS = 1_000_000
SECOND = 1000 * MS
STREAMS = range(c.F_GAP_STREAM, c.F_CLIENT_STREAM + 1)


def exponential(mean_ns: float) -> np.ndarray:
    return quantile_table(lambda u: -math.log1p(-u) * mean_ns, 1.0)


def fixed(ns: float) -> np.ndarray:
    return quantile_table(lambda u: ns, 1.0)


def a_rev(plane: DataPlane, table: int, **columns: int) -> int:
    rev = plane.new_rev()
    plane.state.revs[rev, c.R_TABLE] = table
    plane.state.revs[rev, c.R_HOP] = MS
    plane.state.revs[rev, c.R_ACT_HOP] = 2 * MS
    plane.state.revs[rev, c.R_ACTIVATORS] = 1
    for name, value in columns.items():
        plane.state.revs[rev, getattr(c, name)] = value
    return rev


def some_pods(plane: DataPlane, rev: int, n: int) -> list[int]:
    pods = [plane.new_pod(rev) for _ in range(n)]
    plane.state.pods[pods, c.P_ALIVE] = 1
    return pods


def a_flow(number: int, **columns: int) -> np.ndarray:
    row = np.zeros(c.FLOW_COLUMNS, dtype=np.int64)
    row[c.F_NEXT] = c.FOREVER
    for column in STREAMS:
        row[column] = stream(7, f"{number}/{column}")
    for name, value in columns.items():
        row[getattr(c, name)] = value
    return row


def play(length_s: int) -> tuple[DataPlane, list[str]]:
    """The timeline. Returns the data plane at its end and what the caller was told on the way."""
    plane = DataPlane(activators=3)
    slow, quick, look, think = (
        plane.new_table(table)
        for table in (exponential(40.0 * MS), exponential(4.0 * MS), fixed(1.0 * MS), exponential(200.0 * MS))
    )
    told: list[str] = []

    # A predictor in two versions, the second one failing at times; the first is limited and behind activators.
    v1 = a_rev(plane, slow, R_CC=2, R_TIMEOUT=300 * MS, R_MODEL=1, R_RESPONSE_BYTES=100, R_MODE=c.PROXY)
    v2 = a_rev(plane, slow, R_WORKERS=3, R_TIMEOUT=250 * MS, R_MODEL=2, R_RESPONSE_BYTES=120, R_FAIL=(1 << 53) // 20)
    many = a_rev(plane, quick, R_CC=10, R_MODE=c.PROXY, R_ACTIVATORS=3, R_TIMEOUT=SECOND)
    free = a_rev(plane, quick, R_MODE=c.PROXY, R_ACTIVATORS=2, R_TIMEOUT=SECOND)
    turns = a_rev(plane, quick, R_POLICY=1, R_CC=1, R_TIMEOUT=30 * MS)
    route_predictor = plane.new_route()
    route_many, route_free, route_turns, route_nowhere = (plane.new_route() for _ in range(4))
    transformer = a_rev(plane, quick, R_HAS_CACHE=1, R_CACHE_TABLE=look, R_TIMEOUT=400 * MS)
    plane.state.revs[transformer, c.R_INNER_ROUTE] = route_predictor
    front = plane.new_route()
    plane.set_route(front, [transformer], [1])
    plane.set_route(route_predictor, [v1, v2], [70, 30])
    plane.set_route(route_many, [many], [1])
    plane.set_route(route_free, [free], [1])
    plane.set_route(route_turns, [turns, many], [90, 10])

    pods = {rev: some_pods(plane, rev, n) for rev, n in ((v1, 3), (v2, 2), (many, 4), (free, 3), (turns, 2))}
    fronts = some_pods(plane, transformer, 2)
    for pod in fronts:
        plane.state.pods[pod, c.P_CACHE] = plane.new_cache(max_entries=50, max_bytes=4000, ttl_ns=3 * SECOND)
    plane.set_endpoints(transformer, fronts)
    for rev in (v1, v2, many, free, turns):
        plane.set_endpoints(rev, pods[rev])
    for activator in range(3):
        plane.set_activator(many, activator, pods[many], 13)

    flows = [
        a_flow(0, F_KIND=c.KIND_POISSON, F_ROUTE=front, F_KEYS=300, F_SEGMENT=0, F_LAST_SEGMENT=1),
        a_flow(1, F_KIND=c.KIND_CONSTANT, F_ROUTE=route_turns, F_SEGMENT=2, F_LAST_SEGMENT=2),
        a_flow(2, F_KIND=c.KIND_POISSON, F_ROUTE=route_free, F_SEGMENT=3, F_LAST_SEGMENT=4),
        a_flow(3, F_KIND=c.KIND_TRACE, F_ROUTE=front, F_TRACE=0, F_TRACE_END=400),
        a_flow(4, F_KIND=c.KIND_USERS, F_ROUTE=route_many, F_THINK=think),
        a_flow(5, F_KIND=c.KIND_POISSON, F_ROUTE=route_turns, F_CLIENTS=4, F_SEGMENT=5, F_LAST_SEGMENT=5),
        a_flow(6, F_KIND=c.KIND_USERS, F_ROUTE=route_nowhere, F_THINK=think),
    ]
    end = float(c.FOREVER)
    knots = [
        (0.0, 2.0 * SECOND, 50 / SECOND, 100 / SECOND / (2.0 * SECOND)),
        (2.0 * SECOND, end, 150 / SECOND, 0.0),
        (0.0, end, 90 / SECOND, 0.0),
        (0.0, 1.0 * SECOND, 0.0, 0.0),
        (1.0 * SECOND, end, 200 / SECOND, 0.0),
        (0.0, end, 60 / SECOND, 0.0),
    ]
    at = np.arange(400, dtype=np.int64)
    client_pods = np.zeros((4, plane.state.pods.shape[0]), dtype=np.int64)
    client_pods[:3, :2] = pods[turns]
    plane.replace(
        flows=np.array(flows),
        positions=np.zeros(len(flows)),
        knots=np.array(knots),
        keys=alias_table(1.0 / np.arange(1, 301)),
        trace_t=at * 11 * MS,
        trace_service=np.where(at % 3 == 0, c.NONE, 5 * MS + at),
        trace_key=np.where(at % 2 == 0, c.NONE, at % 20),
        trace_route=np.where(at % 5 == 0, route_many, c.NONE),
        client_pods=client_pods,
        client_counts=np.array([2, 2, 1, 0], dtype=np.int64),  # the last client knows nobody
    )
    plane.start_flows()
    for flow, users in ((4, 40), (6, 3)):
        for user in range(users):
            s = plane.state
            event = (c.EVENT_USER << c.KIND_SHIFT) | (flow << c.USER_BITS) | user
            s.scalars[c.S_HEAP] = heap.push(s.heap_t, s.heap_v, int(s.scalars[c.S_HEAP]), 1 + user * MS, event)

    def until(ns: int) -> None:
        while (first := plane.advance(ns)) is not None:
            told.append(f"{plane.now_ns}: first request of {first}")

    steps = int(length_s * 10)
    for step in range(1, steps + 1):
        until(step * SECOND // 10)
        if step == 3:  # v1 comes up: its activator may use the pods
            plane.set_activator(v1, 0, pods[v1], 6)
        if step == 5:
            for activator in range(2):
                plane.set_activator(free, activator, pods[free], 0)
        if step == steps // 4:  # less capacity than load, then a direct path
            plane.set_activator(v1, 0, pods[v1], 1)
        if step == steps // 3:
            plane.set_mode(v1, c.DIRECT)
            plane.state.revs[turns, c.R_POLICY] = 4
        if step == steps // 2:  # a pod of each dies without a word to anybody
            plane.kill_pod(pods[v2][0])
            plane.kill_pod(pods[many][1])
            plane.kill_pod(fronts[1])
            plane.set_route(route_predictor, [v1, v2], [10, 90])
        if step == 5 * steps // 8:
            plane.set_endpoints(v2, pods[v2][1:])
            plane.set_endpoints(transformer, fronts[:1])
            plane.set_route(route_predictor, [v2], [1])
            plane.state.revs[transformer, c.R_KEY_HAS_MODEL] = 1
        if step == 3 * steps // 4:
            plane.flush_cache(int(plane.state.pods[fronts[0], c.P_CACHE]))
            plane.set_endpoints(turns, [])
        if step == 7 * steps // 8:
            plane.set_route(route_predictor, [], [])
    return plane, told


def digests(plane: DataPlane) -> dict[str, str]:
    return {
        name: hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
        for name, array in plane.state._asdict().items()
    }


def seen(plane: DataPlane, told: list[str]) -> dict[str, int]:
    """How often each counted thing happened, over all revisions and pods."""
    counts = plane.state.rev_counts.sum(axis=0) + plane.state.pod_counts.sum(axis=0)
    names = [name for name in vars(c) if name.startswith("N_")]
    return {name: int(counts[getattr(c, name)]) for name in names} | {
        "no_route": int(plane.state.scalars[c.S_NO_ROUTE]),
        "answered_in_hist": int(plane.state.hist.sum()),
        "latency": int(plane.state.revs[:, [c.R_LATENCY, c.R_INNER_LATENCY]].sum()),
        "told": len(told),
        "served": plane.served,
    }


if __name__ == "__main__":
    plane, told = play(int(sys.argv[1]))
    print(json.dumps({"arrays": digests(plane), "seen": seen(plane, told), "told": told}))
