"""Bring up a real cluster with the serving stack, from the bundle."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from sandbox.errors import ExitCode, WorldError
from sandbox.kind.bundle import Bundle, default_root
from sandbox.kind.bundle.holding import held
from sandbox.kind.bundle.layout import recipes_folder
from sandbox.kind.cluster import engine
from sandbox.kind.cluster.make import DEFAULT_NODES, make
from sandbox.kind.cluster.plan import MOST_NODES
from sandbox.kind.cluster.record import cluster_files
from sandbox.kind.stack.bring_up import bring_up
from sandbox.kind.stack.catalogue import components
from sandbox.kind.stack.component import Component
from sandbox.kind.stack.gate import WallClock
from sandbox.kind.stack.gpus import check_nodes, read_gpus
from sandbox.kind.stack.kubectl import Kubectl
from sandbox.kind.stack.progress import Told
from sandbox.kind.stack.trouble import report


def command(
    nodes: Annotated[int | None, typer.Option(min=1, max=MOST_NODES, help="how many nodes (default: 3)")] = None,
    gpus: Annotated[
        str, typer.Option(metavar="RESOURCE:TYPE=COUNT,…", help="GPUs, as nvidia.com/gpu:a100=2,nvidia.com/gpu:t4=2")
    ] = "",
    folder: Annotated[Path | None, typer.Option("--dir", metavar="DIR", help="where the bundle is")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> int:
    """Bring up a real cluster with the serving stack, from the bundle.

    Run again at any point, it goes on where it was.
    """
    wanted = read_gpus(gpus) if gpus else ()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    start, told, files = time.monotonic(), Told(sys.stderr), cluster_files(os.environ)
    if wanted:
        check_nodes(wanted, nodes or len(engine.containers()) or DEFAULT_NODES)
    bundle = Bundle.open((folder or default_root(os.environ)).expanduser().absolute())
    files.root.mkdir(parents=True, exist_ok=True)
    with held(files.lock, "the cluster"):
        making = time.monotonic()
        if make(bundle, files, nodes, told.cluster):
            told.ready("cluster", time.monotonic() - making)
        else:
            told.there("cluster")
        count = len(engine.containers())
        stack = components(bundle, recipes_folder(), engine.run_on_node, count, wanted)
        kube = Kubectl(bundle.binary("kubectl"), files.kubeconfig)

        def in_trouble(component: Component, error: WorldError) -> None:
            told.lines(report(component, kube))

        done = bring_up(stack, kube, WallClock(), told, in_trouble)
    seconds = time.monotonic() - start
    if as_json:
        versions = {key: value for component in stack for key, value in component.versions.items()}
        answer = {"ready": True, "seconds": round(seconds, 1), "nodes": count, "kubeconfig": str(files.kubeconfig)}
        told_apart = {"installed": list(done.installed), "there": list(done.there), "versions": versions}
        print(json.dumps({**answer, **told_apart}, indent=2))
    else:
        print(f"ready in {seconds:.1f} s: {count} nodes, {', '.join(component.name for component in stack[1:])}")
        print(f"kubectl --kubeconfig {files.kubeconfig} get pods --all-namespaces")
    return int(ExitCode.PASSED)
