"""The activator's reports to the autoscaler: the first request at once, then one report a second per revision.

Requests come in and out, `Message`s go out. Mirrors knative/serving pkg/activator/handler/concurrency_reporter.go.
The early message about the first request is what wakes a revision at zero; the next report subtracts it. A revision
without any activity for a period is reported once more (0) and then forgotten, unless a request still refers to it.
"""

from __future__ import annotations

from typing import NamedTuple

from sandbox.mechanisms.autoscaling.request_stats import RequestStats


class Message(NamedTuple):
    """One revision's share of a report."""

    revision: str
    avg_concurrency: float
    requests: float


def without_first(avg_concurrency: float, requests: float) -> tuple[float, float]:
    """A period's numbers without the request that was reported at once.

    >>> without_first(0.25, 3)
    (0.0, 2)
    """
    return max(avg_concurrency - 1.0, 0.0), requests - 1


class _Known:
    """Statistics of a revision this activator knows."""

    __slots__ = ("first_is_reported", "references", "stats")

    def __init__(self, now_s: float) -> None:
        self.stats = RequestStats(now_s)
        self.references = 0
        self.first_is_reported = True


class ConcurrencyReporter:
    """All revisions of one activator."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def request_in(self, now_s: float, revision: str) -> Message | None:
        """A request arrives; the message to send at once, if the revision was unknown."""
        message = self.refer(now_s, revision)
        self.count(now_s, revision)
        return message

    def refer(self, now_s: float, revision: str) -> Message | None:
        """First half of an arrival: from here on the statistics cannot be forgotten."""
        known = self._known.get(revision)
        if known is not None:
            known.references += 1
            return None
        known = self._known[revision] = _Known(now_s)
        known.references = 1
        return Message(revision, 1.0, 1)

    def count(self, now_s: float, revision: str) -> None:
        """Second half of an arrival: the request is counted."""
        self._known[revision].stats.start(now_s)

    def request_out(self, now_s: float, revision: str) -> None:
        known = self._known[revision]
        known.stats.end(now_s)
        known.references -= 1

    def report(self, now_s: float) -> list[Message]:
        """The periodic report, one message for each known revision."""
        messages = []
        for revision, known in list(self._known.items()):
            average, _, requests, _ = known.stats.report(now_s)
            if average == 0 and known.references == 0:
                del self._known[revision]
            if known.first_is_reported:
                known.first_is_reported = False
                average, requests = without_first(average, requests)
            messages.append(Message(revision, average, requests))
        return messages
