"""Pod specs: containers, probes, environment, node selection. Shared by Deployments, Knative and KServe.

Comes in: the mapping that holds `containers`; goes out: a `PodTemplate`. Mirrors the API server's defaults for
probes (period 10 s, time-out 1 s, 3 failures, 1 success). Who may use which field (Knative's feature flags) is
decided in knative.py.

Leaves out: volumes, affinity between pods, preferred node affinity, security contexts, ports, commands: noted as not
modelled where they are set.
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.manifests.fields import INT32_MAX, Field, Fields
from sandbox.manifests.names import RULES, is_name
from sandbox.manifests.objects import Container, NodeTerm, PodTemplate, Probe, Requirement
from sandbox.manifests.resources import decode_resources

_HANDLERS = ("exec", "grpc", "httpGet", "tcpSocket")


def decode_pod(
    spec: Fields,
    *,
    containers: tuple[Container, ...] | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    storage_uri: str = "",
    grace_s: float = 30.0,
    default_names: str = "container",
    probe_period_s: float = 10.0,
) -> PodTemplate:
    """The pod template of `spec`; `containers` when the caller has decoded them already."""
    if containers is None:
        containers = decode_containers(spec, "containers", default_names, probe_period_s=probe_period_s)
    grace = spec.integer("terminationGracePeriodSeconds", 0)
    return PodTemplate(
        containers=containers,
        init_containers=decode_containers(spec, "initContainers", "init"),
        labels=labels or {},
        annotations=annotations or {},
        node_selector=spec.strings("nodeSelector"),
        node_terms=_node_terms(spec.mapping("affinity")),
        tolerations=tuple(_toleration(one) for one in spec.items("tolerations")),
        service_account=spec.text("serviceAccountName") or "default",
        termination_grace_s=grace_s if grace is None else float(grace),
        storage_uri=storage_uri,
    )


def decode_containers(
    spec: Fields,
    name: str,
    default_name: str,
    *,
    resources: Mapping[str, str] | None = None,
    probe_period_s: float = 10.0,
) -> tuple[Container, ...]:
    """The containers of a list. `resources`: KServe's defaults, for the first container only."""
    found: list[Container] = []
    for i, one in enumerate(spec.items(name)):
        fallback = default_name if i == 0 else f"{default_name}-{i}"
        container = decode_container(
            one.mapping(), fallback, resources=resources if i == 0 else None, probe_period_s=probe_period_s
        )
        if any(container.name == other.name for other in found):
            raise one.refuse(
                "has the name of another container", "containers of a pod have different names", value=container.name
            )
        found.append(container)
    return tuple(found)


def decode_container(
    fields: Fields,
    default_name: str,
    *,
    resources: Mapping[str, str] | None = None,
    probe_period_s: float = 10.0,
) -> Container:
    """One container; unmodelled fields are noted."""
    name = fields.field("name")
    if name is not None and not is_name(name.text(), "DNS-1123 label"):
        raise name.refuse("is not a container's name", RULES["DNS-1123 label"])
    requests, limits = decode_resources(fields, resources)
    container = Container(
        name=name.text() if name is not None else default_name,
        image=fields.text("image"),
        requests=requests,
        limits=limits,
        env=_environment(fields),
        readiness=_probe(fields.mapping("readinessProbe"), probe_period_s),
        liveness=_probe(fields.mapping("livenessProbe"), 10.0),
    )
    fields.rest()
    return container


def _environment(fields: Fields) -> dict[str, str]:
    env: dict[str, str] = {}
    for one in fields.items("env"):
        entry = one.mapping()
        env[entry.need("name").text()] = entry.text("value")
        entry.rest()
    return env


def _probe(fields: Fields | None, period_s: float) -> Probe | None:
    if fields is None:
        return None
    fields.skip(*_HANDLERS)

    def seconds(name: str, default: float) -> float:
        value = fields.integer(name, 0, INT32_MAX)
        return float(value) if value else default

    probe = Probe(
        initial_delay_s=seconds("initialDelaySeconds", 0.0),
        period_s=seconds("periodSeconds", period_s),
        timeout_s=seconds("timeoutSeconds", 1.0),
        failure_threshold=fields.integer("failureThreshold", 0, INT32_MAX) or 3,
        success_threshold=fields.integer("successThreshold", 0, INT32_MAX) or 1,
    )
    fields.rest()
    return probe


def _toleration(one: Field) -> dict[str, str]:
    fields = one.mapping()
    toleration = {
        "key": fields.text("key"),
        "operator": fields.one_of("operator", ("Exists", "Equal"), "Equal"),
        "value": fields.text("value"),
        "effect": fields.one_of("effect", ("NoSchedule", "PreferNoSchedule", "NoExecute"), ""),
    }
    fields.rest()
    return {key: text for key, text in toleration.items() if text}


_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")


def _node_terms(affinity: Fields | None) -> tuple[NodeTerm, ...] | None:
    """The required terms of affinity.nodeAffinity; None where there are none."""
    node = affinity.mapping("nodeAffinity") if affinity is not None else None
    required = node.mapping("requiredDuringSchedulingIgnoredDuringExecution") if node is not None else None
    terms = None
    if required is not None:
        listed = required.need("nodeSelectorTerms", "required node affinity has terms")
        terms = tuple(_node_term(one.mapping()) for one in listed.items())
        if not terms:
            raise listed.refuse("is empty", "required node affinity has at least one term")
        required.rest()
    for fields in (node, affinity):
        if fields is not None:
            fields.rest()
    return terms


def _node_term(fields: Fields) -> NodeTerm:
    term = NodeTerm(
        labels_match=tuple(_requirement(one.mapping()) for one in fields.items("matchExpressions")),
        name_match=tuple(_requirement(one.mapping()) for one in fields.items("matchFields")),
    )
    fields.rest()
    return term


def _requirement(fields: Fields) -> Requirement:
    operator = fields.need("operator")
    requirement = Requirement(
        key=fields.need("key").text(),
        operator=fields.one_of("operator", _OPERATORS, ""),
        values=tuple(one.text() for one in fields.items("values")),
    )
    _check_values(operator, requirement)
    fields.rest()
    return requirement


def _check_values(operator: Field, requirement: Requirement) -> None:
    """How many values an operator takes (k8s.io/apimachinery pkg/labels/selector.go)."""
    n = len(requirement.values)
    match requirement.operator:
        case "In" | "NotIn":
            right, rule = n > 0, "In and NotIn have at least one value"
        case "Gt" | "Lt":
            right, rule = n == 1, "Gt and Lt have exactly one value"
        case _:
            right, rule = n == 0, "Exists and DoesNotExist have no values"
    if not right:
        raise operator.refuse(f"has {n} values", rule)
