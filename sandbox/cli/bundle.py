"""Make, check and show the bundle: all that `sandbox up` needs, in one folder."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sandbox.errors import EnvironmentNotReady, ExitCode, UsageError
from sandbox.kind.bundle.build import build
from sandbox.kind.bundle.catalogue import catalogue
from sandbox.kind.bundle.layout import Layout, default_root, recipes_folder
from sandbox.kind.bundle.lock import Lock, read_lock
from sandbox.kind.bundle.part import Category, Part
from sandbox.kind.bundle.progress import Told, size
from sandbox.kind.bundle.sweep import sweep
from sandbox.kind.bundle.transfer import bring_in, export
from sandbox.kind.bundle.verify import check


class Action(StrEnum):
    """What to do with the bundle."""

    BUILD = "build"  # make what is missing or changed, from package registries
    VERIFY = "verify"  # read every file again
    LIST = "list"  # show the parts
    GC = "gc"  # remove what no part needs
    EXPORT = "export"  # write the bundle into one file
    IMPORT = "import"  # take it out of one


def command(
    action: Annotated[Action, typer.Argument(help="what to do, see below")],
    file: Annotated[Path | None, typer.Argument(help="export, import: *.tar, *.tar.gz or *.tar.zst")] = None,
    folder: Annotated[Path | None, typer.Option("--dir", metavar="DIR", help="where the bundle is")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="build: parts at a time (default: one a core)")] = None,
    everything: Annotated[bool, typer.Option("--all", help="list, gc: ingredients too")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> int:
    """Make, check and show the bundle: all that `sandbox up` needs, in one folder.

    build makes what is missing or changed, from package registries; run again, it goes on.

    verify reads every file again; list shows the parts.

    gc removes files that no part has; with --all, what the parts were made of.

    export FILE and import FILE carry a bundle to a machine without a network.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the compilers end too
    layout = Layout((folder or default_root(os.environ)).expanduser().absolute())
    _refuse_strays(action, file, jobs)
    verbs: dict[Action, Callable[[], int]] = {
        Action.BUILD: lambda: _build(layout, jobs or os.cpu_count() or 1, as_json=as_json),
        Action.VERIFY: lambda: _verify(layout, as_json=as_json),
        Action.LIST: lambda: _list(layout, everything=everything, as_json=as_json),
        Action.GC: lambda: _gc(layout, everything=everything, as_json=as_json),
        Action.EXPORT: lambda: _moved(export(layout.root, file or Path()), file, as_json=as_json),
        Action.IMPORT: lambda: _moved(bring_in(file or Path(), layout), layout.root, as_json=as_json),
    }
    return verbs[action]()


def _refuse_strays(action: Action, file: Path | None, jobs: int | None) -> None:
    with_file = action in (Action.EXPORT, Action.IMPORT)
    if with_file and file is None:
        raise UsageError(f"`{action.value}` wants a file", next_step=f"sandbox bundle {action.value} bundle.tar.zst")
    if file is not None and not with_file:
        raise UsageError(f"`{action.value}` takes no file", value=str(file), next_step="sandbox bundle --help")
    if jobs is not None and action is not Action.BUILD:
        raise UsageError("--jobs goes with `build`", value=action.value, next_step="sandbox bundle --help")


def _build(layout: Layout, jobs: int, *, as_json: bool) -> int:
    built = build(catalogue(recipes_folder()), layout, jobs=jobs, watch=Told(sys.stderr))
    total = sum(part.bytes for part in built.lock.parts.values())
    if as_json:
        seconds = round(built.seconds, 1)
        _print(
            {
                "root": str(layout.root),
                "made": list(built.made),
                "kept": list(built.kept),
                "seconds": seconds,
                "bytes": total,
            }
        )
    else:
        kept = f"{len(built.made)} parts made, {len(built.kept)} kept"
        print(f"bundle ready in {built.seconds:.0f} s: {kept}, {size(total)} in {layout.root}")
    return int(ExitCode.PASSED)


def _verify(layout: Layout, *, as_json: bool) -> int:
    lock = _lock(layout)
    findings = list(check(layout, lock))
    if as_json:
        wrong = [{"part": finding.part, "problem": finding.problem} for finding in findings]
        _print({"root": str(layout.root), "parts": len(lock.parts), "intact": not findings, "findings": wrong})
    elif findings:
        for finding in findings:
            print(f"{finding.part}: {finding.problem}")
        print("next: sandbox bundle build", file=sys.stderr)
    else:
        total = size(sum(part.bytes for part in lock.parts.values()))
        print(f"intact: {len(lock.parts)} parts as the lock file says, {total}")
    return int(ExitCode.ENVIRONMENT if findings else ExitCode.PASSED)


def _list(layout: Layout, *, everything: bool, as_json: bool) -> int:
    lock = _lock(layout)
    parts = [part for _, part in sorted(lock.parts.items()) if everything or part.category is not Category.INGREDIENT]
    if as_json:
        _print({"root": str(layout.root), "missing": list(lock.missing), "parts": [_plain(part) for part in parts]})
        return int(ExitCode.PASSED)
    rows = [(part.id, part.version, size(part.bytes), part.tags[0] if part.tags else part.source) for part in parts]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for row in rows:
        print(f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]}")
    for name in lock.missing:
        print(f"{name:<{widths[0]}}  not made yet")
    return int(ExitCode.PASSED)


def _gc(layout: Layout, *, everything: bool, as_json: bool) -> int:
    swept = sweep(layout, ingredients=everything)
    if as_json:
        _print({"root": str(layout.root), "removed": list(swept.files), "bytes": swept.bytes})
    else:
        print(f"removed {len(swept.files)} files, {size(swept.bytes)}")
    return int(ExitCode.PASSED)


def _moved(parts: int, where: Path | None, *, as_json: bool) -> int:
    if as_json:
        _print({"parts": parts, "to": str(where)})
    else:
        print(f"{parts} parts in {where}")
    return int(ExitCode.PASSED)


def _plain(part: Part) -> dict[str, object]:
    return {
        "id": part.id,
        "file": part.file,
        "version": part.version,
        "source": part.source,
        "sha256": part.sha256,
        "bytes": part.bytes,
        "tags": list(part.tags),
        "image_id": part.image_id,
        "seconds": part.seconds,
    }


def _lock(layout: Layout) -> Lock:
    lock = read_lock(layout.lock_file)
    if lock is None:
        raise EnvironmentNotReady("there is no bundle here", value=str(layout.root), next_step="sandbox bundle build")
    return lock


def _print(answer: object) -> None:
    print(json.dumps(answer, indent=2, ensure_ascii=False))
