"""A target of 150 requests a second means a pod for every 105: Knative leaves 30 % of the target as headroom.

The rate climbs from 0 to 1,500 requests a second and stays there. The target is written in the two ways that KServe
takes: annotations (annotations.yaml) and scaleMetric and scaleTarget (scale-target.yaml); both mean the same.

The autoscaler sees the mean of the last stable window, so the wanted pods follow the rate half a window late; in
panic, after a doubling, they follow the panic window instead. README.md derives the bounds.
"""

import math

from sandbox import Measured, Scenario, at, traffic

PATIENCE = 4.0  # standard deviations that the scraped rate may be off: 1 in 16,000 ticks on one side


def ramp(manifest):
    return Scenario(
        manifests=[f"{manifest}.yaml"],
        profile="profile.yaml",
        traffic=traffic.constant(rate=traffic.ramp(0, 1500, over="15m"), to="flowers"),
        duration="18m",
        params={"target": 150},
        short={"rate": 150, "duration": "18m", "manifests": [f"short-{manifest}.yaml"], "params": {"target": 15}},
    ).then(at("15m", mark="top"), at("16m30s", mark="settled"))


variants = {"annotations": ramp("annotations"), "scale-target": ramp("scale-target")}


def test_at_every_tick_the_wanted_pods_follow_the_rate(runs):
    for run in runs.values():
        wanted = run.whole.desired().series()
        outside = [(t, pods, wanted_at(run, t)) for t, pods in wanted if not inside(pods, wanted_at(run, t))]

        assert counted(outside, wanted, f"{run.name}: seconds outside the bounds") == 0, outside


def test_every_decision_is_the_formula(runs):
    for run in runs.values():
        decisions = [one for one in run.whole.decisions("flowers-predictor") if not one["in_panic"]]
        wrong = [one["formula"] for one in decisions if one["decided"] != math.ceil(one["stable"] / per_pod(run))]

        assert counted(decisions, decisions, f"{run.name}: decisions outside of panic") >= 5
        assert counted(wrong, decisions, f"{run.name}: decisions that are not ceil(rate / {per_pod(run):g})") == 0, (
            wrong
        )


def test_at_the_top_there_are_15_pods(runs):
    for run in runs.values():
        top = run.slice(run.mark("settled"), run.duration_s, "at the top")

        assert top.desired().min == math.ceil(rate_at(run, run.duration_s) / per_pod(run))
        assert top.desired().peak == math.ceil(rate_at(run, run.duration_s) / per_pod(run))
        assert top.pods("flowers-predictor").min == math.ceil(rate_at(run, run.duration_s) / per_pod(run))


def test_annotations_and_scale_target_mean_the_same(runs):
    assert runs["annotations"].whole.desired().series() == runs["scale-target"].whole.desired().series()


def test_nothing_fails(runs):
    for run in runs.values():
        assert run.whole.errors == 0


# -- the arithmetic ----------------------------------------------------------------------------------------------

UTILISATION = 0.7  # of the target, for the metric rps
STABLE_S, PANIC_S = 60, 6  # config-autoscaler's defaults
LATE_S = 4  # a bucket of 1 s, its report a second later, a tick of 2 s


def inside(value, bounds):
    return bounds[0] <= value <= bounds[1]


def counted(found, of, what):
    return Measured.exact(len(found), len(of), label=what)


def per_pod(run):
    return UTILISATION * run.params["target"]


def rate_at(run, t):
    """Requests a second at t: linear between the knots, the last one holds."""
    (t0, r0), (t1, r1) = run.flows[0].rate
    return r0 + (r1 - r0) * min(max((t - t0) / (t1 - t0), 0.0), 1.0)


def mean_rate(run, t, window):
    """Over the window that ends at t, or since 0 s: the ramp is linear, so two thirds of a parabola add up."""
    start = max(t - window, 0.0)
    top = run.flows[0].rate[1][0]
    until = min(max(t, start), top)
    rising = (rate_at(run, start) + rate_at(run, until)) / 2 * max(until - start, 0.0)
    flat = rate_at(run, t) * max(t - max(start, top), 0.0)
    return (rising + flat) / max(t - start, 1.0)


def sampled(pods):
    """How many of the pods a scrape asks: all up to 3, then so many that a sample of them is good to 5 %."""
    x = 1.96**2 * 100 / 5**2
    return pods if pods <= 3 else math.ceil(pods * x / (pods + x - 1))


def error(run, rate, seconds):
    """Standard deviation of a rate over so many seconds, scraped from a sample of the pods: of `rate` requests a
    second a share n/N falls to the sample (binomial, if they were spread at random), and N/n of it is reported."""
    pods = max(math.ceil(rate / per_pod(run)), 1)
    return math.sqrt(rate * (pods / sampled(pods) - 1) / seconds)


def wanted_at(run, t):
    """Between what the oldest view of the stable window asks for, and the newest view of the panic window."""
    seen = mean_rate(run, max(t - LATE_S, 0.0), STABLE_S)
    now = rate_at(run, t + 1)
    low = seen - PATIENCE * error(run, seen, STABLE_S)
    high = now + PATIENCE * error(run, now, PANIC_S)
    return max(math.ceil(low / per_pod(run)), 1), max(math.ceil(high / per_pod(run)), 1)
