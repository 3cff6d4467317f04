"""Every case of every conformance table that has a driver (conftest.py collects them)."""

from __future__ import annotations

from typing import Protocol


class Runnable(Protocol):
    def run(self) -> None: ...


def test_case(conformance_case: Runnable) -> None:
    conformance_case.run()
