"""The pods of one workload (a revision or a Deployment): from creation to ready to gone.

A pool is told how many replicas to have and brings pods up and down; whoever owns it hears of changes through
`on_change`. Start-up stages (serving-semantics: scheduling, image pull, model download by the storage
initializer, container start, load, readiness) take what the profile says; a profile's `startup` replaces them
all. Termination mirrors queue-proxy's drain: requests go on being served, and the pod leaves when 30 s have
passed and nothing is inside, at the latest when its grace period is over.

The activator probes pods itself and uses them as soon as they are ready; gateways learn of every change of
endpoints `endpoint_delay_s` later.

Longer than other files: a pod's life is one story, and each chapter knows the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sandbox.journal.schema import RecordKind
from sandbox.manifests.objects import Resources
from sandbox.mechanisms.tenancy import model_access
from sandbox.profiles import Distribution
from sandbox.sim import columns as c
from sandbox.sim.agenda import Priority
from sandbox.sim.context import Context
from sandbox.sim.draws import UNIT, mix64, stream, uniform53
from sandbox.sim.kubelet import BACK_OFF_RESET_S, back_off_s, restarted_at_s, seen_ready_s
from sandbox.sim.nodes import total
from sandbox.sim.pod import LIVE, Phase, Pod, PoolSpec

DRAIN_QUIET_S = 30.0  # knative/serving pkg/queue/sharedmain: quiet time before queue-proxy stops
# kubernetes pkg/controller/replicaset: a pod that is refused is submitted again (workqueue's default rate limiter)
REFUSED_FIRST_S, REFUSED_MOST_S = 0.005, 1000.0


@dataclass(slots=True, eq=False)
class Pool:
    """The pods of one workload."""

    context: Context
    spec: PoolSpec
    numbers: Callable[[], int]  # hands out journal numbers
    on_change: Callable[[], None]
    on_room: Callable[[], None]  # a node got room again: pending pods elsewhere may fit now
    replicas: int = 0
    pods: list[Pod] = field(default_factory=list)
    gateway_pods: list[Pod] = field(default_factory=list)  # as gateways know them
    activator_pods: list[Pod] = field(default_factory=list)  # as activators know them
    created: int = 0
    _rows: npt.NDArray[np.int64] | None = None
    _counts: tuple[int, int, int] | None = None
    _requested: Resources | None = None
    _refusals: int = 0  # in a row
    _attempt: int = 0  # raised when a planned attempt to create pods no longer holds

    # ---- how many

    def rows(self) -> npt.NDArray[np.int64]:
        """Data plane rows of all pods, in the order they came."""
        if self._rows is None:
            self._rows = np.array([pod.row for pod in self.pods], dtype=np.int64)
        return self._rows

    def _count(self) -> tuple[int, int, int]:
        """(ready, live, terminating); counted again when a pod has come, gone or entered another phase."""
        if self._counts is None:
            phases = [pod.phase for pod in self.pods]
            self._counts = (
                phases.count(Phase.READY),
                sum(phases.count(phase) for phase in LIVE),
                phases.count(Phase.TERMINATING),
            )
        return self._counts

    @property
    def ready(self) -> int:
        return self._count()[0]

    @property
    def live(self) -> int:
        return self._count()[1]

    @property
    def terminating(self) -> int:
        return self._count()[2]

    @property
    def requested(self) -> Resources:
        """What all pods request, terminating ones included."""
        if self._requested is None:
            self._requested = total(pod.requests for pod in self.pods)
        return self._requested

    def ready_pods(self) -> list[Pod]:
        return [pod for pod in self.pods if pod.phase is Phase.READY]

    def scale(self, replicas: int) -> None:
        """Have this many pods. The ones to go: not ready before ready, younger before older."""
        self.replicas = replicas
        self._attempt += 1
        live = [pod for pod in self.pods if pod.phase in LIVE]
        for _ in range(replicas - len(live)):
            if not self._create():
                break
        surplus = len(live) - replicas
        if surplus > 0:
            live.sort(key=lambda pod: (pod.phase is Phase.READY, -pod.number))
            for pod in live[:surplus]:
                self.terminate(pod)
        if live or replicas:
            self.on_change()

    # ---- up

    def _create(self) -> bool:
        """Submit a pod; False if the API server refuses it."""
        name = f"{self.spec.name}-{self.created + 1:05d}"
        admitted = self.context.namespaces.admit(self.spec.namespace, name, self.spec.template, self.spec.demand)
        if isinstance(admitted, str):
            self._refused(admitted)
            return False
        self._refusals = 0
        self.created += 1
        pod = Pod(
            number=self.numbers(),
            ordinal=self.created,
            name=name,
            row=self.context.plane.new_pod(self.spec.row),
            created_s=self.context.agenda.now_s,
            requests=admitted.requests,
            ticket=admitted.ticket,
        )
        self.pods.append(pod)
        self._rows = self._counts = self._requested = None
        self.on_pod(pod, True)
        self._enter(pod, Phase.PENDING)
        self._later(pod, self.context.profiles.platform.scheduling_s, lambda: self.schedule(pod))
        return True

    def _refused(self, message: str) -> None:
        """Tell, and try again later: nobody tells a ReplicaSet that a quota has room again."""
        self.context.event(self.spec.about, "FailedCreate", f"Error creating: {message}")
        wait_s = min(REFUSED_FIRST_S * 2**self._refusals, REFUSED_MOST_S)
        self._refusals += 1
        attempt = self._attempt
        self.context.agenda.after(
            wait_s, Priority.PODS, lambda: self.scale(self.replicas) if attempt == self._attempt else None
        )
        self.on_refused()

    # Told when a pod was refused.
    on_refused: Callable[[], None] = field(default=lambda: None)

    def schedule(self, pod: Pod) -> None:
        """Find a node; without one the pod stays Pending until room appears."""
        if pod.phase is not Phase.PENDING or pod.node:
            return
        node, message = self.context.nodes.place(self.spec.template, pod.requests)
        if node is None:
            self.context.event(f"pod/{pod.name}", "FailedScheduling", message)
            return
        pod.node = node
        self._resources(node)
        self._begin(pod)

    def _begin(self, pod: Pod) -> None:
        """A node has taken the pod: all stages of its start-up, or the profile's one."""
        startup = self.spec.profile.startup
        if startup is None:
            self._enter(pod, Phase.PULLING)
            self._later(pod, self._pull_s(), lambda: self._download(pod))
        elif self._may_download(pod, self._begin):
            spent_s = self.context.agenda.now_s - pod.created_s
            takes_s = max(self._draw(startup, pod, "startup") - spent_s, 0.0)
            self._enter(pod, Phase.STARTING)
            self._later(pod, takes_s, lambda: self._become_ready(pod))

    def _pull_s(self) -> float:
        return self.spec.profile.image_bytes / self.context.profiles.platform.image_bytes_per_s

    def _may_download(self, pod: Pod, again: Callable[[Pod], None]) -> bool:
        """Whether the store gives the model out. If not, the init container fails and is restarted: then `again`."""
        template = self.spec.template
        user = (self.spec.namespace, template.service_account)
        if not template.storage_uri or self.context.namespaces.may_download(*user, template.storage_uri):
            return True
        wait_s = back_off_s(pod.restarts)
        pod.restarts += 1
        self.context.event(
            f"pod/{pod.name}", model_access.DENIED_REASON, model_access.denial(template.storage_uri, "/".join(user))
        )
        self._enter(pod, Phase.CRASHED, reason=model_access.DENIED_REASON, restarts=pod.restarts)
        self._later(pod, wait_s, lambda: again(pod))
        return False

    def _download(self, pod: Pod) -> None:
        if not self._may_download(pod, self._download):
            return
        size = self.spec.profile.model_bytes
        if not self.spec.template.storage_uri or size == 0:
            self._start(pod)
            return
        self._enter(pod, Phase.DOWNLOADING)
        self.context.store.begin(self.context.agenda.now_s, _transfer(pod), size)
        self._watch_store()

    def _watch_store(self) -> None:
        due_s = self.context.store.next_s()
        if due_s is not None:
            self.context.agenda.at(round(due_s * 1e9) + 1, Priority.PODS, self.on_store)

    on_store: Callable[[], None] = field(default=lambda: None)  # the owner of all pools asks the store who is done

    def downloaded(self, name: str) -> bool:
        """The store says that `name` is done: True if it was one of ours."""
        for pod in self.pods:
            if _transfer(pod) == name and pod.phase is Phase.DOWNLOADING:
                self._start(pod)
                return True
        return False

    def _start(self, pod: Pod) -> None:
        self._enter(pod, Phase.STARTING)
        pod.started_at_s = self.context.agenda.now_s
        load_s = self._draw(self.spec.profile.load, pod, f"load{pod.restarts}") if self.spec.profile.load else 0.0
        probe = next((one.readiness for one in self.spec.template.containers if one.readiness), None)
        takes_s = self.context.profiles.platform.container_start_s + seen_ready_s(probe, load_s)
        self._later(pod, takes_s, lambda: self._become_ready(pod))

    def _become_ready(self, pod: Pod) -> None:
        plane = self.context.plane
        plane.state.pods[pod.row, c.P_ALIVE] = c.ALIVE
        if self.spec.cache is not None and plane.state.pods[pod.row, c.P_CACHE] == c.NONE:
            plane.state.pods[pod.row, c.P_CACHE] = self.spec.cache()
        pod.ready_at_s = self.context.agenda.now_s
        acts = plane.state.acts[self.spec.row * plane.activators : (self.spec.row + 1) * plane.activators]
        self._enter(pod, Phase.READY, cold=bool(acts[:, c.A_QUEUED].any()))
        self.activator_pods.append(pod)
        life = pod.life
        self.context.agenda.after(
            self.context.profiles.platform.endpoint_delay_s, Priority.PODS, lambda: self._known(pod, life)
        )
        self.on_change()

    def _known(self, pod: Pod, life: int) -> None:
        if pod.life == life and pod.phase is Phase.READY:
            self.gateway_pods.append(pod)
            self._tell_gateway()
            self.on_change()

    def _tell_gateway(self) -> None:
        self.context.plane.set_endpoints(self.spec.row, [pod.row for pod in self.gateway_pods])

    # ---- down

    def terminate(self, pod: Pod) -> None:
        """Delete the pod: it stops being an endpoint, drains, and is gone."""
        was = pod.phase
        pod.life += 1
        self.context.store.cancel(self.context.agenda.now_s, _transfer(pod))
        self._enter(pod, Phase.TERMINATING)
        self._forget(pod)
        if was is not Phase.READY:
            self._gone(pod)
            return
        quiet_s = DRAIN_QUIET_S if self.spec.queue_proxy else 0.0
        deadline_s = self.context.agenda.now_s + self.spec.grace_s
        wait_s = min(max(quiet_s, self.context.profiles.platform.endpoint_delay_s), self.spec.grace_s)
        self._later(pod, wait_s, lambda: self._drained(pod, deadline_s))

    def _drained(self, pod: Pod, deadline_s: float) -> None:
        inside = self._inside(pod)
        if inside and self.context.agenda.now_s < deadline_s:
            self._later(pod, min(1.0, deadline_s - self.context.agenda.now_s), lambda: self._drained(pod, deadline_s))
            return
        if inside:
            self.context.plane.kill_pod(pod.row)
            self._later(pod, 0.001, lambda: self._gone(pod))  # its last answers go out first
            return
        self._gone(pod)

    def _inside(self, pod: Pod) -> bool:
        plane = self.context.plane
        return bool(plane.state.pods[pod.row, c.P_INSIDE] or plane.state.load[:, pod.row].any())

    def _forget(self, pod: Pod) -> None:
        """Endpoints without the pod: gateways and activators hear of it after the delay."""
        self.context.agenda.after(
            self.context.profiles.platform.endpoint_delay_s, Priority.PODS, lambda: self._unknown(pod)
        )

    def _unknown(self, pod: Pod) -> None:
        if pod.phase is Phase.READY:
            return
        if pod in self.gateway_pods:
            self.gateway_pods.remove(pod)
            self._tell_gateway()
        if pod in self.activator_pods:
            self.activator_pods.remove(pod)
            self.on_change()

    def _gone(self, pod: Pod) -> None:
        plane = self.context.plane
        if self._inside(pod):
            self._later(pod, 0.1, lambda: self._gone(pod))
            return
        if pod in self.gateway_pods or pod in self.activator_pods:
            self._later(pod, self.context.profiles.platform.endpoint_delay_s, lambda: self._gone(pod))
            return
        plane.state.pods[pod.row, c.P_ALIVE] = 0
        cache = int(plane.state.pods[pod.row, c.P_CACHE])
        if cache != c.NONE and self.spec.own_cache:
            plane.free_cache(cache)
        if pod.node:
            self.context.nodes.release(pod.node, pod.requests)
            self._resources(pod.node)
        self.context.namespaces.release(pod.ticket)
        self._enter(pod, Phase.GONE)
        self.pods.remove(pod)
        self._rows = self._counts = self._requested = None
        self.on_pod(pod, False)
        if self._refusals:
            self.scale(self.replicas)  # a ReplicaSet looks again when one of its own pods goes
        self.on_change()
        self.on_room()

    # Told when a pod has come (True) and when it leaves (False): its last counts are taken then.
    on_pod: Callable[[Pod, bool], None] = field(default=lambda pod, here: None)

    # ---- faults

    def crash(self, pod: Pod, reason: str = "Error") -> None:
        """The container exits: what it worked on fails, and it is started again after the back-off."""
        if pod.phase is not Phase.READY:
            return
        pod.life += 1
        self.context.plane.kill_pod(pod.row)
        now_s = self.context.agenda.now_s
        if now_s - pod.started_at_s > BACK_OFF_RESET_S:
            pod.restarts = 0
        wait_s = back_off_s(pod.restarts)
        pod.restarts += 1
        self._enter(pod, Phase.CRASHED, reason=reason, restarts=pod.restarts)
        self._forget(pod)
        self._later(pod, wait_s, lambda: self._start(pod))
        self.on_change()

    def hang(self, pod: Pod) -> None:
        """The container accepts requests and answers none, until its liveness probe has it restarted.

        Readiness holds: Knative's default probe only opens a connection.
        """
        if pod.phase is not Phase.READY:
            return
        self.context.plane.hang_pod(pod.row)
        about = f"pod/{pod.name}"
        probe = next((one.liveness for one in self.spec.template.containers if one.liveness), None)
        if probe is None:
            self.context.event(about, "Hung", "the container hangs; without a liveness probe nothing restarts it")
            return
        now_s = self.context.agenda.now_s
        restart_s = restarted_at_s(probe, pod.started_at_s, now_s)
        message = f"Liveness probe failed {probe.failure_threshold} times, container will be restarted"

        def restart() -> None:
            self.context.event(about, "Unhealthy", message)
            self.crash(pod, "LivenessProbeFailed")

        self._later(pod, restart_s - now_s, restart)

    def kill(self, pod: Pod) -> None:
        """The pod vanishes without a drain; its workload replaces it."""
        if pod.phase is Phase.READY:
            self.context.plane.kill_pod(pod.row)
        pod.life += 1
        self._enter(pod, Phase.TERMINATING, reason="Killed")
        self._forget(pod)
        self._later(pod, 0.001, lambda: self._gone(pod))
        self.scale(self.replicas)

    # ---- small things

    def _later(self, pod: Pod, seconds: float, action: Callable[[], None]) -> None:
        """Do something with the pod unless its life takes another turn before."""
        life = pod.life
        self.context.agenda.after(seconds, Priority.PODS, lambda: action() if pod.life == life else None)

    def _draw(self, distribution: Distribution, pod: Pod, what: str) -> float:
        """The k-th pod of a workload draws the same in every variant."""
        bits = mix64(stream(self.context.seed, f"pod/{self.spec.name}/{what}"), pod.ordinal)
        return distribution.quantile(uniform53(bits) * UNIT)

    def _enter(self, pod: Pod, phase: Phase, **details: object) -> None:
        pod.phase = phase
        self._counts = None
        self.context.record(
            RecordKind.POD,
            pod=pod.number,
            name=pod.name,
            revision=self.spec.name,
            phase=phase.value,
            node=pod.node,
            **({"cold": False} | details if phase is Phase.READY else details),
        )

    def _resources(self, node: str) -> None:
        usage = self.context.nodes.usage(node)
        if usage:
            self.context.record(RecordKind.RESOURCES, node=node, **usage)


def _transfer(pod: Pod) -> str:
    """What the store calls a pod's download: names of pods are unique in a namespace only."""
    return str(pod.number)
