"""The manifests of a transformer, which both worlds read."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.manifests.cache_config import cache_of, parse_cache_config
from sandbox.manifests.objects import ConfigMap, InferenceService
from sandbox.manifests.reader import Manifests, read_manifests
from sandbox.mechanisms.caching.redis_conf import redis_config

ROOT = Path(__file__).parents[3]
PART = ROOT / "fixtures" / "transformer"
NAMES = ["ranker-sidecar.yaml", "ranker-per-service.yaml"]


def config_map(read: Manifests, name: str) -> ConfigMap:
    (found,) = [one for one in read.objects if isinstance(one, ConfigMap) and one.metadata.name == name]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_manifest_declares_a_cache_that_both_worlds_read(name: str) -> None:
    read = read_manifests(PART / "manifests" / name)
    (service,) = [one for one in read.objects if isinstance(one, InferenceService)]
    config = cache_of(service)
    assert config is not None
    cache = parse_cache_config(config_map(read, config))

    assert cache.topology == name.removeprefix("ranker-").removesuffix(".yaml")
    assert cache.key_includes_version


def test_the_per_service_servers_configuration_is_what_the_mapping_says() -> None:
    read = read_manifests(PART / "manifests" / "ranker-per-service.yaml")
    lines = config_map(read, "ranker-cache-server").data["redis.conf"].splitlines()

    assert tuple(lines[:-1]) == redis_config(parse_cache_config(config_map(read, "ranker-cache")))
    assert lines[-1] == "protected-mode no"  # it is reached by other pods
