"""What a run had to say besides numbers: pods that fit nowhere, routes that never became ready, notes.

Comes in: a journal; goes out: sentences, each once however often it happened, in the words that Kubernetes and
Knative use for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sandbox.journal.journal import Journal
from sandbox.journal.schema import RecordKind

_GOOD_NEWS = {"ScalingReplicaSet"}
_NO_ROUTE = "(no route)"
_NORMAL = {"Active"}  # False means scaled to zero
_NOT_FOUND = 404


def findings(journal: Journal) -> list[str]:
    """The sentences, the world's own notes first."""
    return [*_notes(journal), *_conditions(journal), *_unrouted(journal), *_events(journal)]


def _notes(journal: Journal) -> list[str]:
    return list(dict.fromkeys(str(note["text"]) for note in journal.notes))


def _conditions(journal: Journal) -> Iterator[str]:
    """Conditions that are not True at the end, with their reason."""
    last: dict[tuple[str, str], tuple[float, str, str, str]] = {}
    for record in journal.of_kind(RecordKind.OBJECT):
        if record.get("event") == "condition" and record["type"] not in _NORMAL:
            status, reason, message = (str(record.get(name, "")) for name in ("status", "reason", "message"))
            last[str(record["object"]), str(record["type"])] = (float(record["t_s"]), status, reason, message)
    for (about, kind), (t_s, status, reason, message) in last.items():
        if status != "True" and reason:
            since = f"since {t_s:g} s" if t_s > 0 else "from the start"
            yield f"{about}: {kind} is {status}, {reason}{f': {message}' if message else ''} ({since})"


def _unrouted(journal: Journal) -> Iterator[str]:
    """Requests that no route took."""
    lost = 0
    for index, one in enumerate(journal.series):
        if one.revision == _NO_ROUTE:
            rows = journal.counts
            lost += int(rows["n"][(rows["series"] == index) & (rows["what"] == _NOT_FOUND)].sum())
    if lost:
        yield f"{lost:,} requests met no ready route and were answered 404"


def _events(journal: Journal) -> Iterator[str]:
    """Warnings, counted: the same message about several pods is one line."""
    seen: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], str] = {}
    for event in journal.events:
        if event["reason"] not in _GOOD_NEWS:
            key = (str(event["reason"]), str(event["message"]))
            seen[key] += 1
            instant = f"at {event['t_s']:g} s" if event["t_s"] >= 0 else "before the load"
            first.setdefault(key, f"{event['object']} {instant}")
    for (reason, message), count in seen.items():
        times = f", {count} times, first" if count > 1 else ""
        yield f"{reason}{times} {first[reason, message]}: {message}"
