"""Instants of open-loop arrivals whose rate is piecewise linear in time.

Scalar functions in numba's subset: the simulated data plane compiles them, and the schedule of a real load generator
(sandbox/requests/schedule.py) calls them as they are, so both send request i at the same instant. An arrival
consumes one unit (constant rate) or a unit exponential (Poisson) of the integral of the rate.
"""

from __future__ import annotations

import math


def arrivals_within(rate: float, slope: float, length: float) -> float:
    """The integral of a rate that begins at `rate` and changes by `slope` per unit of time, over `length`.

    >>> arrivals_within(2.0, 0.0, 3.0), arrivals_within(2.0, 2.0, 3.0)
    (6.0, 15.0)
    """
    if slope != 0.0:
        return length * (rate + 0.5 * slope * length)
    return length * rate


def time_for(amount: float, rate: float, slope: float) -> float:
    """How long it takes until the integral reaches `amount`: solves slope/2·dt² + rate·dt = amount for dt.

    The caller has seen that it is reached before the rate falls to zero (`arrivals_within`).

    >>> time_for(6.0, 2.0, 0.0), time_for(15.0, 2.0, 2.0)
    (3.0, 3.0)
    """
    if slope == 0.0:
        return amount / rate
    root = rate * rate + 2.0 * slope * amount
    return 2.0 * amount / (rate + math.sqrt(root if root > 0.0 else 0.0))
