"""Driver of knative_route_traffic.json: cases become calls of sandbox.mechanisms.rollout.traffic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sandbox.manifests.objects import TrafficTarget
from sandbox.mechanisms.rollout import gradual, traffic
from sandbox.mechanisms.rollout.conditions import Status

Json = dict[str, Any]


class LookupFailed(Exception):
    """The API server's own error."""


class Failing(dict[str, traffic.RevisionState]):
    def get(self, *_: object) -> Any:
        raise LookupFailed


def _configurations(table: Json) -> Mapping[str, traffic.ConfigurationState]:
    return {
        name: traffic.ConfigurationState(
            name=name,
            latest_ready=given["latest_ready"],
            latest_created=given.get("latest_created", given["latest_ready"]),
            ready=Status(given.get("ready", "True")),
        )
        for name, given in table["objects"]["configurations"].items()
    }


def _revisions(table: Json) -> Mapping[str, traffic.RevisionState]:
    return {
        name: traffic.RevisionState(
            name=name,
            configuration=given["configuration"],
            ready=Status(given["ready"]),
            protocol=given["protocol"],
        )
        for name, given in table["objects"]["revisions"].items()
    }


def _target(given: Json) -> TrafficTarget:
    return TrafficTarget(
        configuration_name=given.get("configuration", ""),
        revision_name=given.get("revision", ""),
        latest_revision=given.get("latest", "configuration" in given),
        percent=given.get("percent", 0),
        tag=given.get("tag", ""),
    )


def _resolve(block: list[Json], table: Json) -> traffic.Resolution:
    return traffic.resolve_traffic(map(_target, block), _configurations(table), _revisions(table))


def _resolved(entries: list[Json], table: Json) -> tuple[traffic.ResolvedTarget, ...]:
    return tuple(
        traffic.ResolvedTarget(
            configuration_name=entry["configuration"],
            revision_name=entry["revision"],
            percent=entry["percent"],
            latest=entry["latest"],
            tag=entry.get("tag", ""),
            protocol=table["objects"]["revisions"][entry["revision"]]["protocol"],
        )
        for entry in entries
    )


def _rollout(entries: list[Json]) -> gradual.Rollout:
    """A stored rollout that does not say its share has that of its revisions."""
    return gradual.Rollout(
        tuple(
            gradual.ConfigurationRollout(
                configuration_name=entry["configuration"],
                tag=entry.get("tag", ""),
                percent=entry.get("percent", sum(percent for _, percent in entry["revisions"])),
                revisions=tuple(gradual.RevisionRollout(*one) for one in entry["revisions"]),
            )
            for entry in entries
        )
    )


def _check_error(want: Json | None, got: traffic.TargetError | None) -> None:
    if want is None:
        assert got is None
        return
    assert got is not None
    assert (want["kind"], want["name"]) == (got.kind.value, got.name)
    if "failure" in want:
        assert want["failure"] is got.failure


def resolve(case: Json, table: Json) -> None:
    want = case["want"]
    if case.get("revision_lookup_fails"):
        assert want["error"]["kind"] == "lookup"
        with pytest.raises(LookupFailed):
            traffic.resolve_traffic(map(_target, case["traffic"]), _configurations(table), Failing())
        return
    got = _resolve(case["traffic"], table)
    _check_error(want.get("error"), got.error)
    if "targets" in want:
        assert {route: _resolved(entries, table) for route, entries in want["targets"].items()} == got.targets
    if "flattened" in want:
        assert _resolved(want["flattened"], table) == got.flattened
    if "rollout" in want:
        assert _rollout(want["rollout"]) == traffic.initial_rollout(got)
    if "configurations" in want:
        assert set(want["configurations"]) == got.configurations
    if "revisions" in want:
        assert set(want["revisions"]) == got.revisions
    if "missing" in want:
        assert [[kind.lower(), name] for kind, name in want["missing"]] == [
            [kind.lower(), name] for kind, name in got.missing
        ]


def status(case: Json, table: Json) -> None:
    route = traffic.RouteIdentity(**table["route"])
    got = traffic.status_traffic(_resolve(case["traffic"], table), _rollout(case["rollout"]), route)
    want = tuple(
        traffic.StatusTarget(
            revision_name=entry["revision"],
            percent=entry["percent"],
            latest=entry["latest"],
            tag=entry.get("tag", ""),
            url=entry.get("url", ""),
        )
        for entry in case["want"]
    )
    assert want == got


def condition(case: Json, table: Json) -> None:
    """The error comes from a block whose only target is the object the case names."""
    error, want = case["error"], case["want"]
    got = _resolve([{error["kind"].split("_")[1]: error["name"], "percent": 100}], table).error
    _check_error({**error, **{key: want[key] for key in ("failure",) if key in want}}, got)
    conditions = traffic.route_conditions(got)
    assert [("AllTrafficAssigned", want["status"], want["reason"]), ("Ready", want["status"], want["reason"])] == [
        (one.type, one.status, one.reason) for one in conditions
    ]


DRIVERS: dict[str, Callable[[Json, Json], None]] = {
    "cases": resolve,
    "status_cases": status,
    "condition_cases": condition,
}
