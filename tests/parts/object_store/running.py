"""An object store as a process on loopback, the keys that it knows, and what it counted."""

from __future__ import annotations

import signal
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from minio import Minio
from prometheus_client.parser import text_string_to_metric_families

from fixtures.object_store.connect import ACCESS_KEY, ENDPOINT, SECRET_KEY, connect
from tests.parts.part import Part, part

KEYS = ("test-access", "test-secret-of-the-store")


@dataclass(frozen=True, slots=True)
class RunningStore:
    """What a client needs: endpoint and keys, or the environment that carries them."""

    endpoint: str
    access_key: str
    secret_key: str
    part: Part

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
    environment = {ACCESS_KEY: keys[0], SECRET_KEY: keys[1]}
    with part("object_store", "serve", "--port", "0", *options, environment=environment) as one:
        ready = one.wait_for(r"ready (http://127\.0\.0\.1:\d+) .*")
        try:
            yield RunningStore(ready[1], *keys, one)
        finally:
            status = one.stop()
        assert status in (0, -signal.SIGKILL), f"the store ended with {status}:\n{one.stderr()}"
