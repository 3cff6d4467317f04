"""KServe: its programs, their images, the storage initializer, and its manifests with these images in.

Comes in: fixtures/go/kserve, fixtures/images/storage_initializer and fixtures/manifests/kserve; goes out: recipes.
The initializer is KServe's own Python package (kserve-storage) in an image of ours, started as the upstream image
starts it (kserve python/storage-initializer.Dockerfile v0.20.0).
"""

from __future__ import annotations

from sandbox.kind.bundle.archive import Runs
from sandbox.kind.bundle.go_program import go_program
from sandbox.kind.bundle.image import image
from sandbox.kind.bundle.parts.base import DEBIAN, NONROOT, STATIC
from sandbox.kind.bundle.parts.source import Source, local_tag
from sandbox.kind.bundle.recipe import Recipe
from sandbox.kind.bundle.rendered import Upstream, rendered
from sandbox.kind.bundle.wheels import wheels

KSERVE = "github.com/kserve/kserve"
PROGRAMS = {"manager": "/manager", "agent": "/ko-app/agent", "router": "/ko-app/router"}
PYTHON = "3.11"  # of Debian bookworm


def recipes(source: Source) -> list[Recipe]:
    programs = [recipe for name in PROGRAMS for recipe in _program(source, name)]
    return [*programs, *_storage_initializer(source), _manifests(source)]


def tag(source: Source, name: str) -> str:
    return local_tag(name, source.versions.module(KSERVE))


def _program(source: Source, name: str) -> list[Recipe]:
    version = source.versions.module(KSERVE)
    inside = PROGRAMS[name]
    ours = f"kserve-{name}"
    return [
        go_program(ours, f"{KSERVE}/cmd/{name}", source.go("kserve"), module=KSERVE, version=version),
        image(
            ours,
            [tag(source, ours)],
            version,
            Runs([inside], user=NONROOT),
            layers=[STATIC],
            programs={inside: f"ingredient/{ours}"},
        ),
    ]


def _storage_initializer(source: Source) -> list[Recipe]:
    folder = source.folder / "images" / "storage_initializer"
    inside = "/storage-initializer/entrypoint.py"
    return [
        wheels("storage-initializer-packages", folder / "requirements.lock", python=PYTHON),
        image(
            "storage-initializer",
            [tag(source, "storage-initializer")],
            source.versions.module(KSERVE),
            Runs(
                ["/usr/bin/python3", inside], user="1000", env={"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
            ),
            layers=[DEBIAN, "ingredient/storage-initializer-packages"],
            files={inside: folder / "entrypoint.py"},
        ),
    ]


def _manifests(source: Source) -> Recipe:
    names = {"kserve-controller": "kserve-manager", "agent": "kserve-agent", "router": "kserve-router"}
    names["storage-initializer"] = "storage-initializer"
    return rendered(
        "kserve",
        source.folder / "manifests" / "kserve",
        version=source.versions.module(KSERVE),
        modules=source.go("kserve"),
        upstream=[Upstream(KSERVE, "config", "config")],
        replaced={
            **{f"kserve/{theirs}:latest": tag(source, ours) for theirs, ours in names.items()},
            "default-storage-initilizer:replace": tag(source, "storage-initializer"),  # upstream's spelling
        },
    )
