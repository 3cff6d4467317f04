"""A bad model behind a canary fails its step's share of the requests, and a rollback goes where KServe remembers.

bad-at-5    version 2 fails half of its requests; it gets 5 % of the traffic, then canaryTrafficPercent 0
successive  version 2 at 20 %, taken back to 0 %, then version 3 at 30 %: the rest goes to version 1 all the time
promoted    version 2 was rolled out in full; a canaryTrafficPercent of 10 on it, without a new model, gives version 1
            the other 90 %: whoever meant "start the next canary at 10 %" has rolled back

README.md has the numbers of every bound.
"""

from sandbox import Scenario, at, traffic, within

V1, V2, V3 = (f"flowers-predictor-0000{n}" for n in (1, 2, 3))

steady = Scenario(
    manifests=["flowers.yaml"],
    profile="profile.yaml",
    traffic=traffic.poisson(rate=200, to="flowers"),
    duration="9m",
    params={
        "failure_rate": 0.5,  # profile.yaml
        "ready_s": 6,  # profile.yaml: startup 5 s, and some for the route
        "percent": 5,  # flowers-v2-canary-5.yaml
    },
    short={"rate": 100, "duration": "3m"},
)


def percent(p):
    return {"spec": {"predictor": {"canaryTrafficPercent": p}}}


variants = {
    "bad-at-5": steady.then(
        at("1m", mark="v2 at 5 %").apply("flowers-v2-canary-5.yaml"),
        at("5m", mark="v2 at 0 %").patch("isvc/flowers", percent(0)),
        at("9m", mark="end"),
    ),
    "successive": steady.then(
        at("1m", mark="v2 at 20 %").apply("flowers-v2-canary-20.yaml"),
        at("3m", mark="v2 at 0 %").patch("isvc/flowers", percent(0)),
        at("5m", mark="v3 at 30 %").apply("flowers-v3-canary-30.yaml"),
        at("7m", mark="v3 at 0 %").patch("isvc/flowers", percent(0)),
        at("9m", mark="end"),
    ),
    "promoted": steady.then(
        at("1m", mark="v2 at 100 %").apply("flowers-v2.yaml"),
        at("3m", mark="10 % of what?").patch("isvc/flowers", percent(10)),
        at("5m", mark="v2 at 0 %").patch("isvc/flowers", percent(0)),
        at("9m", mark="end"),
    ),
}
TABLES = {  # the traffic that clients must see from each mark on, in percent
    "bad-at-5": {"v2 at 5 %": {V1: 95, V2: 5}, "v2 at 0 %": {V1: 100}},
    "successive": {
        "v2 at 20 %": {V1: 80, V2: 20},
        "v2 at 0 %": {V1: 100},
        "v3 at 30 %": {V1: 70, V3: 30},
        "v3 at 0 %": {V1: 100},
    },
    "promoted": {"v2 at 100 %": {V2: 100}, "10 % of what?": {V1: 90, V2: 10}, "v2 at 0 %": {V1: 100}},
}
STEPS = sum(len(table) for table in TABLES.values())


def held(run, mark):
    """From the time that a step's revision is ready to the next mark."""
    later = [t for t in run.marks.values() if t > run.mark(mark)]
    return run.slice(run.mark(mark) + run.params["ready_s"], min(later), mark)


def test_the_error_share_is_bounded_by_the_step(runs):
    run = runs["bad-at-5"]
    share = run.params["percent"] / 100
    errors = held(run, "v2 at 5 %").error_ratio.observed

    assert errors <= interval(errors.n, share)[1]
    assert within(errors, *interval(errors.n, share * run.params["failure_rate"]))


def test_percent_0_restores_100_percent_to_the_previous_revision(runs):
    run = runs["bad-at-5"]
    after = run.after("v2 at 0 %", skip=1)

    assert after.share(V1).observed == 1
    assert after.errors == 0


def test_each_step_has_the_traffic_table_that_the_book_keeping_says(runs):
    for name, tables in TABLES.items():
        for mark, table in tables.items():
            assert traffic_table(runs[name], mark) == table, f"{name}, {mark}"


def test_clients_see_the_shares_of_the_table(runs):
    for name, tables in TABLES.items():
        for mark, table in tables.items():
            window = held(runs[name], mark)
            for revision, p in table.items():
                share = window.share(revision).observed
                assert within(share, *interval(share.n, p / 100))


def test_both_of_two_successive_canaries_fall_back_to_the_last_full_rollout(runs):
    run = runs["successive"]

    assert held(run, "v3 at 30 %").share(V2).observed == 0
    assert held(run, "v3 at 0 %").share(V1).observed == 1


def test_a_percent_on_what_is_rolled_out_already_rolls_back_one_step(runs):
    run = runs["promoted"]
    surprised = held(run, "10 % of what?")

    assert held(run, "v2 at 100 %").share(V1).observed == 0
    assert within(surprised.share(V1).observed, *interval(surprised.share(V1).n, 0.9))
    assert held(run, "v2 at 0 %").share(V1).observed == 1


def traffic_table(run, mark):
    """What the route of the predictor said at the end of a step: percent by revision, zeros left out."""
    from sandbox.journal.schema import RecordKind

    end = held(run, mark).end_s
    written = [
        one["traffic"]
        for one in run.journal.of_kind(RecordKind.OBJECT)
        if one["object"] == "route/flowers-predictor" and one["event"] == "traffic" and one["t_s"] < end
    ]
    return {revision: percent for revision, percent in written[-1] if percent}


# -- the arithmetic ----------------------------------------------------------------------------------------------


def interval(n, p):
    """Where the share of n independent draws must lie: all steps of all variants together with 99 %."""
    from sandbox.journal.statistics import binomial_interval

    return binomial_interval(n, p, 1 - 0.01 / STEPS)
