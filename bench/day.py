"""A day of 300 million requests: 3,472 a second on average, three times as many at noon as at night.

The platform of platform.py plays it, so pods come and go with the hour. Time and memory are measured in a child
process: its resident memory when 1 % of the day has been played, and the most it ever had.
"""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import TypedDict

from bench.platform import Knots, variant

DAY_S = 86_400
REQUESTS = 300_000_000
SWING = 0.5  # the rate goes from 1 - SWING to 1 + SWING times the mean
STEP_S = 1800  # between two knots of the rate
START_SHARE = 0.01


class Measured(TypedDict):
    """What `measure` finds."""

    requests: float
    wall_s: float
    requests_per_s: float
    rss_start_mb: float
    rss_growth_mb: float


def rate() -> Knots:
    """Knots of the day's rate: lowest at midnight, highest at noon. The integral over the day is REQUESTS."""
    mean = REQUESTS / DAY_S
    return tuple(
        (float(t), mean * (1 - SWING * math.cos(2 * math.pi * t / DAY_S))) for t in range(0, DAY_S + 1, STEP_S)
    )


def expected_requests(share: float) -> float:
    """The integral of the rate over the first part of the day."""
    total = 0.0
    end = share * DAY_S
    knots = rate()
    for (t0, r0), (t1, r1) in pairwise(knots):
        width = min(t1, end) - t0
        if width > 0:
            total += width * (r0 + (r1 - r0) / (t1 - t0) * width / 2)
    return total


def measure(share: float = 1.0) -> Measured:
    """Play that much of the day in a child process."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.day", str(share)], check=True, stdout=subprocess.PIPE, text=True
    )
    wall_s, start_mb, peak_mb = json.loads(done.stdout)
    requests = expected_requests(share)
    return Measured(
        requests=requests,
        wall_s=wall_s,
        requests_per_s=requests / wall_s,
        rss_start_mb=start_mb,
        rss_growth_mb=peak_mb - start_mb,
    )


def resident_mb() -> float:
    """Resident memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def peak_mb() -> float:
    """The most resident memory there ever was."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def _play(share: float) -> None:
    """In the child: play, and print seconds, memory at 1 % of the day, and peak memory."""
    from sandbox.sim.world import SimWorld

    with tempfile.TemporaryDirectory() as folder:
        SimWorld().play(variant("warm-up", ((0.0, 1000.0),), 10.0), 0, Path(folder) / "warm")
        began = time.perf_counter()
        SimWorld().play(variant("start", rate(), START_SHARE * DAY_S), 1, Path(folder) / "start")
        start_mb = peak_mb()
        began = time.perf_counter()
        SimWorld(_tell).play(variant("day", rate(), share * DAY_S), 1, Path(folder) / "day")
        print(json.dumps([time.perf_counter() - began, start_mb, peak_mb()]))


def _tell(share: float) -> None:
    print(f"\r{share:4.0%} of the day", end="\n" if share == 1 else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    _play(float(sys.argv[1]))
