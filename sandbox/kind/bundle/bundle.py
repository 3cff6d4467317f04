"""A bundle as those who use it see it: typed access to its parts, by name.

Comes in: the folder; goes out: files and names for the cluster and the stack. How `up` uses the parts:

    bundle = Bundle.open(root)
    bundle.node_image()                  -> Image(file, tag, image_id): `docker load` it unless the engine has image_id,
                                            then `kind create cluster --image TAG`
    bundle.binary("kind")                -> Path: kind, kubectl, istioctl, for this machine
    bundle.image("kn-controller")        -> Image: its name in manifests is `.tag`; all of them are unpacked in the
                                            node image already, so nothing has to be loaded into a node
    bundle.manifest("knative")           -> Path: istio, knative, kserve; upstream's, with the images' names in

A bundle that was pulled has the same parts under the same names.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import EnvironmentNotReady
from sandbox.kind.bundle.layout import Layout
from sandbox.kind.bundle.lock import Lock, read_lock
from sandbox.kind.bundle.part import Category, Part
from sandbox.kind.bundle.verify import check


@dataclass(frozen=True, slots=True)
class Image:
    """One container image of the bundle."""

    name: str
    file: Path  # for `docker load` or `ctr images import`
    tag: str  # what manifests and kind call it
    image_id: str  # `sha256:…`, what `docker image inspect --format {{.Id}}` prints


@dataclass(frozen=True, slots=True)
class Bundle:
    """A complete bundle on disk."""

    layout: Layout
    lock: Lock

    @classmethod
    def open(cls, root: Path) -> Bundle:
        """The bundle in `root`; EnvironmentNotReady where there is none, or a part of it is missing or cut short."""
        layout = Layout(root)
        lock = read_lock(layout.lock_file)
        if lock is None:
            raise _not_ready("there is no bundle here", str(root))
        wrong = [
            finding for finding in check(layout, lock, digests=False) if not finding.part.startswith("ingredient/")
        ]
        if wrong:
            told = "; ".join(f"{finding.part}: {finding.problem}" for finding in wrong[:3])
            raise _not_ready(f"the bundle is not whole: {len(wrong)} parts are missing or changed", f"{root}: {told}")
        return cls(layout, lock)

    def node_image(self) -> Image:
        return self._image(Category.NODE, "image")

    def image(self, name: str) -> Image:
        return self._image(Category.IMAGE, name)

    def images(self) -> tuple[Image, ...]:
        """Every component's image, by name."""
        parts = sorted(part.name for part in self.lock.parts.values() if part.category is Category.IMAGE)
        return tuple(self.image(name) for name in parts)

    def binary(self, name: str) -> Path:
        return self.layout.file(self.part(Category.BINARY, name).file)

    def manifest(self, name: str) -> Path:
        return self.layout.file(self.part(Category.MANIFEST, name).file)

    def part(self, category: Category, name: str) -> Part:
        """The lock's entry: version, source, digest."""
        found = self.lock.parts.get(f"{category.value}/{name}")
        if found is None:
            known = ", ".join(sorted(part.name for part in self.lock.parts.values() if part.category is category))
            raise _not_ready(
                f"the bundle has no {category.value} {name!r}", f"{self.layout.root} has {known or 'none'}"
            )
        return found

    def _image(self, category: Category, name: str) -> Image:
        part = self.part(category, name)
        return Image(name=name, file=self.layout.file(part.file), tag=part.tags[0], image_id=part.image_id)


def _not_ready(what: str, value: str) -> EnvironmentNotReady:
    return EnvironmentNotReady(
        what, value=value, rule="`sandbox up` needs a complete bundle", next_step="sandbox bundle build"
    )
