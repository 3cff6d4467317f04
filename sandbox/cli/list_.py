"""Show the scenarios that can be named from here, with what each is about."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from sandbox.errors import ExitCode
from sandbox.scenario.discovery import Found, find_all


def command(
    as_json: Annotated[bool, typer.Option("--json", help="print JSON: a list of objects")] = False,
) -> int:
    """Show the scenarios that can be named from here: yours and the shipped ones."""
    everything = find_all()
    if as_json:
        print(json.dumps([_plain(found) for found in everything], indent=2, ensure_ascii=False))
    elif everything:
        width = max(len(found.name) for found in everything)
        for found in everything:
            print(f"{found.name:<{width}}  {found.description}")
    else:
        print("there is no scenario here; a folder ./scenarios would be looked into", file=sys.stderr)
    return int(ExitCode.PASSED if everything else ExitCode.NOTHING_RAN)


def _plain(found: Found) -> dict[str, object]:
    return {
        "name": found.name,
        "description": found.description,
        "path": str(found.path),
        "shipped": found.shipped,
    }
