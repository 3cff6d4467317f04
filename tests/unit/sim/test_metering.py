"""The integrals read once a second are what queue-proxy's own statistics object computes request by request."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.mechanisms.autoscaling.request_stats import RequestStats
from sandbox.sim import columns as c
from sandbox.sim.readout import read_reports

NS = 1_000_000_000
EVENTS = st.lists(st.tuples(st.integers(0, 4 * NS - 1), st.booleans(), st.booleans()), min_size=1, max_size=40)


@settings(max_examples=60, deadline=None)
@given(EVENTS)
def test_reports_equal_the_request_statistics_mechanism(events):
    pods = np.zeros((1, c.POD_COLUMNS), dtype=np.int64)
    rows, out, totals = np.array([0]), np.zeros((1, 4)), np.zeros(2, dtype=np.int64)
    stats = RequestStats(0.0)
    inside = [0, 0]
    timeline = [*sorted(events), (4 * NS, True, False)]
    second = 1
    for at, arrives, proxied in timeline:
        while at >= second * NS:
            read_reports(pods, rows, second * NS, out, totals)
            expected = stats.report(float(second))
            np.testing.assert_allclose(out[0], list(expected), atol=1e-6)
            second += 1
        via = int(proxied)
        if arrives:
            inside[via] += 1
            stats.start(at / NS, proxied)
            _add(pods, at, via)
        elif inside[via]:
            inside[via] -= 1
            stats.end(at / NS, proxied)
            _remove(pods, at, via)

    assert 5 == second


def _add(pods, at, via):
    pods[0, c.P_INSIDE] += 1
    pods[0, c.P_AREA] -= at
    pods[0, c.P_COUNT] += 1
    pods[0, c.P_PROXIED] += via
    pods[0, c.P_PROXIED_AREA] -= at * via
    pods[0, c.P_PROXIED_COUNT] += via


def _remove(pods, at, via):
    pods[0, c.P_INSIDE] -= 1
    pods[0, c.P_AREA] += at
    pods[0, c.P_PROXIED] -= via
    pods[0, c.P_PROXIED_AREA] += at * via
