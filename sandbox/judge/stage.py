"""Plays variants, each once, when somebody asks for it: the mapping behind the `runs` fixture.

Comes in: a loaded scenario, a world, a seed and a folder for the journals; goes out: `Run`s by variant name. A
world that fails once is not asked again: every test that needs the run gets the same error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.errors import SandboxError, UsageError
from sandbox.scenario.api import suggestion
from sandbox.scenario.loader import LoadedScenario

if TYPE_CHECKING:
    from sandbox.journal.run import Run
    from sandbox.journal.world import World


class Runs(Mapping[str, "Run"]):
    """`runs["blue-green"]`: a played variant. Variants of one scenario meet the same arrivals (same seed)."""

    def __init__(self, scenario: LoadedScenario, world: World, seed: int, folder: Path) -> None:
        self.scenario = scenario
        self.world = world
        self.seed = seed
        self.folder = folder / scenario.name
        self.played: dict[str, Run] = {}
        self._failed: dict[str, SandboxError] = {}
        self._playing = ""

    def __getitem__(self, name: str) -> Run:
        if name in self._failed:
            raise self._failed[name]
        if name not in self.played:
            self._play(name)
        return self.played[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.scenario.variants)

    def __len__(self) -> int:
        return len(self.scenario.variants)

    def _play(self, name: str) -> None:
        from sandbox.journal.run import Run

        if name not in self.scenario.variants:
            rule = f"{suggestion(name, list(self))}the scenario has {', '.join(self)}"
            raise UsageError(f"there is no variant {name!r}", value=name, rule=rule)
        variant = self.scenario.variants[name]
        self._playing = name
        try:
            journal = self.world.play(variant, self.seed, self.folder / name)
        except SandboxError as error:
            self._failed[name] = error
            raise
        self.played[name] = Run(journal, variant)

    def take_interrupted(self) -> None:
        """After Ctrl-C: what was written of the variant that was being played counts as played."""
        from sandbox.journal.journal import Journal
        from sandbox.journal.run import Run

        name = self._playing
        if name and name not in self.played and (self.folder / name / "meta.json").is_file():
            self.played[name] = Run(Journal.open(self.folder / name), self.scenario.variants[name])
