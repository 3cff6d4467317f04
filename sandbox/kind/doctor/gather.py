"""Looks at this machine: the only place of the doctor that does.

Comes in: the environment and the bundle's folder; goes out: a Machine. Asks the engine through its command line, as
kind does, so what is found is what kind will find. Each question has a time limit, and what cannot be found out is
None, never a guess. Changes nothing.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.kind.bundle.layout import Layout, recipes_folder
from sandbox.kind.bundle.lock import read_lock
from sandbox.kind.bundle.verify import check
from sandbox.kind.doctor.machine import BundleState, Engine, Inotify, Machine
from sandbox.kind.ports import CLUSTER, HOST_PORTS

LIMIT_S = 10.0
_VERSIONS = {
    "go": ("go", "version"),
    "mmdebstrap": ("mmdebstrap", "--version"),
    "pip": (sys.executable, "-m", "pip", "--version"),
}
_CLUSTER_LABEL = "io.x-k8s.kind.cluster"  # pkg/cluster/internal/providers/docker/constants.go of kind v0.30.0


def gather(root: Path) -> Machine:
    """What there is to know about this machine and the bundle in `root`."""
    engine, problem = _engine()
    return Machine(
        bundle=_bundle(Layout(root)),
        engine=engine,
        engine_problem=problem,
        engine_installed=_installed("dockerd"),
        engine_start=str(recipes_folder() / "engine" / "start"),
        capabilities=_capabilities(),
        inotify=_inotify(),
        cores=os.cpu_count(),
        memory_available_bytes=_available_memory(),
        tools=_tools(Layout(root)),
        ports_taken={port: purpose for port, purpose in HOST_PORTS.items() if _is_taken(port)},
        cluster=_cluster() if engine else {},
        python=platform.python_version(),
        packages={"numba": _package("numba")},
    )


# -- the engine ----------------------------------------------------------------------------------------------


def _engine() -> tuple[Engine | None, str]:
    """The engine that answers, or why none does."""
    if shutil.which("docker") is None:
        return None, "docker is not installed"
    answer = _asked(["docker", "info", "--format", "{{json .}}"])
    try:
        raw = json.loads(answer.stdout)
    except ValueError:
        return None, _first_line(answer.stderr) or "docker info does not answer"
    if not raw.get("ServerVersion"):
        errors = raw.get("ServerErrors") or []
        return None, str(errors[0]) if errors else _first_line(answer.stderr) or "no engine answers"
    return _read_engine(raw), ""


def _read_engine(raw: Mapping[str, object]) -> Engine:
    root = str(raw.get("DockerRootDir", ""))
    options = raw.get("SecurityOptions")
    return Engine(
        version=str(raw["ServerVersion"]),
        storage_driver=str(raw.get("Driver", "")),
        cgroup_driver=str(raw.get("CgroupDriver", "")),
        cgroup_version=str(raw.get("CgroupVersion", "")),
        default_runtime=str(raw.get("DefaultRuntime", "")),
        cores=int(str(raw.get("NCPU", 0))),
        memory_bytes=int(str(raw.get("MemTotal", 0))),
        root=root,
        root_free_bytes=shutil.disk_usage(root).free if root and Path(root).is_dir() else None,
        rootless=isinstance(options, list) and any("rootless" in str(option) for option in options),
    )


def _cluster() -> dict[str, str]:
    """The containers of our cluster and their states."""
    command = [
        "docker",
        "ps",
        "--all",
        "--filter",
        f"label={_CLUSTER_LABEL}={CLUSTER}",
        "--format",
        "{{.Names}} {{.State}}",
    ]
    lines = _asked(command).stdout.splitlines()
    return {name: state for name, _, state in (line.partition(" ") for line in lines)}


# -- this machine --------------------------------------------------------------------------------------------


def _capabilities() -> int | None:
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    masks = [line.split()[1] for line in lines if line.startswith("CapBnd:")]
    return int(masks[0], 16) if masks else None


def _inotify() -> Inotify | None:
    folder = Path("/proc/sys/fs/inotify")
    try:
        return Inotify(int((folder / "max_user_instances").read_text()), int((folder / "max_user_watches").read_text()))
    except OSError:
        return None


def _available_memory() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    amounts = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(amounts[0]) * 1024 if amounts else None


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _installed(name: str) -> bool:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


# -- the bundle and the tools --------------------------------------------------------------------------------


def _bundle(layout: Layout) -> BundleState:
    exists = next(folder for folder in (layout.root, *layout.root.parents) if folder.is_dir())
    free = shutil.disk_usage(exists).free
    try:
        lock = read_lock(layout.lock_file)
    except SandboxError as error:
        return BundleState(str(layout.root), present=True, problems=(error.what,), free_bytes=free)
    if lock is None:
        return BundleState(str(layout.root), present=False, free_bytes=free)
    problems = tuple(f"{finding.part} {finding.problem}" for finding in check(layout, lock, digests=False))
    return BundleState(str(layout.root), present=True, parts=len(lock.parts), problems=problems, free_bytes=free)


def _tools(layout: Layout) -> dict[str, str]:
    """The version of each tool that is there: kind and kubectl in the bundle first, then on the PATH."""
    found = {}
    for name, arguments in {"kind": ("version",), "kubectl": ("version", "--client")}.items():
        ours = layout.file(f"binary/{name}")
        program = str(ours) if ours.is_file() else shutil.which(name)
        version = _first_line(_asked([program, *arguments]).stdout) if program else ""
        if version:
            found[name] = f"{version} ({program})"
    for name, command in _VERSIONS.items():
        version = _first_line(_asked(command).stdout)
        if version:
            found[name] = version
    return found


def _package(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _asked(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """What a command says; nothing where it is missing or does not answer in time."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(list(command), 1, "", f"{command[0]}: {error}")


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
