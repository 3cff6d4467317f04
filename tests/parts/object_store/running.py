"""An object store as a process on loopback, the keys that it knows, and what it counted."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from minio import Minio
from prometheus_client.parser import text_string_to_metric_families

from fixtures.object_store.connect import ACCESS_KEY, ENDPOINT, SECRET_KEY, connect

CHECKOUT = Path(__file__).resolve().parents[3]
STARTS_WITHIN_S = 60.0  # moto's import takes two seconds, more on a busy machine
STOPS_WITHIN_S = 20.0
KEYS = ("test-access", "test-secret-of-the-store")


@dataclass(frozen=True, slots=True)
class RunningStore:
    """What a client needs: endpoint and keys, or the environment that carries them."""

    endpoint: str
    access_key: str
    secret_key: str
    process: subprocess.Popen[str]

    @property
    def environment(self) -> dict[str, str]:
        return {ENDPOINT: self.endpoint, ACCESS_KEY: self.access_key, SECRET_KEY: self.secret_key}

    def client(self, *, timeout_s: float = 10.0, tries: int = 3) -> Minio:
        return connect(self.endpoint, self.access_key, self.secret_key, timeout_s=timeout_s, tries=tries)

    def counted(self, metric: str, **labels: str) -> float:
        """A value of its /metrics, summed over what the labels leave open; 0 if there is none."""
        with urllib.request.urlopen(f"{self.endpoint}/metrics", timeout=10) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        samples = [one for family in families for one in family.samples if one.name == metric]
        return sum(one.value for one in samples if labels.items() <= one.labels.items())


@contextmanager
def object_store(*options: str, keys: tuple[str, str] = KEYS) -> Iterator[RunningStore]:
    """`python -m fixtures.object_store serve` on a free port, stopped (and its exit looked at) at the end."""
    process = start(("serve", "--port", "0", *options), keys)
    try:
        line = first_line(process)
        assert line.startswith("ready http://127.0.0.1:"), line
        yield RunningStore(line.split()[1], *keys, process)
    finally:
        status = stop(process)
    assert status in (0, -signal.SIGKILL), f"the store ended with {status}"


def start(arguments: Sequence[str], keys: tuple[str, str] = KEYS, **more: str) -> subprocess.Popen[str]:
    """The part's command line as a process; its chatter goes where the test's does."""
    environment = {**os.environ, ACCESS_KEY: keys[0], SECRET_KEY: keys[1], **more}
    return subprocess.Popen(
        [sys.executable, "-m", "fixtures.object_store", *arguments],
        cwd=CHECKOUT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=lambda: lines.put(process.stdout.readline()), daemon=True).start()  # type: ignore[union-attr]
    try:
        return lines.get(timeout=STARTS_WITHIN_S)
    except queue.Empty:
        process.kill()
        raise AssertionError(f"no ready line of the object store within {STARTS_WITHIN_S} s") from None


def stop(process: subprocess.Popen[str]) -> int:
    if process.poll() is None:
        process.terminate()
    try:
        return process.wait(STOPS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"the object store did not end within {STOPS_WITHIN_S} s of SIGTERM") from None
    finally:
        if process.stdout:
            process.stdout.close()
