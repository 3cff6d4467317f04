"""Reads the Dockerfile of a part under fixtures/, so that the bundle can make its image without an engine.

Comes in: the file; goes out: what a container runs (Runs), what is copied where, which lock file is installed. The
Dockerfile stays the one place that says so. Understood is what these files use: ARG, FROM, ENV, WORKDIR, COPY of files
of the checkout, RUN of `pip install -r LOCK`, USER, EXPOSE, ENTRYPOINT and CMD as JSON lists. Anything else is refused
with its line, since an image that lacked it would differ from the one that `docker build` makes.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox.errors import Location, UsageError
from sandbox.kind.bundle.archive import Runs

_INSTALLS = re.compile(r"\bpip install\b.* -r (\S+)$")


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """What a part's image is, less its base."""

    runs: Runs
    copies: tuple[tuple[str, str], ...]  # (path in the checkout, absolute path in the image)
    lock: str  # the requirements file that is installed, as it was copied from: a path in the checkout


def read_dockerfile(file: Path) -> Dockerfile:
    """The image that `file` describes; UsageError for what is not understood."""
    runs, copies, installed = Runs([]), [], ""
    for line, instruction, rest in _instructions(file):
        if instruction == "ENV":
            runs = replace(runs, env={**runs.env, **dict(word.split("=", 1) for word in shlex.split(rest))})
        elif instruction == "WORKDIR":
            runs = replace(runs, workdir=rest)
        elif instruction == "USER":
            runs = replace(runs, user=rest)
        elif instruction == "ENTRYPOINT" and rest.startswith("["):
            runs = replace(runs, entrypoint=json.loads(rest))
        elif instruction == "CMD" and rest.startswith("["):
            runs = replace(runs, arguments=json.loads(rest))
        elif instruction == "COPY" and len(rest.split()) == 2 and not rest.startswith("--"):
            source, target = rest.split()
            copies.append((source, _absolute(runs.workdir, source, target)))
        elif instruction == "RUN" and (found := _INSTALLS.search(rest)):
            installed = f"{runs.workdir.rstrip('/')}/{found[1]}"
        elif instruction not in ("ARG", "FROM", "EXPOSE"):
            raise UsageError(
                "an instruction that the bundle cannot follow",
                where=Location(str(file), line),
                value=f"{instruction} {rest}",
                rule="ARG, FROM, ENV, WORKDIR, COPY A B, RUN pip install -r LOCK, USER, EXPOSE, ENTRYPOINT/CMD [list]",
            )
    locks = [source for source, target in copies if target == installed]
    return Dockerfile(runs, tuple(copy for copy in copies if copy[0] not in locks), locks[0] if locks else "")


def _instructions(file: Path) -> list[tuple[int, str, str]]:
    """(line, instruction, the rest), comments gone and continued lines joined."""
    found: list[tuple[int, str, str]] = []
    held, since = "", 0
    for number, raw in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        since = since or number
        if line.endswith("\\"):
            held += line[:-1]
            continue
        instruction, _, rest = (held + line).partition(" ")
        found.append((since, instruction.upper(), " ".join(rest.split())))
        held, since = "", 0
    return found


def _absolute(workdir: str, source: str, target: str) -> str:
    """Where COPY puts `source`: a folder's target takes its contents, a file's may be a folder."""
    path = target if target.startswith("/") else f"{workdir.rstrip('/')}/{target}"
    if target.endswith("/") or target == ".":
        return f"{path.rstrip('./').rstrip('/')}/{source.rpartition('/')[2]}"
    return path
