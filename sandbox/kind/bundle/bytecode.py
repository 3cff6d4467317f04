"""Compiles Python files that go into an image, so that a container does not compile them at each start.

Comes in: a folder of sources, where it will lie in the image, the image's Python (`3.11`); goes out: __pycache__ beside
them. The KServe SDK and what it imports take seconds to compile, and a pod's root file system is read-only: without
this every cold start would pay for it. Bytecode belongs to a minor version of Python, so an interpreter of that one is
looked for; where there is none the sources go in alone, which works and starts slower.

The bytecode is not checked against its source (PEP 552, unchecked-hash): our layers carry no times.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from sandbox.kind.bundle.workplace import Workplace

LIMIT_S = 600.0


def interpreter(version: str) -> str:
    """A Python of that minor version on this machine, "" if there is none."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        return sys.executable
    found = shutil.which(f"python{version}") or ""
    return found if found and _answers(found) else ""


def compile_tree(place: Workplace, folder: Path, at: str, version: str) -> None:
    """Compile everything below `folder`, which will be `at` in the image."""
    python = interpreter(version)
    if not python:
        place.say(f"no Python {version} on this machine: not compiled, containers start slower")
        return
    command = [python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    # a package may carry templates that are no Python: what does not compile is imported by nobody
    place.run(["sh", "-c", '"$@" || true', "sh", *command, "-s", str(folder), "-p", at, str(folder)], limit_s=LIMIT_S)


def _answers(python: str) -> bool:
    """A version manager's stand-in is on the PATH for versions that are not installed."""
    return subprocess.run([python, "-c", ""], capture_output=True, timeout=30, check=False).returncode == 0
