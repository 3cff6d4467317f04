"""Routes, roll-outs and names in the simulated world: who gets the traffic, and when."""

import pytest

from sandbox.journal.schema import RecordKind
from sandbox.scenario.model import Action, Arrivals, ClientSide, Flow

KSVC = """
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: m}
spec:
  template:
    metadata: {annotations: {autoscaling.knative.dev/min-scale: "1"}}
    spec: {containers: [{image: dev.local/v1, resources: {requests: {cpu: 100m}}}]}
"""


def tables(run, route: str) -> list[tuple[float, list]]:
    """Every traffic table of a route, with its instant."""
    return [
        (one["t_s"], one["traffic"])
        for one in run.journal.of_kind(RecordKind.OBJECT)
        if one["event"] == "traffic" and one["object"] == route
    ]


def test_a_changed_image_makes_a_new_revision_that_takes_over_when_it_is_ready(play):
    run = play(KSVC, duration_s=60, steps=[play.step(10, KSVC.replace("local/v1", "local/v2"), mark="v2")])

    assert [100, 100] == [table[0][1] for _, table in tables(run, "route/m")]
    assert ["m-00001", "m-00002"] == [table[0][0] for _, table in tables(run, "route/m")]
    ready = [one["t_s"] for one in run.journal.pods if one["revision"] == "m-00002" and one["phase"] == "Ready"]
    assert tables(run, "route/m")[1][0] == ready[0]
    assert run.last(20).share("m-00002").value == 1.0
    assert run.whole.errors == 0


def test_the_same_template_again_makes_no_revision(play):
    run = play(KSVC, duration_s=20, steps=[play.step(10, KSVC)])

    created = [one for one in run.journal.of_kind(RecordKind.OBJECT) if one["object"].startswith("revision/")]
    assert {"revision/m-00001"} == {one["object"] for one in created}


def test_a_rollout_duration_moves_the_share_in_steps(play):
    slow = KSVC.replace(
        "metadata: {name: m}", 'metadata: {name: m, annotations: {serving.knative.dev/rollout-duration: "60s"}}'
    )
    run = play(slow, duration_s=120, steps=[play.step(10, slow.replace("local/v1", "local/v2"), mark="v2")])

    newest = [dict(table).get("m-00002", 0) for _, table in tables(run, "route/m")]
    assert newest[1] == 1
    assert newest == sorted(newest)
    assert newest[-1] == 100
    assert len(newest) > 20
    assert 65 <= tables(run, "route/m")[-1][0] <= 75


def test_a_revision_that_is_not_there_keeps_the_route_from_moving(play):
    split = KSVC + "  traffic: [{latestRevision: true, percent: 50}, {revisionName: m-00007, percent: 50}]\n"
    run = play(KSVC, duration_s=30, steps=[play.step(10, split)])

    reasons = [
        (one["status"], one["reason"])
        for one in run.journal.of_kind(RecordKind.OBJECT)
        if one["event"] == "condition" and one["object"] == "route/m"
    ]
    assert reasons[-1] == ("False", "RevisionMissing")
    assert run.last(10).share("m-00001").value == 1.0


def test_a_host_that_nobody_answers_gives_404(play):
    run = play(KSVC, to="nobody", duration_s=10)

    assert {404: 99} == {status: round(n) for status, n in run.whole.statuses.items()}


def test_a_deleted_service_gives_404_and_its_pods_go(play):
    run = play(KSVC, duration_s=90, steps=[play.step(10, action=Action.DELETE, target="ksvc/m")])

    assert set(run.slice(0, 10).statuses) == {200}
    assert set(run.slice(11, 90).statuses) == {404}
    assert "Gone" in [one["phase"] for one in run.journal.pods]


def test_a_virtual_service_splits_by_weight(play):
    text = (
        KSVC.replace("name: m", "name: blue")
        + "---"
        + KSVC.replace("name: m", "name: green")
        + """
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: live}
spec:
  hosts: [live.example.com]
  http:
  - route:
    - {destination: {host: blue}, weight: 80}
    - {destination: {host: green}, weight: 20}
"""
    )
    run = play(text, to="live.example.com", rate=500.0, duration_s=40)

    assert run.whole.share("green-00001").value == pytest.approx(0.2, abs=0.012)


def test_a_standard_mode_canary_gets_its_weight_when_it_is_ready(play):
    standard = play.isvc.replace(
        "metadata: {name: m}", "metadata: {name: m, annotations: {serving.kserve.io/deploymentMode: Standard}}"
    ).replace("minReplicas: 1", "minReplicas: 4")
    canary = (
        standard
        + """  canary:
  - trafficPercent: 25
    predictor:
      name: v2
      model: {modelFormat: {name: onnx}, storageUri: "s3://m/v2"}
"""
    )
    run = play(standard, rate=400.0, duration_s=60, steps=[play.step(10, canary, mark="canary")])

    assert run.last(30).share("m-v2-predictor").value == pytest.approx(0.25, abs=0.02)
    assert run.last(1).pods("m-predictor").last.value == 3
    assert run.last(1).pods("m-v2-predictor").last.value == 1
    assert run.whole.errors == 0


DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: servers}
spec:
  replicas: 4
  selector: {matchLabels: {app: servers}}
  template:
    metadata: {labels: {app: servers}}
    spec: {containers: [{name: model, image: dev.local/server}]}
---
apiVersion: v1
kind: Service
metadata: {name: m}
spec: {selector: {app: servers}, ports: [{port: 80}]}
"""


def test_clients_hear_of_a_new_server_when_they_look_again(play):
    flow = Flow(
        to="m", arrivals=Arrivals.CONSTANT, rate=((0.0, 400.0),), client_side=ClientSide(clients=20, discovery_s=20.0)
    )
    grow = play.step(30, action=Action.SCALE, target="deployment/servers", replicas=5, mark="grown")
    run = play(DEPLOYMENT, flows=(flow,), duration_s=80, steps=[grow])

    def share_of_fifth(window) -> float:
        counts = window.journal.counts
        inside = counts[
            (counts["second"] >= window.start_s) & (counts["second"] < window.end_s) & (counts["what"] == 2)
        ]
        fifth = max(one["pod"] for one in run.journal.pods)
        return inside[inside["pod"] == fifth]["n"].sum() / inside["n"].sum()

    assert share_of_fifth(run.slice(25, 31)) == 0.0
    assert 0.0 < share_of_fifth(run.slice(36, 44)) < 0.16  # about half of the clients have looked
    assert share_of_fifth(run.slice(55, 80)) == pytest.approx(0.2, abs=0.02)


def test_a_deployment_with_a_new_template_switches_when_the_new_pods_are_ready(play):
    run = play(
        DEPLOYMENT, rate=50.0, duration_s=40, steps=[play.step(10, DEPLOYMENT.replace("server}]", "server:2}]"))]
    )

    assert run.whole.errors == 0
    assert 8 == len({one["pod"] for one in run.journal.pods if one["phase"] == "Ready"})
    assert 4 == run.last(1).pods().last.value


def test_revisions_nobody_needs_are_collected(play):
    gc = """
---
apiVersion: v1
kind: ConfigMap
metadata: {name: config-gc, namespace: knative-serving}
data: {min-non-active-revisions: "0", max-non-active-revisions: "1", retain-since-create-time: disabled,
       retain-since-last-active-time: disabled}
"""
    steps = [play.step(10.0 * n, KSVC.replace("local/v1", f"local/v{n}")) for n in range(2, 6)]
    run = play(KSVC + gc, duration_s=120, steps=steps)

    deleted = [
        one["object"]
        for one in run.journal.of_kind(RecordKind.OBJECT)
        if one["event"] == "deleted" and one["object"].startswith("revision/")
    ]
    assert ["revision/m-00001", "revision/m-00002", "revision/m-00003"] == deleted
    assert run.whole.errors == 0


def test_the_same_seed_gives_the_same_journal_and_another_seed_another(play):
    poisson = (Flow(to="m", arrivals=Arrivals.POISSON, rate=((0.0, 50.0),)),)
    first, again, other = (play(KSVC, flows=poisson, duration_s=20, seed=seed).journal.digest for seed in (7, 7, 8))

    assert first == again
    assert first != other
