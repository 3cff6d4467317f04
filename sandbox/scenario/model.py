"""What a world is given to play: a resolved variant, as plain frozen data.

`api.py` (what people write) and the `try` verb build these; worlds only read them. All times are seconds from
the start of the run, all rates requests per second. Files have been read and validated by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sandbox.manifests.objects import Object
from sandbox.profiles import Distribution, ProfileBook


class Arrivals(Enum):
    """How the requests of a flow come about."""

    POISSON = "poisson"  # open loop, exponential gaps, rate(t) piecewise linear
    CONSTANT = "constant"  # open loop, even gaps, rate(t) piecewise linear
    TRACE = "trace"  # open loop, recorded instants
    USERS = "users"  # closed loop: each user waits for the answer, thinks, asks again


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Which key a request asks for: rank k of n with probability proportional to k^-s (s = 0: uniform)."""

    n: int
    s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSide:
    """Client-side balancing (AiSP): each of `clients` picks a random server from a list it refreshes now and then."""

    clients: int
    discovery_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Recorded requests, sorted by time. Arrays of one length (numpy), None where the file has no such column."""

    t_ns: Any  # int64, from the start of the run
    service_ns: Any = None  # int64: the model's own time, without queueing
    key: Any = None  # int64
    route: tuple[str, ...] | None = None  # name of the flow's target per request
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One stream of requests to one target."""

    to: str  # InferenceService, Knative Service, Service or VirtualService host; "name" or "name.namespace"
    arrivals: Arrivals
    rate: tuple[tuple[float, float], ...] = ()  # knots (t_s, requests/s), linear between, last one holds
    users: int = 0
    think: Distribution | None = None
    trace: Trace | None = None
    keys: Keys | None = None
    client_side: ClientSide | None = None
    name: str = ""
    source: str = ""  # "namespace/service-account" of the pod that asks; "": from outside, through the ingress gateway


class Action(Enum):
    """What a timeline step does: what kubectl and the weather do."""

    APPLY = "apply"
    PATCH = "patch"
    DELETE = "delete"
    SCALE = "scale"
    FAULT = "fault"
    GET = "get"  # somebody reads an object; the journal keeps the API server's answer
    NOTHING = "nothing"  # only a mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One instant of a timeline. target is "kind/name" or "kind/name.namespace" (targets.py)."""

    at_s: float
    action: Action
    mark: str = ""
    objects: tuple[Object, ...] = ()  # APPLY
    target: str = ""  # PATCH, DELETE, SCALE, FAULT, GET
    patch: Mapping[str, Any] = field(default_factory=dict)  # PATCH: a JSON merge patch
    replicas: int = 0  # SCALE
    fault: str = ""  # FAULT: kill-pod, crash-container, flush-cache
    count: int = 1  # FAULT: how many pods; 0 = all
    as_user: str = ""  # GET: who reads; "": the administrator
    source: str = ""  # where the step was written, for messages


class Form(Enum):
    """full: as the README describes it. short: less rate and shorter holds, judged by the same functions."""

    FULL = "full"
    SHORT = "short"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One timeline of a scenario, ready to play."""

    scenario: str
    name: str
    objects: tuple[Object, ...]  # applied at 0 s, in order
    flows: tuple[Flow, ...]
    steps: tuple[Step, ...]  # sorted by at_s, ties in the order written
    duration_s: float
    profiles: ProfileBook
    form: Form = Form.FULL
    params: Mapping[str, float] = field(default_factory=dict)  # the scenario's own named numbers, form applied
    settle: bool = True  # let the objects of 0 s become ready before the clock of the run starts at 0
