"""Files and folders of manifests and profiles: which ones are meant, and their bytes, or why not.

A file that is absent, unreadable or over 8 MiB is refused before it is read.
"""

from __future__ import annotations

from pathlib import Path

from sandbox.errors import Location, UsageError
from sandbox.manifests.names import did_you_mean
from sandbox.manifests.tree import refuse_large

SUFFIXES = (".yaml", ".yml", ".json")


def manifest_files(path: Path) -> list[Path]:
    """The file itself, or the manifests of a folder in the order of their names."""
    if not path.is_dir():
        return [path]
    found = sorted(one for one in path.iterdir() if one.suffix in SUFFIXES and one.is_file())
    if not found:
        raise UsageError(
            "the folder holds no manifest",
            where=Location(str(path)),
            rule=f"files named *{', *'.join(SUFFIXES)} are read",
            next_step="name a file, or a folder that has some",
        )
    return found


def file_content(path: Path) -> bytes:
    """What a file holds."""
    where = Location(str(path))
    try:
        refuse_large(path.stat().st_size, str(path))
        return path.read_bytes()
    except FileNotFoundError:
        raise UsageError(
            f"there is no such file{_near(path)}",
            where=where,
            rule="a file that exists, relative to the current folder or absolute",
            next_step="check the spelling and the folder",
        ) from None
    except (OSError, ValueError) as error:
        raise UsageError("the file cannot be read", where=where, value=str(error), rule="a readable file") from None


def _near(path: Path) -> str:
    return did_you_mean(path.name, [one.name for one in path.parent.iterdir()]) if path.parent.is_dir() else ""
