"""Driver of knative_timeout.json: scripts and timer events become calls of sandbox.mechanisms.routing.timeouts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.mechanisms.routing.timeouts import TimedAnswer, Timeouts

Case = Mapping[str, Any]
Table = Mapping[str, Any]

FAR_MS = 10**12  # for a request time-out that upstream does not set


def _play(case: Case, request_ms: int) -> dict[str, Any]:
    """Run the script; returns what the table's `want` may hold."""
    timeouts = Timeouts(request_ms, case["response_start_ms"], case["idle_ms"])
    answer = TimedAnswer(timeouts, case["message"])
    now = 0
    seen: dict[str, Any] = {}
    for step in case["script"]:
        if "advance_ms" in step:
            now += step["advance_ms"]
            answer.advance(now)
        elif "write" in step:
            seen["late_write_fails"] = not answer.write(step["write"], now)
        elif "panic" in step:
            seen["panic"] = answer.abort()
        else:
            assert step == {"until": "returned"}
            assert answer.timed_out
    return seen | {"status": answer.status, "body": answer.body}


def script(case: Case, table: Table) -> None:
    requests_ms = [FAR_MS if case["request_ms"] is None else case["request_ms"]]
    if "also_request_ms" in case:
        requests_ms.append(case["also_request_ms"])
    for request_ms in requests_ms:
        got = _play(case, request_ms)
        assert case["want"] == {name: got[name] for name in case["want"]}


def writer(case: Case, table: Table) -> None:
    idle = case.get("idle_ms", 0)
    now = idle
    answer = TimedAnswer(Timeouts(FAR_MS, 0, idle), "T")
    for step in case["before"]:
        if "write" in step:
            answer.write(step["write"], now - case.get("since_last_write_ms", 0))
        elif "status" in step:
            answer.start(step["status"], now - case.get("since_last_write_ms", 0))
        else:
            answer.timed_out = step["timed_out"]
    got: dict[str, Any] = {}
    event = case["event"]
    if event == "request_timeout":
        got["reported"] = answer.request_timer()
    elif event == "response_start_timeout":
        got["reported"] = answer.response_start_timer()
    elif event == "idle_timeout":
        got["reported"] = answer.idle_timer(now)
    then = case.get("then")
    if then == "flush":
        got["flushed"] = answer.flush()
    elif then == "write":
        got["write_fails"] = not answer.write("late", now)
    got |= {"status": answer.status, "body": answer.body}
    assert case["want"] == {name: got[name] for name in case["want"]}


DRIVERS = {"cases": script, "writer_cases": writer}
