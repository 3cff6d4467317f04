"""Worlds by name."""

import sys

import pytest

from sandbox.errors import UsageError
from sandbox.judge.worlds import world_named


def test_a_world_of_your_own_is_named_by_module_and_class(tmp_path, monkeypatch):
    (tmp_path / "my_own_world.py").write_text("class World:\n    name = 'mine'\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert world_named("my_own_world:World").name == "mine"

    del sys.modules["my_own_world"]


@pytest.mark.parametrize("name", ["", "kin", "absent:World", "sandbox:World", ":World", "sandbox:"])
def test_anything_else_is_refused_with_the_known_names(name):
    with pytest.raises(UsageError) as error:
        world_named(name)

    assert "known: sim, or module:Class" in str(error.value)
