"""A weighted split: which of a route's targets one request goes to.

Each request draws independently, as Envoy's weighted clusters do, so the observed split of n requests is
binomial around the weights. Scalar function in numba's subset, plus the making of its thresholds.
"""

from __future__ import annotations

from collections.abc import Sequence

SPAN = 1 << 53  # thresholds are shares of this many equally likely draws


def thresholds(weights: Sequence[float]) -> list[int]:
    """Cumulative weights scaled to SPAN; the last one is exactly SPAN. All-zero weights give an empty list.

    >>> [t / SPAN for t in thresholds([1, 3])]
    [0.25, 1.0]
    """
    total = sum(weights)
    if total <= 0:
        return []
    running = 0.0
    cumulative = []
    for weight in weights:
        running += weight
        cumulative.append(round(running / total * SPAN))
    return cumulative


def pick(cumulative: Sequence[int], offset: int, n: int, draw: int) -> int:
    """Position (0 … n-1) of the target for a draw in [0, SPAN). n must be at least 1."""
    position = 0
    while position < n - 1 and draw >= cumulative[offset + position]:
        position += 1
    return position
