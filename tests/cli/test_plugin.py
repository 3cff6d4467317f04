"""`pytest` in anyone's project that has a scenario file."""

from xml.etree import ElementTree

STILL = ("--world", "still_world:StillWorld")


def add(project, text):
    file = project / "scenarios" / "pods" / "pods.py"
    file.write_text(file.read_text() + text)


def test_scenario_files_are_collected_and_played(run_pytest):
    done = run_pytest(*STILL)

    assert done.returncode == 0, done.stdout
    assert "scenarios/pods/pods.py .." in done.stdout
    assert "2 passed" in done.stdout


def test_passing_runs_print_what_was_measured(run_pytest):
    done = run_pytest("scenarios", *STILL)

    assert "= expectations =" in done.stdout
    assert "  errors, the whole run (0–20 s) = 0 requests == 0\n" in done.stdout


def test_a_variant_is_played_once_a_module(run_pytest, project):
    add(project, "def test_again(runs):\n    assert runs['one'] is runs['one']\n    print(runs.played.keys())\n")

    done = run_pytest("-s", "scenarios", *STILL, "-k", "again")

    assert "dict_keys(['one'])" in done.stdout


def test_asserts_of_scenario_files_are_explained(run_pytest, project):
    add(project, "def test_sum():\n    a = 3\n    assert a + 1 == 5\n")

    done = run_pytest("scenarios", *STILL)

    assert "assert (3 + 1) == 5" in done.stdout


def test_scenario_py_and_test_files_work_too(run_pytest, project):
    folder = project / "scenarios" / "pods"
    (folder / "pods.py").rename(folder / "scenario.py")
    (project / "test_more.py").write_text((folder / "scenario.py").read_text())
    (project / "ranker.yaml").write_text((folder / "ranker.yaml").read_text())

    done = run_pytest(*STILL)

    assert "4 passed" in done.stdout


def test_other_modules_of_a_folders_name_are_left_alone(run_pytest, project):
    (project / "server").mkdir()
    (project / "server" / "server.py").write_text("raise SystemExit('imported')\n")

    assert "2 passed" in run_pytest(*STILL).stdout


def test_inconclusive_is_an_outcome_of_its_own(run_pytest, project):
    add(project, 'variants["errors"] = steady\ndef test_e(runs):\n    assert runs["errors"].whole.error_ratio <= 0.2\n')

    done = run_pytest("scenarios", *STILL)

    assert done.returncode == 6
    assert "pods.py ..I" in done.stdout
    assert "2 passed, 1 inconclusive" in done.stdout
    assert "test_e: cannot tell: error_ratio" in done.stdout


def test_a_failure_outweighs_inconclusive(run_pytest, project):
    add(project, 'variants["errors"] = steady\ndef test_e(runs):\n    assert runs["errors"].whole.error_ratio <= 0.2\n')
    add(project, "def test_f():\n    assert False\n")

    assert run_pytest("scenarios", *STILL).returncode == 1


def test_journals_are_kept_where_asked(run_pytest, project):
    run_pytest("scenarios", *STILL, "--journal-dir", "kept", "--seed", "5", "--short")

    meta = (project / "kept" / "pods" / "one" / "meta.json").read_text()
    assert '"seed": 5' in meta
    assert '"form": "short"' in meta


def test_junit_of_pytest_has_the_expectations(run_pytest, project):
    run_pytest("scenarios", *STILL, "--junitxml=junit.xml")

    case = ElementTree.parse(project / "junit.xml").getroot().find("testsuite/testcase")
    assert case.find("properties/property").get("value") == "errors, the whole run (0–20 s) = 0 requests == 0"


def test_a_wrong_manifest_is_told_without_a_traceback(run_pytest, project):
    (project / "scenarios" / "pods" / "ranker.yaml").unlink()

    done = run_pytest("scenarios", *STILL)

    assert "there is no file 'ranker.yaml'" in done.stdout
    assert "loader.py" not in done.stdout


def test_an_unknown_variant_names_the_known_ones(run_pytest, project):
    add(project, 'def test_typo(runs):\n    runs["won"]\n')

    assert "the scenario has one, two" in run_pytest("scenarios", *STILL).stdout
