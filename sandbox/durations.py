"""Go's duration syntax, as every Knative annotation and ConfigMap entry uses it.

A text comes in, seconds go out; whoever reads manifests or ConfigMaps calls it. Mirrors time.ParseDuration: a sign,
then decimal numbers each with a unit (`1h2m3s`, `311m`, `42.5s`, `82ms`), or a bare `0`. Standard library only,
below everything else. Leaves out writing durations back.
"""

from __future__ import annotations

import re

_UNIT_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5, micro sign
    "μs": 1_000,  # U+03BC, Greek mu
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_MAX_NS = (1 << 63) - 1  # a Go duration is an int64 of nanoseconds


def parse_go_duration(text: str) -> float:
    """Seconds of a Go duration; ValueError where Go would refuse the text.

    >>> parse_go_duration("1h2m3.5s"), parse_go_duration("-42s"), parse_go_duration("0")
    (3723.5, -42.0, 0.0)
    """
    sign = -1 if text.startswith("-") else 1
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0.0
    total_ns = _parts_ns(text, rest)
    if total_ns > _MAX_NS:
        raise ValueError(f"duration {text!r} is longer than 292 years")
    return sign * total_ns / 1_000_000_000


def _parts_ns(text: str, rest: str) -> int:
    total_ns = at = 0
    while match := _PART.match(rest, at):
        whole, _, fraction = match[1].partition(".")
        unit_ns = _UNIT_NS[match[2]]
        total_ns += int(whole or "0") * unit_ns
        if fraction:
            total_ns += int(fraction) * unit_ns // 10 ** len(fraction)
        at = match.end()
    if at == 0 or at != len(rest):
        raise ValueError(f"{text!r} is not a duration: numbers with a unit are expected, such as 90s, 1m30s or 250ms")
    return total_ns
