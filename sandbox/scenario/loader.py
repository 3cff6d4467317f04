"""Loads a scenario file: runs it as a module, reads every file it names, makes its variants.

Comes in: a path and a form; goes out: a `LoadedScenario`, complete and validated, or a UsageError that names the
line of the scenario (or manifest) at fault: a person's scenario that raises must not end in a wall of traceback.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from sandbox.errors import Location, SandboxError, UsageError
from sandbox.manifests.admission import Admission
from sandbox.scenario.api import Scenario
from sandbox.scenario.discovery import name_of
from sandbox.scenario.files import Files
from sandbox.scenario.model import Form, Variant
from sandbox.scenario.resolve import variant_of

_RULE = 'variants = {"name": Scenario(...), ...} at the top level'


@dataclass(frozen=True, slots=True)
class LoadedScenario:
    """A scenario in one form, ready to play."""

    name: str
    path: Path
    description: str
    variants: Mapping[str, Variant]
    notes: tuple[str, ...] = ()


def load(path: Path, form: Form = Form.FULL, admission: Sequence[Admission] = ()) -> LoadedScenario:
    """The scenario in a file; UsageError if anything about it cannot be accepted.

    `admission`: what the layers above would refuse in a manifest.
    """
    module = _import(path)
    return loaded(path, module.__doc__ or "", getattr(module, "variants", None), form, admission)


def loaded(
    path: Path, docstring: str, variants: object, form: Form, admission: Sequence[Admission] = ()
) -> LoadedScenario:
    """The same from a module that somebody else (pytest) has imported."""
    files = Files(path.parent, admission)
    name = name_of(path)
    resolved = {
        own: variant_of(scenario, files, scenario_name=name, name=own, form=form)
        for own, scenario in _checked(variants, path).items()
    }
    return LoadedScenario(name, path, docstring.strip().partition("\n")[0], resolved, tuple(files.notes))


def _checked(variants: object, path: Path) -> dict[str, Scenario]:
    where = Location(str(path))
    if not isinstance(variants, Mapping) or not variants:
        raise UsageError("the scenario has no variants", where=where, value=variants, rule=_RULE)
    for name, scenario in variants.items():
        if not isinstance(name, str) or not name or "/" in name or name.startswith("."):
            raise UsageError("a variant's name is a word", where=where, value=name, rule=_RULE)
        if not isinstance(scenario, Scenario):
            raise UsageError(f"the variant {name!r} is no Scenario", where=where, value=scenario, rule=_RULE)
    return dict(variants)


def _import(path: Path) -> ModuleType:
    name = f"sandbox_scenario_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError("this is no Python file", where=Location(str(path)))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SandboxError as error:
        error.where = error.where or _line_in(path, error)
        raise
    except SyntaxError as error:
        where = Location(error.filename or str(path), error.lineno or 0, error.offset or 0)
        raise UsageError(f"the scenario is not valid Python: {error.msg}", where=where) from None
    except (Exception, SystemExit) as error:
        what = f"the scenario raised {type(error).__name__}: {error}"
        raise UsageError(what, where=_line_in(path, error)) from None
    finally:
        sys.modules.pop(name, None)
    return module


def _line_in(path: Path, error: BaseException) -> Location:
    """The last line of the scenario file on the way to the error."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path) and frame.lineno]
    return Location(str(path), lines[-1] if lines else 0)
