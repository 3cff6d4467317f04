"""A response cache halves the mean response time when it answers 52.5 % of the requests, not before and not by magic.

Search terms of a shop, Zipf-distributed; a model of 40 ms behind a transformer whose cache takes 1 ms to look a term
up. The mean with the cache is (1 - h + Tc/Tm) of the mean without it, so it halves exactly where h = 0.5 + Tc/Tm.

without  no cache
small    entries for a hit ratio of 0.35
half     entries for 0.525
large    entries for 0.7

How many entries that takes, Che's approximation says; README.md has the numbers.
"""

import math

from sandbox import Scenario, at, traffic, within

TERMS = traffic.zipf(20_000, s=0.8)


def shop(*manifests, entries=0):
    return Scenario(
        manifests=manifests,
        profile="profile.yaml",
        traffic=traffic.poisson(rate=500, to="shopping", keys=TERMS),
        duration="12m",
        params={
            "entries": entries,  # cache-….yaml: maxEntries
            "model_s": 0.040,  # profile.yaml
            "cache_s": 0.001,  # profile.yaml
        },
        short={"duration": "5m"},
    ).then(at("2m", mark="warm", short="2m"))


variants = {
    "without": shop("without-cache.yaml"),
    "small": shop("with-cache.yaml", "cache-small.yaml", entries=1038),
    "half": shop("with-cache.yaml", "cache-half.yaml", entries=3082),
    "large": shop("with-cache.yaml", "cache-large.yaml", entries=6914),
}
CACHED = ("small", "half", "large")
BUCKET = 0.008  # a journal's latency is known to half a bucket
Z_99 = 2.576  # intervals are of 99 %


def ratio(runs, name):
    """Mean response time with the cache, as a share of the one without."""
    share = runs[name].after("warm").latency.mean / runs["without"].after("warm").latency.mean
    return share.named(f"{name}: mean with the cache / mean without")


def test_every_cache_is_warm_when_it_is_measured(runs):
    for name in CACHED:
        assert runs[name].mark("warm") >= warm_up_s(runs[name])


def test_there_are_look_ups_enough_to_tell_5_percent(runs):
    for name in CACHED:
        assert runs[name].after("warm").cache.lookups >= look_ups_needed(runs[name])


def test_the_hit_ratio_is_what_the_keys_and_the_entries_say(runs):
    for name in CACHED:
        hits = runs[name].after("warm").cache.hit_ratio

        assert within(hits.observed, *hits_between(runs[name], hits.n))


def test_the_mean_falls_to_1_minus_h_plus_the_look_up(runs):
    for name in CACHED:
        expected = mean_ratio(runs[name], che(runs[name]))

        assert within(ratio(runs, name), 0.95 * expected, 1.05 * expected)


def test_the_mean_halves_where_h_is_half_and_the_look_up(runs):
    assert ratio(runs, "small") > 0.5
    assert within(ratio(runs, "half"), 0.475, 0.525)
    assert ratio(runs, "large") < 0.5


def test_a_hit_takes_the_look_up_and_no_more(runs):
    for name in CACHED:
        run = runs[name]
        assert run.after("warm").latency.min <= run.params["cache_s"] * 1.02


def test_nothing_fails(runs):
    for run in runs.values():
        assert run.whole.errors == 0


# -- the arithmetic ----------------------------------------------------------------------------------------------


def che(run):
    """The hit ratio of the full cache."""
    from sandbox.scenario.hit_ratio import hit_ratio

    return hit_ratio(run.flows[0].keys, run.params["entries"])


def warm_up_s(run):
    """The characteristic time: a key that was not asked for in that long has left the full cache."""
    from sandbox.scenario.hit_ratio import characteristic_time

    return characteristic_time(run.flows[0].keys, run.params["entries"]) / run.flows[0].rate[-1][1]


def hits_between(run, n):
    """Che within 1 %, and three standard deviations of n look-ups."""
    h = che(run)
    reach = 0.01 * h + 3 * math.sqrt(h * (1 - h) / n)
    return h - reach, h + reach


def look_ups_needed(run):
    """So many that the interval of the means' ratio lies inside ±5 % with four standard deviations to spare."""
    h = che(run)
    deviation = math.sqrt(h * (1 - h)) / mean_ratio(run, h)  # of one request, as a share of the mean
    room = 0.05 - 2 * BUCKET
    return math.ceil(((Z_99 + 4) * deviation / room) ** 2)


def mean_ratio(run, h):
    """(Tc + (1 - h)·Tm) / Tm."""
    return 1 - h + run.params["cache_s"] / run.params["model_s"]
