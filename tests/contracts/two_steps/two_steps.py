"""A canary of 30 percent becomes one of 60: a few real seconds, for every world."""

from sandbox import Scenario, at, traffic, within

steady = Scenario(
    manifests=["echo.yaml"],
    profile="profile.yaml",
    traffic=traffic.constant(rate=100, to="echo"),
    duration="6s",
    params={"first_percent": 30, "second_percent": 60, "chance": 0.0001},
)
variants = {
    "canary": steady.then(
        at("1s", mark="first").apply("echo-canary-30.yaml"),
        at("3s", mark="second").patch("isvc/echo", {"spec": {"predictor": {"canaryTrafficPercent": 60}}}),
        at("5s", mark="over"),
    ),
    "alone": steady.then(at("3s", mark="second")),
}


def test_each_step_sends_its_share_to_the_canary(runs):
    from sandbox.journal.statistics import binomial_interval

    run = runs["canary"]
    for window, percent in [
        (run.after("first", seconds=1, skip=0.5), run.params["first_percent"]),
        (run.between("second", "over"), run.params["second_percent"]),
    ]:
        share = window.share("echo-predictor-00002").observed
        low, high = binomial_interval(share.n, percent / 100, 1 - run.params["chance"])

        assert within(share, low, high)


def test_nothing_fails(runs):
    for run in runs.values():
        assert run.whole.errors == 0


def test_an_answer_takes_at_least_the_service_time(runs):
    assert runs["alone"].whole.latency.min >= 0.0195  # 20 ms, less half a histogram bucket and the clock's grain
