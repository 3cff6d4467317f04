"""Durations as people write them: "20m", "1h30m", "500ms", or plain seconds.

Comes in: text or a number from a scenario file or the command line; goes out: seconds. The text form is Go's
(time.ParseDuration), which is what Knative's ConfigMaps take.
"""

from __future__ import annotations

import math
import re

from sandbox.durations import parse_go_duration
from sandbox.errors import UsageError
from sandbox.scenario.origin import written_at

Duration = str | float

_RULE = 'a duration is seconds or text like "90s", "20m", "1h30m", "500ms"'


def seconds(duration: Duration, what: str = "duration", *, positive: bool = False) -> float:
    """How many seconds a duration is; UsageError if it is none.

    >>> seconds("1h30m"), seconds("500ms"), seconds(20)
    (5400.0, 0.5, 20.0)
    """
    value = _parsed(duration)
    if value is None or not math.isfinite(value) or value < 0:
        raise UsageError(f"{what} is not a duration", where=written_at(), value=duration, rule=_RULE)
    if positive and value == 0:
        raise UsageError(f"{what} must be longer than zero", where=written_at(), value=duration, rule=_RULE)
    return value


def _parsed(duration: Duration) -> float | None:
    if isinstance(duration, bool):
        return None
    if isinstance(duration, int | float):
        return float(duration)
    if not isinstance(duration, str):
        return None
    text = duration.strip()
    try:
        return float(text) if re.fullmatch(r"\d+(\.\d*)?", text) else parse_go_duration(text)
    except ValueError:
        return None
