"""Worlds by name: what --world takes.

Comes in: `sim`, or "module:Class" for a world of your own (it is called without arguments); goes out: the world.
Worlds are imported only when one is asked for: the plugin and `--help` load none.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from sandbox.errors import UsageError

if TYPE_CHECKING:
    from sandbox.journal.world import World

WORLDS = {"sim": "sandbox.sim.world:SimWorld"}


def world_named(name: str) -> World:
    """The world of that name; UsageError with the known names."""
    place = WORLDS.get(name, name)
    module, _, attribute = place.partition(":")
    rule = f"known: {', '.join(WORLDS)}, or module:Class for a world of your own"
    if not module or not attribute:
        raise UsageError(f"there is no world {name!r}", value=name, rule=rule)
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ModuleNotFoundError, AttributeError) as error:
        if name in WORLDS:
            raise
        raise UsageError(f"the world {name!r} cannot be loaded: {error}", value=name, rule=rule) from None
    world: World = found()
    return world
