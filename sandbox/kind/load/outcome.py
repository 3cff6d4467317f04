"""What became of one request, and whether a generator kept to its plan.

Comes in: `Outcome`s from open_loop.py; goes out: `Punctuality`, by which a run is judged conclusive or not. A run
whose generator could not keep the plan says nothing about the system, however good its latencies look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NO_ANSWER = 0  # status of a request that was refused, reset or not answered in time
RATE_TOLERANCE = 0.02  # achieved against asked, as a share
LATE_S = 0.05  # a request that left later than this was late
LATE_SHARE = 0.01  # more late requests than this and the run is inconclusive


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One request as it went. All instants in seconds from the start of the run; latency counts from `intended_s`."""

    number: int
    flow: int
    intended_s: float
    started_s: float
    ended_s: float
    status: int  # HTTP status, or NO_ANSWER
    key: int | None = None
    revision: str = ""  # who answered, as the answer's headers say
    pod: str = ""
    model: str = ""  # digest of the model that answered
    inner_revision: str = ""  # the predictor that was asked on a miss, behind a transformer
    inner_pod: str = ""
    cache: str = ""  # hit, miss, shared, off, error; "" where there is none
    error: str = ""  # why there was no answer

    @property
    def latency_s(self) -> float:
        """From the instant at which the request should have left: a late generator hides nothing."""
        return self.ended_s - self.intended_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Punctuality:
    """How well a generator kept its plan."""

    asked: int
    sent: int
    late: int
    worst_s: float  # the largest delay between intended and real start
    rate_error: float  # (achieved - asked) / asked, over the time from the first to the last request

    @property
    def why_not(self) -> str:
        """Why nothing can be concluded from such a run; "" if it can.

        >>> Punctuality(asked=100, sent=100, late=0, worst_s=0.001, rate_error=0.0).why_not
        ''
        >>> Punctuality(asked=100, sent=96, late=0, worst_s=0.001, rate_error=0.0).why_not
        'only 96 of 100 planned requests were sent'
        """
        if self.sent < self.asked:
            return f"only {self.sent:,} of {self.asked:,} planned requests were sent"
        if abs(self.rate_error) > RATE_TOLERANCE:
            return f"the achieved rate is {self.rate_error:+.1%} off what was asked, {RATE_TOLERANCE:.0%} are allowed"
        if self.late > LATE_SHARE * self.asked:
            return (
                f"{self.late:,} of {self.asked:,} requests left more than {LATE_S * 1000:g} ms late "
                f"(the worst {self.worst_s * 1000:.0f} ms): this machine cannot generate the load"
            )
        return ""


def punctuality(asked: int, outcomes: Sequence[Outcome]) -> Punctuality:
    """How well `asked` planned requests were kept, from what was sent."""
    delays = [one.started_s - one.intended_s for one in outcomes]
    return Punctuality(
        asked=asked,
        sent=len(outcomes),
        late=sum(delay > LATE_S for delay in delays),
        worst_s=max(delays, default=0.0),
        rate_error=_rate_error(outcomes),
    )


def _rate_error(outcomes: Sequence[Outcome]) -> float:
    """Both rates over the same number of requests, so their ratio is that of the two spans."""
    if len(outcomes) < 2:
        return 0.0
    intended = [one.intended_s for one in outcomes]
    started = [one.started_s for one in outcomes]
    asked_s, took_s = max(intended) - min(intended), max(started) - min(started)
    return asked_s / took_s - 1 if took_s > 0 and asked_s > 0 else 0.0
