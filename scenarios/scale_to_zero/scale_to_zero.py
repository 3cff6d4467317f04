"""An idle model is scaled to zero after the stable window, and its next request waits for a pod instead of failing.

activator-in-path  the default target-burst-capacity: with one pod the activator is in the path all the time, so the
                   last pod goes as soon as the stable window has run dry
activator-enters   target-burst-capacity 0: the activator must first enter the path and stay for the grace period

Both then get one request, which finds no pod. README.md derives the times.
"""

from sandbox import Scenario, at, traffic, within

# Five requests a second for a minute, then silence, then a burst so small that it holds exactly one request: the area
# under its rate is 1.4. The short form asks at four times the rate in a quarter of the time, so that it is again.
calls = traffic.constant(rate=[("0s", 5), ("60s", 5), ("60.001s", 0)], to="flowers", name="calls")
one = traffic.constant(rate=[("0s", 0), ("5m", 0), ("5m1s", 1.4), ("5m2s", 0)], to="flowers", name="one")
usual = Scenario(
    manifests=["flowers.yaml"],
    profile="profile.yaml",
    traffic=calls + one,
    duration="7m",
    params={
        "stable_window_s": 60,  # config-autoscaler
        "grace_s": 30,  # config-autoscaler: scale-to-zero-grace-period
        "startup_s": 5,  # profile.yaml
        "service_s": 0.1,  # profile.yaml
        "gap_s": 0.2,  # between two requests of `calls`
    },
    short={
        "rate": 20,
        "duration": "105s",
        "config": ["short-autoscaler.yaml"],
        "params": {"stable_window_s": 15, "grace_s": 8, "gap_s": 0.05},
    },
)
STEPS = (at("1m", mark="silence"), at("5m", mark="one request"))
variants = {
    "activator-in-path": usual.then(*STEPS),
    "activator-enters": Scenario(
        manifests=["flowers-without-activator.yaml"],
        profile=usual.profile,
        traffic=usual.traffic,
        duration=usual.duration,
        params=usual.params,
        short=usual.short,
    ).then(*STEPS),
}
GRACES = {"activator-in-path": 0, "activator-enters": 1}


def test_zero_is_wanted_when_the_stable_window_has_run_dry(runs):
    for run in runs.values():
        assert within(seconds_until(run, "desired", 0), *wanted_after(run))


def test_the_pod_goes_after_the_grace_period_where_the_activator_must_first_enter(runs):
    for name, run in runs.items():
        assert within(seconds_until(run, "pods", 0), *gone_after(run, GRACES[name]))


def test_the_activator_is_in_the_path_by_then(runs):
    from sandbox.journal.schema import Gauge

    before = runs["activator-enters"].before("silence", seconds=10)
    assert runs["activator-in-path"].whole.gauge(Gauge.PROXY_MODE).min == 1
    assert before.gauge(Gauge.PROXY_MODE).peak == 0
    assert runs["activator-enters"].before("one request", seconds=10).gauge(Gauge.PROXY_MODE).min == 1


def test_the_pod_drains_for_half_a_minute_more(runs):
    for run in runs.values():
        drained = seconds_until(run, "terminating", 0, since=seconds_until(run, "pods", 0).value)

        assert within(drained, DRAIN_S, DRAIN_S + 1)


def test_the_next_request_waits_for_a_pod_and_succeeds(runs):
    for run in runs.values():
        cold = run.after("one request")

        assert cold.statuses == {200: 1}
        assert cold.latency.min >= run.params["startup_s"] + run.params["service_s"]
        assert cold.latency.max <= slowest_cold_start_s(run)
        assert cold.cold_starts == 1


def test_nothing_fails(runs):
    for run in runs.values():
        assert run.whole.errors == 0


def seconds_until(run, what, value, since=0):
    """Seconds from the last request (and `since` more) until a gauge first has a value."""
    from sandbox import Measured

    window = run.slice(run.mark("silence") + since, run.mark("one request"), f"after the last request, {what}")
    pods = window.pods()
    level = {"desired": window.desired(), "pods": pods.existing, "terminating": pods.terminating}[what]
    at_s = next(second for second, found in level.series() if found == value)
    return Measured.exact(at_s - run.mark("silence") - since, 1, "s", f"{run.name}: {what} = {value} after the silence")


# -- the arithmetic ----------------------------------------------------------------------------------------------

BUCKET_S, TICK_S, LOOK_AGAIN_S, DRAIN_S = 1, 2, 3, 30  # knative/serving: metric bucket, autoscaler tick, scaler, drain
SECOND = 1  # gauges are written once a second


def wanted_after(run):
    """The last busy bucket ends with the second of the last request or of its answer, and leaves the stable window
    when that has passed; then comes a tick."""
    window, busy = run.params["stable_window_s"], run.params["service_s"]
    return window - run.params["gap_s"], window + busy + 2 * BUCKET_S + TICK_S + SECOND


def gone_after(run, graces):
    """Then the PodAutoscaler turns inactive, and looks again: 3 s later where the activator has been in the path for
    long, else after the grace period."""
    low, high = wanted_after(run)
    wait = run.params["grace_s"] if graces else LOOK_AGAIN_S
    return low + (wait if graces else 0), high + wait + SECOND


def slowest_cold_start_s(run):
    """Start-up, the model's own time, and not more than half a second of activator, gateway and probes."""
    return run.params["startup_s"] + run.params["service_s"] + 0.5
