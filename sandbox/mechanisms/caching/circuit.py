"""How long a request may wait for its cache, and when a broken cache is left alone for a while.

Comes in: outcomes of operations and `now` in seconds; goes out: the next `Circuit`, and whether to ask. The real
transformer (`fixtures/transformer`) calls it; the simulated cache never breaks. A circuit breaker in its usual three
states (Nygard, Release It!), with one difference: once it is open no request tries the cache. A probe of the
transformer does, so that nobody's request pays for finding out.

    closed ──3 failures in a row──▶ open ──pause over──▶ a probe ──well──▶ closed
                                     ▲                     │
                                     └─failed, pause × 2───┘

Leaves out failure ratios: a cache that fails now and then costs its time-out now and then, which is the promise.
"""

from __future__ import annotations

from dataclasses import dataclass

FAILURES_IN_A_ROW = 3
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 8.0


def budget_s(timeout_s: float, spent_s: float) -> float:
    """What is left of the time that one request may spend on its cache, whatever it spends it on.

    >>> budget_s(0.5, 0.25), budget_s(0.5, 0.75)
    (0.25, 0.0)
    """
    return max(0.0, timeout_s - spent_s)


@dataclass(frozen=True, slots=True)
class Circuit:
    """A cache's recent past. pauses: how many in a row were needed by now; 0 = closed."""

    failures: int = 0
    pauses: int = 0
    until_s: float = 0.0

    @property
    def closed(self) -> bool:
        """May requests ask the cache?"""
        return self.pauses == 0


def pause_s(pauses: int) -> float:
    """Length of the so-many-th pause in a row.

    >>> [pause_s(n) for n in (1, 2, 6, 1000)]
    [0.25, 0.5, 8.0, 8.0]
    """
    return min(FIRST_PAUSE_S * 2.0 ** min(pauses - 1, 32), LONGEST_PAUSE_S)


def after_success(circuit: Circuit) -> Circuit:
    """A request's operation went well. An open circuit stays open: that one was sent before it opened."""
    return Circuit() if circuit.closed else circuit


def after_failure(circuit: Circuit, now: float) -> Circuit:
    """A request's operation failed or took too long."""
    if not circuit.closed:
        return circuit
    if circuit.failures + 1 < FAILURES_IN_A_ROW:
        return Circuit(failures=circuit.failures + 1)
    return Circuit(pauses=1, until_s=now + pause_s(1))


def after_probe(circuit: Circuit, well: bool, now: float) -> Circuit:
    """The probe at the end of a pause came back."""
    if well:
        return Circuit()
    return Circuit(pauses=circuit.pauses + 1, until_s=now + pause_s(circuit.pauses + 1))
