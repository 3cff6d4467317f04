"""Namespaces, callers and readers in the simulated world."""

from __future__ import annotations

import pytest

from sandbox.errors import UsageError
from sandbox.journal.schema import Gauge, RecordKind, What
from sandbox.mechanisms.tenancy import rbac
from sandbox.scenario.model import Action, Arrivals, Flow
from sandbox.scenario.targets import KINDS

A = "system:serviceaccount:a:default"
MESH = """
apiVersion: v1
kind: Namespace
metadata: {name: a, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Namespace
metadata: {name: b, labels: {istio-injection: enabled}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: own, namespace: b}
spec:
  rules:
    - from: [{source: {namespaces: [b, istio-system]}}]
"""
SERVICE = """
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: m, namespace: b}
spec:
  template:
    metadata:
      annotations: {autoscaling.knative.dev/min-scale: "1", autoscaling.knative.dev/target-burst-capacity: "0"}
    spec: {containers: [{image: dev.local/m, resources: {requests: {cpu: 100m, memory: 64Mi}}}]}
"""
CHAIN = """
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: m, namespace: b, annotations: {autoscaling.knative.dev/target-burst-capacity: "0"}}
spec:
  predictor: {model: {modelFormat: {name: onnx}, protocolVersion: v2, storageUri: "s3://m/v1"}}
  transformer: {containers: [{name: t, image: dev.local/t}]}
"""
QUOTA = """
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: q, namespace: b}
spec: {hard: {HARD}}
"""


def flow(source: str, to: str = "m.b", rate: float = 10.0, **more) -> Flow:
    return Flow(to=to, arrivals=Arrivals.CONSTANT, rate=((0.0, rate),), source=source, name=source, **more)


def statuses(play, text: str, *sources: str, steps=()) -> dict[int, int]:
    run = play(text, duration_s=20, flows=tuple(flow(one) for one in sources), steps=steps)
    return run.last(10).statuses


# ---- callers


def test_a_caller_that_the_policy_does_not_name_gets_403_at_the_sidecar(play):
    run = play(MESH + SERVICE, duration_s=20, flows=(flow("a/default"), flow("b/default")))

    assert run.last(10).statuses == {200: 100, 403: 100}
    counts = run.journal.counts
    started, hist = counts[counts["what"] == What.STARTED], run.journal.hist
    forbidden = counts[counts["what"] == 403]
    assert started["n"].sum() == pytest.approx(200, abs=2)
    assert hist["n"].sum() == pytest.approx(200, abs=2)
    assert (forbidden["pod"] > 0).all()  # a pod's sidecar said it
    assert dict(run.whole.series(Gauge.IN_FLIGHT))[19] <= 1


def test_clients_from_outside_come_through_the_gateway(play):
    assert statuses(play, MESH + SERVICE, "") == {200: 100}


def test_without_a_sidecar_nobody_enforces_the_policy(play):
    assert statuses(play, MESH.replace("enabled", "disabled") + SERVICE, "a/default") == {200: 100}


def test_a_caller_without_a_sidecar_is_taken_for_the_gateway(play):
    assert statuses(play, MESH + SERVICE, "nowhere/default") == {200: 100}


def test_a_policy_holds_from_when_it_is_applied_until_it_is_deleted(play):
    namespaces, policy = MESH.rsplit("---", 1)
    steps = [
        play.step(5, policy, mark="on"),
        play.step(10, action=Action.DELETE, target="authorizationpolicy/own.b", mark="off"),
    ]
    run = play(namespaces + SERVICE, duration_s=15, flows=(flow("a/default"),), steps=steps)

    windows = (run.before("on"), run.between("on", "off"), run.after("off"))
    assert [list(window.statuses) for window in windows] == [[200], [403], [200]]


def test_through_the_activator_the_pod_sees_the_activator(play):
    behind = SERVICE.replace('capacity: "0"', 'capacity: "-1"')
    serving = """
---
apiVersion: v1
kind: Namespace
metadata: {name: knative-serving, labels: {istio-injection: enabled}}
"""
    guard = """
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: guard, namespace: knative-serving}
spec:
  action: DENY
  rules:
    - from: [{source: {namespaces: [a]}}]
      to: [{operation: {hosts: ["*.b.svc.cluster.local"]}}]
"""
    lets_in = MESH.replace("[b, istio-system]", "[b, istio-system, knative-serving]")

    assert statuses(play, MESH + behind, "b/default") == {403: 100}  # plain text from an activator without a sidecar
    assert statuses(play, MESH + serving + behind, "b/default") == {403: 100}  # the activator is not let in
    assert statuses(play, lets_in + serving + behind, "a/default") == {200: 100}
    assert statuses(play, lets_in + serving + guard + behind, "a/default", "b/default") == {200: 100, 403: 100}


def test_a_transformer_calls_its_predictor_as_its_own_service_account(play):
    only_transformer = """
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: predictor, namespace: b}
spec:
  selector: {matchLabels: {component: predictor}}
  action: DENY
  rules:
    - from: [{source: {notPrincipals: ["*/ns/b/sa/default"]}}]
    - to: [{operation: {notPaths: ["/v2/models/m/infer"]}}]
"""

    assert statuses(play, MESH + only_transformer + CHAIN, "b/default") == {200: 100}
    denied = only_transformer.replace('"*/ns/b/sa/default"', '"*/ns/b/sa/other"')
    assert statuses(play, MESH + denied + CHAIN, "b/default") == {403: 100}


def test_more_callers_than_there_are_bits_are_refused(play):
    flows = tuple(flow(f"a/caller-{n}", rate=0.1) for n in range(62))

    with pytest.raises(UsageError, match="too many different callers"):
        play(MESH + SERVICE, duration_s=2, flows=flows)


# ---- pods


def events(run, reason: str) -> list[str]:
    return [one["message"] for one in run.journal.events if one["reason"] == reason]


def used(run) -> list[dict[str, int]]:
    objects = run.journal.of_kind(RecordKind.OBJECT)
    return [one["used"] for one in objects if one["object"] == "resourcequota/q" and one["event"] == "status"]


def test_a_pod_that_is_refused_is_submitted_again_until_there_is_room(play):
    tight = QUOTA.replace("HARD", "requests.cpu: 100m")
    wide = play.step(10, QUOTA.replace("HARD", "requests.cpu: 200m").strip("\n-"), mark="wide")
    run = play(SERVICE + tight, duration_s=60, to="m.b", steps=[wide])

    ready = [one for one in run.journal.pods if one["phase"] == "Ready"]
    assert (
        "exceeded quota: q, requested: requests.cpu=125m, used: requests.cpu=0, limited: requests.cpu=100m"
        in (events(run, "FailedCreate")[0])
    )
    assert ready[0]["t_s"] > 10
    assert used(run)[-1] == {"requests.cpu": 125}
    assert run.last(20).errors == 0


def test_a_revision_without_any_pod_is_not_ready_and_says_so(play):
    run = play(SERVICE + QUOTA.replace("HARD", "memory: 1Gi"), duration_s=10, to="m.b")

    condition = next(
        one
        for one in run.journal.of_kind(RecordKind.OBJECT)
        if one["object"] == "revision/m-00001" and one["event"] == "condition"
    )
    assert (condition["status"], condition["reason"]) == ("False", "FailedCreate")
    assert list(run.whole.statuses) == [404]


def test_sidecars_and_defaults_are_part_of_what_a_pod_requests(play):
    defaults = """
---
apiVersion: v1
kind: LimitRange
metadata: {name: d, namespace: b}
spec: {limits: [{type: Container, defaultRequest: {memory: 32Mi}}]}
"""
    run = play(
        MESH + SERVICE + defaults + QUOTA.replace("HARD", "cpu: 4, memory: 1Gi, pods: 5"), duration_s=5, to="m.b"
    )

    mib = 1 << 20
    assert used(run)[-1] == {"cpu": 100 + 25 + 100, "memory": (64 + 32 + 128) * mib, "pods": 1}
    assert run.whole.requested_cpu.last == 0.225


def test_the_mesh_sidecar_takes_what_its_annotations_say(play):
    own = SERVICE.replace("annotations: {", "annotations: {sidecar.istio.io/proxyCPU: 5m, ")
    run = play(MESH + own + QUOTA.replace("HARD", "cpu: 4"), duration_s=5, to="m.b")

    assert used(run)[-1] == {"cpu": 100 + 25 + 5}


def test_a_pod_beyond_a_limit_range_is_refused(play):
    small = """
---
apiVersion: v1
kind: LimitRange
metadata: {name: d, namespace: b}
spec: {limits: [{type: Pod, min: {cpu: "1"}}]}
"""
    run = play(SERVICE + small, duration_s=5, to="m.b")

    assert "minimum cpu usage per Pod: request too small (pod)" in events(run, "FailedCreate")[0]


def test_what_is_deleted_holds_no_longer(play):
    text = SERVICE + QUOTA.replace("HARD", "memory: 1Gi")
    steps = [play.step(5, action=Action.DELETE, target="resourcequota/q.b")]
    run = play(text, duration_s=60, to="m.b", steps=steps)

    assert run.last(20).errors == 0


def test_pods_that_are_gone_give_their_quota_back(play):
    steps = [play.step(5, action=Action.DELETE, target="ksvc/m.b")]
    run = play(SERVICE + QUOTA.replace("HARD", "cpu: 4"), duration_s=60, to="m.b", steps=steps)

    assert used(run) == [{"cpu": 0}, {"cpu": 125}, {"cpu": 0}]


# ---- models

KEYS = """
---
apiVersion: v1
kind: Secret
metadata: {name: store, namespace: a, annotations: {sandbox.dev/opens: "s3://m/"}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: loader, namespace: a}
secrets: [{name: store}]
"""


@pytest.mark.parametrize("profile", ["", "\n  startup: constant(3s)"], ids=["in stages", "startup"])
def test_a_model_that_the_keys_do_not_open_is_never_loaded(play, profile):
    behaviour = "default:\n  serviceTime: constant(50ms)" + profile
    run = play(CHAIN + KEYS, duration_s=60, to="m.b", profile=behaviour)

    failed = [one for one in run.journal.pods if one["phase"] == "CrashLoopBackOff"]
    assert len(failed) >= 3
    assert {one["reason"] for one in failed} == {"AccessDenied"}
    assert "the keys of b/default do not open s3://m/v1" in events(run, "AccessDenied")[0]
    assert run.whole.pods("m-predictor.b").ready.peak == 0


def test_the_service_account_whose_keys_open_it_loads_it(play):
    own = (
        (CHAIN + KEYS)
        .replace("namespace: b", "namespace: a")
        .replace("predictor: {model", "predictor: {serviceAccountName: loader, model")
    )

    assert play(own, duration_s=20, to="m.a").last(5).errors == 0


# ---- nodes


def test_a_pending_pod_is_tried_when_a_node_gets_room(play):
    node = "apiVersion: v1\nkind: Node\nmetadata: {name: small}\nstatus: {allocatable: {cpu: CPU, memory: 1Gi}}\n"
    steps = [play.step(10, node.replace("CPU", '"1"'), mark="larger")]
    run = play(node.replace("CPU", "50m") + SERVICE, duration_s=30, to="m.b", steps=steps)

    assert "0/1 nodes are available: 1 Insufficient cpu." in events(run, "FailedScheduling")[0]
    assert run.last(10).errors == 0


# ---- readers


def test_a_get_is_answered_by_what_rbac_says(play):
    role = """
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: r, namespace: b}
rules: [{apiGroups: [serving.knative.dev], resources: [services], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: r, namespace: b}
roleRef: {kind: Role, name: r, apiGroup: rbac.authorization.k8s.io}
subjects: [{kind: ServiceAccount, name: default, namespace: a}]
"""

    def get(at_s: float, who: str, mark: str):
        return play.step(at_s, action=Action.GET, target="ksvc/m.b", as_user=who, mark=mark)

    steps = [
        get(1, A, "as a"),
        get(2, "system:serviceaccount:c:default", "as c"),
        get(3, "", "as the administrator"),
        play.step(4, action=Action.DELETE, target="ksvc/m.b"),
        get(5, A, "when it is gone"),
    ]
    run = play(SERVICE + role, duration_s=10, to="m.b", steps=steps)

    answers = [int(run.answer(one.mark).value) for one in steps if one.mark]
    assert answers == [200, 403, 200, 404]
    results = [one["result"] for one in run.journal.of_kind(RecordKind.STEP) if one["action"] == "get"]
    assert results[1].startswith(
        'services.serving.knative.dev "m" is forbidden: User "system:serviceaccount:c:default"'
    )
    with pytest.raises(UsageError, match="has no mark"):
        run.answer("nowhere")


def test_a_mark_without_a_get_has_no_answer(play):
    run = play(SERVICE, duration_s=5, to="m.b", steps=[play.step(1, action=Action.NOTHING, mark="just a mark")])

    with pytest.raises(UsageError, match="0 steps that get something"):
        run.answer("just a mark")


def test_every_kind_that_a_target_can_name_can_be_asked_for():
    assert {kind for kinds in KINDS.values() for kind in kinds} <= set(rbac.RESOURCES)
