"""The seam between worlds: anything that can play a variant and leave a journal.

The simulated world (`sandbox.sim`), a real cluster, and the toy HTTP world of the test tree all implement this
one method; tests/contracts holds each of them to it. Nothing above this line knows which one it has.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from sandbox.journal.journal import Journal
from sandbox.scenario.model import Variant


class World(Protocol):
    """A place where variants are played."""

    @property
    def name(self) -> str:
        """sim, kind, ...: what --world takes."""

    def play(self, variant: Variant, seed: int, folder: Path) -> Journal:
        """Play one variant to its end and return the journal written to `folder`.

        Raises WorldError when the world fails, and lets KeyboardInterrupt through after what was played so far
        has been written (the journal's meta then says ended = "interrupted").
        """


def meta_of(variant: Variant, seed: int, world: str) -> dict[str, object]:
    """What every world writes into its journal's meta.json."""
    return {
        "scenario": variant.scenario,
        "variant": variant.name,
        "world": world,
        "seed": seed,
        "form": variant.form.value,
        "duration_s": variant.duration_s,
    }
