"""The config-autoscaler ConfigMap: its defaults, its parsing and its rules.

Entries come in as strings, an `AutoscalerConfig` goes out, or `ConfigRefused` with the keys, the kind and the rule.
As the real webhook does, one bad entry refuses the whole map; unknown keys are ignored. Mirrors knative/serving
pkg/autoscaler/config/config.go (v0.47). Leaves out numbers that only Go reads (hexadecimal floats, inf, nan).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from sandbox.durations import parse_go_duration
from sandbox.errors import UsageError

KPA_CLASS = "kpa.autoscaling.knative.dev"
HPA_CLASS = "hpa.autoscaling.knative.dev"

# knative/serving pkg/apis/autoscaling/register.go
TARGET_MIN = 0.01
WINDOW_MIN_S, WINDOW_MAX_S = 6.0, 3600.0
PANIC_WINDOW_PERCENTAGE_MIN, PANIC_WINDOW_PERCENTAGE_MAX = 1.0, 100.0

RefusalKind = Literal["parse", "too_low", "too_high", "precision", "conflict"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AutoscalerConfig:
    """Cluster-wide autoscaler settings; names are the keys with `_`, except for the two that say so."""

    pod_autoscaler_class: str = KPA_CLASS
    enable_scale_to_zero: bool = True
    allow_zero_initial_scale: bool = False
    max_scale_up_rate: float = 1000.0
    max_scale_down_rate: float = 2.0
    container_concurrency_target_fraction: float = 0.7  # container-concurrency-target-percentage
    container_concurrency_target_default: float = 100.0
    target_utilization: float = 0.7  # for other metrics than concurrency; no key sets it
    rps_target_default: float = 200.0  # requests-per-second-target-default
    target_burst_capacity: float = 211.0
    panic_window_percentage: float = 10.0
    panic_threshold_percentage: float = 200.0
    activator_capacity: float = 100.0
    stable_window_s: float = 60.0
    scale_down_delay_s: float = 0.0
    scale_to_zero_grace_period_s: float = 30.0
    scale_to_zero_pod_retention_period_s: float = 0.0
    initial_scale: int = 1
    min_scale: int = 0
    max_scale: int = 0  # 0 = no maximum
    max_scale_limit: int = 0  # 0 = no limit


class ConfigRefused(UsageError):
    """config-autoscaler is refused as a whole, because of the entries `keys`."""

    def __init__(self, keys: tuple[str, ...], kind: RefusalKind, value: object, rule: str) -> None:
        self.keys = keys
        self.kind = kind
        super().__init__(f"config-autoscaler: {' and '.join(keys)} cannot be accepted", value=value, rule=rule)


_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_INT = re.compile(r"[+-]?[0-9]+")
_BOOLS = dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True) | dict.fromkeys(
    ("0", "f", "F", "FALSE", "false", "False"), False
)


def parse_go_float(text: str) -> float:
    if not _FLOAT.fullmatch(text):
        raise ValueError(f"{text!r} is not a number")
    return float(text)


def parse_go_int32(text: str) -> int:
    """Python's int() also reads `1_000` and blanks, which Go refuses; OverflowError beyond 32 bits."""
    if not _INT.fullmatch(text):
        raise ValueError(f"{text!r} is not a whole number")
    value = int(text) if len(text) < 20 else 1 << 63
    if not -(1 << 31) <= value < 1 << 31:
        raise OverflowError(f"{text!r} does not fit into 32 bits")
    return value


def _parse_go_bool(text: str) -> bool:
    if text not in _BOOLS:
        raise ValueError(f"{text!r} is not a bool")
    return _BOOLS[text]


class _Entries:
    """Reads entries and falls back to the defaults."""

    def __init__(self, data: Mapping[str, str]) -> None:
        self._data = data

    def read(self, key: str, parse: Callable[[str], T], default: T, rule: str) -> T:
        text = self._data.get(key)
        if text is None:
            return default
        try:
            return parse(text)
        except (ValueError, OverflowError):
            raise ConfigRefused((key,), "parse", text, rule) from None

    def number(self, key: str, default: float) -> float:
        return self.read(key, parse_go_float, default, "a number")

    def whole(self, key: str, default: int) -> int:
        return self.read(key, parse_go_int32, default, "a whole number of 32 bits")

    def duration(self, key: str, default: float) -> float:
        return self.read(key, parse_go_duration, default, "a Go duration, such as 30s or 1m30s")

    def flag(self, key: str, default: bool) -> bool:
        return self.read(key, _parse_go_bool, default, "true or false")


def parse_autoscaler_config(data: Mapping[str, str]) -> AutoscalerConfig:
    """The settings of a config-autoscaler's `data`; raises ConfigRefused.

    >>> parse_autoscaler_config({"stable-window": "2m", "_example": "..."}).stable_window_s
    120.0
    """
    entries = _Entries(data)
    default = AutoscalerConfig()
    fraction = entries.number("container-concurrency-target-percentage", default.container_concurrency_target_fraction)
    config = AutoscalerConfig(
        pod_autoscaler_class=data.get("pod-autoscaler-class", default.pod_autoscaler_class),
        enable_scale_to_zero=entries.flag("enable-scale-to-zero", default.enable_scale_to_zero),
        allow_zero_initial_scale=entries.flag("allow-zero-initial-scale", default.allow_zero_initial_scale),
        max_scale_up_rate=entries.number("max-scale-up-rate", default.max_scale_up_rate),
        max_scale_down_rate=entries.number("max-scale-down-rate", default.max_scale_down_rate),
        # For legacy reasons a value up to 1 is the fraction itself.
        container_concurrency_target_fraction=fraction / 100 if fraction > 1 else fraction,
        container_concurrency_target_default=entries.number(
            "container-concurrency-target-default", default.container_concurrency_target_default
        ),
        rps_target_default=entries.number("requests-per-second-target-default", default.rps_target_default),
        target_burst_capacity=entries.number("target-burst-capacity", default.target_burst_capacity),
        panic_window_percentage=entries.number("panic-window-percentage", default.panic_window_percentage),
        panic_threshold_percentage=entries.number("panic-threshold-percentage", default.panic_threshold_percentage),
        activator_capacity=entries.number("activator-capacity", default.activator_capacity),
        stable_window_s=entries.duration("stable-window", default.stable_window_s),
        scale_down_delay_s=entries.duration("scale-down-delay", default.scale_down_delay_s),
        scale_to_zero_grace_period_s=entries.duration(
            "scale-to-zero-grace-period", default.scale_to_zero_grace_period_s
        ),
        scale_to_zero_pod_retention_period_s=entries.duration(
            "scale-to-zero-pod-retention-period", default.scale_to_zero_pod_retention_period_s
        ),
        initial_scale=entries.whole("initial-scale", default.initial_scale),
        min_scale=entries.whole("min-scale", default.min_scale),
        max_scale=entries.whole("max-scale", default.max_scale),
        max_scale_limit=entries.whole("max-scale-limit", default.max_scale_limit),
    )
    _check_durations(config)
    _check_numbers(config)
    _check_scales(config)
    return config


def _at_least(key: str, value: float, least: float, rule: str) -> None:
    if value < least:
        raise ConfigRefused((key,), "too_low", value, rule)


def _at_most(key: str, value: float, most: float, rule: str) -> None:
    if value > most:
        raise ConfigRefused((key,), "too_high", value, rule)


def _above(key: str, value: float, least: float) -> None:
    if value <= least:
        raise ConfigRefused((key,), "too_low", value, f"greater than {least:g}")


def _whole_seconds(key: str, value_s: float) -> None:
    if value_s != int(value_s):
        raise ConfigRefused((key,), "precision", value_s, "a whole number of seconds")


def _check_durations(config: AutoscalerConfig) -> None:
    _above("scale-to-zero-grace-period", config.scale_to_zero_grace_period_s, 0)
    _at_least("scale-down-delay", config.scale_down_delay_s, 0, "not negative")
    _whole_seconds("scale-down-delay", config.scale_down_delay_s)
    retention_s = config.scale_to_zero_pod_retention_period_s
    _at_least("scale-to-zero-pod-retention-period", retention_s, 0, "not negative")
    _at_least("stable-window", config.stable_window_s, WINDOW_MIN_S, "from 6s to 1h")
    _at_most("stable-window", config.stable_window_s, WINDOW_MAX_S, "from 6s to 1h")
    _whole_seconds("stable-window", config.stable_window_s)


def _check_numbers(config: AutoscalerConfig) -> None:
    if config.target_burst_capacity != -1:
        _at_least("target-burst-capacity", config.target_burst_capacity, 0, "not negative, or -1 for no limit")
    percentage = "container-concurrency-target-percentage"
    fraction = config.container_concurrency_target_fraction
    _above(percentage, fraction, 0)
    _at_most(percentage, fraction, 1, "at most 100")
    target = fraction * config.container_concurrency_target_default
    if target < TARGET_MIN:
        keys = (percentage, "container-concurrency-target-default")
        raise ConfigRefused(keys, "too_low", target, f"their product is at least {TARGET_MIN}")
    _at_least("requests-per-second-target-default", config.rps_target_default, TARGET_MIN, f"at least {TARGET_MIN}")
    _at_least("activator-capacity", config.activator_capacity, 1, "at least 1")
    _above("max-scale-up-rate", config.max_scale_up_rate, 1)
    _above("max-scale-down-rate", config.max_scale_down_rate, 1)
    panic = config.panic_window_percentage
    _at_least("panic-window-percentage", panic, PANIC_WINDOW_PERCENTAGE_MIN, "from 1 to 100")
    _at_most("panic-window-percentage", panic, PANIC_WINDOW_PERCENTAGE_MAX, "from 1 to 100")


def _check_scales(config: AutoscalerConfig) -> None:
    least = 0 if config.allow_zero_initial_scale else 1
    _at_least("initial-scale", config.initial_scale, least, f"at least {least} (allow-zero-initial-scale decides)")
    limit = config.max_scale_limit
    _at_least("max-scale-limit", limit, 0, "not negative")
    if limit > 0:
        _at_least("max-scale", config.max_scale, 1, f"from 1 to max-scale-limit {limit}")
        _at_most("max-scale", config.max_scale, limit, f"from 1 to max-scale-limit {limit}")
    _at_least("max-scale", config.max_scale, 0, "not negative; 0 is no maximum")
    _at_least("min-scale", config.min_scale, 0, "not negative")
    if 0 < config.max_scale < config.min_scale:
        raise ConfigRefused(("min-scale", "max-scale"), "conflict", config.min_scale, "min-scale is at most max-scale")
