"""The injected container's arguments, given to a real server: it evicts within its limit and hears loopback only."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from fixtures.transformer.valkey import free_port, server_binary
from sandbox.manifests.cache_config import CacheConfig
from sandbox.manifests.objects import Resources
from sandbox.mechanisms.injection import inject
from tests.parts.sidecar_injector.pods import transformer_pod

MIB = 1024 * 1024
LIMIT = 32 * MIB
CACHE = CacheConfig(max_bytes=16 * MIB, requests=Resources(cpu_milli=100, memory_bytes=LIMIT))


@contextmanager
def sidecar(folder: Path) -> Iterator[tuple[Redis, subprocess.Popen[bytes]]]:
    """The container as a process: its own arguments but for the port, in a folder that cannot be written."""
    (added,) = [one for one in inject(transformer_pod(), CACHE) if one["path"] == "/spec/containers/-"]
    arguments, port = list(added["value"]["args"]), free_port()
    arguments[arguments.index("--port") + 1] = str(port)
    folder.chmod(0o555)
    process = subprocess.Popen([server_binary(), *arguments], cwd=folder, stdout=subprocess.DEVNULL)
    client = Redis(port=port)
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                client.ping()
                break
            except RedisConnectionError:
                assert process.poll() is None, "the server did not start with the injected arguments"
                assert time.monotonic() < deadline, "the server did not answer within 10 s"
                time.sleep(0.02)
        yield client, process
    finally:
        client.close()
        process.terminate()
        process.wait(10)


def test_a_full_sidecar_takes_writes_evicts_and_stays_below_its_limit(tmp_path: Path) -> None:
    with sidecar(tmp_path) as (client, process):
        assert client.config_get("maxmemory") == {"maxmemory": str(16 * MIB)}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}
        assert client.config_get("save") == {"save": ""}
        for i in range(0, 40_000, 200):
            pipe = client.pipeline(transaction=False)
            for j in range(200):
                pipe.set(f"key-{i + j}", b"x" * (100 + (i * 7 + j * 13) % 2900))
            assert all(pipe.execute())
        evicted = client.info("stats")["evicted_keys"]
        peak = _peak_bytes(process.pid)

    print(f"peak {peak / MIB:.1f} MiB of a limit of {LIMIT / MIB:.0f} MiB, {evicted} evicted")
    assert evicted > 10_000
    assert peak < LIMIT
    assert list(tmp_path.iterdir()) == []


def _peak_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def test_another_pod_does_not_reach_the_sidecar(tmp_path: Path) -> None:
    """Another address of this machine stands for the pod's own, at which other pods would come."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no address but loopback")
        address = probe.getsockname()[0]
    with sidecar(tmp_path) as (client, _):
        port = client.connection_pool.connection_kwargs["port"]

        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address, port), timeout=5)
