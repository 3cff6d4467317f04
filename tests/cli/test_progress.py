"""What takes longer than people wait without a sign of life says on stderr that it goes on."""

from __future__ import annotations

import sys
import time

import pytest

from sandbox.cli import progress


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after two seconds, in a test's time."""
    assert progress._QUIET_S == 2.0
    monkeypatch.setattr(progress, "_QUIET_S", 0.05)


def test_what_is_quick_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.progress("playing"):
        pass

    assert capsys.readouterr() == ("", "")


def test_what_takes_longer_says_what_it_does_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.progress("playing canary"):
        time.sleep(0.5)

    assert capsys.readouterr() == ("", "playing canary … 0 s\n")


def test_on_a_terminal_the_line_is_taken_away_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.progress("playing canary"):
        time.sleep(0.5)

    assert capsys.readouterr().err == "\rplaying canary … 0 s\r\033[K"
