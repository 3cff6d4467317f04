"""Check whether this machine is ready, and say the one command that fixes what is not."""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sandbox.errors import ExitCode
from sandbox.kind.bundle.layout import default_root
from sandbox.kind.doctor import Check, Status, examine, gather
from sandbox.kind.doctor.checks import ready


class World(StrEnum):
    """Ready for which world."""

    SIM = "sim"
    KIND = "kind"


def command(
    world: Annotated[World, typer.Option(help="ready for what: sim, or a real cluster")] = World.KIND,
    folder: Annotated[Path | None, typer.Option("--dir", metavar="DIR", help="where the bundle is")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> int:
    """Check whether this machine is ready, and say the one command that fixes what is not."""
    root = (folder or default_root(os.environ)).expanduser().absolute()
    checks = examine(gather(root), world.value)
    if as_json:
        print(json.dumps({"ready": ready(checks), "checks": [_plain(check) for check in checks]}, indent=2))
    else:
        _show(checks)
    return int(ExitCode.PASSED if ready(checks) else ExitCode.ENVIRONMENT)


def _show(checks: list[Check]) -> None:
    width = max(len(check.name) for check in checks)
    for check in checks:
        print(f"{check.status.value:<4}  {check.name:<{width}}  {check.evidence}")
        if check.fix:
            print(f"{'':<4}  {'':<{width}}  fix: {check.fix}")
    failed = [check.name for check in checks if check.status is Status.FAIL]
    print(f"not ready: {', '.join(failed)}" if failed else "ready")


def _plain(check: Check) -> dict[str, str]:
    return {"name": check.name, "status": check.status.value, "evidence": check.evidence, "fix": check.fix}
