"""Brings the components up in order, each behind its gate; leaves alone what is finished.

Comes in: components, a Kube, a clock, somebody who is told; goes out: which were installed and which were there.
What is finished is kept in the cluster, in a ConfigMap with each component's identity: a component is finished when
its gate was passed with the identity that it has now, and is still ready. So a killed `up` goes on where it was, and
a changed manifest is brought in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sandbox.errors import WorldError
from sandbox.kind.stack.component import Component, Kube, Waiting
from sandbox.kind.stack.gate import Clock, install, pass_gate

NAMESPACE, RECORD = "sandbox-system", "stack"


class Watcher(Protocol):
    """Who is told how it goes."""

    def there(self, name: str) -> None: ...

    def installing(self, name: str) -> None: ...

    def waiting(self, name: str, waiting: Sequence[Waiting]) -> None: ...

    def ready(self, name: str, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class BroughtUp:
    """How it went."""

    there: tuple[str, ...]  # finished before
    installed: tuple[str, ...]


def bring_up(
    components: Sequence[Component],
    kube: Kube,
    clock: Clock,
    watcher: Watcher,
    report: Callable[[Component, WorldError], None],
) -> BroughtUp:
    """All of them ready, or the error of the first that is not, after `report` has looked at it."""
    finished = _recorded(kube)
    there, installed = [], []
    for component in components:
        if finished.get(component.name) == component.identity and not _waits(component, kube):
            watcher.there(component.name)
            there.append(component.name)
            continue
        try:
            _one(component, kube, clock, watcher)
        except WorldError as error:
            report(component, error)
            raise
        installed.append(component.name)
    return BroughtUp(tuple(there), tuple(installed))


def _one(component: Component, kube: Kube, clock: Clock, watcher: Watcher) -> None:
    def seen(waiting: Sequence[Waiting]) -> None:
        watcher.waiting(component.name, waiting)

    start = clock.now()
    watcher.installing(component.name)
    install(component, kube, clock, seen)
    pass_gate(component, kube, clock, seen)
    kube.apply(_record(component))
    watcher.ready(component.name, clock.now() - start)


def _waits(component: Component, kube: Kube) -> bool:
    try:
        return bool(component.waiting(kube))
    except WorldError:  # a kind that is not defined any more, say: installing it will tell
        return True


def _recorded(kube: Kube) -> Mapping[str, str]:
    """The identity of each component that was finished."""
    try:
        found = kube.items("configmaps", NAMESPACE)
    except WorldError:  # the API server has only just started: nothing is finished there, or the gates will tell
        return {}
    prefix = f"{RECORD}-"
    return {
        one["metadata"]["name"].removeprefix(prefix): one.get("data", {}).get("identity", "")
        for one in found
        if one["metadata"]["name"].startswith(prefix)
    }


def _record(component: Component) -> str:
    """One ConfigMap a component: server-side apply of a common one would drop what the others wrote."""
    name = {"name": f"{RECORD}-{component.name}", "namespace": NAMESPACE}
    data = {"identity": component.identity, **{f"version.{key}": value for key, value in component.versions.items()}}
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": name, "data": data},
    ]
    return "\n---\n".join(json.dumps(one) for one in objects)
