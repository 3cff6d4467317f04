"""All recipes of a bundle, from one folder.

Comes in: fixtures/; goes out: the recipes of every component. A component more is a module under parts/ and a line
here (docs/how-to/change-the-bundle.md).
"""

from __future__ import annotations

from pathlib import Path

from sandbox.kind.bundle.part import Category
from sandbox.kind.bundle.parts import base, fixtures, istio, knative, kserve, kubernetes, minio, node, valkey
from sandbox.kind.bundle.parts.source import Source
from sandbox.kind.bundle.recipe import Recipe

_COMPONENTS = (base, kubernetes, knative, kserve, istio, minio, valkey, fixtures)


def catalogue(folder: Path) -> list[Recipe]:
    """Every part that `sandbox bundle build` makes."""
    source = Source.read(folder)
    recipes = [recipe for component in _COMPONENTS for recipe in component.recipes(source)]
    images = [recipe for recipe in recipes if recipe.category is Category.IMAGE]
    return [*recipes, *node.recipes(source, images)]
