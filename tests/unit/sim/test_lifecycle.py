"""Pods of revisions: how they start, serve, drain, crash, and what the client sees of it."""

from sandbox.journal.schema import Gauge, RecordKind
from sandbox.scenario.model import Action


def phases(run, name: str) -> list[tuple[float, str]]:
    return [(one["t_s"], one["phase"]) for one in run.journal.pods if one["name"] == name]


def test_start_up_goes_through_the_stages_in_order(play):
    run = play(
        play.isvc,
        duration_s=5,
        profile=play.profile.replace("constant(50ms)}", "constant(50ms), modelSize: 2Gi, imageSize: 100Mi, load: 3s}"),
    )

    seen = [phase for _, phase in phases(run, "m-predictor-00001-00001")]
    assert ["Pending", "Pulling", "Downloading", "Starting", "Ready"] == seen


def test_startup_replaces_all_stages(play):
    run = play(
        play.isvc,
        duration_s=5,
        profile=play.profile.replace(
            "constant(50ms)}", "constant(50ms), modelSize: 2Gi, imageSize: 100Mi, startup: 7s}"
        ),
    )

    timeline = phases(run, "m-predictor-00001-00001")
    assert ["Pending", "Starting", "Ready"] == [phase for _, phase in timeline]
    assert 7.0 == timeline[-1][0] - timeline[0][0]


def test_two_downloads_share_the_store(play):
    profile = play.profile.replace("platform: {", "platform: {storeBandwidth: 100M, ").replace(
        "constant(50ms)}", "constant(50ms), modelSize: 1000M}"
    )
    alone = play(play.isvc, duration_s=5, profile=profile)
    both = play(play.isvc.replace("minReplicas: 1", "minReplicas: 2"), duration_s=5, profile=profile)

    def download_s(run):
        timeline = {phase: at for at, phase in phases(run, "m-predictor-00001-00001")}
        return round(timeline["Starting"] - timeline["Downloading"], 3)

    assert 10.0 == download_s(alone)
    assert 20.0 == download_s(both)
    assert 2_000_000_000 == both.journal.totals["downloaded_bytes"]


def test_a_scaled_down_pod_drains_30_seconds_and_no_request_is_lost(play):
    text = play.isvc.replace("minReplicas: 1", "minReplicas: 3")
    patch = {"spec": {"predictor": {"minReplicas": 1}}}
    run = play(
        text,
        duration_s=200,
        steps=[play.step(10, action=Action.PATCH, target="isvc/m", patch=patch, mark="down")],
    )

    assert run.whole.errors == 0
    left = [one for one in run.journal.pods if one["phase"] == "Terminating"]
    gone = {one["name"]: one["t_s"] for one in run.journal.pods if one["phase"] == "Gone"}
    assert left
    for one in left:
        assert 30.0 <= gone[one["name"]] - one["t_s"] < 32.0


def test_a_crash_fails_what_was_inside_and_the_container_comes_back_after_the_back_off(play):
    crash = {"action": Action.FAULT, "target": "isvc/m", "fault": "crash-container"}
    run = play(
        play.isvc,
        rate=100.0,
        duration_s=90,
        steps=[play.step(20, mark="first", **crash), play.step(40, mark="second", **crash)],
    )

    starts = [at for at, phase in phases(run, "m-predictor-00001-00001") if phase == "Starting"]
    assert [20.0, 50.0] == starts[1:]  # at once, then after 10 s
    # Each time the 5 inside (100/s for 50 ms) and those of the 100 ms until the activator knows.
    assert 2 * 5 < run.whole.statuses[502] <= 2 * (5 + 11)
    assert run.last(10).errors == 0


def test_requests_wait_in_the_activator_while_the_only_pod_is_away(play):
    crash = {"action": Action.FAULT, "target": "isvc/m", "fault": "crash-container"}
    run = play(play.isvc, rate=100.0, duration_s=60, steps=[play.step(20, **crash)])

    assert run.slice(20, 25).latency.max.value >= 1.0  # a container start
    assert run.slice(21, 60).errors == 0


def test_a_killed_pod_is_replaced(play):
    kill = {"action": Action.FAULT, "target": "isvc/m", "fault": "kill-pod"}
    run = play(play.isvc, duration_s=60, steps=[play.step(20, **kill)])

    assert 1 == run.last(1).pods().last.value
    assert "Ready" in [phase for _, phase in phases(run, "m-predictor-00001-00002")]


def test_queue_proxy_refuses_the_request_after_eleven_times_the_limit(play):
    text = play.isvc.replace(
        "minReplicas: 1", "minReplicas: 1\n    maxReplicas: 1\n    containerConcurrency: 2"
    ).replace(
        "metadata: {name: m}", 'metadata: {name: m, annotations: {autoscaling.knative.dev/target-burst-capacity: "0"}}'
    )
    # 50 ms and two at a time carry 40/s; at 400/s the queue of 20 is soon full.
    run = play(text, rate=((0.0, 0.0), (5.0, 0.0), (5.0, 400.0)), duration_s=30)

    assert set(run.whole.statuses) == {200, 503}
    late = run.slice(15, 30)
    assert abs(late.statuses[200] / 15 - 40) < 0.5
    assert late.series(Gauge.IN_FLIGHT, "m-predictor-00001")[-1][1] == 22


def test_a_request_that_outlasts_the_revision_timeout_gets_504(play):
    text = play.isvc.replace("minReplicas: 1", "minReplicas: 1\n    timeout: 1")
    run = play(text, duration_s=20, profile=play.profile.replace("50ms", "3s"))

    assert set(run.whole.statuses) == {504}


def test_time_in_the_containers_own_queue_counts_towards_the_timeout(play):
    text = play.isvc.replace("minReplicas: 1", "minReplicas: 1\n    maxReplicas: 1\n    timeout: 2")
    run = play(
        text, rate=30.0, duration_s=60, profile=play.profile.replace("constant(50ms)}", "constant(50ms), workers: 1}")
    )

    # A worker does 20/s and 30/s come. Once the queue is 2 s long, every request runs out of time at work.
    assert set(run.slice(0, 3).statuses) == {200}
    assert set(run.slice(40, 60).statuses) == {504}
    assert run.whole.latency.max.value <= 2.02


def test_a_pod_that_fits_nowhere_says_why_and_its_revision_misses_its_deadline(play):
    node = """
---
apiVersion: v1
kind: Node
metadata: {name: small}
status: {allocatable: {cpu: 50m, memory: 1Gi}}
"""
    run = play(play.isvc + node, duration_s=10)

    events = [one["message"] for one in run.journal.events if one["reason"] == "FailedScheduling"]
    conditions = [
        (one["object"], one["status"], one["reason"])
        for one in run.journal.of_kind(RecordKind.OBJECT)
        if one["event"] == "condition"
    ]
    assert events[0] == "0/1 nodes are available: 1 Insufficient cpu."
    assert ("revision/m-predictor-00001", "False", "ProgressDeadlineExceeded") in conditions
    assert ("route/m-predictor", "False", "RevisionMissing") in conditions
    assert set(run.whole.statuses) == {404}


def test_a_pending_pod_starts_when_another_leaves(play):
    text = (
        play.isvc.replace("minReplicas: 1", "minReplicas: 2")
        + """
---
apiVersion: v1
kind: Node
metadata: {name: one}
status: {allocatable: {cpu: 300m, memory: 4Gi}}
"""
    )
    newer = play.isvc.replace("s3://m/v1", "s3://m/v2").replace("minReplicas: 1", "minReplicas: 1")
    run = play(text, duration_s=300, steps=[play.step(10, newer, mark="roll")])

    assert "FailedScheduling" in [one["reason"] for one in run.journal.events]
    # No room beside the old pods: the roll-out hangs, traffic stays where it is, nothing is lost.
    assert run.last(10).share("m-predictor-00001").value == 1.0
    assert run.whole.errors == 0


def test_a_hung_container_is_restarted_by_its_liveness_probe(play):
    hang = {"action": Action.FAULT, "target": "ksvc/m", "fault": "hang-container"}
    text = """
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: m}
spec:
  template:
    metadata: {annotations: {autoscaling.knative.dev/min-scale: "1", autoscaling.knative.dev/max-scale: "1"}}
    spec:
      containers:
      - image: dev.local/m
        livenessProbe: {httpGet: {path: /alive}, periodSeconds: 5, failureThreshold: 2, timeoutSeconds: 1}
"""
    run = play(text, rate=20.0, duration_s=60, steps=[play.step(20, **hang)])

    (unhealthy,) = [one for one in run.journal.events if one["reason"] == "Unhealthy"]
    # The next probe comes within 5 s, the second one fails 5 s later, with 1 s of time-out.
    assert 26.0 <= unhealthy["t_s"] <= 31.0
    assert set(run.slice(0, 20).statuses) == {200}
    assert 20 * (unhealthy["t_s"] - 20) - 5 <= run.whole.statuses[502] <= 20 * (unhealthy["t_s"] - 20) + 10
    assert run.last(10).errors == 0


def test_without_a_liveness_probe_a_hung_container_times_its_requests_out(play):
    hang = {"action": Action.FAULT, "target": "isvc/m", "fault": "hang-container"}
    text = play.isvc.replace("minReplicas: 1", "minReplicas: 1\n    maxReplicas: 1\n    timeout: 5")
    run = play(text, rate=20.0, duration_s=60, steps=[play.step(20, **hang)])

    assert set(run.slice(30, 60).statuses) == {504}
    assert 5.0 == run.slice(30, 60).statuses[504] / 30 / 4


def test_a_profile_can_match_by_model_format(play):
    run = play(
        play.isvc,
        duration_s=5,
        profile=play.profile + "models:\n- match: {modelFormat: onnx}\n  serviceTime: constant(200ms)\n",
    )

    assert round(run.whole.latency.p50.value, 2) == 0.2
