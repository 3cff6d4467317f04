"""Says of Kubernetes objects what they still wait for, with the evidence.

Comes in: objects as the API gives them; goes out: Waitings. Pure. A deployment is ready when its controller has seen
its last change and every pod of it is of that change and available, as `kubectl rollout status` judges
(kubectl pkg/polymorphichelpers/rollout_status.go v0.34.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sandbox.kind.stack.component import Object, Waiting


def deployments(items: Sequence[Object], wanted: Iterable[str]) -> list[Waiting]:
    """What the deployments `wanted` of one namespace wait for; `items` has deployments and pods."""
    found = {one["metadata"]["name"]: one for one in items if one.get("kind") == "Deployment"}
    pods = [one for one in items if one.get("kind") == "Pod"]
    return [waiting for name in wanted for waiting in _deployment(name, found.get(name), pods)]


def nodes(items: Sequence[Object], count: int) -> list[Waiting]:
    """Which nodes are missing or not Ready."""
    waiting = [
        Waiting(f"node {one['metadata']['name']}", _told(one, "Ready"))
        for one in items
        if condition(one, "Ready") != "True"
    ]
    return waiting if len(items) >= count else [Waiting("nodes", f"{len(items)} of {count} have joined"), *waiting]


def condition(one: Object, kind: str) -> str:
    """The status of a condition: True, False, Unknown, or empty where there is none."""
    conditions = one.get("status", {}).get("conditions", [])
    return next((str(found["status"]) for found in conditions if found["type"] == kind), "")


def ready_pod(pod: Object) -> bool:
    return condition(pod, "Ready") == "True"


def pod_state(pod: Object) -> str:
    """Why a pod is not ready, in Kubernetes' own words: `CrashLoopBackOff (restarted 3 times)`."""
    for status in _containers(pod):
        waits = status.get("state", {}).get("waiting", {})
        restarts = status.get("restartCount", 0)
        if waits.get("reason"):
            said = f": {waits['message']}" if waits.get("message") else ""
            again = f" (restarted {restarts} times)" if restarts else ""
            return f"{waits['reason']}{again}{said}"
    scheduled = _told(pod, "PodScheduled") if condition(pod, "PodScheduled") == "False" else ""
    return scheduled or f"{pod.get('status', {}).get('phase', 'Unknown')}, not ready"


def _deployment(name: str, one: Object | None, pods: Sequence[Object]) -> Iterator[Waiting]:
    if one is None:
        yield Waiting(f"deployment {name}", "not there")
        return
    what = f"deployment {one['metadata'].get('namespace', '')}/{name}"
    spec, status = one.get("spec", {}), one.get("status", {})
    wanted = spec.get("replicas", 1)
    if status.get("observedGeneration", 0) < one["metadata"].get("generation", 0):
        yield Waiting(what, "its controller has not seen its last change")
    elif min(status.get("updatedReplicas", 0), status.get("availableReplicas", 0)) < wanted:
        counted = f"{status.get('availableReplicas', 0)} of {wanted} pods available"
        yield Waiting(what, "; ".join([counted, *_pods(spec, pods)]))
    elif status.get("replicas", 0) > status.get("updatedReplicas", 0):
        yield Waiting(what, "an old pod has not ended yet")


def _pods(spec: Object, pods: Sequence[Object]) -> list[str]:
    labels = spec.get("selector", {}).get("matchLabels", {})
    ours = [one for one in pods if labels.items() <= one["metadata"].get("labels", {}).items()]
    return [f"{one['metadata']['name']}: {pod_state(one)}" for one in ours if not ready_pod(one)]


def _containers(pod: Object) -> list[Object]:
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def _told(one: Object, kind: str) -> str:
    conditions = one.get("status", {}).get("conditions", [])
    found: Object = next((each for each in conditions if each["type"] == kind), {})
    return str(found.get("message") or found.get("reason") or "it has not reported yet")
