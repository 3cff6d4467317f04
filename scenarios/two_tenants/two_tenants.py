"""Two tenants share a cluster: one may not call, read or starve the other, and a quota must count the sidecars.

isolated               namespaces with rights, policies and quotas; tenant a's load grows fifteenfold
quiet                  the same without a's burst: what b must not feel
open                   no rights, no policies, no quotas: everybody reads, calls and takes what there is
behind-activator       as isolated, but the activator stays in b's path: the policy sees the activator, and a gets in
activator-guarded      and a policy in front of the activator that keeps a out again
quota-without-defaults a's quota counts memory, and queue-proxy says nothing about memory: no pod at all
quota-without-sidecars a's quota is six times the model's container: the pods are larger than that

README.md has the numbers of every bound.
"""

from sandbox import Measured, Scenario, at, traffic, within

A = "system:serviceaccount:tenant-a:default"

ads = traffic.poisson(
    rate=[("0s", 20), ("2m", 20), ("2m10s", 300), ("8m", 300), ("8m10s", 20)],
    to="ads.tenant-a",
    source="tenant-a/default",
)
ads_quiet = traffic.poisson(rate=20, to="ads.tenant-a", source="tenant-a/default")
ranker = traffic.poisson(
    rate=[("0s", 20), ("4m", 20), ("4m10s", 80), ("7m", 80), ("7m10s", 20)],
    to="ranker.tenant-b",
    source="tenant-b/default",
)
intruder = traffic.constant(rate=2, to="ranker.tenant-b", source="tenant-a/default", name="intruder")


def tenants(*manifests, load=ads):
    """Both tenants and their traffic, under these manifests."""
    return Scenario(
        manifests=["namespaces.yaml", *manifests],
        config=["nodes.yaml"],
        profile="profile.yaml",
        traffic=load + ranker + intruder,
        duration="10m",
        params={
            "pod_mcpu": 250,  # ads.yaml: the model's 200m, queue-proxy's 25m, the mesh sidecar's 25m
            "model_mcpu": 200,
            "quota_a_mcpu": 1500,  # quotas.yaml
            "nodes_mcpu": 4000,  # nodes.yaml
            "per_pod": 14,  # requests/s: 70 % of scaleTarget
            "b_pods": 2,  # ranker.yaml: minReplicas
            "service_s": 0.05,  # profile.yaml
            "intruder_rate": 2,
        },
        short={"duration": "4m", "config": ["short-autoscaler.yaml"]},
    ).then(
        at("30s", mark="a reads b's service").get("isvc/ranker.tenant-b", as_=A),
        at("31s", mark="a reads b's keys").get("secret/store.tenant-b", as_=A),
        at("32s", mark="a reads its own service").get("isvc/ads.tenant-a", as_=A),
        at("40s", mark="a deploys b's model").apply("thief.yaml"),
        at("100s", mark="a gives up").delete("isvc/thief.tenant-a"),
        at("2m10s", mark="a bursts"),
        at("4m10s", mark="b bursts"),
        at("7m", mark="b is done"),
        at("8m", mark="a is done"),
    )


RULES = ("rights.yaml", "defaults.yaml", "policies.yaml")
variants = {
    "isolated": tenants(*RULES, "quotas.yaml", "ads.yaml", "ranker.yaml"),
    "quiet": tenants(*RULES, "quotas.yaml", "ads.yaml", "ranker.yaml", load=ads_quiet),
    "open": tenants("open.yaml", "ads.yaml", "ranker.yaml"),
    "behind-activator": tenants(*RULES, "quotas.yaml", "ads.yaml", "ranker-behind-activator.yaml"),
    "activator-guarded": tenants(
        *RULES, "activator-policy.yaml", "quotas.yaml", "ads.yaml", "ranker-behind-activator.yaml"
    ),
    "quota-without-defaults": tenants("rights.yaml", "policies.yaml", "quotas.yaml", "ads.yaml", "ranker.yaml"),
    "quota-without-sidecars": tenants(*RULES, "quota-without-sidecars.yaml", "ads.yaml", "ranker.yaml"),
}
FENCED = ("isolated", "quiet", "activator-guarded")


def both_burst(run):
    """Both tenants at their highest load, after b's pods had time to come."""
    return run.slice(run.mark("b bursts") + 20, run.mark("b is done"), "both burst")


def test_a_may_not_call_b(runs):
    for name in FENCED:
        run = runs[name]
        window = both_burst(run).of("ranker.tenant-b")

        assert within(forbidden(window), *intruders(run, len(window)))


def test_where_nothing_forbids_it_a_calls_b(runs):
    window = both_burst(runs["open"]).of("ranker.tenant-b")

    assert forbidden(window) == 0


def test_behind_the_activator_a_policy_on_callers_does_not_see_a(runs):
    window = both_burst(runs["behind-activator"]).of("ranker.tenant-b")

    assert forbidden(window) == 0


def test_a_reads_none_of_bs_objects(runs):
    for name in FENCED:
        assert runs[name].answer("a reads b's service") == 403
        assert runs[name].answer("a reads b's keys") == 403
        assert runs[name].answer("a reads its own service") == 200

    assert runs["open"].answer("a reads b's service") == 200
    assert runs["open"].answer("a reads b's keys") == 200


def test_a_cannot_load_bs_model(runs):
    for name in (*FENCED, "open"):
        run = runs[name]
        pods = run.between("a deploys b's model", "a gives up").pods("thief.tenant-a")

        assert pods.existing.peak == 1
        assert pods.ready.peak == (1 if name == "open" else 0)


def test_as_burst_ends_at_its_quota(runs):
    run = runs["isolated"]
    pods = both_burst(run).pods("ads.tenant-a").existing

    assert pods.peak == pods_within(run, run.params["quota_a_mcpu"])
    assert refusals(run, "ads", "exceeded quota: compute") > 0


def test_bs_quota_is_untouched_by_as_burst(runs):
    run = runs["isolated"]

    for mcpu in quota_used(run, "tenant-b", "a bursts", "b bursts"):
        assert mcpu == run.params["b_pods"] * run.params["pod_mcpu"]


def test_b_gets_all_the_pods_it_needs(runs):
    for name in ("isolated", "quiet"):
        run = runs[name]

        assert both_burst(run).pods("ranker.tenant-b").ready.min >= needed(run)


def test_b_does_not_feel_as_burst(runs):
    isolated, quiet = (both_burst(runs[name]).of("ranker.tenant-b").latency.p99 for name in ("isolated", "quiet"))

    assert isolated <= 1.2 * quiet.value


def test_without_quotas_as_burst_starves_b(runs):
    run = runs["open"]
    late = run.slice(run.mark("b is done") - 10, run.mark("b is done"), "the end of b's burst")

    assert both_burst(run).pods("ranker.tenant-b").ready.peak < needed(run)
    assert both_burst(run).pods("ads.tenant-a").ready.peak == left_by_b(run)
    assert late.of("ranker.tenant-b").latency.p50 >= starved_wait_s(run)


def test_a_quota_on_memory_lets_no_pod_in_whose_sidecar_is_silent(runs):
    run = runs["quota-without-defaults"]

    assert refusals(run, "ads", "must specify limits.memory for: queue-proxy; requests.memory for: queue-proxy") > 0
    assert answered(run, "ads.tenant-a") == 0
    assert run.before("a bursts").pods("ads.tenant-a").existing.peak == 0


def test_with_defaults_for_silent_containers_the_same_quota_works(runs):
    run = runs["isolated"]

    assert run.before("a bursts").pods("ads.tenant-a").ready.min >= 1


def test_a_quota_that_forgets_the_sidecars_is_short_of_pods(runs):
    run = runs["quota-without-sidecars"]
    pods = both_burst(run).pods("ads.tenant-a").existing

    assert pods.peak == without_sidecars(run)
    assert pods.peak < pods_within(run, run.params["quota_a_mcpu"])


# -- what the journal says ---------------------------------------------------------------------------------------


def forbidden(window):
    """How many requests were answered 403: exact."""
    return Measured.exact(window.statuses.get(403, 0), len(window), "requests", f"403s, {window.label}")


def answered(run, name):
    """How many requests of the whole run were answered 200: exact."""
    known = {one.service for one in run.journal.series}
    good = run.whole.of(name).statuses.get(200, 0) if name.split(".")[0] in known else 0
    return Measured.exact(good, int(run.duration_s), "requests", f"200s of {name}")


def refusals(run, name, words):
    """How often the cluster refused something of a service in these words: exact."""
    said = [
        one
        for one in run.journal.events
        if f"/{name}-" in one["object"] and one["reason"] == "FailedCreate" and words in one["message"]
    ]
    return Measured.exact(len(said), 1, "events", f"refusals of {name}: {words}")


def quota_used(run, namespace, first, last):
    """The millicores that a quota says are used, at a mark and whenever they change until another."""
    from sandbox.journal.schema import RecordKind

    told = [
        (one["t_s"], one["used"]["requests.cpu"])
        for one in run.journal.of_kind(RecordKind.OBJECT)
        if one["object"] == "resourcequota/compute" and one.get("namespace") == namespace and one["event"] == "status"
    ]
    begin, end = run.mark(first), run.mark(last) - 10
    held = [used for t_s, used in told if t_s <= begin][-1:] + [used for t_s, used in told if begin < t_s < end]
    return [Measured.exact(used, 1, "millicores", f"quota used in {namespace}, {first}") for used in held]


# -- the arithmetic ----------------------------------------------------------------------------------------------


def intruders(run, seconds):
    """Least and most requests of the intruder that are answered in so many seconds."""
    return run.params["intruder_rate"] * seconds - 1, run.params["intruder_rate"] * seconds + 1


def pods_within(run, mcpu):
    """How many whole pods so many millicores are."""
    return mcpu // run.params["pod_mcpu"]


def left_by_b(run):
    """Pods that the nodes hold beside b's."""
    return pods_within(run, run.params["nodes_mcpu"]) - run.params["b_pods"]


def without_sidecars(run):
    """Pods that fit a quota which counts the model's container only."""
    return pods_within(run, run.params["quota_a_mcpu"] / run.params["pod_mcpu"] * run.params["model_mcpu"])


def needed(run):
    """Pods that b needs at its highest load."""
    return -(-peak_rate(run, "ranker.tenant-b") // run.params["per_pod"])


def starved_wait_s(run):
    """How long b's requests wait at the end of its burst if its pods stay as they are, less a fifth for the ramp.

    Of λ requests a second only μ are answered. After T seconds μT are, which arrived within the first μT/λ seconds.
    """
    served = run.params["b_pods"] / run.params["service_s"]
    lasts_s = burst_s(run) - 10
    return 0.8 * lasts_s * (1 - served / peak_rate(run, "ranker.tenant-b"))


def burst_s(run):
    """How long b's load stays high."""
    knots = next(flow.rate for flow in run.flows if flow.to == "ranker.tenant-b" and len(flow.rate) > 1)
    highest = max(rate for _, rate in knots)
    times = [t for t, rate in knots if rate == highest]
    return times[-1] - times[0]


def peak_rate(run, to):
    """The highest rate of the clients of a service, its intruders not counted."""
    return max(rate for flow in run.flows if flow.to == to and not flow.name for _, rate in flow.rate)
