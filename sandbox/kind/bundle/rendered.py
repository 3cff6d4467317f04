"""Recipe: a component's manifests, rendered by kustomize from the files of Go modules.

Comes in: a folder of ours with a kustomization.yaml that names files under `upstream/`, which module's folders are to
be laid there, and which image names stand for which; goes out: a recipe that makes one YAML stream. What differs from
upstream is all in that kustomization, in Kubernetes' own terms. Rendered by the bundle's own kubectl, offline.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.kind.bundle.go_program import module_folder
from sandbox.kind.bundle.part import Category
from sandbox.kind.bundle.recipe import Recipe, code, digest_of_files
from sandbox.kind.bundle.workplace import Workplace

KUBECTL = "binary/kubectl"


@dataclass(frozen=True, slots=True)
class Upstream:
    """A folder of a Go module, to lie at `upstream/NAME` beside the kustomization."""

    module: str
    folder: str
    name: str


def rendered(
    name: str, ours: Path, *, version: str, modules: Path, upstream: Sequence[Upstream], replaced: Mapping[str, str]
) -> Recipe:
    """The manifests of `ours`; in upstream's files every key of `replaced` becomes its value."""

    def make(place: Workplace) -> None:
        folder = place.folder / "kustomize"
        shutil.copytree(ours, folder)
        for one in upstream:
            laid = folder / "upstream" / one.name
            _lay(module_folder(place, one.module, modules) / one.folder, laid, replaced)
        place.run([place.input(KUBECTL), "kustomize", folder], limit_s=300, stdout=place.output)

    return Recipe(
        category=Category.MANIFEST,
        name=name,
        suffix=".yaml",
        version=version,
        source=", ".join(f"{one.folder} of go module {one.module}" for one in upstream),
        make=make,
        made_of={
            "ours": digest_of_files(ours),
            "upstream": repr(list(upstream)),
            "modules": digest_of_files(modules / "go.mod", modules / "go.sum"),
            "replaced": repr(sorted(replaced.items())),
            "code": code("rendered"),
        },
        inputs=(KUBECTL,),
    )


def _lay(source: Path, target: Path, replaced: Mapping[str, str]) -> None:
    """Copy YAML files (a module's are read-only), with names replaced."""
    for file in sorted(source.rglob("*.yaml")):
        text = file.read_text(encoding="utf-8")
        for before, after in replaced.items():
            text = text.replace(before, after)
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text, encoding="utf-8")
