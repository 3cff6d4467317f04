"""What a person wants to see of a component that did not become ready.

Comes in: the component and the error; goes out: lines. For each pod that is not ready: its conditions, the last lines
of its containers; then the last warnings of its namespaces. What cannot be had is said, not raised: the first error
is the one that counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sandbox.errors import WorldError
from sandbox.kind.stack.component import Component, Kube, Object
from sandbox.kind.stack.readiness import pod_state, ready_pod

EVENTS, LINES = 8, 10


def report(component: Component, kube: Kube) -> list[str]:
    """Conditions, events and last words, of each namespace of the component."""
    lines = [f"{component.name}, as it is now:"]
    for namespace in component.namespaces:
        try:
            found = kube.items("deployments,pods,events", namespace)
        except WorldError as error:
            lines.append(f"{namespace}: {error.what}: {error.value}")
            continue
        lines += _namespace(found, namespace, kube)
    return lines


def _namespace(found: Sequence[Object], namespace: str, kube: Kube) -> Iterator[str]:
    for one in found:
        if one["kind"] == "Deployment":
            yield from _conditions(one, f"deployment {namespace}/{one['metadata']['name']}")
    late = [one for one in found if one["kind"] == "Pod" and not ready_pod(one)]
    for pod in late:
        name = pod["metadata"]["name"]
        yield f"pod {namespace}/{name}: {pod_state(pod)}"
        yield from _conditions(pod, f"pod {name}")
        for container in pod["spec"]["containers"]:
            yield from _last_words(kube, name, namespace, container["name"])
    yield from _warnings([one for one in found if one["kind"] == "Event"])


def _conditions(one: Object, what: str) -> Iterator[str]:
    for condition in one.get("status", {}).get("conditions", []):
        if condition["status"] != "True":
            told = condition.get("message") or condition.get("reason") or ""
            yield f"  {what}: {condition['type']} {condition['status']}: {told}".rstrip(": ")


def _last_words(kube: Kube, pod: str, namespace: str, container: str) -> Iterator[str]:
    try:
        said = kube.logs(pod, namespace, container, LINES).splitlines()
    except WorldError:
        return  # it has not started: its state says why
    for line in said:
        yield f"  {container}| {line}"


def _warnings(events: Sequence[Object]) -> Iterator[str]:
    warnings = [one for one in events if one.get("type") == "Warning"]
    warnings.sort(key=lambda one: str(one.get("lastTimestamp") or one.get("eventTime") or ""))
    for one in warnings[-EVENTS:]:
        about = one["involvedObject"]
        yield f"  event {about['kind']}/{about['name']}: {one.get('reason', '')}: {one.get('message', '')}"
