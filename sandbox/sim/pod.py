"""One pod of the simulated world, and what all pods of a pool have in common. `pods.py` moves them through life."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from sandbox.manifests.objects import PodTemplate, Resources
from sandbox.mechanisms.scheduling.demand import PodDemand
from sandbox.profiles import ModelProfile


class Phase(Enum):
    """Where a pod is in its life."""

    PENDING = "Pending"  # no node has room yet
    PULLING = "Pulling"  # image
    DOWNLOADING = "Downloading"  # model, by the init container
    STARTING = "Starting"  # container runs, model loads, not ready yet
    READY = "Ready"
    CRASHED = "CrashLoopBackOff"  # waiting for its restart
    TERMINATING = "Terminating"
    GONE = "Gone"


LIVE = (Phase.PENDING, Phase.PULLING, Phase.DOWNLOADING, Phase.STARTING, Phase.READY, Phase.CRASHED)


@dataclass(slots=True, eq=False)
class Pod:
    number: int  # in the journal
    ordinal: int  # within its pool, from 1
    name: str
    row: int  # in the data plane
    created_s: float
    requests: Resources = field(default_factory=Resources)  # after admission: sidecars and defaults included
    ticket: int = 0  # what its namespace was charged
    phase: Phase = Phase.PENDING
    node: str = ""
    ready_at_s: float = 0.0
    restarts: int = 0
    started_at_s: float = 0.0
    life: int = 0  # raised when what was planned for the pod no longer holds


@dataclass(slots=True, kw_only=True)
class PoolSpec:
    """What the pods of a pool have in common."""

    name: str  # revision or Deployment
    namespace: str
    about: str  # what the journal calls the owner: "revision/name"
    row: int
    template: PodTemplate
    demand: PodDemand  # of all containers, as the pod is submitted
    profile: ModelProfile
    queue_proxy: bool  # Knative pods drain behind queue-proxy
    grace_s: float
    cache: Callable[[], int] | None = None  # makes or finds the pod's response cache
    own_cache: bool = False  # the cache dies with the pod (sidecar)
