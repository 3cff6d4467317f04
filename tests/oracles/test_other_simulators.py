"""Two other simulators play the same M/M/60, each with random numbers of its own: the mean waits agree."""

import math
import statistics

import pytest

from bench import ciw_network, mmc, simpy_store

pytestmark = pytest.mark.slow

SEEDS = (1, 2, 3, 4, 5)
T_99 = 4.604  # Student's t, 4 degrees of freedom, 99 % two-sided


def interval(play, requests):
    """(mean, half width of its 99 % confidence interval) over five independent runs."""
    waits = [play(requests, seed) for seed in SEEDS]
    return statistics.fmean(waits), T_99 * statistics.stdev(waits) / math.sqrt(len(SEEDS))


@pytest.mark.parametrize(
    ("other", "requests"),
    [pytest.param(simpy_store.play, 200_000, id="SimPy"), pytest.param(ciw_network.play, 60_000, id="Ciw")],
)
def test_the_mean_wait_agrees_within_the_confidence_intervals(other, requests):
    ours, our_half = interval(mmc.play, 4_000_000)
    theirs, their_half = interval(other, requests)
    print(f"ours {ours:.6f} ± {our_half:.6f} s, theirs {theirs:.6f} ± {their_half:.6f} s")

    assert abs(ours - theirs) <= our_half + their_half
    assert their_half < theirs
