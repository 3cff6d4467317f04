"""The response cache's hit ratio under Zipf's popularity against Che's approximation, solved here by itself."""

import math

import numpy as np
import pytest

from sandbox.scenario.hit_ratio import hit_ratio
from sandbox.scenario.model import Keys
from sandbox.sim import columns as c
from sandbox.sim.agenda import NS
from sandbox.sim.dataplane import DataPlane
from sandbox.sim.draws import alias_table, quantile_table, stream

RATE = 1000.0
LOOKUPS = 1_000_000


def che(n: int, s: float, entries: int) -> float:
    """Poisson form: a key hits if it was asked for within T, where the keys asked for within T fill the cache."""
    p = np.arange(1, n + 1, dtype=np.float64) ** -s
    p /= p.sum()
    low, high = 0.0, 1e12
    for _ in range(200):
        middle = (low + high) / 2
        if -np.expm1(-p * middle).sum() < entries:
            low = middle
        else:
            high = middle
    return float((p * -np.expm1(-p * high)).sum())


def simulated(n: int, s: float, entries: int) -> float:
    """Hit ratio of one transformer pod's full cache; answers take no time, so each miss is stored at once."""
    plane = DataPlane()
    at_once = plane.new_table(quantile_table(lambda u: 0.0, 1.0))
    front, predictor = plane.new_rev(), plane.new_rev()
    plane.state.revs[[front, predictor], c.R_TABLE] = at_once
    plane.state.revs[front, [c.R_HAS_CACHE, c.R_CACHE_TABLE]] = (1, at_once)
    plane.state.revs[predictor, [c.R_MODEL, c.R_RESPONSE_BYTES]] = (1, 1)
    pods = [plane.new_pod(rev) for rev in (front, predictor)]
    plane.state.pods[pods, c.P_ALIVE] = c.ALIVE
    plane.state.pods[pods[0], c.P_CACHE] = plane.new_cache(entries, 1 << 40)
    routes = [plane.new_route() for _ in pods]
    for rev, pod, route in zip((front, predictor), pods, routes, strict=True):
        plane.set_endpoints(rev, [pod])
        plane.set_route(route, [rev], [1])
    plane.state.revs[front, c.R_INNER_ROUTE] = routes[1]
    flow = np.zeros((1, c.FLOW_COLUMNS), dtype=np.int64)
    flow[0, [c.F_KIND, c.F_ROUTE, c.F_KEYS]] = (c.KIND_POISSON, routes[0], n)
    for column in range(c.F_GAP_STREAM, c.F_CLIENT_STREAM + 1):
        flow[0, column] = stream(1, f"cache/{column}")
    knots = np.array([[0.0, float(c.FOREVER), RATE / NS, 0.0]])
    keys = alias_table(np.arange(1, n + 1, dtype=np.float64) ** -s)
    plane.replace(flows=flow, positions=np.zeros(1), knots=knots, keys=keys)
    plane.start_flows()
    warm = round(LOOKUPS / RATE * NS)
    plane.advance(warm)
    before = plane.state.pod_counts[2 * pods[0], [c.N_HIT, c.N_MISS]]
    plane.advance(2 * warm)
    hit, miss = plane.state.pod_counts[2 * pods[0], [c.N_HIT, c.N_MISS]] - before
    assert math.isclose(hit + miss, LOOKUPS, rel_tol=0.01)
    return float(hit / (hit + miss))


@pytest.mark.parametrize(
    "n, s, entries",
    [
        (1_000, 0.0, 300),
        (1_000, 1.0, 100),
        (10_000, 0.6, 2_000),
        (10_000, 0.8, 1_000),
        (10_000, 1.1, 200),
        (100_000, 0.8, 20_000),
        (100_000, 1.0, 1_000),
    ],
)
def test_hit_ratio_under_zipf_is_within_one_percent_of_che(n, s, entries):
    expected = che(n, s, entries)

    assert hit_ratio(Keys(n=n, s=s), entries) == pytest.approx(expected, rel=0.001)
    assert simulated(n, s, entries) == pytest.approx(expected, rel=0.01)
