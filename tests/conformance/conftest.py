"""The conformance harness: one pytest case per element of every list of every JSON table in a directory.

Tables come from tests/conformance/tables, or from `--conformance-dir DIR`. The files `drivers/<table>.py` and
`drivers/<table>__*.py` say how a case is run; each defines

    DRIVERS       list name -> function(case, table) that calls the project's own function and asserts
    CONTRADICTED  optional, (list name, case name or index) -> reason: our reading contradicts the case, so it
                  runs as a strict xfail

A driver only translates and compares, it decides nothing. A table or a list without a driver, and a driver
without its table, are reported in the terminal summary and are not errors. Needs nothing but pytest; drivers are
loaded by path, so the working directory and pytest's import mode do not matter.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parent
Driver = Callable[[Any, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class ConformanceCase:
    """One element of one list of one table, and the driver that runs it."""

    table_name: str
    list_name: str
    key: str | int
    case: Any
    table: Mapping[str, Any]
    driver: Driver
    contradicted: str | None

    def run(self) -> None:
        self.driver(self.case, self.table)

    def as_param(self) -> Any:
        marks = [pytest.mark.xfail(strict=True, reason=self.contradicted)] if self.contradicted else []
        return pytest.param(self, id=f"{self.table_name}::{self.list_name}::{self.key}", marks=marks)


@dataclass(slots=True)
class Collected:
    """What a directory of tables holds for the drivers there are."""

    directory: Path
    cases: list[ConformanceCase] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)


COLLECTED = pytest.StashKey[Collected]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """For this directory on its own; within the project, tests/conftest.py has registered the option already."""
    try:
        parser.addoption("--conformance-dir", metavar="DIR", default=None, help="directory of the tables to run")
    except ValueError:
        return


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "conformance_case" in metafunc.fixturenames:
        collected = _collect(_directory(metafunc.config))
        metafunc.config.stash[COLLECTED] = collected
        metafunc.parametrize("conformance_case", [case.as_param() for case in collected.cases])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    collected = config.stash.get(COLLECTED, None)
    if collected is None:
        return
    contradicted = [case for case in collected.cases if case.contradicted]
    terminalreporter.section(f"conformance: {len(collected.cases)} cases from {collected.directory}")
    for line in collected.not_run:
        terminalreporter.write_line(f"not run: {line}")
    for case in contradicted:
        terminalreporter.write_line(
            f"contradicted: {case.table_name}::{case.list_name}::{case.key}: {case.contradicted}"
        )


def _directory(config: pytest.Config) -> Path:
    given = config.getoption("--conformance-dir", default=None)
    if given is None:
        return HERE / "tables"
    directory = Path(config.invocation_params.dir, given).resolve()
    if not directory.is_dir():
        raise pytest.UsageError(f"--conformance-dir: {directory} is not a directory")
    return directory


def _collect(directory: Path) -> Collected:
    collected = Collected(directory)
    stems = {path.stem.partition("__")[0] for path in (HERE / "drivers").glob("*.py")}
    for path in sorted(directory.glob("*.json")):
        table = _read_table(path)
        modules = list(_load_drivers(path.stem))
        if not modules:
            collected.not_run.append(f"{path.stem}: no driver yet ({_count(table)} cases)")
        else:
            _collect_table(collected, path.stem, table, modules)
        stems.discard(path.stem)
    collected.not_run += [f"{stem}: there is a driver, but no table in {directory}" for stem in sorted(stems)]
    return collected


def _read_table(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise pytest.UsageError(f"{path}: not a JSON table: {error}") from error
    if not isinstance(table, dict):
        raise pytest.UsageError(f"{path}: a table is a JSON object whose lists hold the cases")
    return table


def _count(table: Mapping[str, Any]) -> int:
    return sum(len(value) for value in table.values() if isinstance(value, list))


def _load_drivers(stem: str) -> Iterator[ModuleType]:
    drivers = HERE / "drivers"
    for path in [*drivers.glob(f"{stem}.py"), *sorted(drivers.glob(f"{stem}__*.py"))]:
        spec = importlib.util.spec_from_file_location(f"conformance_driver_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module


def _collect_table(collected: Collected, table_name: str, table: Mapping[str, Any], modules: list[ModuleType]) -> None:
    drivers: dict[str, Driver] = {}
    contradicted: dict[tuple[str, str | int], str] = {}
    for module in modules:
        drivers |= module.DRIVERS
        contradicted |= getattr(module, "CONTRADICTED", {})
    for list_name, cases in table.items():
        if not isinstance(cases, list):
            continue
        if list_name not in drivers:
            collected.not_run.append(f"{table_name}::{list_name}: no driver yet ({len(cases)} cases)")
            continue
        for index, case in enumerate(cases):
            key = case.get("name", index) if isinstance(case, dict) else index
            reason = contradicted.get((list_name, key)) or contradicted.get((list_name, index))
            collected.cases.append(ConformanceCase(table_name, list_name, key, case, table, drivers[list_name], reason))
    missing = sorted(set(drivers) - set(table))
    collected.not_run += [f"{table_name}::{name}: there is a driver, but no such list" for name in missing]
