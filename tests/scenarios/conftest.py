"""Shipped scenarios, loaded, played and judged as `sandbox run` does it."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from sandbox.judge.session import judge
from sandbox.judge.stage import Runs
from sandbox.judge.verdict import Outcome, Verdict
from sandbox.scenario.discovery import shipped_folder
from sandbox.scenario.loader import LoadedScenario, load
from sandbox.scenario.model import Flow, Form, Variant
from sandbox.sim.world import SimWorld

SCENARIOS = shipped_folder()
NAMES = (
    "bad_canary",
    "cache_halves_latency",
    "canary_vs_blue_green",
    "gpu_by_type",
    "scale_to_zero",
    "target_150_rps",
    "two_tenants",
)


@dataclass(frozen=True)
class Planned:
    """A run as the scenarios' arithmetic sees it, before it was played: traffic, parameters and marks."""

    variant: Variant

    @property
    def flows(self) -> tuple[Flow, ...]:
        return self.variant.flows

    @property
    def params(self) -> dict[str, float]:
        return dict(self.variant.params)

    @property
    def duration_s(self) -> float:
        return self.variant.duration_s


@dataclass(frozen=True)
class Shipped:
    """One scenario: its module (the arithmetic) and its folder."""

    name: str
    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / f"{self.name}.py"

    @property
    def module(self) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"arithmetic_of_{self.name}", self.path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def loaded(self, form: Form) -> LoadedScenario:
        return load(self.path, form)

    def planned(self, form: Form, variant: str) -> Planned:
        return Planned(self.loaded(form).variants[variant])

    def judged(self, form: Form, journals: Path) -> list[Outcome]:
        return judge(Runs(self.loaded(form), SimWorld(), 1, journals))

    def failing(self, form: Form, journals: Path) -> set[str]:
        """The expectations that fail."""
        return {one.test for one in self.judged(form, journals) if one.verdict is Verdict.FAIL}


@pytest.fixture(params=NAMES)
def shipped(request: pytest.FixtureRequest) -> Shipped:
    """Each scenario in turn."""
    return Shipped(request.param, SCENARIOS / request.param)


@pytest.fixture
def named() -> Callable[[str], Shipped]:
    """The scenario of a name."""
    return lambda name: Shipped(name, SCENARIOS / name)


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[str], Shipped]:
    """A copy of a scenario's folder, whose files may be spoiled."""

    def copy(name: str) -> Shipped:
        folder = tmp_path / name
        shutil.copytree(SCENARIOS / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
        return Shipped(name, folder)

    return copy
