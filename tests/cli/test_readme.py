"""README's two commands are the ones that CI and people run."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def commands():
    return re.findall(r"```console\n(.*?)\n```", (ROOT / "README.md").read_text(encoding="utf-8"))[:2]


def test_each_makes_its_own_virtual_environment():
    assert all(command.startswith("python3 -m venv .venv && .venv/bin/pip install ") for command in commands())


def test_the_first_plays_the_main_scenario():
    assert commands()[0].endswith("&& .venv/bin/sandbox run canary_vs_blue_green")


def test_ci_runs_exactly_the_second():
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()

    assert commands()[1].endswith("&& .venv/bin/tox")
    assert commands()[1] in lines
