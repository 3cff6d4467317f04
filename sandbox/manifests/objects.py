"""The Kubernetes, Knative, KServe and Istio objects the sandbox understands, as plain frozen data.

Comes in: nothing; `reader.py` builds these from YAML (with defaults and validation done), the simulated
world's control plane keeps and reconciles them. Names are upstream's in snake case, with a unit suffix where
the field has a unit. Every object keeps the document it came from in `raw` (JSON-like, what `kubectl patch`
merges into) and where it stood in `at`.

Leaves out: fields that no world acts on; `reader.py` reports them once as "not modelled".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sandbox.errors import Location

DEFAULT_MAX_PODS = 110  # kubelet: --max-pods
Json = Any  # a value as YAML or JSON gives it: dict, list, str, int, float, bool, None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What one pod or node asks for or has. cpu in millicores, memory in bytes, extended: e.g. nvidia.com/gpu."""

    cpu_milli: int = 0
    memory_bytes: int = 0
    extended: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A readiness or liveness probe, Kubernetes' defaults filled in (seconds)."""

    initial_delay_s: float = 0.0
    period_s: float = 10.0
    timeout_s: float = 1.0
    failure_threshold: int = 3
    success_threshold: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    name: str
    image: str = ""
    requests: Resources = field(default_factory=Resources)
    limits: Resources = field(default_factory=Resources)
    env: Mapping[str, str] = field(default_factory=dict)
    readiness: Probe | None = None
    liveness: Probe | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One expression of a node affinity: In, NotIn, Exists, DoesNotExist, Gt or Lt."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTerm:
    """One term of a required node affinity: all of it must hold."""

    labels_match: tuple[Requirement, ...] = ()
    name_match: tuple[Requirement, ...] = ()  # the key is metadata.name


@dataclass(frozen=True, slots=True, kw_only=True)
class PodTemplate:
    """A pod as a template: what a revision or a Deployment stamps out."""

    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    node_selector: Mapping[str, str] = field(default_factory=dict)
    node_terms: tuple[NodeTerm, ...] | None = None  # required node affinity; None: none is required
    tolerations: tuple[Mapping[str, str], ...] = ()
    service_account: str = "default"
    termination_grace_s: float = 30.0
    storage_uri: str = ""  # what KServe's storage initializer downloads before the containers start


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    name: str
    namespace: str = "default"
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """What all objects share. `kind` and `api_version` are upstream's."""

    metadata: Metadata
    raw: Json = None
    at: Location | None = None
    kind: ClassVar[str] = ""
    api_version: ClassVar[str] = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """(kind, namespace, name): unique in a cluster."""
        return (self.kind, self.metadata.namespace, self.metadata.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """Predictor or transformer of an InferenceService, defaulted as KServe's webhook does."""

    name: str  # "predictor" or "transformer"
    pod: PodTemplate
    min_replicas: int = 1
    max_replicas: int = 0  # 0 = no limit
    scale_target: int | None = None
    scale_metric: str | None = None  # concurrency, rps, cpu, memory
    container_concurrency: int | None = None
    canary_traffic_percent: int | None = None
    timeout_s: int | None = None
    model_format: str = ""
    protocol_version: str = ""
    runtime: str = ""
    own_name: str = ""  # spec.predictor.name: names the Deployment in Standard mode (canaries, promotion)


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryPredictor:
    """One entry of spec.canary[] (Standard mode): its predictor with the stable one's fields filled in."""

    name: str  # its predictor.name
    component: Component
    traffic_percent: int = 0
    min_replicas: int | None = None  # its own count; None: its share of the stable predictor's minimum


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceService(Object):
    """serving.kserve.io/v1beta1 InferenceService. deployment_mode: Knative or Standard."""

    predictor: Component
    transformer: Component | None = None
    canaries: tuple[CanaryPredictor, ...] = ()
    deployment_mode: str = "Knative"
    kind: ClassVar[str] = "InferenceService"
    api_version: ClassVar[str] = "serving.kserve.io/v1beta1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficTarget:
    """One line of a Knative traffic block. Exactly one of revision_name / (configuration or latest) is meant."""

    revision_name: str = ""
    configuration_name: str = ""
    latest_revision: bool = False
    percent: int = 0
    tag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionTemplate:
    """spec.template of a Knative Service."""

    pod: PodTemplate
    name: str = ""  # metadata.name of the template: an own revision name
    annotations: Mapping[str, str] = field(default_factory=dict)
    container_concurrency: int | None = None  # None: config-defaults
    timeout_s: int | None = None  # None: config-defaults
    response_start_timeout_s: int | None = None  # None: config-defaults


@dataclass(frozen=True, slots=True, kw_only=True)
class KnativeService(Object):
    """serving.knative.dev/v1 Service. An empty traffic block means 100 % to the latest revision."""

    template: RevisionTemplate
    traffic: tuple[TrafficTarget, ...] = ()
    kind: ClassVar[str] = "KnativeService"  # upstream's kind is Service; ours keeps the core Service apart
    api_version: ClassVar[str] = "serving.knative.dev/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment(Object):
    """apps/v1 Deployment: `replicas` pods of one template."""

    template: PodTemplate
    replicas: int = 1
    selector: Mapping[str, str] = field(default_factory=dict)
    kind: ClassVar[str] = "Deployment"
    api_version: ClassVar[str] = "apps/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Object):
    """v1 Service: a name for the pods that its selector matches."""

    selector: Mapping[str, str] = field(default_factory=dict)
    kind: ClassVar[str] = "Service"
    api_version: ClassVar[str] = "v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigMap(Object):
    data: Mapping[str, str] = field(default_factory=dict)
    kind: ClassVar[str] = "ConfigMap"
    api_version: ClassVar[str] = "v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret(Object):
    """Only the keys are kept: values of secrets are never read, shown or journalled."""

    keys: tuple[str, ...] = ()
    kind: ClassVar[str] = "Secret"
    api_version: ClassVar[str] = "v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    key: str
    value: str = ""
    effect: str = "NoSchedule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node(Object):
    """v1 Node: allocatable capacity, labels, taints."""

    allocatable: Resources
    taints: tuple[Taint, ...] = ()
    unschedulable: bool = False
    max_pods: int = DEFAULT_MAX_PODS
    kind: ClassVar[str] = "Node"
    api_version: ClassVar[str] = "v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedDestination:
    host: str  # name, name.namespace or name.namespace.svc.cluster.local; of an InferenceService or a Service
    weight: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualService(Object):
    """networking.istio.io VirtualService: the weights of its first HTTP route, for its hosts."""

    hosts: tuple[str, ...] = ()
    destinations: tuple[WeightedDestination, ...] = ()
    kind: ClassVar[str] = "VirtualService"
    api_version: ClassVar[str] = "networking.istio.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Object):
    """A kind the sandbox does not know: accepted with a warning, kept, never acted on."""

    named_kind: str = ""
    named_api_version: str = ""
    kind: ClassVar[str] = "Unknown"

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.named_kind, self.metadata.namespace, self.metadata.name)
