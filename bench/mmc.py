"""M/M/60 on our data plane: one revision, one pod with sixty workers, its histogram on, no control plane."""

from __future__ import annotations

import math

import numpy as np

from bench.system import MEAN_S, RATE, SERVERS
from sandbox.sim import columns as c
from sandbox.sim.agenda import NS
from sandbox.sim.dataplane import DataPlane
from sandbox.sim.draws import quantile_table, stream

GRID_NS = 1.0


def make_plane(seed: int) -> tuple[DataPlane, int]:
    """A data plane with the system's traffic, and its revision."""
    plane = DataPlane()
    rev = plane.new_rev()
    table = plane.new_table(quantile_table(lambda u: -math.log1p(-u) * MEAN_S * NS, GRID_NS))
    plane.state.revs[rev, [c.R_TABLE, c.R_WORKERS]] = (table, SERVERS)
    pod = plane.new_pod(rev)
    plane.state.pods[pod, c.P_ALIVE] = c.ALIVE
    plane.set_endpoints(rev, [pod])
    route = plane.new_route()
    plane.set_route(route, [rev], [1])
    flow = np.zeros((1, c.FLOW_COLUMNS), dtype=np.int64)
    flow[0, [c.F_KIND, c.F_ROUTE]] = (c.KIND_POISSON, route)
    for column in range(c.F_GAP_STREAM, c.F_CLIENT_STREAM + 1):
        flow[0, column] = stream(seed, f"bench/{column}")
    knots = np.array([[0.0, float(c.FOREVER), RATE / NS, 0.0]])
    plane.replace(flows=flow, positions=np.zeros(1), knots=knots)
    plane.start_flows()
    return plane, rev


def play(requests: int, seed: int) -> float:
    """Mean wait of about that many requests, seconds: the mean latency less the mean service time."""
    plane, rev = make_plane(seed)
    plane.advance(round(requests / RATE * NS))
    answered = int(plane.state.hist.sum())
    return int(plane.state.revs[rev, c.R_LATENCY]) / answered / NS - MEAN_S
