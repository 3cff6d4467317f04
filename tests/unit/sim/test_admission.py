"""In the simulated world a pod requests what the injector's patch makes of it."""

from __future__ import annotations

import pytest

from sandbox.errors import UsageError
from sandbox.manifests.cache_config import CacheConfig
from sandbox.manifests.objects import Container, PodTemplate, Probe, Resources
from sandbox.sim.admission import admitted
from sandbox.sim.nodes import total

MIB = 1024 * 1024
OWN = Container(
    name="kserve-container",
    image="x",
    requests=Resources(cpu_milli=500, memory_bytes=64 * MIB, extended={"nvidia.com/gpu": 1}),
    env={"A": "1"},
    readiness=Probe(period_s=3.0),
)
TEMPLATE = PodTemplate(containers=(OWN,))


def containers(cache: CacheConfig | None) -> tuple[Container, ...]:
    return admitted(TEMPLATE, cache, service="ranker", component="transformer")


def test_a_pod_without_a_cache_is_its_template() -> None:
    assert containers(None) == (OWN,)


def test_a_sidecar_adds_what_its_config_map_gives_it() -> None:
    cache = CacheConfig(requests=Resources(cpu_milli=250, memory_bytes=300 * MIB))

    own, sidecar = containers(cache)

    assert own is OWN
    assert (sidecar.name, sidecar.requests, sidecar.limits) == ("transformer-cache", cache.requests, cache.requests)
    assert total([own.requests, sidecar.requests]) == Resources(
        cpu_milli=750, memory_bytes=364 * MIB, extended={"nvidia.com/gpu": 1}
    )


def test_a_shared_cache_adds_nothing_to_the_pod() -> None:
    assert containers(CacheConfig(topology="per-service")) == (OWN,)


def test_a_sidecar_that_a_cluster_would_not_get_is_refused_here() -> None:
    with pytest.raises(UsageError, match="would run out of memory"):
        containers(CacheConfig(requests=Resources(cpu_milli=100, memory_bytes=20 * MIB)))
