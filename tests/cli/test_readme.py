"""README's two commands are the ones that CI and people run, and what it shows is what they print."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
README = ROOT / "README.md"


def commands():
    return re.findall(r"```console\n(.*?)\n```", README.read_text(encoding="utf-8"))[:2]


def test_each_makes_its_own_virtual_environment():
    assert all(command.startswith("python3 -m venv .venv && .venv/bin/pip install ") for command in commands())


def test_the_first_plays_the_main_scenario():
    assert commands()[0].endswith("&& .venv/bin/sandbox run canary_vs_blue_green")


def test_ci_runs_exactly_the_second():
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()

    assert commands()[1].endswith("&& .venv/bin/tox")
    assert commands()[1] in lines


def test_the_output_shown_is_the_output_of_the_first_command():
    (shown,) = re.findall(r"```text\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)

    assert shown == output()


def output():
    """What the command prints to a pipe, without the blanks that end a table's lines."""
    command = [sys.executable, "-m", "sandbox", *commands()[0].rpartition("sandbox ")[2].split()]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True).stdout
    return "".join(line.rstrip() + "\n" for line in printed.splitlines())


if __name__ == "__main__":  # after a change that is meant: python tests/cli/test_readme.py
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition("```text\n")
    README.write_text(before + "```text\n" + output() + "```" + rest.partition("```")[2], encoding="utf-8")
