"""Go durations: what is read, and what is refused."""

from __future__ import annotations

import pytest

from sandbox.durations import parse_go_duration


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("0", 0.0),
        ("-0", 0.0),
        ("90s", 90.0),
        ("1h2m3s", 3723.0),
        ("42.5s", 42.5),
        (".5m", 30.0),
        ("1.s", 1.0),
        ("+82ms", 0.082),
        ("-4m11s", -251.0),
        ("3us2µs1μs", 6e-06),
        ("5ns", 5e-09),
    ],
)
def test_a_duration_is_read_as_go_reads_it(text: str, seconds: float) -> None:
    assert parse_go_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "-", "60", "1d", "1h 2m", "s", ".s", "1.2.3s", "1e3s", "--1s", "1s2", " 1s"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_go_duration(text)


def test_a_duration_beyond_go_is_refused() -> None:
    with pytest.raises(ValueError, match="292 years"):
        parse_go_duration("9999999h")
