"""Recipes whose builder is a line of shell, for the tests of the builder."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from sandbox.kind.bundle.build import Built, build
from sandbox.kind.bundle.layout import Layout
from sandbox.kind.bundle.part import Category, Part
from sandbox.kind.bundle.recipe import Recipe
from sandbox.kind.bundle.workplace import Workplace


def shell(name: str, script: str, *, inputs: Sequence[str] = (), lane: str = "", limit_s: float = 20.0) -> Recipe:
    """The part image/NAME: `script` runs in the part's folder and writes ./output; $A is the path of input a."""

    def make(place: Workplace) -> None:
        env = {one.partition("/")[2].upper(): str(path) for one, path in place.inputs.items()}
        place.run(["sh", "-euc", script], cwd=place.folder, env=env, limit_s=limit_s)

    return Recipe(
        category=Category.IMAGE,
        name=name,
        version="v1",
        source="a test",
        make=make,
        made_of={"script": script},
        inputs=tuple(inputs),
        lane=lane,
    )


class Silent:
    """A Watch that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def planned(self, total: int) -> None:
        self.told.append(("planned", str(total)))

    def kept(self, part: Part) -> None:
        self.told.append(("kept", part.name))

    def started(self, recipe: Recipe) -> None:
        self.told.append(("started", recipe.name))

    def made(self, part: Part) -> None:
        self.told.append(("made", part.name))

    def failed(self, recipe: Recipe, error: Exception, log: Path) -> None:
        self.told.append(("failed", recipe.name))

    def waiting(self, running: Sequence[tuple[str, float]]) -> None:
        pass


def built(root: Path, *recipes: Recipe, jobs: int = 2) -> Built:
    return build(recipes, Layout(root), jobs=jobs, watch=Silent())


if __name__ == "__main__":  # a build to be killed: ROOT, then a script for each part
    scripts = sys.argv[2:]
    built(Path(sys.argv[1]), *(shell(f"p{number}", script) for number, script in enumerate(scripts)), jobs=1)
