"""Every number of a README's bounds is recomputed from the scenario's own parameters, in both forms.

A README's table of bounds has the columns `variant`, `bound`, what it is, `full`, `short`. The bound is written as an
expression over the functions at the end of the scenario file, with `run` for a run of that variant.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from sandbox.scenario.model import Form

ROW = re.compile(
    r"^\| `(?P<variant>[\w-]+)` \| `(?P<bound>[^`]+)` \|.*\| (?P<full>[-\d.,]+) \| (?P<short>[-\d.,]+) \|$"
)


class Bound(NamedTuple):
    """One row of a README."""

    variant: str
    expression: str
    written: dict[Form, str]


def bounds_of(shipped) -> list[Bound]:
    lines = (shipped.folder / "README.md").read_text(encoding="utf-8").splitlines()
    rows = [match for match in map(ROW.match, lines) if match]
    return [Bound(row["variant"], row["bound"], {Form.FULL: row["full"], Form.SHORT: row["short"]}) for row in rows]


@pytest.mark.parametrize("form", list(Form), ids=lambda form: form.value)
def test_the_readme_states_what_the_arithmetic_gives(shipped, form):
    module = shipped.module
    wrong = {}
    for bound in bounds_of(shipped):
        computed = eval(bound.expression, {**vars(module), "run": shipped.planned(form, bound.variant)})
        text = bound.written[form].replace(",", "")
        if round(float(computed), len(text.partition(".")[2])) != float(text):
            wrong[bound.expression] = (bound.written[form], computed)

    assert wrong == {}


def test_every_scenario_states_its_bounds(shipped):
    assert len(bounds_of(shipped)) >= 5


def test_every_function_of_the_arithmetic_that_bounds_something_is_in_the_readme(shipped):
    """Functions of a run and numbers alone; helpers that others are built from need no row of their own."""
    text = (shipped.folder / "README.md").read_text(encoding="utf-8")
    source = shipped.path.read_text(encoding="utf-8")
    expectations = source[source.index("def test_") : source.index("# -- the arithmetic")]
    arithmetic = source[source.index("# -- the arithmetic") :]
    used = [name for name in re.findall(r"^def (\w+)\(run", arithmetic, re.MULTILINE) if f"{name}(" in expectations]

    assert [name for name in used if f"{name}(" not in text] == []


def test_the_readme_names_every_variant_and_every_file(shipped):
    text = (shipped.folder / "README.md").read_text(encoding="utf-8")
    wanted = [*shipped.loaded(Form.FULL).variants, *(path.name for path in shipped.folder.glob("*.yaml"))]

    assert [name for name in wanted if f"`{name}`" not in text] == []
