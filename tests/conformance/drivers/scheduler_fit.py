"""Driver of scheduler_fit.json: cases become calls of scheduling.demand and scheduling.fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.mechanisms.scheduling import fit
from sandbox.mechanisms.scheduling.demand import ContainerDemand, PodDemand, requested

Json = dict[str, Any]
MANY_PODS = {"pods": 32}  # the table's number where a node of the node cases names none


def _pod(case: Json) -> PodDemand:
    level = case.get("pod_level_requests")
    return PodDemand(
        containers=tuple(ContainerDemand(requests=one) for one in case["containers"]),
        init_containers=tuple(
            ContainerDemand(requests=one["requests"], restart_always=one.get("restart_always", False))
            for one in case.get("init_containers", ())
        ),
        pod_level=ContainerDemand(requests=level) if level is not None else None,
        overhead=case.get("overhead", {}),
    )


def fits(case: Json, table: Json) -> None:
    defaults = table["defaults"]
    request = requested(_pod(case))
    short = fit.shortages(
        request,
        case.get("node_allocatable", defaults["node_allocatable"]),
        case["node_used"],
        case.get("node_pods", defaults["node_pods"]),
        ignored=case.get("ignored_resources", ()),
        ignored_groups=case.get("ignored_resource_groups", ()),
    )
    status = "ok" if not short else "unresolvable" if any(one.unresolvable for one in short) else "unschedulable"
    wanted = sorted(case["want"]["insufficient"], key=lambda one: str(one["resource"]))
    found = sorted(short, key=lambda one: one.resource)

    assert case["effective_request"] == request
    assert (case["want"]["fits"], case["want"]["status"]) == (not short, status)
    assert [one["resource"] for one in wanted] == [one.resource for one in found]
    for want, got in zip(wanted, found, strict=True):
        assert {name: getattr(got, name) for name in want} == want


def increased(case: Json, table: Json) -> None:
    before, after = (MANY_PODS | case[name] for name in ("node_before", "node_after"))

    assert case["want"]["increased"] is fit.grew(case["request"], before, after)


def changed(case: Json, table: Json) -> None:
    before = None if case["node_before"] is None else MANY_PODS | case["node_before"]

    assert case["want"]["retry"] is fit.worth_retrying(case["request"], before, MANY_PODS | case["node_after"])


DRIVERS: dict[str, Callable[[Json, Json], None]] = {
    "cases": fits,
    "pod_limit_storage_sidecar_cases": fits,
    "pod_level_cases": fits,
    "node_increase_cases": increased,
    "node_change_cases": changed,
}
