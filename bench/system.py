"""The system that all baselines play: M/M/60 at 1,000 requests a second, and what its mean wait must be.

A baseline is `play(requests, seed) -> mean wait in seconds`; whoever is fast and wrong is caught by `checked`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

RATE = 1000.0  # requests per second
MEAN_S = 0.05  # of the exponential service time
SERVERS = 60

Play = Callable[[int, int], float]


def mean_wait_s(rate: float = RATE, mean_s: float = MEAN_S, servers: int = SERVERS) -> float:
    """Erlang's C formula.

    >>> round(mean_wait_s(0.5, 1.0, 1), 9)  # M/M/1 at half load waits as long as it works
    1.0
    """
    offered = rate * mean_s
    blocked = 1.0  # Erlang B, by recursion over the servers
    for n in range(1, servers + 1):
        blocked = offered * blocked / (n + offered * blocked)
    delayed = servers * blocked / (servers - offered * (1 - blocked))
    return delayed * mean_s / (servers - offered)


def checked(wait_s: float, requests: int) -> float:
    """The wait, if it is one that this many requests can have had.

    Waits come in clusters: a wide margin. And a wait that is latency less mean service has the services' noise in it.
    """
    expected = mean_wait_s()
    margin = (100 * expected + 5 * MEAN_S) / math.sqrt(requests)
    if abs(wait_s - expected) > margin:
        raise SystemExit(f"a baseline plays another system: mean wait {wait_s:.6f} s, expected {expected:.6f} s")
    return wait_s
