"""Recipe: the image of one component, from layers of the bundle and files.

Comes in: which layers (ingredients) it stands on, which files it adds (an ingredient, or a file or folder of ours),
what it runs; goes out: a recipe that makes an archive (archive.py). Made without a container engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sandbox.kind.bundle.archive import Runs, write_image
from sandbox.kind.bundle.layer import Entry, tree, write_layer
from sandbox.kind.bundle.part import Category
from sandbox.kind.bundle.recipe import Recipe, code, digest_of_files
from sandbox.kind.bundle.workplace import Workplace

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def image(
    name: str,
    tags: Sequence[str],
    version: str,
    runs: Runs,
    *,
    layers: Sequence[str] = (),
    programs: Mapping[str, str] | None = None,
    files: Mapping[str, Path] | None = None,
) -> Recipe:
    """The image `name`: `layers` below, then one of `programs` (path: part) and `files` (path: file or folder)."""
    ours = files or {}
    from_parts = programs or {}
    runs = replace(runs, env={"PATH": PATH, **runs.env})

    def make(place: Workplace) -> None:
        entries = [Entry(path, content=place.input(part), mode=0o755) for path, part in from_parts.items()]
        for path, source in ours.items():
            entries += tree(source, path) if source.is_dir() else [Entry(path, content=source, mode=_mode(source))]
        below = [place.input(layer) for layer in layers]
        if entries:
            top = place.folder / "layer.tar"
            write_layer(top, entries)
            below.append(top)
        place.notes["image_id"] = write_image(place.output, below, tags, runs)

    return Recipe(
        category=Category.IMAGE,
        name=name,
        suffix=".tar",
        version=version,
        source=f"made of {', '.join([*layers, *from_parts.values(), *(source.name for source in ours.values())])}",
        make=make,
        made_of={
            "runs": repr(runs),
            "programs": repr(sorted(from_parts.items())),
            "files": " ".join(f"{path}={digest_of_files(source)}" for path, source in sorted(ours.items())),
            "code": code("image", "archive", "layer"),
        },
        inputs=(*layers, *dict.fromkeys(from_parts.values())),
        tags=tuple(tags),
    )


def _mode(file: Path) -> int:
    return 0o755 if file.stat().st_mode & 0o100 else 0o644
