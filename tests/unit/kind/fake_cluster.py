"""A cluster's API, a component and a clock that tests can plan, for the tests of the stack."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.errors import WorldError
from sandbox.kind.stack.component import Kube, Object, Waiting


@dataclass
class FakeKube:
    """A Kube that keeps what it is told, and answers lists with what `objects` has (kind in small letters, plural)."""

    objects: dict[str, list[Object]] = field(default_factory=dict)
    told: list[tuple[str, str]] = field(default_factory=list)
    broken: str = ""
    words: str = ""

    def apply(self, text: str, *, manager: str = "sandbox") -> None:
        self._answer()
        self.told.append((f"apply by {manager}", text))
        for part in text.split("\n---\n"):
            if part.startswith("{"):
                one = json.loads(part)
                kind = f"{one['kind'].lower()}s"
                name = one["metadata"]["name"]
                kept = [each for each in self.objects.get(kind, []) if each["metadata"]["name"] != name]
                self.objects[kind] = [*kept, one]

    def define(self, text: str) -> None:
        self._answer()
        self.told.append(("define", text))

    def items(self, kinds: str, namespace: str = "") -> list[Object]:
        self._answer()
        found = [one for kind in kinds.split(",") for one in self.objects.get(kind, [])]
        return [one for one in found if not namespace or one["metadata"].get("namespace", namespace) == namespace]

    def patch(self, kind: str, name: str, namespace: str, patch: object, *, subresource: str = "") -> None:
        self.told.append((f"patch {kind}/{name}", json.dumps(patch)))

    def delete(self, text: str) -> None:
        self.told.append(("delete", text))

    def logs(self, pod: str, namespace: str, container: str, lines: int) -> str:
        if not self.words:
            raise WorldError("kubectl failed", value="container has not started")
        return self.words

    def _answer(self) -> None:
        if self.broken:
            raise WorldError("kubectl failed", value=self.broken)


@dataclass
class FakeClock:
    """Time that passes only while somebody sleeps; `then` happens at its second."""

    time: float = 0.0
    then: dict[float, Callable[[], None]] = field(default_factory=dict)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        for moment in [one for one in self.then if one <= self.time]:
            self.then.pop(moment)()


@dataclass
class Toy:
    """A Component whose readiness the test decides."""

    name: str
    identity: str = "1"
    limit_s: float = 10.0
    wants: list[Waiting] = field(default_factory=list)
    refusals: int = 0
    installs: int = 0
    gets_ready: bool = True
    namespaces: Sequence[str] = ("toys",)
    versions: Mapping[str, str] = field(default_factory=dict)

    def install(self, kube: Kube) -> None:
        self.installs += 1
        if self.refusals:
            self.refusals -= 1
            raise WorldError("kubectl failed", value="Error from server: no endpoints available for service")
        if self.gets_ready:
            self.wants = []

    def waiting(self, kube: Kube) -> list[Waiting]:
        return self.wants

    def uninstall(self, kube: Kube) -> None: ...


def deployment(name: str, *, available: int = 1, generation: int = 1, namespace: str = "toys") -> Object:
    metadata = {"name": name, "namespace": namespace, "generation": generation}
    status = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": available}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}}
    return {"kind": "Deployment", "metadata": metadata, "spec": spec, "status": status}


def pod(name: str, app: str, *, waits: Mapping[str, str] | None = None, restarts: int = 0) -> Object:
    status = {
        "phase": "Pending",
        "conditions": [{"type": "Ready", "status": "False" if waits else "True", "message": "containers not ready"}],
        "containerStatuses": [{"name": "main", "restartCount": restarts, "state": {"waiting": dict(waits or {})}}],
    }
    spec = {"containers": [{"name": "main"}]}
    metadata = {"name": name, "namespace": "toys", "labels": {"app": app, "hash": "1"}}
    return {"kind": "Pod", "metadata": metadata, "spec": spec, "status": status}
