"""The kernel compiled and the kernel as plain Python leave the same bits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("mixed_timeline.py")
ROOT = Path(__file__).parents[3]
HAPPENS = ["ARRIVED", "STARTED", "HIT", "MISS", "STALE", "PROXIED", "200", "500", "502", "503", "504"]


def _play(interpret: str) -> dict[str, Any]:
    environment = {**os.environ, "SANDBOX_INTERPRET": interpret, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", str(SCRIPT), "8"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.fixture(scope="module")
def plain() -> dict[str, Any]:
    return _play("1")


def test_compiled_and_plain_kernel_leave_the_same_arrays(plain: dict[str, Any]) -> None:
    pytest.importorskip("numba")

    compiled = _play("0")

    assert compiled["told"] == plain["told"]
    assert compiled["seen"] == plain["seen"]
    assert compiled["arrays"] == plain["arrays"]


def test_the_timeline_that_shows_it_meets_everything(plain: dict[str, Any]) -> None:
    assert [name for name in HAPPENS if plain["seen"][f"N_{name}"] == 0] == []
    assert plain["seen"]["no_route"] > 0
    assert plain["seen"]["told"] > 0
    assert plain["seen"]["answered_in_hist"] == plain["seen"]["N_200"]
