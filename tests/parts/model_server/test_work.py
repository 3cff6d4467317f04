"""What work costs: workers, batches, sleep and burn, memory, failures; and what the slim server costs itself."""

from __future__ import annotations

import concurrent.futures
import math
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.parts.model_server.processes import KINDS, Answer, Server, make_model, model_server

MIB = 1024 * 1024
LATE_S = 0.25  # what several hundred milliseconds of work may take longer on a busy machine


def timed(do: Callable[[], object]) -> float:
    began = time.monotonic()
    do()
    return time.monotonic() - began


def at_once(server: Server, n: int) -> list[Answer]:
    with concurrent.futures.ThreadPoolExecutor(n) as pool:
        return list(pool.map(lambda i: server.predict(i), range(n)))


@pytest.mark.parametrize(("workers", "rounds"), [(0, 1), (2, 3), (1, 6), (6, 1)])
def test_workers_bound_what_is_worked_on_at_once_and_the_others_wait(workers: int, rounds: int, tmp_path: Path) -> None:
    profile = f"default: {{serviceTime: 200ms, load: 0s, workers: {workers}}}"
    with model_server("slim", tmp_path, profile=profile, model_dir=make_model(tmp_path / "model")) as server:
        server.ready()
        server.predict(0)

        took_s = timed(lambda: at_once(server, 6))
        page = server.send("GET", "/metrics").content.decode()

    waited_s = float(next(line for line in page.splitlines() if "wait_seconds_sum" in line).split()[1])
    assert 0.2 * rounds <= took_s < 0.2 * rounds + LATE_S
    per_round = 6 // rounds
    assert waited_s == pytest.approx(sum(0.2 * i * per_round for i in range(rounds)), abs=LATE_S * 6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("speedup", "factor"), [(1, 5.0), (4, 2.0)])
def test_a_batch_takes_its_instances_times_but_for_its_speedup(
    kind: str, speedup: int, factor: float, tmp_path: Path
) -> None:
    profile = f"default: {{serviceTime: 100ms, load: 0s, batchSpeedup: {speedup}}}"
    with model_server(kind, tmp_path, profile=profile, model_dir=make_model(tmp_path / "model")) as server:
        server.ready()
        server.predict(0)

        single_s = min(timed(lambda: server.predict(1)) for _ in range(3))
        batch_s = min(timed(lambda: server.predict(1, 2, 3, 4, 5)) for _ in range(3))

    assert 0.1 <= single_s < 0.1 + LATE_S
    assert 0.1 * factor <= batch_s < 0.1 * factor + LATE_S


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("work", "low_s", "high_s"), [("sleep", 0.0, 0.5), ("burn", 0.95, 1.6)])
def test_sleep_waits_and_burn_uses_the_cpu_for_the_time(
    kind: str, work: str, low_s: float, high_s: float, tmp_path: Path
) -> None:
    profile = f"default: {{serviceTime: 100ms, load: 0s, work: {work}, workers: 1}}"
    with model_server(kind, tmp_path, profile=profile, model_dir=make_model(tmp_path / "model")) as server:
        server.ready()
        server.predict(0)

        before_s = server.cpu_s()
        took_s = timed(lambda: [server.predict(i) for i in range(10)])
        used_s = server.cpu_s() - before_s

    assert low_s <= used_s < high_s  # ten requests of 100 ms, and what serving them costs
    assert took_s >= 0.999


def test_probes_are_answered_while_all_workers_burn(tmp_path: Path) -> None:
    profile = "default: {serviceTime: 1s, load: 0s, work: burn, workers: 1}"
    with model_server("slim", tmp_path, profile=profile, model_dir=make_model(tmp_path / "model")) as server:
        server.ready()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            burning = pool.submit(server.predict, 1)
            time.sleep(0.2)
            probe_s = timed(lambda: server.send("GET", "/v2/health/ready"))
            still_burning = not burning.done()

        assert burning.result().status == 200

    assert still_burning
    assert probe_s < 0.5


def test_the_process_holds_the_profile_s_memory_once_it_is_loaded(tmp_path: Path) -> None:
    profile = "default: {serviceTime: 0s, load: 0s, memory: 150Mi}"
    with model_server("slim", tmp_path, profile=profile, model_dir=make_model(tmp_path / "model")) as server:
        server.ready()

        held = server.resident_bytes()

    assert 150 * MIB <= held < 162 * MIB


@pytest.mark.parametrize("kind", KINDS)
def test_failures_have_their_share(kind: str, tmp_path: Path) -> None:
    n = 300
    profile = "default: {serviceTime: 0s, load: 0s, failureRate: 0.2}"
    arguments = ("--seed", "5", "--pod", "ranker-00001-a")
    with model_server(kind, tmp_path, *arguments, profile=profile, model_dir=make_model(tmp_path / "model")) as server:
        server.ready()
        statuses = [server.predict(i).status for i in range(n)]

    assert set(statuses) == {200, 500}
    assert abs(statuses.count(500) - 0.2 * n) < 3 * math.sqrt(n * 0.2 * 0.8)


def test_a_pod_draws_the_same_again_and_another_pod_others(tmp_path: Path) -> None:
    def statuses(pod: str, folder: Path) -> list[int]:
        profile = "default: {serviceTime: 0s, load: 0s, failureRate: 0.5}"
        model = make_model(tmp_path / "model")
        with model_server("slim", folder, "--pod", pod, profile=profile, model_dir=model) as server:
            server.ready()
            return [server.predict(i).status for i in range(30)]

    first, again, other = statuses("a", tmp_path / "1"), statuses("a", tmp_path / "2"), statuses("b", tmp_path / "3")

    assert first == again
    assert first != other


STARTS = 15


def test_the_slim_server_starts_in_under_600_ms_and_60_mb(tmp_path: Path) -> None:
    """From the process's creation to the first answer of its readiness probe, less what it waited for a core.

    What else runs on the machine can only add, so the best of some starts counts; the first that is fast enough ends
    the test.
    """
    model = make_model(tmp_path / "model")
    starts_s: list[float] = []
    while len(starts_s) < STARTS and min(starts_s, default=1.0) >= 0.6:
        with model_server("slim", tmp_path / str(len(starts_s)), model_dir=model) as server:
            server.ready()
            assert 200 == server.send("GET", "/v2/health/ready").status
            starts_s.append(time.monotonic() - server.part.started_s - waited_for_a_core_s(server))
            for i in range(200):
                server.predict([i, i + 1])
            held = server.resident_bytes() / 1e6
    print(f"slim: ready after {min(starts_s):.3f} s, best of {len(starts_s)}; {held:.1f} MB")

    assert min(starts_s) < 0.6
    assert held < 60


def waited_for_a_core_s(server: Server) -> float:
    """How long the process could have run but something else had the core; 0 where the kernel doesn't count it."""
    try:
        return int(Path(f"/proc/{server.part.process.pid}/schedstat").read_text().split()[1]) / 1e9
    except FileNotFoundError:
        return 0.0


def test_the_slim_server_loads_neither_the_sdk_nor_numpy_nor_minio_s_client(tmp_path: Path) -> None:
    with model_server("slim", tmp_path, model_dir=make_model(tmp_path / "model")) as server:
        server.ready()
        maps = Path(f"/proc/{server.part.process.pid}/maps").read_text()

    assert "numpy" not in maps
    assert "grpc" not in maps
    assert "pydantic" not in maps
    assert "argon2" not in maps  # the one library that minio's client brings with it
