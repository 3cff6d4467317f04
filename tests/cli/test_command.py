"""`sandbox`, `sandbox list` and what they cost."""

import json
import resource
import subprocess
import sys

import pytest

HEAVY = {"numpy", "numba", "typer", "rich", "ruamel", "docker", "kubernetes"}


def test_help_names_every_verb(sandbox):
    done = sandbox("--help")

    assert done.returncode == 0
    assert "  list     Show the scenarios" in done.stdout
    assert "  run      Play scenarios and judge them" in done.stdout


def test_no_verb_is_a_usage_error(sandbox):
    assert sandbox().returncode == 2


def test_an_unknown_verb_is_guessed(sandbox):
    done = sandbox("runn")

    assert done.returncode == 2
    assert "did you mean 'run'?" in done.stderr


@pytest.mark.parametrize("arguments", [["run"], ["run", "pods", "--seed", "-1"], ["run", "pods", "--sed", "1"]])
def test_wrong_arguments_end_with_2(sandbox, arguments):
    done = sandbox(*arguments)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_list_shows_your_scenarios_first(sandbox):
    lines = sandbox("list").stdout.splitlines()

    assert lines[0].split(maxsplit=1) == ["pods", "About pods: three expectations that hold."]


def test_list_as_json(sandbox, project):
    found = json.loads(sandbox("list", "--json").stdout)

    assert found[0] == {
        "name": "pods",
        "description": "About pods: three expectations that hold.",
        "path": str(project / "scenarios/pods/pods.py"),
        "shipped": False,
    }


@pytest.mark.parametrize(
    "code",
    ["import sandbox", "import sandbox.pytest_plugin", "from sandbox.cli.main import run; run(['--help'])"],
)
def test_nothing_heavy_is_imported(code):
    seen = _python(f"{code}; import sys; print(*{{name.partition('.')[0] for name in sys.modules}})").split("\n")[-2]

    assert set(seen.split()) & HEAVY == set()


def test_importing_the_package_costs_less_than_300_ms():
    """The best of five, so that a busy machine does not decide."""
    base, with_it = (min(_seconds(code) for _ in range(5)) for code in ("pass", "import sandbox"))

    assert with_it - base < 0.3


def test_help_takes_less_than_300_ms():
    assert min(_seconds("from sandbox.cli.main import main; main(['--help'])") for _ in range(5)) < 0.3


def _python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def _seconds(code):
    """CPU seconds of a fresh interpreter: unlike the wall clock, not lengthened by whatever else runs."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _python(code)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
