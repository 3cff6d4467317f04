"""Service times over loopback follow the profile: Kolmogorov–Smirnov against the distribution, and what work costs.

What a request takes on the wire is its service time plus an overhead: client, HTTP, JSON, two processes scheduled.
The overhead is measured beside it, by the same clients, in turn against a second server whose service time is 0, and
its median m is subtracted. Two errors remain, and make the bound:

- of sampling: under the null hypothesis √n·D exceeds 1.63 once in a hundred samples (Kolmogorov's distribution)
- of the overhead's variation e around m: it moves the distribution function by at most E|e| times the largest density

The draws are of a fixed seed, so only the overhead differs from run to run. So that the bound means something, the
same sample must be refused by the distribution whose times are half as long again.
"""

from __future__ import annotations

import concurrent.futures
import http.client
import math
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from sandbox.profiles import Distribution, parse_distribution
from tests.parts.model_server.processes import MODEL, Server, ask, make_model, model_server

CRITICAL = 1.63  # of √n·D at 1 %
N = 800
AT_ONCE = 4
PATH = f"/v1/models/{MODEL}:predict"
JSON = {"content-type": "application/json"}
LOGNORMAL = "lognormal(median=40ms, sigma=0.3)"


def profile(service_time: str, more: str = "") -> str:
    return f'default: {{serviceTime: "{service_time}", load: 0s{more}}}'


def latency_s(connection: http.client.HTTPConnection, body: bytes = b'{"instances": [1]}') -> float:
    began = time.perf_counter()
    answer = ask(connection, "POST", PATH, body, JSON)
    took_s = time.perf_counter() - began
    assert 200 == answer.status
    return took_s


def in_turn(servers: Sequence[Server], n: int) -> list[list[float]]:
    """Latencies of n requests to each server, over kept connections, by clients who ask one after the other."""

    def client(count: int) -> list[list[float]]:
        connections = [one.connect() for one in servers]
        found = [[latency_s(connection) for connection in connections] for _ in range(count)]
        for connection in connections:
            connection.close()
        return found

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        rows = [row for part in pool.map(client, [n // AT_ONCE] * AT_ONCE) for row in part]
    return [list(column) for column in zip(*rows, strict=True)]


def distance(sample: Sequence[float], distribution: Distribution) -> float:
    """Kolmogorov's D."""
    n = len(sample)
    shares = [distribution.cdf(x) for x in sorted(sample)]
    return max(max((i + 1) / n - share, share - i / n) for i, share in enumerate(shares))


def steepest(distribution: Distribution) -> float:
    """The largest density, per second."""
    step_s = 0.0001
    return max((distribution.cdf((i + 1) * step_s) - distribution.cdf(i * step_s)) / step_s for i in range(2000))


def half_as_long_again(distribution: Distribution) -> Distribution:
    scaled = {name: value if name == "sigma" else 1.5 * value for name, value in distribution.params.items()}
    return Distribution(distribution.kind, scaled)


@pytest.mark.parametrize(
    ("kind", "service_time"),
    [
        ("slim", LOGNORMAL),
        ("slim", "uniform(low=10ms, high=60ms)"),
        ("slim", "exponential(mean=40ms)"),
        ("sdk", LOGNORMAL),
    ],
)
def test_service_times_over_loopback_follow_the_profile(kind: str, service_time: str, tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    drawn = ("--seed", "7", "--pod", "ranker-00001-a")
    with (
        model_server(kind, tmp_path / "idle", profile=profile("0s"), model_dir=model) as idle,
        model_server(kind, tmp_path / "busy", *drawn, profile=profile(service_time), model_dir=model) as busy,
    ):
        overhead, measured = in_turn((idle.ready(), busy.ready()), N)

    wanted = parse_distribution(service_time)
    median_s = statistics.median(overhead)
    spread_s = statistics.fmean(abs(one - median_s) for one in overhead)
    sample = [one - median_s for one in measured]
    found = distance(sample, wanted)
    bound = CRITICAL / math.sqrt(N) + spread_s * steepest(wanted)
    print(
        f"{kind} {service_time}: overhead {1e3 * median_s:.2f} ms ± {1e3 * spread_s:.2f}, D {found:.4f} < {bound:.4f}"
    )

    assert found < bound
    assert distance(sample, half_as_long_again(wanted)) > bound
