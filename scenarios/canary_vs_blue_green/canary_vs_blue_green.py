"""Blue/green empties the response cache at once and doubles the pods; a canary spreads both out, mostly.

Four ways to bring version 2 of a ranking service to all of its users, under the same requests:

blue-green         a second InferenceService, then the VirtualService moves all of the weight to it
canary             canaryTrafficPercent 5, 25, 50, 100 on the predictor; minReplicas holds for both revisions
predictor-alone    version 2 at once, behind a transformer whose cache keys don't name the version
canary-autoscaled  a canary of a lighter model without a cache, minReplicas 0: as many pods as the rate needs

Every bound is computed from the scenario's own parameters by the functions at the end. README.md has the numbers.
"""

import math

from sandbox import Scenario, at, traffic, within

V2 = "s3://models/ranker/v2"
PERCENTS = (5, 25, 50, 100)  # the canary's steps
SLACK = 0.05  # of a hit ratio: four standard deviations of 5 seconds, 4·√(0.45·0.55 / 1500)
CONFIDENCE = 1 - 0.01 / len(PERCENTS)  # each step; all together 99 %

# The first minutes bring less than what the predictors can do without a cache, so that it fills in peace.
clients = traffic.poisson(
    rate=[("0s", 200), ("90s", 200), ("2m", 300)],
    to="ranker-live",
    keys=traffic.zipf(100_000, s=0.6),
    name="clients",
)
cached = Scenario(
    manifests=["cache.yaml", "ranker.yaml", "route.yaml"],
    profile="profile.yaml",
    traffic=clients,
    duration="9m",
    params={
        "entries": 25_000,  # cache.yaml: maxEntries
        "predictors": 5,  # ranker.yaml: minReplicas and maxReplicas
        "model_s": 0.022,  # profile.yaml: serviceTime of one predictor, which works on one request at a time
        "fixed_s": 0.008,  # transformer 2 ms, look-up 1 ms, three hops at most 1 ms each; and 2 ms of activators
        "ready_s": 25,  # profile.yaml: 0.1 + 5 + 5 x 2 + 0.5 + 2 s, and some for the route
        "cold_requests": 1500,  # how many requests after the cutover count as "at once"
        "stampede_s": 15,  # how long after the cutover the queue of misses is watched
        "hold_s": 90,  # from one step of the canary to the next
    },
    short={
        "duration": "3m",
        "keys": 30_000,
        "manifests": ["short-cache.yaml"],
        "params": {"entries": 7_500, "cold_requests": 450, "stampede_s": 6, "hold_s": 30},
    },
)
unversioned = Scenario(
    manifests=["cache-without-version.yaml", "ranker.yaml", "route.yaml"],
    profile="profile.yaml",
    traffic=clients,
    duration="5m",
    params=cached.params,
    short={**cached.short, "duration": "100s", "manifests": ["short-cache-without-version.yaml"]},
)
autoscaled = Scenario(
    manifests=["autoscaled.yaml", "route.yaml"],
    profile="profile.yaml",
    traffic=clients,
    duration="9m",
    params={"per_pod": 42, "ready_s": 5},  # autoscaled.yaml: 70 % of scaleTarget 60; profile.yaml: startup 3 s
    short={"duration": "3m", "config": ["short-autoscaler.yaml"]},
)


def percent(p):
    return {"spec": {"predictor": {"canaryTrafficPercent": p}}}


def canary(first):
    """The canary's steps; the first one brings the new model."""
    return (
        at("3m", mark="5 %").apply(first),
        at("270s", mark="25 %").patch("isvc/ranker", percent(25)),
        at("6m", mark="50 %").patch("isvc/ranker", percent(50)),
        at("450s", mark="100 %").patch("isvc/ranker", percent(100)),
        at("9m", mark="held"),
    )


variants = {
    "blue-green": cached.then(
        at("3m", mark="green").apply("green.yaml"), at("5m", mark="cutover").apply("route-to-green.yaml")
    ),
    "canary": cached.then(*canary("ranker-v2-canary-5.yaml")),
    "predictor-alone": unversioned.then(
        at("3m", mark="v2").patch("isvc/ranker", {"spec": {"predictor": {"model": {"storageUri": V2}}}})
    ),
    "canary-autoscaled": autoscaled.then(*canary("autoscaled-v2-canary-5.yaml")),
}
MARKS = ("5 %", "25 %", "50 %", "100 %", "held")


def steps(run):
    """(percent before, percent, window of the step without the time that the new revision takes to be ready)."""
    for i, p in enumerate(PERCENTS):
        skip = run.params["ready_s"] if i == 0 else 1
        yield (0, *PERCENTS)[i] / 100, p / 100, run.slice(run.mark(MARKS[i]) + skip, run.mark(MARKS[i + 1]), f"{p} %")


# -- blue/green --------------------------------------------------------------------------------------------------


def test_the_cutover_empties_the_cache_at_once(runs):
    run = runs["blue-green"]
    warm = run.before("cutover", seconds=30).cache.hit_ratio
    cold = run.after("cutover", requests=int(run.params["cold_requests"])).of("ranker-green").cache.hit_ratio

    assert cold <= 0.25 * warm
    assert cold.observed <= highest_share(cold.n, cold_share(run, cold.n))


def test_the_cache_recovers_within_its_warm_up_time(runs):
    run = runs["blue-green"]

    assert run.after("cutover", skip=warm_up_s(run)).cache.hit_ratio >= 0.9 * warm_share(run)


def test_the_misses_queue_at_a_predictor_sized_for_a_warm_cache(runs):
    run = runs["blue-green"]
    before = run.between("green", "cutover").latency.p99
    after = run.after("cutover", seconds=run.params["stampede_s"]).latency.p99

    assert before.observed <= warm_p99_s(run)
    assert after.observed >= stampede_p99_s(run)
    assert after.observed >= 2 * before.observed


def test_two_colours_request_twice_the_cpu_and_gpus(runs):
    run = runs["blue-green"]
    one, both = run.before("green", seconds=30), run.before("cutover", seconds=30)

    assert both.requested_cpu.min == 2 * one.requested_cpu.peak
    assert both.requested_cpu.peak == 2 * one.requested_cpu.peak
    assert both.requested_gpu.min == 2 * one.requested_gpu.peak


# -- canary ------------------------------------------------------------------------------------------------------


def test_each_step_sends_its_share_to_the_canary(runs):
    for _, p, window in steps(runs["canary-autoscaled"]):
        share = window.share("ranker-predictor-00002").observed

        assert within(share, *share_interval(share.n, p))


def test_a_canary_spreads_the_loss_of_the_cache_out(runs):
    run = runs["canary"]
    warm = run.before("5 %", seconds=30).cache.hit_ratio
    for _, p, window in steps(run):
        for piece in window.each(5):
            assert piece.cache.hit_ratio.observed >= (1 - p) * warm.value - SLACK


def test_a_step_loses_no_more_than_its_own_keys(runs):
    run = runs["canary"]
    for before, p, window in steps(run):
        first = next(window.each(5))

        assert first.cache.hit_ratio.observed >= step_hit_ratio(run, before, p) - SLACK


def test_minreplicas_makes_a_canary_as_large_as_blue_green(runs):
    run = runs["canary"]

    assert run.whole.pods("ranker-predictor").existing.peak == 2 * run.params["predictors"]


def test_an_autoscaled_canary_needs_less_than_two_sets_of_pods(runs):
    run = runs["canary-autoscaled"]
    peak = run.slice(run.mark("5 %"), run.duration_s, "from the first step on").pods("ranker-predictor").existing.peak

    assert peak <= autoscaled_peak(run)
    assert peak < 2 * pods_at(run, 1.0)


# -- predictor alone ---------------------------------------------------------------------------------------------


def test_without_the_version_in_its_keys_the_cache_stays_warm(runs):
    run = runs["predictor-alone"]
    warm = run.before("v2", seconds=30).cache.hit_ratio

    assert run.after("v2", seconds=15, skip=run.params["ready_s"]).cache.hit_ratio >= warm.value - SLACK


def test_and_answers_with_what_the_old_model_said(runs):
    run = runs["predictor-alone"]
    warm = run.before("v2", seconds=30).cache.hit_ratio
    after = run.after("v2", seconds=10, skip=run.params["ready_s"]).cache

    assert run.before("v2").cache.stale_ratio.observed == 0
    assert after.stale_ratio >= warm.value - fresh_share(run, 10) - SLACK


def test_nothing_fails_on_any_way(runs):
    for run in runs.values():
        assert run.whole.errors == 0


# -- the arithmetic ----------------------------------------------------------------------------------------------


def facts(run):
    """Keys, requests a second, entries of the cache."""
    flow = run.flows[0]
    return flow.keys, flow.rate[-1][1], run.params["entries"]


def share_interval(n, p):
    """Where the share of n independent draws must lie."""
    from sandbox.journal.statistics import binomial_interval

    return binomial_interval(n, p, CONFIDENCE)


def highest_share(n, p):
    return share_interval(n, p)[1]


def warm_share(run):
    """Che: the hit ratio of the full cache."""
    from sandbox.scenario.hit_ratio import hit_ratio

    keys, _, entries = facts(run)
    return hit_ratio(keys, entries)


def cold_share(run, lookups):
    """Coupon collector: hits among the first look-ups of an empty cache."""
    from sandbox.scenario.hit_ratio import cold_hit_ratio

    return cold_hit_ratio(facts(run)[0], lookups)


def capacity(run):
    """Requests a second that the predictors of one revision can answer."""
    return run.params["predictors"] / run.params["model_s"]


def warm_p99_s(run):
    """No more than 1 % of the requests to a single server wait longer than ln(100)/θ (Kingman's bound for M/D/1, with
    ρ(e^x - 1) = x, x = θ·service time); two choices among five servers do better."""
    rho = facts(run)[1] * (1 - warm_share(run)) / capacity(run)
    low, high = 1e-9, 10.0
    for _ in range(60):
        x = (low + high) / 2
        low, high = (x, high) if rho * math.expm1(x) < x else (low, x)
    return run.params["fixed_s"] + run.params["model_s"] * (1 + math.log(100) / low)


def backlog_s(run, t):
    """A lower bound on the wait t seconds after the cutover: misses of an empty cache, less three standard deviations,
    less what the predictors answered."""
    _, rate, _ = facts(run)
    misses = rate * t * (1 - cold_share(run, rate * t)) if t > 0 else 0.0
    return max(misses - 3 * math.sqrt(misses) - capacity(run) * t, 0.0) / capacity(run)


def stampede_p99_s(run):
    """What is answered in the last tenth of the watched time came w seconds earlier, when the wait was w at least; a
    tenth of the answers is more than the 1 % that p99 asks for, and the wait grows all the time."""
    low, high = 0.0, 0.9 * run.params["stampede_s"]
    for _ in range(30):
        w = (low + high) / 2
        low, high = (w, high) if w < backlog_s(run, 0.9 * run.params["stampede_s"] - w) else (low, w)
    return low


def stampede(run):
    """(hit ratio, wait) second by second after the cutover, as a fluid: an answer enters the cache after its wait."""
    from sandbox.scenario.hit_ratio import characteristic_time, hit_ratio_at

    keys, rate, entries = facts(run)
    most, queue = characteristic_time(keys, entries), 0.0
    for t in range(int(2 * most / rate)):
        wait = queue / capacity(run)
        hits = hit_ratio_at(keys, min(max(rate * (t - wait), 0.0), most))
        yield hits, wait
        queue = max(queue + rate * (1 - hits) - capacity(run), 0.0)


def warm_up_s(run):
    """The characteristic time of the full cache, and the longest wait on the way there."""
    from sandbox.scenario.hit_ratio import characteristic_time

    keys, rate, entries = facts(run)
    return characteristic_time(keys, entries) / rate + max(wait for _, wait in stampede(run))


def step_hit_ratio(run, before, p):
    """Hit ratio right after a step from `before` to `p`, at least: each version hits on what it asked for itself
    within the characteristic time of a cache that both fill."""
    from sandbox.scenario.hit_ratio import hit_ratio_at

    keys, rate, _ = facts(run)
    lasting = min(shared_time(run, before), shared_time(run, p))
    asked = rate * sum(q / 100 * run.params["hold_s"] for q in PERCENTS if q / 100 <= before)
    asked -= rate * PERCENTS[0] / 100 * run.params["ready_s"] if before else 0
    old = hit_ratio_at(keys, (1 - p) * lasting)
    new = hit_ratio_at(keys, min(before * lasting, asked))
    return (1 - p) * old + p * new


def shared_time(run, p):
    """Characteristic time, in look-ups, of a cache that two versions fill with shares 1 - p and p."""
    from sandbox.scenario.hit_ratio import different_keys

    keys, _, entries = facts(run)
    low, high = 0.0, 1e9
    while high - low > 1:
        t = (low + high) / 2
        used = different_keys(keys, (1 - p) * t) + different_keys(keys, p * t)
        low, high = (t, high) if used < entries else (low, t)
    return low


def fresh_share(run, seconds):
    """Hits on what the new model said: at most those of a cache that was empty when it came."""
    return cold_share(run, facts(run)[1] * (run.params["ready_s"] + seconds))


def pods_at(run, share):
    """Pods that a share of the traffic needs: desired = ceil(rate / target)."""
    return math.ceil(share * run.flows[0].rate[-1][1] / run.params["per_pod"])


def autoscaled_peak(run):
    """B17: old pods stay a stable window after a step, so both count: ceil(N(1 - before)) + ceil(N·after)."""
    n = pods_at(run, 1.0)
    return max(
        math.ceil(n * (100 - before) / 100) + math.ceil(n * p / 100)
        for before, p in zip((0, *PERCENTS), PERCENTS, strict=False)
    )
