"""What objects still wait for is told with Kubernetes' own words."""

from __future__ import annotations

from fake_cluster import FakeKube, Toy, deployment, pod

from sandbox.kind.stack.component import Waiting
from sandbox.kind.stack.readiness import deployments, nodes
from sandbox.kind.stack.trouble import report

CRASHED = {"reason": "CrashLoopBackOff", "message": "back-off 20s restarting failed container"}


def test_an_available_deployment_waits_for_nothing() -> None:
    assert [] == deployments([deployment("top"), pod("top-1", "top")], ["top"])


def test_a_missing_deployment_is_waited_for() -> None:
    assert [Waiting("deployment top", "not there")] == deployments([], ["top"])


def test_a_crash_loop_is_named_with_its_restarts() -> None:
    items = [deployment("top", available=0), pod("top-1", "top", waits=CRASHED, restarts=3), pod("other-1", "other")]
    (waiting,) = deployments(items, ["top"])

    assert "deployment toys/top" == waiting.what
    told = "top-1: CrashLoopBackOff (restarted 3 times): back-off 20s restarting failed container"
    assert f"0 of 1 pods available; {told}" == waiting.evidence


def test_a_change_that_the_controller_has_not_seen_is_waited_for() -> None:
    (waiting,) = deployments([deployment("top", generation=2)], ["top"])

    assert "its controller has not seen its last change" == waiting.evidence


def test_a_pod_without_a_node_is_told_by_the_scheduler() -> None:
    told = "0/3 nodes are available: 3 Insufficient cpu."
    unplaced = pod("top-1", "top", waits={"reason": ""})
    unplaced["status"]["conditions"].append({"type": "PodScheduled", "status": "False", "message": told})
    (waiting,) = deployments([deployment("top", available=0), unplaced], ["top"])

    assert f"0 of 1 pods available; top-1: {told}" == waiting.evidence


def test_nodes_are_counted_and_each_late_one_is_named() -> None:
    def node(name: str, status: str) -> dict[str, object]:
        conditions = [{"type": "Ready", "status": status, "message": "cni plugin not initialized"}]
        return {"metadata": {"name": name}, "status": {"conditions": conditions}}

    ready, late = node("a", "True"), node("b", "False")

    assert [] == nodes([ready, node("c", "True")], 2)
    assert [Waiting("node b", "cni plugin not initialized")] == nodes([ready, late], 2)
    assert Waiting("nodes", "2 of 3 have joined") == nodes([ready, late], 3)[0]


def test_a_report_has_conditions_last_words_and_warnings() -> None:
    event = {
        "kind": "Event",
        "type": "Warning",
        "metadata": {"name": "e", "namespace": "toys"},
        "involvedObject": {"kind": "Pod", "name": "top-1"},
        "reason": "BackOff",
        "message": "Back-off restarting failed container",
    }
    late = deployment("top", available=0)
    told = {"type": "Available", "status": "False", "message": "Deployment does not have minimum availability."}
    late["status"]["conditions"] = [told]
    kube = FakeKube(
        {"deployments": [late], "pods": [pod("top-1", "top", waits=CRASHED)], "events": [event]},
        words="starting\nfatal: no certificate",
    )
    lines = report(Toy("top"), kube)

    assert any("Available False: Deployment does not have minimum availability." in line for line in lines)
    assert "  main| fatal: no certificate" in lines
    assert "  event Pod/top-1: BackOff: Back-off restarting failed container" == lines[-1]


def test_a_report_of_a_cluster_that_is_gone_says_so() -> None:
    lines = report(Toy("top"), FakeKube(broken="connection refused"))

    assert "toys: kubectl failed: connection refused" == lines[-1]
