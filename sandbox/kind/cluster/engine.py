"""The container engine, through its command line, as kind uses it.

Comes in: questions about our cluster's containers; goes out: answers. Each call has a time limit. A program that must
not outlive us (kind, a load of an image) is ended by the kernel when we are, however we went: else a killed `up` would
leave a kind behind that goes on making what the next `up` removes.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import EnvironmentNotReady, WorldError
from sandbox.kind.ports import CLUSTER

LABEL = "io.x-k8s.kind.cluster"  # pkg/cluster/internal/providers/docker/constants.go of kind v0.30.0
NETWORK = "kind"  # the same file
_CALL_S = 30.0
_DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)

Tick = Callable[[str], None]  # is told the last line of a log


@dataclass(frozen=True, slots=True)
class Container:
    """A node of the cluster, as the engine sees it."""

    id: str
    name: str
    running: bool
    volumes: tuple[str, ...] = ()


def containers() -> tuple[Container, ...]:
    """Those of our cluster."""
    ids = docker("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={LABEL}={CLUSTER}").split()
    if not ids:
        return ()
    found = [
        Container(
            id=one["Id"],
            name=one["Name"].lstrip("/"),
            running=bool(one["State"]["Running"]),
            volumes=tuple(mount["Name"] for mount in one.get("Mounts", []) if mount.get("Type") == "volume"),
        )
        for one in json.loads(docker("inspect", *ids))
    ]
    return tuple(sorted(found, key=lambda one: one.name))


def has_image(tag: str, image_id: str) -> bool:
    """Does the engine have this very image under its name?"""
    listed = docker("images", "--no-trunc", "--format", "{{.ID}}", tag).split()
    return image_id in listed


def networks() -> tuple[str, ...]:
    return tuple(docker("network", "ls", "--format", "{{.Name}}").split())


def volumes() -> tuple[str, ...]:
    return tuple(docker("volume", "ls", "--quiet").split())


def run_on_node(node: str, arguments: Sequence[str]) -> None:
    docker("exec", node, *arguments)


def docker(*arguments: str, limit_s: float = _CALL_S) -> str:
    """What `docker ARGUMENTS` prints."""
    shown = f"docker {' '.join(arguments)}"
    try:
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=limit_s, check=False)
    except FileNotFoundError:
        raise EnvironmentNotReady("docker is not installed", next_step="sandbox doctor") from None
    except subprocess.TimeoutExpired:
        rule = f"within {limit_s:.0f} s"
        raise WorldError("the engine does not answer", value=shown, rule=rule, next_step="sandbox doctor") from None
    if done.returncode:
        said = done.stderr.strip()
        if "daemon" in said.lower() and "error response" not in said.lower():
            raise EnvironmentNotReady("the engine does not answer", value=said, next_step="sandbox doctor")
        raise WorldError("the engine refused", value=said[-1000:], rule=shown)
    return done.stdout


def run_logged(
    command: Sequence[str], log: Path, limit_s: float, tick: Tick, environment: dict[str, str] | None = None
) -> None:
    """Run a long program, its words in `log`; WorldError with the last of them where it fails or takes too long."""
    end = time.monotonic() + limit_s
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file, stdin=subprocess.DEVNULL, env=environment, preexec_fn=_dies_with_us()
        )
        try:
            while process.poll() is None and time.monotonic() < end:
                tick(_last_line(log))
                time.sleep(0.3)
        finally:
            late = process.poll() is None
            if late:
                process.kill()
                process.wait()
    if late or process.returncode:
        why = f"it took longer than {limit_s:.0f} s" if late else f"exit status {process.returncode}"
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-12:]
        raise WorldError(
            f"{Path(command[0]).name} {command[1]} failed: {why}",
            value="\n".join(lines)[-190:],
            rule=f"all that it said: {log}",
            next_step="sandbox doctor",
        )


def _dies_with_us() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask_the_kernel() -> None:
        prctl(_DIES_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != parent:  # it was gone before we asked
            os._exit(1)

    return ask_the_kernel


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "started"
