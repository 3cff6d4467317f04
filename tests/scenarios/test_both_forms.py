"""Every shipped scenario holds in its full and in its short form, judged by the same functions."""

from __future__ import annotations

import pytest

from sandbox.judge.verdict import Verdict
from sandbox.scenario.model import Form


@pytest.mark.parametrize("form", list(Form), ids=lambda form: form.value)
def test_every_expectation_holds(shipped, form, tmp_path):
    outcomes = shipped.judged(form, tmp_path)

    assert outcomes
    assert {one.test: one.message for one in outcomes if one.verdict is not Verdict.PASS} == {}


def test_the_manifests_say_nothing_in_vain(shipped):
    assert shipped.loaded(Form.FULL).notes == ()
    assert shipped.loaded(Form.SHORT).notes == ()


def test_the_first_line_of_the_docstring_describes_the_scenario(shipped):
    description = shipped.loaded(Form.FULL).description

    assert description.endswith(".")
    assert 40 < len(description) <= 120
