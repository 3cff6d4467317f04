"""What `import sandbox` offers: all of its names, of what type checkers see, and nothing before it is asked for."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module

import pytest

import sandbox


def test_each_public_name_is_what_type_checkers_take_it_for() -> None:
    imports = [one for one in ast.walk(ast.parse(inspect.getsource(sandbox))) if isinstance(one, ast.ImportFrom)]
    seen = {
        name.name: import_module(str(one.module))
        for one in imports
        if str(one.module).startswith("sandbox.")
        for name in one.names
    }

    assert sandbox.__all__ == sorted(seen)
    assert [name for name, home in seen.items() if getattr(sandbox, name) is not getattr(home, name)] == []


def test_dir_shows_the_public_names_before_they_are_used() -> None:
    assert set(sandbox.__all__) <= set(_fresh("print(*dir(sandbox))").split())


def test_nothing_of_the_package_is_imported_before_it_is_used() -> None:
    loaded = "print(*sorted(name for name in sys.modules if name.startswith('sandbox.')))"

    assert _fresh(loaded).split() == []
    assert "sandbox.scenario.api" in _fresh(f"sandbox.at; {loaded}").split()


def test_a_star_import_gets_the_public_names() -> None:
    got = _fresh("from sandbox import *; print(Scenario.__name__, at.__name__, traffic.__name__)")

    assert got == "Scenario at sandbox.scenario.traffic\n"


def test_another_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="module 'sandbox' has no attribute 'Scenarios'"):
        _ = sandbox.Scenarios  # type: ignore[attr-defined]
    with pytest.raises(ImportError, match="cannot import name 'Scenarios'"):
        from sandbox import Scenarios  # type: ignore[attr-defined]  # noqa: F401


def _fresh(code: str) -> str:
    command = [sys.executable, "-c", f"import sys, sandbox; {code}"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
