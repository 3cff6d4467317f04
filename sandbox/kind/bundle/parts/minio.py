"""MinIO: the S3 store, as a program and its image.

Comes in: fixtures/go/minio; goes out: recipes. Its manifest is fixtures/object_store/manifests: ours, not upstream's.
"""

from __future__ import annotations

from sandbox.kind.bundle.archive import Runs
from sandbox.kind.bundle.go_program import go_program
from sandbox.kind.bundle.image import image
from sandbox.kind.bundle.parts.base import NONROOT, STATIC
from sandbox.kind.bundle.parts.source import Source, local_tag
from sandbox.kind.bundle.recipe import Recipe

MINIO = "github.com/minio/minio"


def recipes(source: Source) -> list[Recipe]:
    version = source.versions.module(MINIO)
    inside = "/usr/local/bin/minio"
    return [
        go_program("minio", MINIO, source.go("minio"), module=MINIO, version=version),
        image(
            "minio",
            [local_tag("minio", version.rpartition("-")[2])],
            version,
            Runs([inside], user=NONROOT),
            layers=[STATIC],
            programs={inside: "ingredient/minio"},
        ),
    ]
