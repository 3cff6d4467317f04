"""Random choice by clients against a gateway's balancing: how unevenly a second's requests fall (claim B9).

n requests that fall on N servers at random have per-server counts with a coefficient of variation of √((N - 1)/n):
mean n/N, variance n·(1/N)·(1 - 1/N). Round robin at a gateway takes turns: no two servers differ by more than one.
Least request, Istio's default, evens out what is inside and not what arrives: a server that was lucky gets more; so
it is held to the peak inside, and to counts only where all work takes the same time.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
import pytest

from sandbox.mechanisms.routing import balancing
from sandbox.sim import columns as c
from sandbox.sim.agenda import NS
from sandbox.sim.dataplane import DataPlane
from sandbox.sim.draws import quantile_table, stream

SERVERS, CLIENTS, WORKERS = 4, 20, 8
RATE, MEAN_S = 1000, 0.02  # 5 of the 8 workers of a server are busy on average
WINDOWS, LOOKS = 300, 20  # windows of 1 s, in each so many looks at what is inside
SEEDS = (1, 2, 3, 4, 5)
CONSTANT, EXPONENTIAL = "constant", "exponential"
CURVES = {CONSTANT: lambda u: MEAN_S * NS, EXPONENTIAL: lambda u: -math.log1p(-u) * MEAN_S * NS}


@dataclass(frozen=True, slots=True)
class Seen:
    """Requests that each server began in each second, and the most that one server ever had inside."""

    counts: np.ndarray  # [windows, servers]
    peak_inside: int

    @property
    def cv(self) -> float:
        """Root mean square over the windows of (standard deviation over the servers / mean)."""
        return math.sqrt(np.mean(self.counts.var(axis=1) / self.counts.mean(axis=1) ** 2))


@functools.cache
def played(seed: int, work: str, policy: int | None = None) -> Seen:
    """`policy`: the gateway's; None: the clients choose, each for itself."""
    plane = DataPlane()
    rev = plane.new_rev()
    table = plane.new_table(quantile_table(CURVES[work], 1.0))
    plane.state.revs[rev, [c.R_TABLE, c.R_WORKERS]] = (table, WORKERS)
    pods = [plane.new_pod(rev) for _ in range(SERVERS)]
    plane.state.pods[pods, c.P_ALIVE] = c.ALIVE
    plane.set_endpoints(rev, pods)
    route = plane.new_route()
    plane.set_route(route, [rev], [1.0])
    flow = np.zeros((1, c.FLOW_COLUMNS), dtype=np.int64)
    flow[0, [c.F_KIND, c.F_ROUTE]] = (c.KIND_CONSTANT, route)
    for column in range(c.F_GAP_STREAM, c.F_CLIENT_STREAM + 1):
        flow[0, column] = stream(seed, f"balancing/{column}")
    if policy is None:
        flow[0, c.F_CLIENTS] = CLIENTS
        known = np.zeros((CLIENTS, plane.state.pods.shape[0]), dtype=np.int64)
        known[:, :SERVERS] = pods
        plane.replace(client_pods=known, client_counts=np.full(CLIENTS, SERVERS, dtype=np.int64))
    else:
        plane.state.revs[rev, c.R_POLICY] = policy
    knots = np.array([[0.0, float(c.FOREVER), RATE / NS, 0.0]])
    plane.replace(flows=flow, positions=np.zeros(1), knots=knots)
    plane.start_flows()
    return watched(plane, pods)


def watched(plane: DataPlane, pods: list[int]) -> Seen:
    """From the second second on: the first fills the servers."""
    plane.advance(NS)
    rows, peak = [], 0
    for _ in range(WINDOWS):
        before = started(plane, pods)
        for _ in range(LOOKS):
            plane.advance(plane.now_ns + NS // LOOKS)
            peak = max(peak, int(plane.state.pods[pods, c.P_INSIDE].max()))
        rows.append(started(plane, pods) - before)
    return Seen(np.array(rows), peak)


def started(plane: DataPlane, pods: list[int]) -> np.ndarray:
    return plane.state.pod_counts[[2 * pod for pod in pods], c.N_STARTED].copy()


@pytest.mark.parametrize("work", [CONSTANT, EXPONENTIAL])
@pytest.mark.parametrize("seed", SEEDS)
def test_clients_that_choose_at_random_scatter_like_a_multinomial(seed: int, work: str) -> None:
    """(N - 1) squared deviations a window: the mean square of 300 windows is known to √(2/900) = 4.7 %."""
    seen = played(seed, work)
    expected, error = math.sqrt((SERVERS - 1) / RATE), math.sqrt(2 / ((SERVERS - 1) * WINDOWS)) / 2
    z = (seen.cv / expected - 1) / error
    print(f"{work} work, seed {seed}: CV {seen.cv:.4f}, √((N-1)/n) = {expected:.4f}, z = {z:+.2f}")

    assert np.all(abs(seen.counts.sum(axis=1) - RATE) <= 1)
    assert abs(z) < 3


@pytest.mark.parametrize("work", [CONSTANT, EXPONENTIAL])
@pytest.mark.parametrize("seed", SEEDS)
def test_round_robin_at_the_gateway_is_more_than_three_times_as_even(seed: int, work: str) -> None:
    clients, gateway = played(seed, work), played(seed, work, balancing.ROUND_ROBIN)
    print(f"{work} work, seed {seed}: CV {clients.cv:.4f} at random, {gateway.cv:.4f} round robin")

    assert clients.cv > 3 * gateway.cv
    assert np.ptp(gateway.counts, axis=1).max() <= 1


@pytest.mark.parametrize("seed", SEEDS)
def test_least_request_at_the_gateway_is_more_even_where_all_work_is_alike(seed: int) -> None:
    clients, gateway = played(seed, CONSTANT), played(seed, CONSTANT, balancing.LEAST_REQUEST)
    print(f"seed {seed}: CV {clients.cv:.4f} at random, {gateway.cv:.4f} least request")

    assert clients.cv > gateway.cv


@pytest.mark.parametrize("work", [CONSTANT, EXPONENTIAL])
@pytest.mark.parametrize("name", ["ROUND_ROBIN", "LEAST_REQUEST"])
@pytest.mark.parametrize("seed", SEEDS)
def test_at_random_more_requests_pile_up_inside_one_server(seed: int, name: str, work: str) -> None:
    clients, gateway = played(seed, work), played(seed, work, getattr(balancing, name))
    print(f"{work} work, seed {seed}: at most {clients.peak_inside} inside at random, {gateway.peak_inside} {name}")

    assert clients.peak_inside > gateway.peak_inside
