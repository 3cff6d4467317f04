"""Durations: what people write becomes seconds, or a refusal."""

import pytest

from sandbox.errors import UsageError
from sandbox.scenario.durations import seconds


@pytest.mark.parametrize(
    "written, expected",
    [
        ("20m", 1200),
        ("1h30m", 5400),
        ("90s", 90),
        ("500ms", 0.5),
        ("1.5s", 1.5),
        (20, 20),
        ("20", 20),
        (0, 0),
        ("24h", 86400),
    ],
)
def test_a_duration_is_seconds(written, expected):
    assert seconds(written) == expected


@pytest.mark.parametrize(
    "written", ["", "20 minutes", "m", "-5s", -1, float("nan"), float("inf"), True, None, [], "5m!"]
)
def test_anything_else_is_refused(written):
    with pytest.raises(UsageError, match="hold is not a duration"):
        seconds(written, "hold")


def test_zero_is_refused_where_something_must_last():
    with pytest.raises(UsageError, match="duration must be longer than zero"):
        seconds("0s", "duration", positive=True)
