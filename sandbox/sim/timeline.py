"""The timeline's steps, done to the simulated cluster: what kubectl and the weather do."""

from __future__ import annotations

from sandbox.errors import UsageError
from sandbox.journal.schema import RecordKind
from sandbox.manifests.patch import merge_patch
from sandbox.manifests.reader import parse_object
from sandbox.scenario.api import FAULTS
from sandbox.scenario.model import Action, Step
from sandbox.sim import columns as c
from sandbox.sim.cluster import Cluster, ready_pods


def play_step(cluster: Cluster, step: Step) -> None:
    """Do one step now, and journal it with its mark."""
    if step.mark:
        cluster.context.record(RecordKind.MARK, name=step.mark)
    if step.action is Action.NOTHING:
        return
    details = {}
    if step.action is Action.GET:
        details["status"], result = cluster.get(step.target, step.as_user)
    else:
        result = _ACTIONS[step.action](cluster, step)
    cluster.context.record(
        RecordKind.STEP, action=step.action.value, target=step.target, mark=step.mark, result=result, **details
    )


def _apply(cluster: Cluster, step: Step) -> str:
    cluster.apply_all(step.objects)
    return "applied " + ", ".join(f"{one.key[0].lower()}/{one.metadata.name}" for one in step.objects)


def _patch(cluster: Cluster, step: Step) -> str:
    before = cluster.target(step.target)
    cluster.apply(parse_object(merge_patch(before.raw, step.patch), step.source or "the timeline's patch"))
    return "patched"


def _delete(cluster: Cluster, step: Step) -> str:
    cluster.delete(step.target)
    return "deleted"


def _scale(cluster: Cluster, step: Step) -> str:
    one = cluster.target(step.target)
    if not cluster.deployments.scale(one.metadata.namespace, one.metadata.name, step.replicas):
        raise UsageError(
            f"{step.target!r} cannot be scaled by hand",
            rule="only Deployments can; the autoscaler owns the replicas of a revision",
            next_step="patch minReplicas and maxReplicas instead",
        )
    return f"scaled to {step.replicas}"


def _fault(cluster: Cluster, step: Step) -> str:
    pods = ready_pods(cluster.pools(step.target, "transformer" if step.fault == "flush-cache" else "predictor"))
    chosen = pods if step.count == 0 else pods[: step.count]
    for pool, pod in chosen:
        if step.fault == "kill-pod":
            pool.kill(pod)
        elif step.fault == "crash-container":
            pool.crash(pod)
        elif step.fault == "hang-container":
            pool.hang(pod)
        elif step.fault == "flush-cache":
            cache = int(cluster.context.plane.state.pods[pod.row, c.P_CACHE])
            if cache != c.NONE:
                cluster.context.plane.flush_cache(cache)
        else:
            raise UsageError(f"unknown fault {step.fault!r}", rule=f"one of {', '.join(FAULTS)}")
    return f"{step.fault}: {', '.join(pod.name for _, pod in chosen) or 'no ready pod'}"


_ACTIONS = {
    Action.APPLY: _apply,
    Action.PATCH: _patch,
    Action.DELETE: _delete,
    Action.SCALE: _scale,
    Action.FAULT: _fault,
}
