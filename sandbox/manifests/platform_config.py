"""What the platform's ConfigMaps say: config-defaults, config-deployment, config-network, config-features.

Comes in: ConfigMaps; goes out: one `PlatformConfig`, which validation and the simulated world go by. Mirrors
knative/serving pkg/apis/config/{defaults,features}.go, pkg/deployment/config.go and knative/networking pkg/config.
A value that the platform's own webhook refuses is refused here, with key and rule. config-autoscaler and config-gc
are read by the mechanisms that use them.

Leaves out: container name templates, service links, digest resolution, domains and TLS. `_example` is ignored, as
upstream ignores it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from sandbox.durations import parse_go_duration
from sandbox.errors import Location, UsageError
from sandbox.manifests.fields import INT64_MAX
from sandbox.manifests.objects import ConfigMap, Object, Resources
from sandbox.manifests.quantity import RULE, milli, whole

T = TypeVar("T")
Locate = Callable[[str], Location | None]

NAMES = ("config-defaults", "config-deployment", "config-network", "config-features")

# knative/serving pkg/apis/config/features.go; every other flag is disabled by default.
ENABLED_BY_DEFAULT = ("multi-container", "kubernetes.podspec-volumes-emptydir")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformConfig:
    """The cluster's settings; the values here are upstream's defaults."""

    revision_timeout_s: int = 300
    max_revision_timeout_s: int = 600
    revision_response_start_timeout_s: int = 300
    revision_idle_timeout_s: int = 0  # 0 = off
    container_concurrency: int = 0
    container_concurrency_max_limit: int = 1000
    allow_container_concurrency_zero: bool = True
    revision_requests: Resources = field(default_factory=Resources)  # no default in code, only examples in the docs
    revision_limits: Resources = field(default_factory=Resources)
    progress_deadline_s: float = 600.0
    queue_sidecar_requests: Resources = field(default_factory=lambda: Resources(cpu_milli=25))
    queue_sidecar_limits: Resources = field(default_factory=Resources)
    rollout_duration_s: float = 0.0  # 0 = at once
    flags: Mapping[str, bool] = field(default_factory=lambda: dict.fromkeys(ENABLED_BY_DEFAULT, True))

    @property
    def queue_sidecar_cpu_milli(self) -> int:
        return self.queue_sidecar_requests.cpu_milli

    def allows(self, flag: str) -> bool:
        """Whether a config-features flag is Enabled or Allowed.

        >>> PlatformConfig().allows("kubernetes.podspec-nodeselector")
        False
        """
        return self.flags.get(flag, False)


def platform_config(
    objects: Iterable[Object],
    base: PlatformConfig | None = None,
    locate: Callable[[ConfigMap, str], Location | None] | None = None,
) -> PlatformConfig:
    """The settings after the ConfigMaps among `objects` were applied, in order; others are passed over."""
    config = base or PlatformConfig()
    for one in objects:
        if isinstance(one, ConfigMap) and one.metadata.name in NAMES:
            config = _apply(config, one, locate)
    return config


def _apply(
    config: PlatformConfig, one: ConfigMap, locate: Callable[[ConfigMap, str], Location | None] | None
) -> PlatformConfig:
    entries = _Entries(one, (lambda key: locate(one, key)) if locate else (lambda key: one.at))
    match one.metadata.name:
        case "config-defaults":
            return _defaults(config, entries)
        case "config-deployment":
            return _deployment(config, entries)
        case "config-network":
            duration_s = entries.read("rollout-duration", _whole_seconds, 0.0, "a duration of whole seconds, 0 or more")
            return replace(config, rollout_duration_s=duration_s)
        case _:
            return replace(config, flags={**dict.fromkeys(ENABLED_BY_DEFAULT, True), **_flags(entries)})


class _Entries:
    """Typed reading of a ConfigMap's data."""

    def __init__(self, config_map: ConfigMap, locate: Locate) -> None:
        self.name = config_map.metadata.name
        self.data = config_map.data
        self.locate = locate

    def read(self, key: str, parse: Callable[[str], T], default: T, rule: str) -> T:
        text = self.data.get(key)
        if text is None:
            return default
        try:
            return parse(text.strip())
        except ValueError:
            raise self.refuse(key, rule) from None

    def whole(self, key: str, default: int) -> int:
        return self.read(key, _whole, default, "a whole number")

    def refuse(self, key: str, rule: str) -> UsageError:
        return UsageError(
            f"ConfigMap {self.name}: {key} is refused",
            where=self.locate(key),
            value=self.data.get(key),
            rule=f"{key}: {rule}",
            next_step="correct it; a running cluster would keep its old settings",
        )


def _defaults(config: PlatformConfig, entries: _Entries) -> PlatformConfig:
    timeout_s = entries.whole("revision-timeout-seconds", 300)
    longest_s = entries.whole("max-revision-timeout-seconds", 600)
    start_s = entries.whole("revision-response-start-timeout-seconds", timeout_s)
    idle_s = entries.whole("revision-idle-timeout-seconds", 0)
    most = entries.whole("container-concurrency-max-limit", 1000)
    concurrency = entries.whole("container-concurrency", 0)
    if timeout_s > longest_s:
        raise entries.refuse(
            "revision-timeout-seconds", f"at most max-revision-timeout-seconds ({longest_s}), got {timeout_s}"
        )
    if start_s > timeout_s > 0:
        raise entries.refuse(
            "revision-response-start-timeout-seconds", f"at most revision-timeout-seconds ({timeout_s}), got {start_s}"
        )
    if idle_s > timeout_s > 0:
        raise entries.refuse(
            "revision-idle-timeout-seconds", f"at most revision-timeout-seconds ({timeout_s}), got {idle_s}"
        )
    if most < 1:
        raise entries.refuse("container-concurrency-max-limit", "at least 1")
    if not 0 <= concurrency <= most:
        raise entries.refuse("container-concurrency", f"from 0 to container-concurrency-max-limit ({most})")
    return replace(
        config,
        revision_timeout_s=timeout_s,
        max_revision_timeout_s=longest_s,
        revision_response_start_timeout_s=start_s,
        revision_idle_timeout_s=idle_s,
        container_concurrency=concurrency,
        container_concurrency_max_limit=most,
        allow_container_concurrency_zero=entries.read(
            "allow-container-concurrency-zero", _boolean, True, "true or false"
        ),
        revision_requests=_resources(entries, "revision", "request", 0),
        revision_limits=_resources(entries, "revision", "limit", 0),
    )


def _deployment(config: PlatformConfig, entries: _Entries) -> PlatformConfig:
    key = "progress-deadline"
    deadline_s = entries.read(key, _whole_seconds, 600.0, "a duration of whole seconds, above 0")
    if deadline_s <= 0:
        raise entries.refuse(key, "a duration of whole seconds, above 0")
    return replace(
        config,
        progress_deadline_s=deadline_s,
        queue_sidecar_requests=_resources(entries, "queue-sidecar", "request", 25),
        queue_sidecar_limits=_resources(entries, "queue-sidecar", "limit", 0),
    )


def _resources(entries: _Entries, prefix: str, side: str, cpu_milli: int) -> Resources:
    return Resources(
        cpu_milli=entries.read(f"{prefix}-cpu-{side}", milli, cpu_milli, RULE),
        memory_bytes=entries.read(f"{prefix}-memory-{side}", whole, 0, RULE),
    )


def _flags(entries: _Entries) -> dict[str, bool]:
    # Upstream ignores a word it does not know; a typo would then silently refuse every GPU selector.
    rule = "Enabled, Allowed or Disabled (any case)"
    return {key: entries.read(key, _flag, False, rule) for key in entries.data if key != "_example"}


def _flag(text: str) -> bool:
    word = text.lower()
    if word not in ("enabled", "allowed", "disabled", "allowrootbounded"):
        raise ValueError(text)
    return word != "disabled"


def _whole(text: str) -> int:
    if len(text) > 20:
        raise ValueError(text)
    value = int(text)
    if "_" in text or not text.isascii() or abs(value) > INT64_MAX:
        raise ValueError(text)
    return value


def _boolean(text: str) -> bool:
    if text not in ("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"):
        raise ValueError(text)
    return text[0] in "1tT"


def _whole_seconds(text: str) -> float:
    seconds = parse_go_duration(text)
    if seconds < 0 or seconds != int(seconds):
        raise ValueError(text)
    return seconds
