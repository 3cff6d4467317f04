"""GPUs of two types: each pod lands on its type, a full type leaves pods Pending, and nobody else notices.

by-type         vision (a100) wants six pods and there are four GPUs; speech (t4) and words (no GPU) go on as before
quiet           the same without vision's growth: what the others must not feel
rolled-when-full a new version of vision while all its GPUs are taken: it waits, and version 1 answers
without-taints  nothing keeps pods without a GPU away from the GPU nodes

README.md has the numbers of every bound.
"""

from sandbox import Measured, Scenario, at, traffic, within

V1, V2 = "vision-predictor-00001", "vision-predictor-00002"
TYPES = {"vision": "a100", "speech": "t4"}

vision = traffic.poisson(
    rate=[("0s", 20), ("2m", 20), ("2m10s", 80), ("6m", 80), ("6m10s", 20)], to="vision", name="vision"
)
vision_quiet = traffic.poisson(rate=20, to="vision", name="vision")
others = traffic.poisson(
    rate=[("0s", 20), ("3m", 20), ("3m10s", 50), ("5m", 50), ("5m10s", 20)], to="speech", name="speech"
) + traffic.poisson(rate=20, to="words", name="words")


def cluster(nodes="nodes.yaml", load=vision):
    """The three services on these nodes."""
    return Scenario(
        manifests=["vision.yaml", "speech.yaml", "words.yaml"],
        config=[nodes, "features.yaml"],
        profile="profile.yaml",
        traffic=load + others,
        duration="9m",
        params={
            "gpus": 4,  # nodes.yaml: of each type
            "per_pod": 14,  # requests/s: 70 % of scaleTarget
            "service_s": 0.04,  # profile.yaml
        },
        short={"duration": "4m30s", "config": ["short-autoscaler.yaml"]},
    ).then(
        at("2m10s", mark="vision grows"),
        at("3m10s", mark="speech grows"),
        at("5m", mark="speech is done"),
        at("6m", mark="vision is done"),
    )


variants = {
    "by-type": cluster(),
    "quiet": cluster(load=vision_quiet),
    "rolled-when-full": cluster().then(at("4m", mark="v2").apply("vision-v2.yaml")),
    "without-taints": cluster(nodes="nodes-without-taints.yaml"),
}


def full(run):
    """All of vision's GPUs are taken, and speech has grown."""
    return run.slice(run.mark("speech grows") + 20, run.mark("speech is done"), "vision is full")


def test_each_pod_runs_on_its_type(runs):
    for run in runs.values():
        for service, kind in TYPES.items():
            for node in nodes_of(run, service):
                assert labels(run)[node].get("gpu") == kind


def test_no_node_has_more_gpus_taken_than_it_has(runs):
    for run in runs.values():
        for node, taken in gpus_taken(run).items():
            assert taken <= run.params["gpus"], node


def test_of_a_full_type_the_rest_is_pending(runs):
    pods = full(runs["by-type"]).pods("vision")

    assert within(pods.existing.min, wanted(runs["by-type"], "vision"), wanted(runs["by-type"], "vision") + 1)
    assert pods.ready.min == runs["by-type"].params["gpus"]
    assert pods.ready.peak == runs["by-type"].params["gpus"]


def test_and_the_scheduler_says_why(runs):
    said = complaints(runs["by-type"])

    assert pending(runs["by-type"], "vision") <= len({pod for pod, _ in said})
    for _, message in said:
        assert message.startswith(f"0/{len(labels(runs['by-type']))} nodes are available: ")
        assert "1 Insufficient nvidia.com/gpu" in message


def test_the_other_type_grows_all_the_same(runs):
    run = runs["by-type"]

    assert full(run).pods("speech").ready.min >= wanted(run, "speech")


def test_the_others_do_not_notice(runs):
    for service in ("speech", "words"):
        by_type, quiet = (full(runs[name]).of(service) for name in ("by-type", "quiet"))

        assert by_type.errors == 0
        assert by_type.latency.mean <= 1.2 * quiet.latency.mean.value


def test_nothing_fails_while_vision_is_short(runs):
    for run in runs.values():
        assert run.whole.errors == 0


def test_a_new_version_waits_for_a_gpu_and_the_old_one_answers(runs):
    run = runs["rolled-when-full"]
    waiting = run.slice(run.mark("v2") + 5, run.mark("vision is done"), "no GPU for v2")

    assert waiting.of("vision").share(V2).observed == 0
    assert waiting.pods(V2).existing.min >= 1
    assert waiting.pods(V2).ready.peak == 0
    assert run.last(10).of("vision").share(V2).observed == 1


def test_taints_keep_the_gpu_nodes_for_gpu_pods(runs):
    gpu_nodes = {node for node, own in labels(runs["by-type"]).items() if "gpu" in own}

    assert not nodes_of(runs["by-type"], "words") & gpu_nodes
    assert nodes_of(runs["without-taints"], "words") & gpu_nodes


# -- what the journal says ---------------------------------------------------------------------------------------


def labels(run):
    """The labels of each node."""
    from sandbox.manifests.objects import Node

    return {one.metadata.name: one.metadata.labels for one in run.variant.objects if isinstance(one, Node)}


def nodes_of(run, service):
    """The nodes on which pods of a service became ready."""
    ready = [one for one in run.journal.pods if one["phase"] == "Ready"]
    found = {one["node"] for one in ready if one["revision"].startswith(f"{service}-")}
    assert found, f"no pod of {service} was ever ready"
    return found


def gpus_taken(run):
    """The most GPUs that pods had of each node at any time: exact."""
    from sandbox.journal.schema import RecordKind

    most = {}
    for one in run.journal.of_kind(RecordKind.RESOURCES):
        most[one["node"]] = max(most.get(one["node"], 0), one["gpu"])
    return {node: Measured.exact(taken, 1, "GPUs", f"most GPUs taken of {node}") for node, taken in most.items()}


def complaints(run):
    """What the scheduler said about vision's pods: (pod, message)."""
    found = [
        (one["object"], one["message"])
        for one in run.journal.events
        if one["reason"] == "FailedScheduling" and one["object"].startswith("pod/vision-")
    ]
    assert found, "the scheduler had nothing to say"
    return found


# -- the arithmetic ----------------------------------------------------------------------------------------------


def wanted(run, service):
    """Pods that the autoscaler wants at a service's highest load."""
    return -(-peak_rate(run, service) // run.params["per_pod"])


def pending(run, service):
    """Pods for which there is no GPU then."""
    return wanted(run, service) - run.params["gpus"]


def busy(run, service):
    """Share of the time that the pods with a GPU are busy then."""
    return peak_rate(run, service) * run.params["service_s"] / run.params["gpus"]


def peak_rate(run, service):
    """The highest rate of a service's clients."""
    return max(rate for flow in run.flows if flow.to == service for _, rate in flow.rate)
