"""Finds scenarios by name: a path, a folder of your project, or one that comes with the package.

Comes in: NAME as typed; goes out: the path of a scenario file. A scenario is a folder NAME with NAME.py or
scenario.py in it, or a single file. Looked up in this order: the path itself, `./scenarios` or the folder that
`[tool.sandbox] scenarios` of ./pyproject.toml names, the shipped ones (inside an installed package, or beside
the package in a checkout).
"""

from __future__ import annotations

import ast
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import Location, UsageError
from sandbox.scenario.api import suggestion

_PACKAGE = Path(__file__).parent.parent
_VARIANTS = re.compile(r"^variants\s*[:=]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Found:
    """A scenario that was found, not yet loaded."""

    name: str
    path: Path
    shipped: bool = False

    @property
    def description(self) -> str:
        """The first line of the module's docstring, without running the module."""
        try:
            text = ast.get_docstring(ast.parse(self.path.read_bytes())) or ""
        except (SyntaxError, ValueError) as error:
            return f"(cannot be read: {error})"
        return text.strip().partition("\n")[0]


def is_scenario_file(path: Path) -> bool:
    """Does this Python file define `variants` at its top level?"""
    try:
        return bool(_VARIANTS.search(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError):
        return False


def file_in(folder: Path) -> Path | None:
    """The scenario file of a folder: NAME/NAME.py or NAME/scenario.py."""
    for path in (folder / f"{folder.name}.py", folder / "scenario.py"):
        if path.is_file() and is_scenario_file(path):
            return path
    return None


def name_of(path: Path) -> str:
    """What a scenario file is called: its folder where it is the folder's one file, else the file."""
    return path.parent.name if path.stem in ("scenario", path.parent.name) else path.stem.removeprefix("scenario_")


def find(name: str, cwd: Path | None = None) -> Found:
    """The scenario that NAME means; UsageError with what there is."""
    by_path = _by_path(Path(name))
    if by_path is not None:
        return by_path
    everything = find_all(cwd)
    for found in everything:
        if found.name == name:
            return found
    names = [found.name for found in everything]
    raise UsageError(
        f"there is no scenario {name!r}",
        value=name,
        rule=f"{suggestion(name, names)}known: {', '.join(names) or 'none'}",
        next_step="sandbox list",
    )


def find_all(cwd: Path | None = None) -> list[Found]:
    """Every scenario that can be named from here, yours before the shipped ones."""
    found: dict[str, Found] = {}
    for folder, shipped in [(own_folder(cwd or Path.cwd()), False), (shipped_folder(), True)]:
        for path in _files_under(folder):
            found.setdefault(name_of(path), Found(name_of(path), path, shipped))
    return list(found.values())


def own_folder(cwd: Path) -> Path:
    """`[tool.sandbox] scenarios` of ./pyproject.toml, or ./scenarios."""
    project = cwd / "pyproject.toml"
    if not project.is_file():
        return cwd / "scenarios"
    try:
        table = tomllib.loads(project.read_text(encoding="utf-8")).get("tool", {}).get("sandbox", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"pyproject.toml cannot be read: {error}", where=Location(str(project))) from None
    named = table.get("scenarios", "scenarios")
    if not isinstance(named, str):
        rule = '[tool.sandbox]\nscenarios = "path/to/folder"'
        raise UsageError("[tool.sandbox] scenarios is a folder", where=Location(str(project)), value=named, rule=rule)
    if "scenarios" in table and not (cwd / named).is_dir():
        raise UsageError("[tool.sandbox] scenarios names no folder", where=Location(str(project)), value=named)
    return cwd / named


def shipped_folder() -> Path:
    """The scenarios that come with the package."""
    inside = _PACKAGE / "_scenarios"
    return inside if inside.is_dir() else _PACKAGE.parent / "scenarios"


def _by_path(path: Path) -> Found | None:
    if path.is_dir():
        inside = file_in(path.resolve())
        return Found(name_of(inside), inside) if inside else None
    if path.is_file():
        if path.suffix != ".py":
            rule = "a scenario is a Python file with `variants`; to play a manifest alone: sandbox try"
            raise UsageError("this is no scenario file", where=Location(str(path)), rule=rule)
        path = path.resolve()
        return Found(name_of(path), path)
    return None


def _files_under(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    inside = [file_in(one) for one in sorted(folder.iterdir()) if one.is_dir()]
    single = [one for one in sorted(folder.glob("scenario_*.py")) if is_scenario_file(one)]
    return [one for one in inside if one is not None] + single
