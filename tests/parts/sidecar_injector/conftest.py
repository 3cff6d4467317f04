"""One injector for all tests that only ask it something."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.sidecar_injector.running import Caller, Injector, serving

CONFIGS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: warm, namespace: shop}
data: {cpu: 50m, memory: 128Mi, maxBytes: 64Mi, ttl: 10m}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: shared, namespace: shop}
data: {topology: per-service}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: typo, namespace: shop}
data: {maxEntrys: "5"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: tight, namespace: shop}
data: {memory: 20Mi}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: elsewhere, namespace: other}
data: {}
"""


@pytest.fixture(scope="package")
def configs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("configs")
    (folder / "caches.yaml").write_text(CONFIGS)
    return folder


@pytest.fixture(scope="package")
def injector(configs: Path) -> Iterator[Injector]:
    with serving("--config-dir", str(configs)) as running:
        yield running


@pytest.fixture
def caller(injector: Injector) -> Iterator[Caller]:
    with Caller(injector) as one:
        yield one
