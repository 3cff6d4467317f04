"""The data plane against queueing theory: waiting times and blocking at 10^7 requests and more, five fixed seeds each.

Up to a load of 0.8 the mean lies within 1 % of the closed form; beyond, where waits come in long clusters, only its
own standard error from batch means judges the difference (|z| < 3, which holds everywhere). Every seed is a case of
its own: none is left out.

A wait is a latency less the very service time that was drawn, so that the scatter of service times is no noise in
it. Where 10^7 requests still do not resolve 1 % (a standard error of more than a third of that), there are more:

    M/M/60 at 0.8           waits 0.1 ms on average, 1 request in 16 waits: 10^8 a seed leave 0.5 %, all five 0.23 %
    blocking of M/M/1/11    1.8 % at 0.8: 10^7 leave 0.6 %, 4 * 10^7 0.3 %
    M/M/60 at 0.5           1 request in a million waits: 1 % would take 10^12, so all five seeds are judged by z alone
"""

import math

import numpy as np
import pytest

from sandbox.sim import columns as c
from sandbox.sim.agenda import NS
from sandbox.sim.compiled import jit_outer
from sandbox.sim.dataplane import DataPlane
from sandbox.sim.draws import mix64, quantile_table, sample, stream

SEEDS = (1, 2, 3, 4, 5)
REQUESTS = 10_000_000
BATCHES = 50
MEAN_S = 0.02
WARM_UP_S = 200.0

pytestmark = pytest.mark.slow


def erlang_c(servers: int, load: float) -> float:
    """Probability that a request waits; load per server."""
    offered = servers * load
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = offered * blocked / (n + offered * blocked)
    return blocked / (1 - load * (1 - blocked))


def markov_wait_s(servers: int, load: float) -> float:
    """Mean wait of M/M/c."""
    return erlang_c(servers, load) * MEAN_S / (servers * (1 - load))


def deterministic_wait_s(load: float) -> float:
    """Mean wait of M/D/1 (Pollaczek and Khinchine)."""
    return load * MEAN_S / (2 * (1 - load))


def finite(servers: int, places: int, load: float) -> tuple[float, float]:
    """(blocking, mean wait of the admitted) of M/M/c/K."""
    offered = servers * load
    weights = [1.0]
    for n in range(1, places + 1):
        weights.append(weights[-1] * offered / min(n, servers))
    total = sum(weights)
    waiting = sum((n - servers) * weight for n, weight in enumerate(weights) if n > servers) / total
    blocking = weights[-1] / total
    arrivals_per_s = offered / MEAN_S * (1 - blocking)
    return blocking, waiting / arrivals_per_s


@jit_outer
def drawn_ns(tables: np.ndarray, table: int, service_stream: int, first: int, end: int) -> int:
    """Sum of the service times of requests first … end - 1 of the flow."""
    total = 0
    for index in range(first, end):
        total += int(sample(tables, table, mix64(service_stream, 2 * index)))
    return total


class System:
    """One pod; `limit` is containerConcurrency with queue-proxy's queue in front, else workers with an endless one."""

    def __init__(self, seed: int, servers: int, load: float, *, constant: bool = False, limit: bool = False) -> None:
        self.rate = servers * load / MEAN_S
        self.limit = limit
        plane = self.plane = DataPlane()
        rev = self.rev = plane.new_rev()
        if constant:
            table = plane.new_table(quantile_table(lambda u: MEAN_S * NS, 1.0))
        else:
            table = plane.new_table(quantile_table(lambda u: -math.log1p(-u) * MEAN_S * NS, 1.0))
        self.table, self.service_stream = table, stream(seed, f"oracle/{c.F_SERVICE_STREAM}")
        plane.state.revs[rev, [c.R_TABLE, c.R_CC if limit else c.R_WORKERS]] = (table, servers)
        self.pod = plane.new_pod(rev)
        plane.state.pods[self.pod, c.P_ALIVE] = c.ALIVE
        plane.set_endpoints(rev, [self.pod])
        route = plane.new_route()
        plane.set_route(route, [rev], [1.0])
        flow = np.zeros((1, c.FLOW_COLUMNS), dtype=np.int64)
        flow[0, [c.F_KIND, c.F_ROUTE]] = (c.KIND_POISSON, route)
        for column in range(c.F_GAP_STREAM, c.F_CLIENT_STREAM + 1):
            flow[0, column] = stream(seed, f"oracle/{column}")
        knots = np.array([[0.0, float(c.FOREVER), self.rate / NS, 0.0]])
        plane.replace(flows=flow, positions=np.zeros(1), knots=knots)
        plane.start_flows()
        self._begun, self._work_ns = 0, 0  # requests and their service times, as far as they are summed
        self._play(WARM_UP_S)

    def _play(self, seconds: float) -> None:
        self.plane.advance(self.plane.now_ns + round(seconds * NS))

    def _counts(self) -> tuple[int, int, int, int]:
        """Arrived, answered, refused, and the waits of the answered in ns."""
        state = self.plane.state
        pod, rev = state.pod_counts[2 * self.pod], state.rev_counts[2 * self.rev]
        arrived, answered, refused = int(rev[c.N_ARRIVED]), int(pod[c.N_200]), int(pod[c.N_503])
        # who was refused is not known here, so what the admitted drew is not either: its mean stands for it
        work_ns = round(MEAN_S * NS * answered) if self.limit else self._answered_work_ns(arrived)
        return arrived, answered, refused, int(state.revs[self.rev, c.R_LATENCY]) - work_ns

    def _answered_work_ns(self, arrived: int) -> int:
        """Service times of all that arrived, less those that are still inside."""
        state = self.plane.state
        self._work_ns += self._drawn_ns(self._begun, arrived)
        self._begun = arrived
        inside = state.hops[self.plane.in_flight(), c.H_INDEX]
        return self._work_ns - sum(self._drawn_ns(int(index), int(index) + 1) for index in inside)

    def _drawn_ns(self, first: int, end: int) -> int:
        return int(drawn_ns(self.plane.state.tables, self.table, self.service_stream, first, end))

    def batches(self, requests: int = REQUESTS) -> np.ndarray:
        """One row a batch: arrived, answered, refused, sum of waits in seconds."""
        rows, before = [], self._counts()
        for _ in range(BATCHES):
            self._play(requests / BATCHES / self.rate)
            after = self._counts()
            rows.append([late - early for late, early in zip(after, before, strict=True)])
            before = after
        played = np.array(rows, dtype=np.float64)
        played[:, 3] /= NS
        return played


def judged(values: np.ndarray, weights: np.ndarray, expected: float) -> tuple[float, float]:
    """(mean, z) of a ratio over batches."""
    mean = values.sum() / weights.sum()
    spread = (values - mean * weights).std(ddof=1) * math.sqrt(len(values)) / weights.sum()
    return mean, (mean - expected) / spread


def report(name: str, expected: float, mean: float, z: float) -> None:
    print(f"{name}: expected {expected:.6g}, measured {mean:.6g} ({100 * (mean / expected - 1):+.2f} %), z = {z:+.2f}")


def mean_wait(name: str, played: np.ndarray, expected: float) -> tuple[float, float]:
    """(measured / expected, z), printed."""
    mean, z = judged(played[:, 3], played[:, 1], expected)
    report(name, expected, mean, z)
    return mean / expected, z


M_M_C = [(servers, load) for servers in (1, 4, 60) for load in (0.5, 0.8, 0.9, 0.95) if (servers, load) != (60, 0.5)]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("servers", "load"), M_M_C)
def test_mean_wait_of_m_m_c(servers, load, seed):
    played = System(seed, servers, load).batches()
    ratio, z = mean_wait(f"M/M/{servers} at {load}, seed {seed}", played, markov_wait_s(servers, load))

    if load <= 0.8 and servers < 60:
        assert abs(ratio - 1) < 0.01
    assert abs(z) < 3


def test_mean_wait_of_m_m_60_at_0_8():
    expected = markov_wait_s(60, 0.8)
    seeds = [System(seed, 60, 0.8).batches(10 * REQUESTS) for seed in SEEDS]
    zs = [mean_wait(f"M/M/60 at 0.8, seed {seed}", one, expected)[1] for seed, one in zip(SEEDS, seeds, strict=True)]
    ratio, z = mean_wait("M/M/60 at 0.8, all seeds", np.concatenate(seeds), expected)

    assert abs(ratio - 1) < 0.01
    assert max(map(abs, [*zs, z])) < 3


def test_mean_wait_of_m_m_60_at_0_5():
    played = np.concatenate([System(seed, 60, 0.5).batches() for seed in SEEDS])
    _, z = mean_wait("M/M/60 at 0.5, all seeds", played, markov_wait_s(60, 0.5))

    assert played[:, 3].min() == 0
    assert played[:, 3].max() > 0
    assert abs(z) < 3


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("load", [0.5, 0.8, 0.9, 0.95])
def test_mean_wait_of_m_d_1(load, seed):
    played = System(seed, 1, load, constant=True).batches()
    ratio, z = mean_wait(f"M/D/1 at {load}, seed {seed}", played, deterministic_wait_s(load))

    if load <= 0.8:
        assert abs(ratio - 1) < 0.01
    assert abs(z) < 3


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("servers", "load", "requests"), [(1, 0.8, 4 * REQUESTS), (1, 1.1, REQUESTS), (3, 1.0, REQUESTS)]
)
def test_blocking_and_wait_behind_queue_proxy_are_those_of_m_m_c_k(servers, load, requests, seed):
    played = System(seed, servers, load, limit=True).batches(requests)
    blocking, wait_s = finite(servers, 11 * servers, load)
    refused, z_refused = judged(played[:, 2], played[:, 0], blocking)
    report(f"M/M/{servers}/{11 * servers} at {load}, seed {seed}, blocking", blocking, refused, z_refused)
    ratio, z = mean_wait(f"M/M/{servers}/{11 * servers} at {load}, seed {seed}, wait", played, wait_s)

    if load <= 0.8:
        assert abs(refused / blocking - 1) < 0.01
        assert abs(ratio - 1) < 0.01
    assert abs(z_refused) < 3
    assert abs(z) < 3
