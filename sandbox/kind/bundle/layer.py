"""Writes one layer of an image: a tar whose bytes depend on nothing but what is in it.

Comes in: entries (a path in the image, and bytes, a file of this machine, or a link target); goes out: a tar file.
Owner root, time 1970, order by path, parent folders made: the same entries give the same digest on every machine.
Used by image.py and node.py. Leaves out whiteouts: our layers only add.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, link or folder of a layer. A folder has neither content nor link."""

    path: str  # absolute, in the image
    content: bytes | Path | None = None
    link: str = ""
    mode: int = 0o755


def write_layer(output: Path, entries: Iterable[Entry]) -> None:
    """Write `entries` as a tar; a path may be given once."""
    by_path = {entry.path: entry for entry in entries}
    for path in list(by_path):
        for parent in PurePosixPath(path).parents:
            if str(parent) not in ("/", ""):
                by_path.setdefault(str(parent), Entry(str(parent)))
    with tarfile.open(output, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(by_path):
            _add(tar, by_path[path])


def tree(folder: Path, at: str, *, skip: Iterable[str] = ("__pycache__",)) -> list[Entry]:
    """Every file and link below `folder`, to lie under `at` in the image."""
    left_out = set(skip)
    entries = []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if left_out.intersection(relative.parts):
            continue
        inside = f"{at.rstrip('/')}/{relative.as_posix()}"
        if path.is_symlink():
            entries.append(Entry(inside, link=str(path.readlink())))
        elif path.is_file():
            executable = path.stat().st_mode & 0o100
            entries.append(Entry(inside, content=path, mode=0o755 if executable else 0o644))
    return entries


def _add(tar: tarfile.TarFile, entry: Entry) -> None:
    info = tarfile.TarInfo(entry.path.lstrip("/"))
    info.mode = entry.mode
    if entry.link:
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.link, 0o777
        tar.addfile(info)
    elif entry.content is None:
        info.type = tarfile.DIRTYPE
        tar.addfile(info)
    elif isinstance(entry.content, bytes):
        info.size = len(entry.content)
        tar.addfile(info, io.BytesIO(entry.content))
    else:
        info.size = entry.content.stat().st_size
        with entry.content.open("rb") as stream:
            tar.addfile(info, stream)
