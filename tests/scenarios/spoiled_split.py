"""Plays bad_canary with a split that ignores its weights; run by test_planted_faults with SANDBOX_INTERPRET=1.

Prints what becomes of one expectation with the split as written and with the spoiled one. Only the variant that the
expectation asks for is played: without numba a request takes some tens of microseconds.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from sandbox.judge.stage import Runs
from sandbox.mechanisms.routing import split
from sandbox.scenario.discovery import shipped_folder
from sandbox.scenario.loader import load
from sandbox.scenario.model import Form

PATH = shipped_folder() / "bad_canary" / "bad_canary.py"


def uniform(cumulative, offset, n, draw):
    """Every target as likely as any other."""
    return draw * n // split.SPAN


def verdict(name: str) -> str:
    from sandbox.sim.world import SimWorld

    scope: dict[str, object] = {"__name__": "bad_canary"}
    exec(compile(PATH.read_text(encoding="utf-8"), str(PATH), "exec"), scope)
    expectation = scope["test_the_error_share_is_bounded_by_the_step"]
    assert callable(expectation)
    with tempfile.TemporaryDirectory() as folder:
        try:
            expectation(Runs(load(PATH, Form.SHORT), SimWorld(), 1, Path(folder)))
        except AssertionError:
            return f"{name}:fail"
    return f"{name}:pass"


def main() -> None:
    import sys

    print(verdict("as-written"))
    split.pick = uniform
    for module in [one for one in sys.modules if one.startswith("sandbox.sim")]:
        del sys.modules[module]
    print(verdict("spoiled"))


if __name__ == "__main__":
    main()
