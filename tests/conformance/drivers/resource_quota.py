"""Driver of resource_quota.json: cases become calls of tenancy.quota and tenancy.limit_range.

set_by_defaulting of limit_range_default_cases is not compared: the annotation kubernetes.io/limit-ranger is not
modelled.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from sandbox.manifests.tenancy import LimitRangeItem
from sandbox.mechanisms.scheduling.demand import ContainerDemand, PodDemand
from sandbox.mechanisms.tenancy import limit_range, quota

Json = dict[str, Any]


def _containers(given: list[Json]) -> tuple[ContainerDemand, ...]:
    return tuple(
        ContainerDemand(
            name=one.get("container", ""),
            requests=one["requests"],
            limits=one["limits"],
            restart_always=one.get("restart_always", False),
        )
        for one in given
    )


def _demand(case: Json) -> PodDemand:
    level = case.get("pod_level")
    return PodDemand(
        containers=_containers(case["containers"]),
        init_containers=_containers(case.get("init_containers", [])),
        pod_level=ContainerDemand(requests=level["requests"], limits=level["limits"]) if level is not None else None,
        overhead=case.get("overhead", {}),
    )


def _pod(case: Json) -> quota.Pod:
    age, grace = case.get("deletion_age_s"), case.get("grace_s")
    return quota.Pod(
        demand=_demand(case),
        active_deadline="active_deadline_s" in case,
        finished=case.get("phase") in ("Succeeded", "Failed"),
        overdue=age is not None and age > grace,
    )


def quotas(case: Json, table: Json) -> None:
    given = [
        quota.Quota(name=one["quota"], hard=one["hard"], used=one["used"], scopes=tuple(one.get("scopes", ())))
        for one in case["quotas"]
    ]
    outcome = quota.admit("p", _pod(case), given, case.get("limited", ()))
    want = case["want"]

    if not want["admitted"]:
        assert isinstance(outcome, quota.Refused)
        assert (want["error"], tuple(want["resources"])) == (outcome.error, outcome.resources)
        return
    assert isinstance(outcome, dict)
    for one in given:
        used = want.get("used_after", {}).get(one.name)
        assert used is None or used == outcome.get(one.name, dict(one.used))


def must_specify(case: Json, table: Json) -> None:
    missing = quota.missing(_demand(case), case["required"])

    assert (case["want"]["admitted"], case["want"]["missing"]) == (not missing, missing)


def pod_usage(case: Json, table: Json) -> None:
    assert case["want"]["usage"] == quota.charge(_pod(case))


def _of_cpu(given: Json) -> quota.Pod:
    cpu = {"cpu": given["cpu"]} if given["cpu"] else {}
    return quota.Pod(
        demand=PodDemand(containers=(ContainerDemand(requests=cpu, limits=cpu),)),
        priority_class=given["priority_class"],
        finished=given["phase"] in ("Succeeded", "Failed"),
    )


def namespace_usage(case: Json, table: Json) -> None:
    scopes = [one for one in case.get("scopes", ()) if one != "PriorityClass"]
    if "priority_classes" in case:
        scopes.append(f"PriorityClass in [{','.join(case['priority_classes'])}]")

    assert case["want"]["used"] == quota.used_by([_of_cpu(one) for one in case["pods"]], scopes)


def scope(case: Json, table: Json) -> None:
    pod = quota.Pod(demand=PodDemand(), priority_class=case["pod"].get("priority_class", ""))

    assert case["want"]["matching"] == [one for one in case["scopes"] if quota.in_scope(pod, [one])]


def _items(case: Json) -> list[LimitRangeItem]:
    return [
        LimitRangeItem(
            type=one["type"],
            min=one.get("min", {}),
            max=one.get("max", {}),
            default=one.get("default", {}),
            default_request=one.get("default_request", {}),
            max_limit_request_ratio={
                name: Fraction(ratio) for name, ratio in one.get("max_limit_request_ratio", {}).items()
            },
        )
        for one in case["limit_range"]
    ]


def limits(case: Json, table: Json) -> None:
    creating = case.get("operation", "create") == "create"
    found = limit_range.violations(_demand(case), _items(case), creating=creating)
    want = case["want"].get("violations", [])

    assert case["want"]["admitted"] is (not found)
    assert want == [
        {"where": one.where, "rule": one.rule, "resource": one.resource, "problem": one.problem} for one in found
    ]


def defaults(case: Json, table: Json) -> None:
    pod = limit_range.with_defaults(_demand(case), _items(case))
    for name in ("containers", "init_containers"):
        for want, got in zip(case["want"].get(name, []), getattr(pod, name), strict=True):
            assert want == {"requests": got.requests, "limits": got.limits}


DRIVERS: dict[str, Callable[[Json, Json], None]] = {
    "quota_cases": quotas,
    "must_specify_cases": must_specify,
    "pod_usage_cases": pod_usage,
    "namespace_usage_cases": namespace_usage,
    "scope_cases": scope,
    "limit_range_cases": limits,
    "limit_range_default_cases": defaults,
}
