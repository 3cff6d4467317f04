"""Reads the files that a scenario names: manifests, config, profiles. The one place that knows their readers.

Comes in: names relative to the scenario's folder; goes out: objects, a profile book, and notes ("not modelled",
"unknown kind") for people. A name that leads nowhere is refused with the line of the scenario that wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.errors import Location, UsageError
from sandbox.manifests.objects import Object
from sandbox.manifests.reader import read_manifests
from sandbox.profiles import Distribution, ModelProfile, ProfileBook

_DEFAULT_PROFILE = ModelProfile(service_time=Distribution("lognormal", {"median": 0.1, "sigma": 0.5}))


@dataclass(slots=True)
class Files:
    """The files of one scenario, each read once."""

    folder: Path
    notes: list[str] = field(default_factory=list)
    _read: dict[Path, tuple[Object, ...]] = field(default_factory=dict)

    def path(self, name: str, where: Location | None) -> Path:
        """The file a scenario means; UsageError if there is none."""
        path = self.folder / name
        if not path.is_file():
            rule = f"file names are relative to the scenario's folder, {self.folder}"
            raise UsageError(f"there is no file {name!r}", where=where, value=str(path), rule=rule)
        return path

    def objects(self, names: Iterable[str], where: Location | None) -> tuple[Object, ...]:
        """All objects of some files, in order; UsageError if two have one name."""
        found: dict[tuple[str, str, str], Object] = {}
        for name in names:
            for one in self._objects(self.path(name, where)):
                if one.key in found:
                    kind, namespace, own = one.key
                    rule = f"the first is at {found[one.key].at}"
                    raise UsageError(f"two objects are called {kind} {own} in {namespace}", where=one.at, rule=rule)
                found[one.key] = one
        return tuple(found.values())

    def profiles(self, name: str | None, where: Location | None) -> ProfileBook:
        """The profile book of a scenario; the stated default without a file."""
        if name is None:
            return ProfileBook(default=_DEFAULT_PROFILE)
        from sandbox.profiles import read_profiles

        return read_profiles(self.path(name, where))

    def _objects(self, path: Path) -> tuple[Object, ...]:
        if path not in self._read:
            manifests = read_manifests(path)
            self._read[path] = manifests.objects
            self.notes.extend(note for note in manifests.notes if note not in self.notes)
        return self._read[path]
