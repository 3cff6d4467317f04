"""Finding scenarios: by path, in your project, among the shipped ones."""

import pytest

from sandbox.errors import UsageError
from sandbox.scenario import discovery

SCENARIO = '"""About pods.\n\nMore."""\nvariants = {}\n'


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with scenarios/pods/pods.py, and nothing shipped."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(discovery, "shipped_folder", lambda: tmp_path / "nothing")
    write(tmp_path / "scenarios" / "pods" / "pods.py")
    return tmp_path


def write(path, text=SCENARIO):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_folder_under_scenarios_is_found_by_its_name(project):
    found = discovery.find("pods")

    assert (found.name, found.path, found.shipped) == ("pods", project / "scenarios/pods/pods.py", False)
    assert found.description == "About pods."


def test_a_path_to_a_file_or_a_folder_is_found(project):
    assert discovery.find("scenarios/pods").path == project / "scenarios/pods/pods.py"
    assert discovery.find("scenarios/pods/pods.py").name == "pods"


def test_scenario_py_is_called_like_its_folder(project):
    write(project / "scenarios" / "nodes" / "scenario.py")

    assert discovery.find("nodes").path == project / "scenarios/nodes/scenario.py"


def test_a_single_file_is_called_after_its_word(project):
    write(project / "scenarios" / "scenario_quota.py")

    assert [found.name for found in discovery.find_all()] == ["pods", "quota"]


def test_pyproject_may_name_another_folder(project):
    write(project / "load" / "nodes" / "nodes.py")
    (project / "pyproject.toml").write_text('[tool.sandbox]\nscenarios = "load"\n')

    assert [found.name for found in discovery.find_all()] == ["nodes"]


@pytest.mark.parametrize(
    "text, message",
    [
        ("[tool.sandbox", "pyproject.toml cannot be read"),
        ("[tool.sandbox]\nscenarios = 3\n", "scenarios is a folder"),
        ('[tool.sandbox]\nscenarios = "absent"\n', "names no folder"),
    ],
)
def test_a_wrong_pyproject_is_refused(project, text, message):
    (project / "pyproject.toml").write_text(text)

    with pytest.raises(UsageError, match=message):
        discovery.find_all()


def test_yours_hides_a_shipped_one_of_the_same_name(project, monkeypatch):
    write(project / "shipped" / "pods" / "pods.py")
    write(project / "shipped" / "nodes" / "nodes.py")
    monkeypatch.setattr(discovery, "shipped_folder", lambda: project / "shipped")

    assert [(found.name, found.shipped) for found in discovery.find_all()] == [("pods", False), ("nodes", True)]


def test_files_without_variants_are_no_scenarios(project):
    write(project / "scenarios" / "server" / "server.py", "print('hello')\n")

    assert [found.name for found in discovery.find_all()] == ["pods"]


def test_an_unknown_name_is_guessed_and_the_known_ones_are_listed(project):
    with pytest.raises(UsageError, match="there is no scenario 'pod'") as error:
        discovery.find("pod")

    assert "did you mean 'pods'? known: pods" in str(error.value)


def test_a_manifest_is_no_scenario(project):
    write(project / "ranker.yaml", "kind: Service\n")

    with pytest.raises(UsageError, match="this is no scenario file"):
        discovery.find("ranker.yaml")


def test_a_broken_file_is_listed_with_its_error(project):
    write(project / "scenarios" / "broken" / "broken.py", "def\nvariants = {}\n")

    assert discovery.find("broken").description.startswith("(cannot be read: ")
