"""The doctor's judgement, on machines that are made up; and its look at this one."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from small_parts import built, shell

from sandbox.cli.main import run
from sandbox.kind.doctor import Check, Machine, Status, examine, gather
from sandbox.kind.doctor.checks import ready
from sandbox.kind.doctor.machine import BundleState, Engine, Inotify

GIB = 1 << 30
ENGINE = Engine(
    version="27.3.1",
    storage_driver="overlay2",
    cgroup_driver="systemd",
    cgroup_version="2",
    default_runtime="runc",
    cores=8,
    memory_bytes=16 * GIB,
    root="/var/lib/docker",
    root_free_bytes=100 * GIB,
)
GOOD = Machine(
    bundle=BundleState("/bundle", present=True, parts=60, free_bytes=100 * GIB),
    engine=ENGINE,
    capabilities=0x1FFFFFFFFFF,
    inotify=Inotify(512, 524288),
    cores=8,
    memory_available_bytes=12 * GIB,
    tools={"kind": "kind v0.30.0", "kubectl": "v1.34.2"},
    python="3.11.7",
    packages={"numba": "0.61"},
)
NO_SYS_RESOURCE = 0x1FFFEFFFFFF


def found(machine: Machine, name: str) -> Check:
    (check,) = (check for check in examine(machine) if check.name == name)
    return check


def test_a_good_machine_is_ready_and_needs_no_fix() -> None:
    checks = examine(GOOD)

    assert {Status.OK} == {check.status for check in checks}
    assert [""] * len(checks) == [check.fix for check in checks]
    assert ready(checks)


def test_the_simulated_world_needs_neither_engine_nor_bundle() -> None:
    bare = Machine(bundle=BundleState("/bundle", present=False), python="3.11.7", packages={"numba": None})

    assert ready(examine(bare, "sim"))
    assert not ready(examine(bare, "kind"))


@pytest.mark.parametrize(
    "problem, installed, fix",
    [
        ("docker is not installed", False, "sudo apt-get install docker.io iptables jq"),
        ("Cannot connect to the Docker daemon", True, "sudo fixtures/engine/start"),
        ("permission denied while trying to connect", True, "sudo usermod -aG docker $USER, then log in again"),
    ],
)
def test_no_engine_is_told_with_its_fix(problem: str, installed: bool, fix: str) -> None:
    check = found(replace(GOOD, engine=None, engine_problem=problem, engine_installed=installed), "engine")

    assert Check("engine", Status.FAIL, problem, fix) == check


@pytest.mark.parametrize(
    "version, status", [("20.10.24+dfsg1", Status.OK), ("19.3.1", Status.FAIL), ("28.0", Status.OK)]
)
def test_an_old_engine_is_refused(version: str, status: Status) -> None:
    assert status == found(replace(GOOD, engine=replace(ENGINE, version=version)), "engine").status


def test_a_slow_storage_driver_is_a_warning() -> None:
    check = found(replace(GOOD, engine=replace(ENGINE, storage_driver="vfs")), "storage driver")

    assert (Status.WARN, "vfs") == (check.status, check.evidence)
    assert "overlay2" in check.fix


def test_cgroups_that_are_not_delegated_are_refused() -> None:
    assert Status.FAIL == found(replace(GOOD, engine=replace(ENGINE, cgroup_driver="none")), "cgroups").status


def test_cgroup_version_1_is_good_enough() -> None:
    old = replace(ENGINE, cgroup_version="1", cgroup_driver="cgroupfs")

    assert Check("cgroups", Status.OK, "version 1, driver cgroupfs") == found(replace(GOOD, engine=old), "cgroups")


def test_a_machine_without_sys_resource_is_told_how_to_start_its_engine() -> None:
    check = found(replace(GOOD, capabilities=NO_SYS_RESOURCE), "capabilities")

    assert Status.FAIL == check.status
    assert "no privileged container starts" in check.evidence
    assert "sudo fixtures/engine/start" in check.fix


def test_a_machine_without_sys_resource_is_fine_under_our_runtime() -> None:
    ours = replace(GOOD, capabilities=NO_SYS_RESOURCE, engine=replace(ENGINE, default_runtime="sandbox"))

    assert Status.OK == found(ours, "capabilities").status


def test_capabilities_are_skipped_where_there_are_none() -> None:
    assert Status.SKIP == found(replace(GOOD, capabilities=None), "capabilities").status


@pytest.mark.parametrize(
    "instances, watches, status",
    [(512, 524288, Status.OK), (128, 524288, Status.WARN), (512, 8192, Status.WARN), (64, 524288, Status.FAIL)],
)
def test_inotify_limits(instances: int, watches: int, status: Status) -> None:
    check = found(replace(GOOD, inotify=Inotify(instances, watches)), "inotify")

    assert status == check.status
    assert ("sysctl fs.inotify.max_user_instances=512" in check.fix) == (status is not Status.OK)


@pytest.mark.parametrize("memory, status", [(2, Status.FAIL), (4, Status.WARN), (8, Status.OK)])
def test_memory_is_what_the_engine_and_the_machine_both_have(memory: int, status: Status) -> None:
    small_machine = replace(GOOD, memory_available_bytes=memory * GIB)
    small_engine = replace(GOOD, engine=replace(ENGINE, memory_bytes=memory * GIB))

    assert status == found(small_machine, "memory").status == found(small_engine, "memory").status


def test_one_core_is_too_few() -> None:
    assert Status.FAIL == found(replace(GOOD, engine=replace(ENGINE, cores=1)), "cpu").status


def test_a_full_engine_disk_is_refused() -> None:
    check = found(replace(GOOD, engine=replace(ENGINE, root_free_bytes=GIB)), "engine's disk")

    assert (Status.FAIL, "docker system prune") == (check.status, check.fix)


def test_ports_that_others_hold_are_refused_and_our_own_are_not() -> None:
    taken = replace(GOOD, ports_taken={31080: "the ingress gateway"})

    assert Status.FAIL == found(taken, "ports").status
    assert "31080 (the ingress gateway)" in found(taken, "ports").evidence
    assert Status.OK == found(replace(taken, cluster={"sandbox-control-plane": "running"}), "ports").status


def test_no_bundle_asks_for_what_builds_one() -> None:
    bare = replace(GOOD, bundle=BundleState("/bundle", present=False, free_bytes=GIB), tools={"go": "go1.26"})

    assert Check("bundle", Status.FAIL, "none in /bundle", "sandbox bundle build") == found(bare, "bundle")
    assert Status.OK == found(bare, "go").status
    assert (Status.FAIL, "apt-get install mmdebstrap") == (
        found(bare, "mmdebstrap").status,
        found(bare, "mmdebstrap").fix,
    )
    assert Status.WARN == found(bare, "bundle's disk").status
    assert (Status.FAIL, "sandbox bundle build") == (found(bare, "kind").status, found(bare, "kind").fix)


def test_a_bundle_with_a_missing_part_is_told() -> None:
    broken = replace(GOOD, bundle=BundleState("/bundle", present=True, problems=("image/a is gone", "image/b is gone")))

    assert "/bundle: image/a is gone and 1 more" == found(broken, "bundle").evidence


def test_a_stale_cluster_is_told() -> None:
    check = found(replace(GOOD, cluster={"sandbox-control-plane": "running", "sandbox-worker": "exited"}), "cluster")

    assert (Status.FAIL, "sandbox down") == (check.status, check.fix)
    assert "sandbox-worker" in check.evidence
    assert "sandbox-control-plane" not in check.evidence


# -- this machine --------------------------------------------------------------------------------------------


@pytest.fixture
def fake_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `docker` that says what the test writes beside it."""
    program = tmp_path / "bin/docker"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\ncat "{tmp_path}/$1.out"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return tmp_path


def test_what_docker_info_says_is_read(fake_docker: Path) -> None:
    raw = {
        "ServerVersion": "20.10.24",
        "Driver": "overlay2",
        "CgroupDriver": "cgroupfs",
        "CgroupVersion": "1",
        "DefaultRuntime": "sandbox",
        "NCPU": 2,
        "MemTotal": 8 * GIB,
        "DockerRootDir": "/no/such/folder",
        "SecurityOptions": ["name=seccomp,profile=default"],
    }
    (fake_docker / "info.out").write_text(json.dumps(raw))
    (fake_docker / "ps.out").write_text("sandbox-control-plane running\nsandbox-worker exited\n")

    machine = gather(fake_docker / "bundle")

    expected = Engine("20.10.24", "overlay2", "cgroupfs", "1", "sandbox", 2, 8 * GIB, "/no/such/folder")
    assert expected == machine.engine
    assert {"sandbox-control-plane": "running", "sandbox-worker": "exited"} == machine.cluster


def test_an_engine_that_does_not_answer_is_a_problem_in_its_own_words(fake_docker: Path) -> None:
    (fake_docker / "info.out").write_text(json.dumps({"ServerVersion": "", "ServerErrors": ["Cannot connect"]}))

    machine = gather(fake_docker / "bundle")

    assert (None, "Cannot connect", {}) == (machine.engine, machine.engine_problem, machine.cluster)


def test_the_bundle_on_disk_is_looked_at(tmp_path: Path) -> None:
    built(tmp_path, shell("a", "echo a > output"))
    assert ((), 1) == (gather(tmp_path).bundle.problems, gather(tmp_path).bundle.parts)

    (tmp_path / "image/a").unlink()
    assert ("image/a image/a is gone",) == gather(tmp_path).bundle.problems

    (tmp_path / "bundle.lock.json").write_text("{")
    assert "cannot be read" in gather(tmp_path).bundle.problems[0]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_this_machines_own_limits_are_found(tmp_path: Path) -> None:
    machine = gather(tmp_path)

    assert machine.capabilities is not None
    assert machine.inotify is not None
    assert machine.inotify.instances > 0
    assert machine.memory_available_bytes is not None
    assert machine.memory_available_bytes > 10 << 20
    assert os.cpu_count() == machine.cores


# -- the command ---------------------------------------------------------------------------------------------


def test_the_command_says_what_is_wrong_and_exits_4(fake_docker: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (fake_docker / "info.out").write_text("")

    status = run(["doctor", "--dir", str(fake_docker / "bundle")])

    said = capsys.readouterr().out
    assert 4 == status
    assert re.search(r"^fail  engine ", said, re.MULTILINE)
    assert re.search(r"^ +fix: sandbox bundle build$", said, re.MULTILINE)
    # A cluster that is up on this machine has the ports, so the line may have more in it.
    assert re.search(r"^not ready: engine,.* bundle", said, re.MULTILINE)


def test_the_command_speaks_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = run(["doctor", "--world", "sim", "--json", "--dir", str(tmp_path)])

    said = json.loads(capsys.readouterr().out)
    assert (0, True) == (status, said["ready"])
    assert ["python", "numba"] == [check["name"] for check in said["checks"]]
    assert {"name", "status", "evidence", "fix"} == set(said["checks"][0])
