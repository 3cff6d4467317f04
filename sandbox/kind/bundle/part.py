"""A part of the bundle: one file, with where it came from and the digest that it must have.

Comes in: what a recipe made (build.py), or an entry of the lock file (lock.py); goes out: the same, typed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """What a part is for."""

    NODE = "node"  # the image that kind's nodes run
    IMAGE = "image"  # a component's container image, an archive for `docker load` and `ctr images import`
    BINARY = "binary"  # a program for this machine
    MANIFEST = "manifest"  # what `kubectl apply` takes
    INGREDIENT = "ingredient"  # what the others are made of; not needed once they are made


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a bundle, as its lock file tells it."""

    id: str  # CATEGORY/NAME
    file: str  # relative to the bundle's root
    version: str
    source: str  # where it was taken from, in words that can be looked up
    sha256: str
    bytes: int
    key: str  # digest of everything it was made from (recipe.py); equal key, nothing to do
    tags: tuple[str, ...] = ()  # images: the names it is loaded under
    image_id: str = ""  # images: the digest that an engine shows as the image's id
    seconds: float = 0.0  # what making it took

    @property
    def category(self) -> Category:
        return Category(self.id.partition("/")[0])

    @property
    def name(self) -> str:
        return self.id.partition("/")[2]
