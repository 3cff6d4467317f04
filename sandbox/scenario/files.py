"""Reads the files that a scenario names: manifests, config, profiles. The one place that knows their readers.

Comes in: names relative to the scenario's folder; goes out: objects, a profile book, and notes ("not modelled",
"unknown kind") for people. A name that leads nowhere is refused with the line of the scenario that wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.errors import Location, UsageError
from sandbox.manifests.admission import Admission
from sandbox.manifests.objects import Object
from sandbox.manifests.platform_config import PlatformConfig
from sandbox.manifests.profile_file import read_profiles
from sandbox.manifests.reader import Manifests, read_manifests
from sandbox.profiles import ProfileBook, default_book

_Question = tuple[tuple[Path, ...], bool]


@dataclass(slots=True)
class Files:
    """The files of one scenario, each read once for the same question."""

    folder: Path
    admission: Sequence[Admission] = ()  # rules of the layers above
    notes: list[str] = field(default_factory=list)
    _answers: dict[_Question, tuple[PlatformConfig | None, Manifests]] = field(default_factory=dict)

    def path(self, name: str, where: Location | None) -> Path:
        """The file a scenario means; UsageError if there is none."""
        path = self.folder / name
        if not path.is_file():
            rule = f"file names are relative to the scenario's folder, {self.folder}"
            raise UsageError(f"there is no file {name!r}", where=where, value=str(path), rule=rule)
        return path

    def read(
        self,
        names: Iterable[str],
        where: Location | None,
        *,
        platform: PlatformConfig | None = None,
        first_deploy: bool = False,
    ) -> Manifests:
        """All that some files hold, read as one. `platform`: settings that hold already."""
        question = (tuple(self.path(name, where) for name in names), first_deploy)
        if question not in self._answers or self._answers[question][0] != platform:
            manifests = read_manifests(
                *question[0], admission=self.admission, platform=platform, first_deploy=first_deploy
            )
            self._answers[question] = (platform, manifests)
            self.notes.extend(note for note in manifests.notes if note not in self.notes)
        return self._answers[question][1]

    def objects(self, names: Iterable[str], where: Location | None) -> tuple[Object, ...]:
        """The objects of some files, in order; UsageError if two have one name."""
        return self.read(names, where).objects

    def profiles(self, name: str | None, where: Location | None) -> ProfileBook:
        """The profile book of a scenario; the stated default without a file."""
        return default_book() if name is None else read_profiles(self.path(name, where))
