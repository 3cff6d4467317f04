"""Garbage collection of revisions: the config-gc ConfigMap and which revisions of a configuration to delete.

Comes in: the ConfigMap's entries; all revisions of one configuration and the time. Goes out: the settings;
names in the order of deletion. The control plane asks after each change of a Route's or a revision's state.

Mirrors knative/serving v0.47.0 pkg/gc/config.go and pkg/reconciler/gc/gc.go.

Leaves out: nothing of that. Revisions equally old keep the order they are given in (upstream: any order).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sandbox.errors import UsageError

_INT64_MAX = 2**63 - 1
_DURATION = re.compile(r"[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)")
_DURATION_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_UNIT_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}

CREATE_KEY = "retain-since-create-time"
ACTIVE_KEY = "retain-since-last-active-time"
MIN_KEY = "min-non-active-revisions"
MAX_KEY = "max-non-active-revisions"


@dataclass(frozen=True, slots=True, kw_only=True)
class GcConfig:
    """config-gc; None means disabled."""

    retain_since_create_s: float | None = 48 * 3600.0
    retain_since_last_active_s: float | None = 15 * 3600.0
    min_non_active: int = 20
    max_non_active: int | None = 1000


class GcConfigError(UsageError):
    """config-gc is refused. `kind`: parse, too_low, too_high or conflict; `keys`: the entries at fault."""

    def __init__(self, kind: str, keys: tuple[str, ...], value: object, rule: str) -> None:
        self.kind = kind
        self.keys = keys
        what = f"config-gc: {' and '.join(keys)} cannot be used"
        super().__init__(what, value=value, rule=rule, next_step="kubectl edit configmap config-gc -n knative-serving")


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionAge:
    """What garbage collection looks at. `routing`: the routingState label, "" without one."""

    name: str
    routing: str
    created_s: float
    last_active_s: float | None = None  # routingStateModified; None: never marked
    keep: bool = False  # annotated serving.knative.dev/no-gc: "true"

    @property
    def last_used_s(self) -> float:
        return self.created_s if self.last_active_s is None else self.last_active_s


def parse_gc_config(data: Mapping[str, str]) -> GcConfig:
    """Read config-gc; absent entries keep their defaults, unknown ones are ignored.

    >>> parse_gc_config({"min-non-active-revisions": "2"}).min_non_active
    2
    """
    default = GcConfig()
    minimum = _int(MIN_KEY, data[MIN_KEY], r"[+-]?\d+") if MIN_KEY in data else default.min_non_active
    maximum = _count_or_disabled(data.get(MAX_KEY, ""), default.max_non_active)
    if minimum < 0:
        raise GcConfigError("too_low", (MIN_KEY,), minimum, "0 or more")
    if maximum is not None and minimum > maximum:
        raise GcConfigError("conflict", (MIN_KEY, MAX_KEY), (minimum, maximum), "the minimum is at most the maximum")
    return GcConfig(
        retain_since_create_s=_duration_or_disabled(CREATE_KEY, data, default.retain_since_create_s),
        retain_since_last_active_s=_duration_or_disabled(ACTIVE_KEY, data, default.retain_since_last_active_s),
        min_non_active=minimum,
        max_non_active=maximum,
    )


def _int(key: str, text: str, form: str) -> int:
    if not re.fullmatch(form, text, re.ASCII):
        raise GcConfigError("parse", (key,), text, "a whole number")
    if int(text) > _INT64_MAX:
        raise GcConfigError("too_high", (key,), text, f"at most {_INT64_MAX}")
    return int(text)


def _count_or_disabled(text: str, default: int | None) -> int | None:
    if not text:
        return default
    return None if text.lower() == "disabled" else _int(MAX_KEY, text, r"\d+")


def _duration_or_disabled(key: str, data: Mapping[str, str], default: float | None) -> float | None:
    text = data.get(key, "")
    if not text:
        return default
    if text.lower() == "disabled":
        return None
    if not _DURATION.fullmatch(text):
        raise GcConfigError("parse", (key,), text, 'a duration such as "48h" or "1h30m", or "disabled"')
    seconds = sum(float(number) * _UNIT_S[unit] for number, unit in _DURATION_PART.findall(text))
    if text.startswith("-") and seconds > 0:
        raise GcConfigError("too_low", (key,), text, "0s or more")
    return seconds


def is_stale(revision: RevisionAge, config: GcConfig, now_s: float) -> bool:
    """Both ages have passed; a disabled one is not asked, and with both disabled nothing is stale."""
    create_s, active_s = config.retain_since_create_s, config.retain_since_last_active_s
    if create_s is None and active_s is None:
        return False
    if create_s is not None and now_s - revision.created_s < create_s:
        return False
    return active_s is None or now_s - revision.last_used_s >= active_s


def revisions_to_delete(
    revisions: Iterable[RevisionAge], latest_ready: str, config: GcConfig, now_s: float
) -> tuple[str, ...]:
    """Names to delete, in order: stale ones down to the minimum, then the oldest of the rest above the maximum."""
    candidates = sorted(
        (one for one in revisions if one.routing == "reserve" and one.name != latest_ready and not one.keep),
        key=lambda one: one.last_used_s,
    )
    spare = len(candidates) - config.min_non_active
    if spare <= 0:
        return ()
    stale = [one for one in candidates if is_stale(one, config, now_s)][:spare]
    rest = [one for one in candidates if one not in stale]
    excess = 0 if config.max_non_active is None else max(0, len(rest) - config.max_non_active)
    return tuple(one.name for one in (*stale, *rest[:excess]))
