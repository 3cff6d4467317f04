"""The conformance harness over somebody else's directory: what is missing is reported, what is wrong fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HARNESS = Path(__file__).parents[1] / "conformance"


def run_over(directory: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(HARNESS)]
    command += ["-v", f"--conformance-dir={directory}"]
    return subprocess.run(command, capture_output=True, text=True, cwd=HARNESS.parents[1], check=False)


def test_missing_tables_lists_and_drivers_are_reported_not_failed(tmp_path: Path) -> None:
    formulas = {"sample_size": [[10, 7]], "new_list": [{"name": "x"}]}
    (tmp_path / "knative_activator_and_formulas.json").write_text(json.dumps(formulas))
    (tmp_path / "unheard_of.json").write_text(json.dumps({"cases": [1, 2], "title": "t"}))

    run = run_over(tmp_path)

    assert run.returncode == 0
    assert "test_case[knative_activator_and_formulas::sample_size::0] PASSED" in run.stdout
    assert "not run: knative_activator_and_formulas::new_list: no driver yet (1 cases)" in run.stdout
    assert "not run: knative_activator_and_formulas::same_sign: there is a driver, but no such list" in run.stdout
    assert "not run: unheard_of: no driver yet (2 cases)" in run.stdout
    assert f"not run: kpa_scale_decisions: there is a driver, but no table in {tmp_path}" in run.stdout


def test_a_case_that_does_not_hold_fails(tmp_path: Path) -> None:
    (tmp_path / "knative_activator_and_formulas.json").write_text(json.dumps({"sample_size": [[10, 8]]}))

    assert run_over(tmp_path).returncode == 1


def test_a_directory_that_is_not_there_is_refused() -> None:
    run = run_over(Path("no-such-directory"))

    assert run.returncode == 2
    assert "is not a directory" in run.stdout
