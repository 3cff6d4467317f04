"""Traffic: rates, keys and flows, and what is refused where it was written."""

import itertools
import math

import pytest

from sandbox import traffic
from sandbox.errors import UsageError
from sandbox.scenario.model import Arrivals, ClientSide, Keys
from sandbox.scenario.traffic import resolved


def flow_of(written, duration_s=1200.0, in_time=1.0, in_rate=1.0, keys=None):
    return resolved(written.flows[0], duration_s, in_time=in_time, in_rate=in_rate, keys=keys, trace=None)


def test_a_number_is_one_knot():
    assert flow_of(traffic.poisson(150, to="ranker")).rate == ((0.0, 150.0),)


def test_knots_keep_their_times():
    written = traffic.constant([("1m", 10), ("2m", 20)], to="ranker")

    assert flow_of(written).rate == ((0.0, 10.0), (60.0, 10.0), (120.0, 20.0))


def test_a_ramp_may_begin_later():
    assert traffic.ramp(5, 10, over="1m", after="30s").knots == ((0.0, 5.0), (30.0, 5.0), (90.0, 10.0))


def test_the_short_form_shrinks_times_and_rates():
    written = traffic.poisson(traffic.ramp(0, 1500, over="15m"), to="ranker")

    assert flow_of(written, in_time=0.2, in_rate=0.1).rate == ((0.0, 0.0), (180.0, 150.0))


def test_a_day_repeats_over_the_run():
    written = traffic.poisson(traffic.diurnal(mean=100, amplitude=0.5, period="1h"), to="ranker")

    rate = flow_of(written, duration_s=7200.0).rate

    assert len(rate) == 97
    assert (rate[0], rate[24], rate[48], rate[-1]) == ((0.0, 50.0), (1800.0, 150.0), (3600.0, 50.0), (7200.0, 50.0))


def test_the_mean_of_a_day_is_its_mean():
    knots = traffic.diurnal(mean=3472, amplitude=0.6).knots

    area = sum((t2 - t1) * (r1 + r2) / 2 for (t1, r1), (t2, r2) in itertools.pairwise(knots))

    assert area / 86400 == pytest.approx(3472, rel=1e-6)


def test_flows_add_up_in_order():
    both = traffic.poisson(1, to="a") + traffic.users(20, think="2s", to="b")

    assert [spec.flow.to for spec in both.flows] == ["a", "b"]
    assert both.flows[1].flow.arrivals is Arrivals.USERS
    assert both.flows[1].flow.think.params == {"mean": 2.0}


def test_keys_and_clients_reach_the_flow():
    via = traffic.client_side(clients=20, discovery="30s")
    flow = flow_of(traffic.poisson(1, to="a", keys=traffic.zipf(100, s=0.6), via=via), keys=10)

    assert flow.keys == Keys(n=10, s=0.6)
    assert flow.client_side == ClientSide(clients=20, discovery_s=30.0)


@pytest.mark.parametrize(
    "made",
    [
        lambda source: traffic.poisson(1, to="a", source=source),
        lambda source: traffic.constant(1, to="a", source=source),
        lambda source: traffic.users(1, to="a", source=source),
        lambda source: traffic.replay("t.csv", to="a", source=source),
    ],
)
def test_every_flow_can_come_from_a_service_account(made):
    assert made("tenant-a/default").flows[0].flow.source == "tenant-a/default"


@pytest.mark.parametrize(
    "write, message",
    [
        (lambda: traffic.poisson(1, to="a", source="tenant-a"), "a flow comes from a pod's service account"),
        (lambda: traffic.poisson(-1, to="a"), "a rate cannot be negative"),
        (lambda: traffic.poisson(math.nan, to="a"), "rate must be a finite number"),
        (lambda: traffic.poisson("150", to="a"), "rate must be a finite number"),
        (lambda: traffic.poisson([], to="a"), "the knots of a rate must rise in time"),
        (lambda: traffic.poisson([("2m", 1), ("1m", 2)], to="a"), "the knots of a rate must rise in time"),
        (lambda: traffic.poisson([1, 2], to="a"), "a rate is a number or a list of"),
        (lambda: traffic.poisson(1, to=""), "a flow needs a target"),
        (lambda: traffic.poisson(1, to="a", keys=100), "keys is not what it should be"),
        (lambda: traffic.poisson(1, to="a", via="client"), "via is not what it should be"),
        (lambda: traffic.zipf(0, s=1), "at least one key"),
        (lambda: traffic.zipf(10, s=-1), "exponent cannot be negative"),
        (lambda: traffic.users(0, to="a"), "at least one user"),
        (lambda: traffic.client_side(clients=0, discovery="1s"), "at least one client"),
        (lambda: traffic.poisson(2e7, to="a"), "more requests a second than can be played"),
        (lambda: traffic.ramp(0, 1e12, over="1m"), "more requests a second than can be played"),
        (lambda: traffic.users(2_000_000, to="a"), "too many users"),
        (lambda: traffic.zipf(10**9, s=1), "too many keys"),
        (lambda: traffic.diurnal(mean=1, amplitude=2), "amplitude must be a share"),
        (lambda: traffic.ramp(0, 1, over="0s"), "over must be longer than zero"),
    ],
)
def test_what_cannot_be_is_refused_with_the_line_that_wrote_it(write, message):
    with pytest.raises(UsageError, match=message) as error:
        write()

    assert error.value.where.file == __file__
