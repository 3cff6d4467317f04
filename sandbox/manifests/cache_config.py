"""The response cache of a transformer, as its annotations and a ConfigMap declare it.

Comes in: an InferenceService and a ConfigMap; goes out: a `CacheConfig`. The sandbox's own convention, so the rules
are ours: an unknown key is refused, because a typo would silently leave a default in force.

    metadata or spec.transformer annotations:
      sandbox.dev/transformer-cache: "true"
      sandbox.dev/transformer-cache-config: ranker-cache     # a ConfigMap of the same namespace
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from sandbox.durations import parse_go_duration
from sandbox.errors import Location, UsageError
from sandbox.manifests.names import did_you_mean
from sandbox.manifests.objects import ConfigMap, InferenceService, Resources
from sandbox.manifests.quantity import RULE, milli, whole

T = TypeVar("T")

ENABLED = "sandbox.dev/transformer-cache"
CONFIG = "sandbox.dev/transformer-cache-config"
KEYS = ("maxEntries", "maxBytes", "ttl", "topology", "keyIncludesVersion", "cpu", "memory")
TOPOLOGIES = ("sidecar", "per-service")


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheConfig:
    """A least-recently-used cache of answers. The values here are the defaults."""

    max_entries: int = 10_000  # 0 = no limit
    max_bytes: int = 256 * 1024 * 1024  # 0 = no limit
    ttl_s: float = 0.0  # 0 = entries do not age
    topology: str = "sidecar"  # sidecar: one per pod, dies with it; per-service: one for all pods
    key_includes_version: bool = False  # True: a new model version starts with an empty cache
    requests: Resources = field(
        default_factory=lambda: Resources(cpu_milli=100, memory_bytes=256 * 1024 * 1024)
    )  # of the sidecar


def cache_of(service: InferenceService) -> str | None:
    """Name of the ConfigMap of a service's cache; "" for the defaults, None without a cache.

    The transformer's own annotations win over the InferenceService's.
    """
    if service.transformer is None:
        return None
    annotations = {**service.metadata.annotations, **service.transformer.pod.annotations}
    enabled = annotations.get(ENABLED, "false")
    if enabled not in ("true", "false"):
        raise UsageError(
            f"InferenceService {service.metadata.name}: {ENABLED} is neither true nor false",
            where=service.at,
            value=enabled,
            rule=f'{ENABLED} is "true" or "false"',
        )
    return annotations.get(CONFIG, "") if enabled == "true" else None


def parse_cache_config(config_map: ConfigMap, locate: Callable[[str], Location | None] | None = None) -> CacheConfig:
    """The cache that a ConfigMap describes; keys it leaves out keep `CacheConfig`'s defaults."""
    entries = _Entries(config_map, locate or (lambda key: config_map.at))
    defaults = CacheConfig()
    for key in config_map.data:
        if key not in KEYS:
            raise entries.refuse(key, f"is not known{did_you_mean(key, KEYS)}", f"one of {', '.join(KEYS)}")
    return CacheConfig(
        max_entries=entries.read("maxEntries", _count, defaults.max_entries, "a whole number, 0 = no limit"),
        max_bytes=entries.read("maxBytes", _amount, defaults.max_bytes, f"{RULE}; 0 = no limit"),
        ttl_s=entries.read("ttl", _duration, defaults.ttl_s, "a duration such as 10m or 90s; 0 = entries do not age"),
        topology=entries.read("topology", _topology, defaults.topology, " or ".join(TOPOLOGIES)),
        key_includes_version=entries.read(
            "keyIncludesVersion", _boolean, defaults.key_includes_version, '"true" or "false"'
        ),
        requests=Resources(
            cpu_milli=entries.read("cpu", _milli, defaults.requests.cpu_milli, RULE),
            memory_bytes=entries.read("memory", _amount, defaults.requests.memory_bytes, RULE),
        ),
    )


class _Entries:
    def __init__(self, config_map: ConfigMap, locate: Callable[[str], Location | None]) -> None:
        self.config_map = config_map
        self.locate = locate

    def read(self, key: str, parse: Callable[[str], T], default: T, rule: str) -> T:
        text = self.config_map.data.get(key)
        if text is None:
            return default
        try:
            return parse(text.strip())
        except ValueError:
            raise self.refuse(key, "is refused", rule) from None

    def refuse(self, key: str, what: str, rule: str) -> UsageError:
        return UsageError(
            f"ConfigMap {self.config_map.metadata.name}: {key} {what}",
            where=self.locate(key),
            value=self.config_map.data[key],
            rule=rule,
        )


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise ValueError(text)
    return int(text)


def _amount(text: str) -> int:
    value = whole(text)
    if value < 0:
        raise ValueError(text)
    return value


def _milli(text: str) -> int:
    value = milli(text)
    if value < 0:
        raise ValueError(text)
    return value


def _duration(text: str) -> float:
    seconds = parse_go_duration(text)
    if seconds < 0:
        raise ValueError(text)
    return seconds


def _topology(text: str) -> str:
    if text not in TOPOLOGIES:
        raise ValueError(text)
    return text


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"
