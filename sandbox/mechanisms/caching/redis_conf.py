"""The configuration of the Redis (or Valkey) server that is a transformer's response cache.

Comes in: a `CacheConfig`; goes out: the lines of a redis.conf. The sidecar injector writes them into the pod, the
launcher of `fixtures/transformer` starts a local server with them. Mirrors the directives of Valkey 9.1 and Redis 7
(valkey.conf, "Memory management" and "Snapshotting").

Left out: port, bind and protected-mode, which depend on who may reach the server; these lines hold wherever it runs.
The TTL isn't here either: Redis takes it with every SET.

Two differences from the simulated cache, which counts answers only. Redis has no bound on the number of entries, so
`max_entries` has no line; whoever wants that bound says it in `max_bytes`. And `maxmemory` counts everything that
Redis keeps, an answer with its key and some hundred bytes around them, so a cache of small answers holds fewer of them.
"""

from __future__ import annotations

from sandbox.manifests.cache_config import CacheConfig

# What is left of a container for Redis' own code, fragmentation and the buffers of its clients, which maxmemory
# doesn't count: a maxmemory at the container's limit ends in an OOM-kill instead of an eviction (I26).
DATA_SHARE_OF_MEMORY = (3, 4)
# Redis evicts the oldest of so many random entries; with 10 (instead of 5) that is close to the true LRU of the
# simulated cache.
SAMPLES = 10


def max_memory(cache: CacheConfig) -> int:
    """Bytes that Redis may keep, 0 = no limit.

    A sidecar has to stay within the memory that the configuration gives its container as well; a server of
    its own (topology per-service) has been given its memory by whoever deployed it.

    >>> max_memory(CacheConfig(max_bytes=1000)), max_memory(CacheConfig(max_bytes=0)) == 192 * 1024 * 1024
    (1000, True)
    """
    part, whole = DATA_SHARE_OF_MEMORY
    room = cache.requests.memory_bytes * part // whole if cache.topology == "sidecar" else 0
    limits = [limit for limit in (cache.max_bytes, room) if limit > 0]
    return min(limits, default=0)


def redis_config(cache: CacheConfig) -> tuple[str, ...]:
    """The lines of the server's redis.conf.

    >>> redis_config(CacheConfig(max_bytes=1000))[:2]
    ('maxmemory 1000', 'maxmemory-policy allkeys-lru')
    """
    return (
        f"maxmemory {max_memory(cache)}",
        # Redis' default, noeviction, would refuse every write from then on (I26).
        "maxmemory-policy allkeys-lru",
        f"maxmemory-samples {SAMPLES}",
        # A cache comes back empty: what it would have written to disk may be the old model's answers.
        'save ""',
        "appendonly no",
    )
