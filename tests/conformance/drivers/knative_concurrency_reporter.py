"""Drives knative_concurrency_reporter.json through sandbox.mechanisms.autoscaling.reporter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.mechanisms.autoscaling.reporter import ConcurrencyReporter, Message

Case = Mapping[str, Any]


def _step(reporter: ConcurrencyReporter, op: list[Any]) -> list[Message]:
    """Milliseconds stay milliseconds: a unit of time cancels out of every average."""
    at, kind, *rest = op
    revision = rest[0] if rest else None
    match kind:
        case "in":
            message = reporter.request_in(at, revision)
            return [message] if message else []
        case "lookup":
            reporter.refer(at, revision)
        case "count":
            reporter.count(at, revision)
        case "out":
            reporter.request_out(at, revision)
        case "tick":
            messages = reporter.report(at)
            return [] if rest[1:] == ["unchecked"] else messages
        case _:
            raise AssertionError(f"unknown event {kind}")
    return []


def _by_revision(messages: Iterable[Any]) -> dict[str, list[tuple[float, float]]]:
    grouped = defaultdict(list)
    for revision, average, requests in messages:
        grouped[revision].append((average, requests))
    return dict(grouped)


def messages(case: Case, table: Mapping[str, Any]) -> None:
    reporter = ConcurrencyReporter()
    got = [message for op in case["ops"] for message in _step(reporter, op)]
    assert _by_revision(got) == _by_revision(case["want"])


def gauge(case: Case, table: Mapping[str, Any]) -> None:
    reporter = ConcurrencyReporter()
    got = [
        message.avg_concurrency
        for op in case["ops"]
        for message in _step(reporter, op)
        if op[1] == "tick" and message.revision == "r1"
    ]
    assert got == case["want_gauge"]


DRIVERS = {"cases": messages, "gauge_cases": gauge, "race_cases": messages}
