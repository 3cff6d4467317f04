"""What is done about the cluster follows from what there is of it; removing it proves itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.cli.main import run
from sandbox.errors import EnvironmentNotReady, SandboxError, UsageError, WorldError
from sandbox.kind.bundle.catalogue import catalogue
from sandbox.kind.bundle.layout import recipes_folder
from sandbox.kind.cluster import engine
from sandbox.kind.cluster.engine import Container
from sandbox.kind.cluster.plan import Plan, config, plan
from sandbox.kind.cluster.record import ClusterFiles, Record, read_record, write_record
from sandbox.kind.cluster.remove import NODE_IMAGE, remove

NODES = (Container("1", "sandbox-control-plane", True), Container("2", "sandbox-worker", True))
MADE = Record(network_was_there=False, image_id="sha256:a", containers=("1", "2"))


def test_nothing_there_is_made() -> None:
    assert Plan.MAKE is plan([], None, 3, "sha256:a")
    assert Plan.MAKE is plan([], MADE, 3, "sha256:a")


@pytest.mark.parametrize("record", [None, Record(network_was_there=False)])
def test_a_half_made_one_is_made_again(record: Record | None) -> None:
    assert Plan.MAKE_AGAIN is plan(NODES, record, 3, "sha256:a")


@pytest.mark.parametrize("nodes", [None, 2])
def test_a_finished_one_is_kept(nodes: int | None) -> None:
    assert Plan.KEEP is plan(NODES, MADE, nodes, "sha256:a")


def test_another_number_of_nodes_is_refused() -> None:
    with pytest.raises(UsageError, match="2 nodes"):
        plan(NODES, MADE, 3, "sha256:a")


@pytest.mark.parametrize(
    ("found", "image_id"),
    [
        (NODES[:1], "sha256:a"),
        ((NODES[0], Container("2", "sandbox-worker", False)), "sha256:a"),
        ((NODES[0], Container("3", "sandbox-worker", True)), "sha256:a"),
        (NODES, "sha256:b"),
    ],
    ids=["node gone", "node stopped", "another node", "another bundle"],
)
def test_one_that_cannot_be_mended_has_to_go_first(found: tuple[Container, ...], image_id: str) -> None:
    with pytest.raises(EnvironmentNotReady) as error:
        plan(found, MADE, None, image_id)

    assert "sandbox down" in str(error.value)


def test_kind_is_told_the_nodes_and_binds_loopback_only() -> None:
    text = config(3)

    assert (1, 2) == (text.count("role: control-plane"), text.count("role: worker"))
    assert text.count("hostPort:") == text.count("listenAddress: 127.0.0.1")
    assert 0 == config(1).count("role: worker")


def test_a_record_survives_and_one_that_was_cut_short_does_not(tmp_path: Path) -> None:
    file = tmp_path / "made.json"
    write_record(file, MADE)

    assert MADE == read_record(file)
    file.write_text(file.read_text()[:20])
    assert read_record(file) is None


def test_the_node_image_is_called_as_the_bundle_calls_it() -> None:
    tags = [tag for recipe in catalogue(recipes_folder()) for tag in recipe.tags]

    assert 1 == sum(tag.partition(":")[0] == NODE_IMAGE for tag in tags)


# -- the engine, as a program on the PATH ---------------------------------------------------------------------

FAKE = """\
#!/bin/sh
echo "$@" >>"$STATE/said"
case "$1 $2" in
    "ps --all") cat "$STATE/containers" 2>/dev/null || true ;;
    "inspect "*) cat "$STATE/inspected" ;;
    "rm --force") [ -e "$STATE/stuck" ] || rm -f "$STATE/containers" "$STATE/volumes" ;;
    "volume ls") cat "$STATE/volumes" 2>/dev/null || true ;;
    "network ls") cat "$STATE/networks" ;;
    "network inspect") cat "$STATE/inside" ;;
    "images --format") echo serving-sandbox/node:v1 ;;
esac
"""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an engine with one node of our cluster."""
    folder, program = tmp_path / "state", tmp_path / "bin" / "docker"
    folder.mkdir()
    program.parent.mkdir()
    program.write_text(FAKE)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("STATE", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    mounts = [{"Type": "volume", "Name": "v1"}, {"Type": "bind"}]
    node = {"Id": "1", "Name": "/sandbox-control-plane", "State": {"Running": True}, "Mounts": mounts}
    (folder / "containers").write_text("1\n")
    (folder / "inspected").write_text(json.dumps([node]))
    (folder / "volumes").write_text("v1\n")
    (folder / "networks").write_text("bridge\nkind\n")
    (folder / "inside").write_text("0\n")
    return folder


@pytest.fixture
def files(tmp_path: Path) -> ClusterFiles:
    files = ClusterFiles(tmp_path / "cache" / "serving-sandbox" / "cluster")
    files.root.mkdir(parents=True)
    files.kubeconfig.write_text("ours")
    write_record(files.record, Record(network_was_there=False, image_id="sha256:a", containers=("1",)))
    return files


def test_down_removes_nodes_volumes_network_and_files(state: Path, files: ClusterFiles) -> None:
    removed = remove(files, image=False)
    said = (state / "said").read_text()

    assert ("sandbox-control-plane",) == removed.containers
    assert 1 == removed.volumes
    assert removed.network
    assert ("kubeconfig", "made.json") == removed.files
    assert [] == list(files.root.iterdir())
    assert "rmi" not in said


@pytest.mark.parametrize("case", ["was there before", "somebody else is in it"])
def test_a_network_that_is_not_ours_alone_stays(case: str, state: Path, files: ClusterFiles) -> None:
    if case == "was there before":
        write_record(files.record, Record(network_was_there=True, image_id="sha256:a", containers=("1",)))
    else:
        (state / "inside").write_text("1\n")

    assert not remove(files, image=False).network
    assert "network rm" not in (state / "said").read_text()


def test_down_that_leaves_something_says_what(state: Path, files: ClusterFiles) -> None:
    (state / "stuck").touch()
    with pytest.raises(WorldError) as error:
        remove(files, image=False)

    assert "sandbox-control-plane, v1" in str(error.value)


def test_down_twice_finds_nothing_the_second_time(
    state: Path, files: ClusterFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    statuses = run(["down", "--image"]), run(["down"])
    first, second = capsys.readouterr().out.splitlines()

    assert (0, 0) == statuses
    assert "1 nodes with 1 volumes, kind's network, image serving-sandbox/node:v1" in first
    assert "there is no cluster" == second


def test_two_at_once_are_refused(state: Path, files: ClusterFiles, capsys: pytest.CaptureFixture[str]) -> None:
    from sandbox.kind.bundle.holding import held

    with held(files.lock, "the cluster"):
        status = run(["down"])

    assert 4 == status
    assert "somebody else is changing the cluster" in capsys.readouterr().err


def test_up_without_a_bundle_says_how_to_get_one(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run(["up", "--dir", str(tmp_path / "nothing")])

    assert 4 == status
    assert "sandbox bundle build" in capsys.readouterr().err


def test_an_engine_that_is_not_there_is_the_machines_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentNotReady, match="docker is not installed"):
        engine.containers()


# -- long programs --------------------------------------------------------------------------------------------


def test_a_long_program_tells_its_last_line_and_fails_with_it(tmp_path: Path) -> None:
    told: list[str] = []
    script = "echo working; sleep 0.5; echo broken >&2; exit 3"
    with pytest.raises(WorldError, match="exit status 3") as error:
        engine.run_logged(["sh", "-c", script], tmp_path / "log", 20, told.append)

    assert "working" in told
    assert "broken" in str(error.value)


def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(SandboxError, match="it took longer"):
        engine.run_logged(["sleep", "60"], tmp_path / "log", 0.5, lambda line: None)

    assert time.monotonic() - start < 20


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_long_program_does_not_outlive_a_killed_up(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = (
        "from pathlib import Path; from sandbox.kind.cluster import engine\n"
        f"engine.run_logged(['sh', '-c', 'echo $$; exec sleep 60'], Path({str(log)!r}), 60, lambda line: None)"
    )
    up = subprocess.Popen([sys.executable, "-c", script])
    deadline = time.monotonic() + 20
    while not (log.exists() and log.read_text().endswith("\n")):
        assert time.monotonic() < deadline, "the program never started"
        time.sleep(0.05)
    child = int(log.read_text())
    up.send_signal(signal.SIGKILL)
    up.wait()
    while Path(f"/proc/{child}").exists() and "Z" not in Path(f"/proc/{child}/stat").read_text().rpartition(")")[2]:
        assert time.monotonic() < deadline, f"process {child} is still there"
        time.sleep(0.05)
