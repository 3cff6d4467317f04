"""The parts of our own that run in the cluster: model server, transformer, injector, Knative's Istio controller.

Comes in: fixtures/PART with a Dockerfile and a requirements.lock; goes out: for each its Python packages as a layer,
and its image. The sandbox's upper half (worlds, judge, command line) is left out of the images: no part may import it,
and an image that had it would be another one after each change there.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from sandbox.kind.bundle.archive import write_image
from sandbox.kind.bundle.bytecode import compile_tree, interpreter
from sandbox.kind.bundle.dockerfile import Dockerfile, read_dockerfile
from sandbox.kind.bundle.image import PATH
from sandbox.kind.bundle.layer import Entry, tree, write_layer
from sandbox.kind.bundle.part import Category
from sandbox.kind.bundle.parts.base import DEBIAN
from sandbox.kind.bundle.parts.kserve import PYTHON
from sandbox.kind.bundle.parts.source import Source, local_tag
from sandbox.kind.bundle.recipe import Recipe, code, digest_of_files
from sandbox.kind.bundle.wheels import wheels
from sandbox.kind.bundle.workplace import Workplace

PARTS = ("model_server", "transformer", "sidecar_injector", "knative_istio")
VERSION = "checkout"  # what is in them is told by their digest
UPPER = ("sim", "kind", "judge", "report", "cli", "pytest_plugin.py", "__main__.py")

_PACKAGE = Path(__file__).parents[3]


def recipes(source: Source) -> list[Recipe]:
    return [recipe for part in PARTS for recipe in _part(source, part)]


def tag(part: str) -> str:
    return local_tag(part.replace("_", "-"), VERSION)


def _part(source: Source, part: str) -> list[Recipe]:
    name = part.replace("_", "-")
    file = source.folder / part / "Dockerfile"
    said = read_dockerfile(file)
    packages = wheels(f"{name}-packages", _found(source, said.lock), python=PYTHON)
    return [packages, _image(source, name, tag(part), said, packages.id)]


def _image(source: Source, name: str, named: str, said: Dockerfile, packages: str) -> Recipe:
    runs = replace(said.runs, env={"PATH": PATH, **said.runs.env})
    copies = [(_found(source, path), inside) for path, inside in said.copies]

    def make(place: Workplace) -> None:
        app = place.subfolder("app")
        for path, inside in copies:
            _copy(path, app / inside.lstrip("/"))
        compile_tree(place, app, "/", PYTHON)
        entries = [Entry("/usr/local/bin/python", link="/usr/bin/python3"), *tree(app, "/", skip=())]
        layer = place.folder / "layer.tar"
        write_layer(layer, entries)
        below = [place.input(DEBIAN), place.input(packages)]
        place.notes["image_id"] = write_image(place.output, [*below, layer], [named], runs)

    return Recipe(
        category=Category.IMAGE,
        name=name,
        suffix=".tar",
        version=VERSION,
        source=f"fixtures/{name.replace('-', '_')}/Dockerfile",
        make=make,
        made_of={
            "runs": repr(runs),
            "files": " ".join(f"{inside}={digest_of_files(*_sources(path))}" for path, inside in copies),
            "compiled": str(bool(interpreter(PYTHON))),
            "code": code("parts/fixtures", "bytecode", "archive", "layer"),
        },
        inputs=(DEBIAN, packages),
        tags=(named,),
    )


def _found(source: Source, path: str) -> Path:
    """A path of the checkout, wherever the package and fixtures/ are installed."""
    first, _, rest = path.partition("/")
    root = {"sandbox": _PACKAGE, "fixtures": source.folder}[first]
    return root / rest if rest else root


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if path == _PACKAGE:
        for child in _sources(path):
            _copy(child, target / child.name)
    elif path.is_dir():
        shutil.copytree(path, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(path, target)


def _sources(path: Path) -> list[Path]:
    """The files and folders whose contents the image has."""
    if path != _PACKAGE:
        return [path]
    return sorted(
        child for child in path.iterdir() if child.name not in (*UPPER, "__pycache__", "_scenarios", "_fixtures")
    )
