"""The redis.conf of a response cache keeps within its container and evicts instead of refusing."""

from __future__ import annotations

from sandbox.manifests.cache_config import CacheConfig
from sandbox.manifests.objects import Resources
from sandbox.mechanisms.caching.redis_conf import max_memory, redis_config

MIB = 1024 * 1024


def cache(max_bytes: int, memory: int, topology: str = "sidecar") -> CacheConfig:
    return CacheConfig(max_bytes=max_bytes, topology=topology, requests=Resources(cpu_milli=100, memory_bytes=memory))


def test_a_full_cache_evicts_the_least_recently_used_and_writes_nothing_to_disk() -> None:
    expected = ("maxmemory 1048576", "maxmemory-policy allkeys-lru", "maxmemory-samples 10", 'save ""', "appendonly no")

    assert redis_config(cache(MIB, 256 * MIB)) == expected


def test_a_sidecar_keeps_a_quarter_of_its_memory_free() -> None:
    assert max_memory(cache(256 * MIB, 256 * MIB)) == 192 * MIB
    assert max_memory(cache(0, 64 * MIB)) == 48 * MIB
    assert max_memory(cache(16 * MIB, 64 * MIB)) == 16 * MIB


def test_a_server_of_its_own_is_bounded_by_max_bytes_alone() -> None:
    assert max_memory(cache(256 * MIB, 64 * MIB, "per-service")) == 256 * MIB


def test_without_any_bound_there_is_none() -> None:
    assert max_memory(cache(0, 0)) == 0
    assert redis_config(cache(0, 0))[0] == "maxmemory 0"


def test_entries_are_not_bounded_by_redis() -> None:
    few, many = CacheConfig(max_entries=1), CacheConfig(max_entries=1_000_000)

    assert redis_config(few) == redis_config(many)
