"""The worlds of the contract suite: the same bodies run against each of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.journal.world import World
from sandbox.judge.stage import Runs
from sandbox.judge.worlds import world_named
from sandbox.scenario.loader import load

HERE = Path(__file__).parent


WORLDS = ("sim", "toy_world:ToyWorld")
collect_ignore = ["two_steps"]  # played by the suite itself, once a world


@pytest.fixture(scope="session", params=WORLDS)
def world(request: pytest.FixtureRequest) -> World:
    """Each world in turn, by the names that --world takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(HERE)
        return world_named(request.param)


@pytest.fixture(scope="session")
def played(world: World, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """The suite's scenario in one world."""
    scenario = load(HERE / "two_steps" / "two_steps.py")
    runs = Runs(scenario, world, 1, tmp_path_factory.mktemp(world.name))
    assert list(runs.values())  # plays all
    return runs
