"""`sandbox run`: verdicts, reports and exit codes."""

import json
import re
import signal
import subprocess
import sys
import time
from xml.etree import ElementTree

import pytest

STILL = ("--world", "still_world:StillWorld")


def add(project, text):
    file = project / "scenarios" / "pods" / "pods.py"
    file.write_text(file.read_text() + text)


def test_a_passing_run_prints_every_measured_value_and_its_bound(sandbox):
    done = sandbox("run", "pods", *STILL)

    assert done.returncode == 0, done.stderr
    assert "pass         all is answered\n" in done.stdout
    assert "errors, the whole run (0–20 s) = 0 requests == 0\n" in done.stdout
    assert re.search(r"offered, the whole run \(0–20 s\) = 100 requests/s.* >= 99\n", done.stdout)
    assert "pass: 2 pass; journals " in done.stdout
    assert done.stderr == ""


def test_the_variants_stand_side_by_side(sandbox):
    lines = sandbox("run", "pods", *STILL).stdout.splitlines()
    table = [line.split() for line in lines if re.match(r"variant|one|two", line)]

    assert " ".join(table[0]) == "variant rate errors p50 p99 peak pods peak CPU requested cold starts"
    assert [row[:4] for row in table[1:]] == [["one", "100/s", "0", "%"], ["two", "100/s", "0", "%"]]
    assert [row[-3:] for row in table[1:]] == [["1", "0.5", "0"], ["1", "0.5", "0"]]


def test_json_has_what_was_measured(sandbox):
    [report] = json.loads(sandbox("run", "pods", *STILL, "--json", "--seed", "7").stdout)
    first = report["expectations"][0]

    assert (report["scenario"], report["verdict"], report["seed"], report["form"]) == ("pods", "pass", 7, "full")
    assert (first["test"], first["verdict"]) == ("test_all_is_answered", "pass")
    assert (first["measured"], first["operator"], first["bound"], first["n"]) == (0, "==", 0, 2000)
    assert len(report["expectations"][1]["checks"]) == 2
    assert list(report["variants"]) == ["one", "two"]
    assert report["variants"]["one"]["figures"]["rate"]["value"] == 100
    assert re.fullmatch("[0-9a-f]{64}", report["journal_digest"])


def test_the_digest_belongs_to_the_seed(sandbox):
    digests = [
        json.loads(sandbox("run", "pods", *STILL, "--json", "--seed", seed).stdout)[0]["journal_digest"]
        for seed in ("7", "7", "8")
    ]

    assert digests[0] == digests[1] != digests[2]


def test_the_short_form_is_judged_by_the_same_functions(sandbox):
    [report] = json.loads(sandbox("run", "pods", *STILL, "--json", "--short").stdout)

    assert (report["form"], report["verdict"]) == ("short", "pass")
    assert report["expectations"][0]["n"] == 1000


def test_a_failed_expectation_ends_with_1(sandbox, project):
    add(
        project,
        'variants["errors"] = steady\ndef test_errors(runs):\n    assert runs["errors"].whole.error_ratio <= 0.1\n',
    )

    done = sandbox("run", "pods", *STILL)

    assert done.returncode == 1
    assert re.search(r"fail         errors\n +error_ratio, .* = .* <= 0.1\n", done.stdout)
    assert done.stdout.rstrip().splitlines()[-1].startswith("fail: 2 pass, 1 fail; journals")


def test_an_inconclusive_expectation_ends_with_6(sandbox, project):
    add(
        project,
        'variants["errors"] = steady\ndef test_errors(runs):\n    assert runs["errors"].whole.error_ratio <= 0.2\n',
    )

    done = sandbox("run", "pods", *STILL, "--json")
    [report] = json.loads(done.stdout)

    assert (done.returncode, report["verdict"]) == (6, "inconclusive")
    assert report["expectations"][2]["verdict"] == "inconclusive"
    assert report["expectations"][2]["message"].startswith("cannot tell: ")


def test_a_bare_assert_fails_with_its_explanation(sandbox, project):
    add(project, 'def test_bare(runs):\n    assert runs["one"].whole.errors.value == 3\n')

    done = sandbox("run", "pods", *STILL)

    assert done.returncode == 1
    assert "fail         bare\n             AssertionError: assert 0.0 == 3\n" in done.stdout.replace(
        "assert 0 ==", "assert 0.0 =="
    )


def test_an_empty_window_is_an_error_with_the_exit_status_of_its_kind(sandbox, project):
    add(project, 'def test_cache(runs):\n    assert runs["one"].whole.cache.hit_ratio > 0\n')

    done = sandbox("run", "pods", *STILL)

    assert done.returncode == 2
    assert "error        cache\n" in done.stdout
    assert "no cache look-up happened" in done.stdout


def test_a_scenario_without_tests_ends_with_5(sandbox, project):
    file = project / "scenarios" / "pods" / "pods.py"
    file.write_text(file.read_text().partition("def test_")[0])

    done = sandbox("run", "pods", *STILL)

    assert done.returncode == 5
    assert "pods has no expectation" in done.stderr


def test_a_scenario_that_raises_ends_with_2_and_its_line(sandbox, project):
    add(project, "1 / 0\n")

    done = sandbox("run", "pods", *STILL)

    assert done.returncode == 2
    assert re.search(r"pods\.py:16: the scenario raised ZeroDivisionError: division by zero", done.stderr)
    assert "Traceback" not in done.stderr


def test_a_world_that_fails_ends_with_7(sandbox, project):
    add(project, 'variants["breaks"] = steady\n')

    done = sandbox("run", "pods", *STILL)

    assert (done.returncode, done.stderr) == (7, "error: the still world moved\n  next:  hold it\n")


def test_what_nobody_foresaw_ends_with_3_and_says_how_to_report_it(sandbox, project):
    add(project, 'variants["bug"] = steady\n')

    done = sandbox("run", "pods", *STILL)

    assert done.returncode == 3
    assert done.stderr.startswith("error: a defect of the sandbox: KeyError: 'nobody foresaw this'\n")
    assert "please report it" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_scenario_ends_with_2_and_a_guess(sandbox):
    done = sandbox("run", "pod")

    assert done.returncode == 2
    assert "there is no scenario 'pod'" in done.stderr
    assert "did you mean 'pods'?" in done.stderr


@pytest.mark.parametrize("world", ["nowhere", "still_world:Absent", "absent:World"])
def test_an_unknown_world_ends_with_2(sandbox, world):
    done = sandbox("run", "pods", "--world", world)

    assert done.returncode == 2
    assert f"{world!r}" in done.stderr
    assert "known: sim" in done.stderr


def test_out_keeps_the_journals_and_the_report(sandbox, project):
    done = sandbox("run", "pods", *STILL, "--out", "kept")
    [report] = json.loads((project / "kept" / "report.json").read_text())

    assert done.returncode == 0
    assert (project / report["variants"]["one"]["journal"] / "meta.json").is_file()
    assert "journal of pods, two: kept/pods/two" in done.stderr


def test_junit_has_the_measured_values_of_passing_cases(sandbox, project):
    sandbox("run", "pods", *STILL, "--junit", "reports/junit.xml")
    suite = ElementTree.parse(project / "reports" / "junit.xml").getroot()[0]

    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("pods", "2", "0")
    assert suite.find("testcase/properties/property").get("value") == "errors, the whole run (0–20 s) = 0 requests == 0"


def test_ctrl_c_leaves_what_was_played_and_ends_with_130(project, environment):
    add(project, 'variants = {"one": steady, "slow": steady}\n')
    command = [sys.executable, "-m", "sandbox", "run", "pods", *STILL, "--out", "kept", "--json"]
    process = subprocess.Popen(
        command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    meta = project / "kept" / "pods" / "slow" / "meta.json"
    wait_for(meta.is_file)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    [report] = json.loads(out)

    assert process.returncode == 130
    assert report["interrupted"] is True
    assert {name: variant["ended"] for name, variant in report["variants"].items()} == {
        "one": "completed",
        "slow": "interrupted",
    }
    assert json.loads(meta.read_text())["ended"] == "interrupted"
    assert "Traceback" not in err


def wait_for(condition, timeout_s=30.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
