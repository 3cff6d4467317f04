"""Remove the cluster and all else that `sandbox up` made."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import asdict
from typing import Annotated

import typer

from sandbox.errors import ExitCode
from sandbox.kind.bundle.holding import held
from sandbox.kind.cluster.record import cluster_files
from sandbox.kind.cluster.remove import Removed, remove


def command(
    image: Annotated[bool, typer.Option("--image", help="the node image in the engine, too")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> int:
    """Remove the cluster and all else that `sandbox up` made."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    start, files = time.monotonic(), cluster_files(os.environ)
    files.root.mkdir(parents=True, exist_ok=True)
    with held(files.lock, "the cluster"):
        removed = remove(files, image=image)
    seconds = round(time.monotonic() - start, 1)
    print(json.dumps({**asdict(removed), "seconds": seconds}, indent=2) if as_json else _told(removed, seconds))
    return int(ExitCode.PASSED)


def _told(removed: Removed, seconds: float) -> str:
    if not removed.containers and not removed.images:
        return "there is no cluster"
    parts = [f"{len(removed.containers)} nodes with {removed.volumes} volumes"] if removed.containers else []
    parts += ["kind's network"] if removed.network else []
    parts += [f"image {name}" for name in removed.images]
    return f"removed in {seconds} s, and looked again: {', '.join(parts)}"
