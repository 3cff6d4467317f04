"""Driver of kserve_rollout_status.json: cases become calls of the status mechanisms of sandbox.mechanisms.rollout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.manifests.objects import TrafficTarget
from sandbox.mechanisms.rollout import conditions, deployment_status, kserve, kserve_status, model_status
from sandbox.mechanisms.rollout.traffic import StatusTarget

Json = dict[str, Any]
CONDITION_OF_KIND = {"route": "RoutesReady", "configuration": "LatestDeploymentReady"}
CONTAINER_NAMES = {
    "storage_initializer": "storage-initializer",
    "main": "kserve-container",
    "other": "other",
    "other_init": "other-init",
}
INIT_CONTAINERS = ("storage_initializer", "other_init")


def _service_status(given: Json) -> kserve_status.KnativeServiceStatus:
    return kserve_status.KnativeServiceStatus(
        created=given["created"],
        ready=given["ready"],
        traffic=tuple(
            StatusTarget(
                revision_name=target["revision"],
                percent=target.get("percent", 0),
                latest=target.get("latest", False),
                tag=target.get("tag", ""),
            )
            for target in given["traffic"]
        ),
        conditions={
            kind: conditions.Condition(kind, conditions.Status(status))
            for kind, status in given.get("conditions", {}).items()
        },
    )


def _check_status(
    want: Json, status: kserve_status.ComponentStatus, service: kserve_status.KnativeServiceStatus
) -> None:
    for name in ("rolled", "previous", "ready", "created"):
        if name in want:
            assert want[name] == getattr(status, name), name
    if "traffic_copied" in want:
        assert want["traffic_copied"] is (status.traffic == service.traffic)
    if "predictor_ready" in want:
        got = {one.type: one.status for one in conditions.component_conditions("predictor", service.conditions)}
        assert want["predictor_ready"] is (got.get("PredictorReady") == "True")


def propagate(case: Json, table: Json) -> None:
    service = _service_status(case["ksvc"])
    status = kserve_status.propagate(kserve_status.ComponentStatus(**case.get("before") or {}), service)
    _check_status(case["want"], status, service)
    _check_status(case.get("from_code", {}), status, service)


def rollout_sequence(case: Json, table: Json) -> None:
    """One object through all steps up to this one; only this one is compared."""
    status = kserve_status.ComponentStatus()
    steps = table["rollout_sequence"]
    for step in steps[: steps.index(case)]:
        status = kserve_status.propagate(status, _service_status(step["ksvc"]))
    if "want_spec_traffic" in case:
        want = tuple(
            TrafficTarget(
                revision_name=target.get("revision", ""),
                latest_revision=target["latest"],
                percent=target["percent"],
                tag=target.get("tag", ""),
            )
            for target in case["want_spec_traffic"]
        )
        assert want == kserve.ksvc_traffic(case["canary_percent"], status.rolled)
    service = _service_status(case["ksvc"])
    status = kserve_status.propagate(status, service)
    _check_status(case["want"], status, service)
    _check_status(case.get("from_code", {}), status, service)


def cross_component(case: Json, table: Json) -> None:
    kind: str = case["kind"]
    condition_type = CONDITION_OF_KIND.get(kind, kind)
    names = conditions.SUMMED_UP_BY.get(condition_type, {})
    statuses = {
        names[component.lower()]: conditions.Status(status)
        for component, status in case["conditions"].items()
        if status is not None and names
    }
    got = conditions.cross_component(condition_type, [name.lower() for name in case["conditions"]], statuses)
    assert case["want"] == (got.status if got else None)
    reason = case.get("want_reason")
    assert (f"{names[reason.lower()]} not ready" if reason else "") == (got.reason if got else "")


def _deployments(given: list[list[Json]], generation: int = 0) -> list[deployment_status.DeploymentStatus]:
    return [
        deployment_status.DeploymentStatus(
            name="m-predictor-worker" if i else "m-predictor",
            conditions=tuple(
                conditions.Condition(
                    one["type"], conditions.Status(one["status"]), one["reason"], "text" if one["message"] else ""
                )
                for one in found
            ),
            observed_generation=generation,
        )
        for i, found in enumerate(given)
    ]


def deployment(case: Json, table: Json) -> None:
    generation: Any = case.get("observed_generation", case.get("want_observed_generation", 0))
    deployments = _deployments(case["deployments"], generation)
    assert case["want"] == deployment_status.ready_condition("predictor", deployments).status
    if "want_observed_generation" in case:
        assert case["want_observed_generation"] == deployment_status.observed_generation(deployments)


def combine(case: Json, table: Json) -> None:
    reasons, statuses, want = case["reasons"], case["statuses"], case["want"]
    given = [
        [{"type": case["type"], "status": status, "reason": reason, "message": True}]
        for status, reason in zip(statuses, reasons, strict=True)
    ] or [[{"type": f"not {case['type']}", "status": "True", "reason": "", "message": True}]]
    got = deployment_status.combined_condition(_deployments(given), case["type"])
    if want is None:
        assert got is None
        return
    forms = {
        "plain": reasons[0],
        "joined": ", ".join(
            f"{part}-container: {reason}" for part, reason in zip(("predictor", "worker"), reasons, strict=False)
        ),
    }
    assert got is not None
    assert (case["type"], want["status"], forms[want["reason_form"]]) == (got.type, got.status, got.reason)


def _container(name: str, given: Json) -> model_status.ContainerStatus:
    state = model_status.ContainerState(given["state"])
    last = given.get("last_terminated")
    ended = state is model_status.ContainerState.TERMINATED
    return model_status.ContainerStatus(
        name=CONTAINER_NAMES[name],
        state=state,
        reason=given.get("reason", ""),
        ended=_termination(given) if ended else None,
        last_ended=_termination(last) if last else None,
    )


def _termination(given: Json) -> model_status.Termination:
    return model_status.Termination(given.get("exit_code", 0), given.get("message", ""))


def _pod(given: Json) -> model_status.PodStatus:
    return model_status.PodStatus(
        init_containers=tuple(_container(name, one) for name, one in given.items() if name in INIT_CONTAINERS),
        containers=tuple(_container(name, one) for name, one in given.items() if name not in INIT_CONTAINERS),
    )


def _failure(given: Json | None) -> model_status.Failure | None:
    return model_status.Failure(given["reason"], given["exit_code"], given["message"]) if given else None


def _check_model(want: Json, got: model_status.ModelStatus) -> None:
    assert want["target"] == got.target
    assert (want["transition"] or "") == got.transition
    assert _failure(want["failure"]) == got.failure
    if "active" in want:
        assert (want["active"] or "") == got.active


def model(case: Json, table: Json) -> None:
    revisions = {name: case[name] for name in ("created", "ready")}
    ready = conditions.Condition("Ready", conditions.Status(case["ksvc_ready"] or "Unknown"))
    knative = kserve_status.KnativeServiceStatus(**revisions, conditions={"Ready": ready})
    got, settled = model_status.propagate_model_status(
        model_status.ModelStatus(),
        [_pod(pod) for pod in case["pods"]],
        service_ready=case["isvc_ready"] == "True",
        component=kserve_status.ComponentStatus(**revisions),
        knative=None if case["raw"] else knative,
    )
    _check_model(case["want"], got)
    assert case["want"]["done"] is settled


def ready_copies(case: Json, table: Json) -> None:
    before = model_status.ModelState(case["state_before"])
    got, _ = model_status.propagate_model_status(
        model_status.ModelStatus(target=before, active=before),
        [model_status.PodStatus(phase=phase, ready=ready == "True") for phase, ready in case["pods"]],
        service_ready=False,
        component=kserve_status.ComponentStatus(),
        knative=None,
    )
    assert case["want"] == got.total_copies


def transition(case: Json, table: Json) -> None:
    before = case["target_before"]
    status = model_status.ModelStatus(target=model_status.ModelState(before) if before is not None else None)
    wanted = model_status.Transition(case["set"])
    _check_model(case["want"], model_status.with_transition(status, wanted, _failure(case["failure"])))


DRIVERS: dict[str, Callable[[Json, Json], None]] = {
    "propagate_cases": propagate,
    "rollout_sequence": rollout_sequence,
    "code_cases": propagate,
    "cross_component_cases": cross_component,
    "deployment_cases": deployment,
    "deployment_code_cases": deployment,
    "combine_cases": combine,
    "model_status_cases": model,
    "ready_copies_cases": ready_copies,
    "transition_cases": transition,
}
