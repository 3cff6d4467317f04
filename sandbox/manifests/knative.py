"""serving.knative.dev/v1: Service, with its revision template and traffic block.

Comes in: a document; goes out: a `KnativeService`, validated as Knative's webhook does it. Mirrors knative/serving
pkg/apis/serving/v1/{service,revision,route}_validation.go and k8s_validation.go. Configuration, Route and Revision
objects are recognised, validated as far as they share these parts, and kept as Unknown: only a Service is acted on.

Leaves out: volumes, security contexts, multi-container probing; autoscaling annotations are checked by the caller's
admission hook, because their rules belong to the autoscaler.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sandbox.durations import parse_go_duration
from sandbox.errors import Location
from sandbox.manifests.fields import INT64_MAX, Field, Fields
from sandbox.manifests.metadata import decode_metadata
from sandbox.manifests.names import RULES, is_name
from sandbox.manifests.objects import Json, KnativeService, PodTemplate, RevisionTemplate, TrafficTarget, Unknown
from sandbox.manifests.platform_config import PlatformConfig
from sandbox.manifests.pods import decode_pod

AUTOSCALING = "autoscaling.knative.dev/"
ROLLOUT_DURATION = "serving.knative.dev/rollout-duration"

# Pod fields that Knative refuses unless a flag of config-features is Enabled or Allowed.
FLAGGED_FIELDS = {
    "affinity": "kubernetes.podspec-affinity",
    "dnsConfig": "kubernetes.podspec-dnsconfig",
    "dnsPolicy": "kubernetes.podspec-dnspolicy",
    "hostAliases": "kubernetes.podspec-hostaliases",
    "hostIPC": "kubernetes.podspec-hostipc",
    "hostNetwork": "kubernetes.podspec-hostnetwork",
    "hostPID": "kubernetes.podspec-hostpid",
    "initContainers": "kubernetes.podspec-init-containers",
    "nodeSelector": "kubernetes.podspec-nodeselector",
    "priorityClassName": "kubernetes.podspec-priorityclassname",
    "runtimeClassName": "kubernetes.podspec-runtimeclassname",
    "schedulerName": "kubernetes.podspec-schedulername",
    "shareProcessNamespace": "kubernetes.podspec-shareprocessnamespace",
    "tolerations": "kubernetes.podspec-tolerations",
    "topologySpreadConstraints": "kubernetes.podspec-topologyspreadconstraints",
}


def decode_service(document: Fields, raw: Json, at: Location, platform: PlatformConfig) -> KnativeService:
    """serving.knative.dev/v1 Service."""
    metadata = decode_metadata(document, "DNS-1035 label")
    _check_own_annotations(document)
    spec = document.need("spec").mapping()
    template = decode_template(spec.need("template"), metadata.name, platform)
    traffic = decode_traffic(spec.field("traffic"), own_configuration=True)
    spec.rest()
    document.skip("apiVersion", "kind", "status")
    document.rest()
    return KnativeService(metadata=metadata, raw=raw, at=at, template=template, traffic=traffic)


def decode_part(document: Fields, raw: Json, at: Location, platform: PlatformConfig) -> Unknown:
    """Configuration, Route or Revision: checked, then kept without effect."""
    kind = document.own.kind
    metadata = decode_metadata(document, "DNS-1035 label")
    spec = document.need("spec").mapping()
    if kind == "Configuration":
        decode_template(spec.need("template"), metadata.name, platform)
    elif kind == "Route":
        decode_traffic(spec.field("traffic"), own_configuration=False)
    hint = "write a serving.knative.dev/v1 Service, which makes the same Configuration, Route and Revisions"
    document.own.log.warn(f"{kind} {metadata.name} is known but not acted on: {hint}", at)
    return Unknown(metadata=metadata, raw=raw, at=at, named_kind=kind, named_api_version="serving.knative.dev/v1")


def _check_own_annotations(document: Fields) -> None:
    fields = document.need("metadata").mapping()
    annotations = fields.mapping("annotations")
    for key in annotations.nodes if annotations is not None else ():
        assert annotations is not None
        one = annotations.field(key)
        if one is not None and key.startswith(AUTOSCALING):
            raise one.refuse(
                "is in the wrong place",
                "autoscaling annotations of a Service belong to its template",
                f"move it to spec.template.metadata.annotations[{key}]",
            )
        if one is not None and key == ROLLOUT_DURATION:
            _check_rollout_duration(one)


def _check_rollout_duration(one: Field) -> None:
    rule = "a Go duration of whole seconds, 0 or more, such as 90s or 10m"
    try:
        seconds = parse_go_duration(one.text())
    except ValueError:
        raise one.refuse("is not a duration", rule) from None
    if seconds < 0 or seconds != int(seconds):
        raise one.refuse("is not whole seconds", rule)


def decode_template(template: Field, parent: str, platform: PlatformConfig) -> RevisionTemplate:
    """spec.template: what revisions are stamped from."""
    fields = template.mapping()
    name, labels, annotations = "", {}, {}
    metadata = fields.mapping("metadata")
    if metadata is not None:
        labels, annotations = metadata.strings("labels"), metadata.strings("annotations")
        name = _revision_name(metadata, parent)
        metadata.skip("creationTimestamp")
        metadata.rest()
    spec = fields.need("spec").mapping()
    refuse_flagged(spec, platform)
    concurrency = container_concurrency(spec, platform)
    timeout = revision_timeout(spec, "timeoutSeconds", platform)
    start = spec.integer("responseStartTimeoutSeconds", 0, INT64_MAX)
    limit = timeout if timeout is not None else platform.revision_timeout_s
    if start is not None and start > limit > 0:
        field = spec.need("responseStartTimeoutSeconds")
        raise field.refuse("is too long", f"at most timeoutSeconds ({limit})")
    pod = _pod(spec, labels, annotations, platform)
    spec.rest()
    fields.rest()
    return RevisionTemplate(
        pod=pod,
        name=name,
        annotations=annotations,
        container_concurrency=concurrency,
        timeout_s=timeout,
        response_start_timeout_s=start,
    )


def _pod(spec: Fields, labels: dict[str, str], annotations: dict[str, str], platform: PlatformConfig) -> PodTemplate:
    containers = spec.need("containers", "a revision runs at least one container")
    listed = containers.items()
    if not listed:
        raise containers.refuse("is empty", "a revision runs at least one container")
    for one in listed:
        one.mapping().need("image", "every container has an image")
    pod = decode_pod(
        spec,
        labels=labels,
        annotations=annotations,
        default_names="user-container",
        probe_period_s=0.0,  # no period: queue-proxy probes aggressively, every 50 ms
        grace_s=float(platform.revision_timeout_s),
    )
    first, *others = pod.containers
    if not others or platform.allows("multi-container"):
        wanted, limits = platform.revision_requests, platform.revision_limits
        requests = replace(
            first.requests,
            cpu_milli=first.requests.cpu_milli or wanted.cpu_milli,
            memory_bytes=first.requests.memory_bytes or wanted.memory_bytes,
        )
        capped = replace(
            first.limits,
            cpu_milli=first.limits.cpu_milli or limits.cpu_milli,
            memory_bytes=first.limits.memory_bytes or limits.memory_bytes,
        )
        return replace(pod, containers=(replace(first, requests=requests, limits=capped), *others))
    raise listed[1].refuse(
        "is a second container", "Knative takes one container unless config-features enables multi-container"
    )


def _revision_name(metadata: Fields, parent: str) -> str:
    name = metadata.field("name")
    if name is None:
        return ""
    text = name.text()
    if not is_name(text, "DNS-1035 label"):
        raise name.refuse("is not a revision's name", RULES["DNS-1035 label"])
    if not text.startswith(f"{parent}-"):
        raise name.refuse(
            "does not start with the Service's name",
            f"an own revision name has the prefix {parent}-",
            f"name it {parent}-{text}",
        )
    return text


def refuse_flagged(spec: Fields, platform: PlatformConfig) -> None:
    """Refuse pod fields that Knative's feature flags do not allow."""
    for name, flag in FLAGGED_FIELDS.items():
        if name not in spec.nodes or platform.allows(flag):
            continue
        found = spec.field(name)
        if found is not None and found.node.value not in ({}, [], "", False):
            raise found.refuse(
                "is refused by Knative",
                f"{name} needs the flag {flag}, which is disabled by default",
                f"apply a ConfigMap config-features (namespace knative-serving) with {flag}: enabled",
            )


def container_concurrency(spec: Fields, platform: PlatformConfig) -> int | None:
    """containerConcurrency within config-defaults' limits."""
    least = 0 if platform.allow_container_concurrency_zero else 1
    most = platform.container_concurrency_max_limit
    rule = f"a whole number from {least} to {most} (config-defaults: container-concurrency-max-limit); 0 = no limit"
    return spec.integer("containerConcurrency", least, most, rule)


def revision_timeout(spec: Fields, name: str, platform: PlatformConfig) -> int | None:
    """The time-out of a revision within config-defaults' limit; 0 means the default."""
    most = platform.max_revision_timeout_s
    rule = f"seconds, a whole number from 0 to {most} (config-defaults: max-revision-timeout-seconds)"
    return spec.integer(name, 0, most, rule) or None


def decode_traffic(traffic: Field | None, *, own_configuration: bool) -> tuple[TrafficTarget, ...]:
    """The traffic block; empty means 100 % to the latest revision."""
    if traffic is None:
        return ()
    items = traffic.items()
    if not items:
        return ()
    targets = tuple(_target(one, own_configuration) for one in items)
    _check_tags(items, targets)
    total = sum(target.percent for target in targets)
    if total != 100:
        raise traffic.refuse(
            f"adds up to {total}",
            "the percents of a traffic block add up to 100; a target without percent has 0",
            value=" + ".join(str(target.percent) for target in targets) + f" = {total}",
        )
    return targets


def _target(one: Field, own_configuration: bool) -> TrafficTarget:
    fields = one.mapping()
    revision, configuration = fields.field("revisionName"), fields.field("configurationName")
    latest = fields.flag("latestRevision")
    name = revision.text() if revision is not None else ""
    if configuration is not None and own_configuration and configuration.text():
        raise configuration.refuse("does not belong here", "a Service routes to its own Configuration only")
    if configuration is not None and name:
        raise one.refuse("has two targets", "exactly one of revisionName and configurationName")
    if latest is not None and latest == bool(name):
        raise one.refuse(
            f"sets latestRevision {str(latest).lower()} {'with' if name else 'without'} a revisionName",
            "exactly one of revisionName: NAME and latestRevision: true",
            "remove one of the two" if name else "name a revision or set latestRevision: true",
        )
    if not name and configuration is None and not own_configuration:
        raise one.refuse("has no target", "one of revisionName and configurationName is needed")
    if revision is not None and name and not is_name(name, "DNS-1123 subdomain"):
        raise revision.refuse("is not a revision's name", RULES["DNS-1123 subdomain"])
    target = TrafficTarget(
        revision_name=name,
        configuration_name=configuration.text() if configuration is not None else "",
        latest_revision=not name,
        percent=fields.integer("percent", 0, 100) or 0,
        tag=_tag(fields),
    )
    _refuse_url(fields)
    fields.rest()
    return target


def _tag(fields: Fields) -> str:
    tag = fields.field("tag")
    if tag is None or not tag.text():
        return ""
    if not is_name(tag.text(), "DNS-1035 label"):
        raise tag.refuse("is not a tag", RULES["DNS-1035 label"])
    return tag.text()


def _refuse_url(fields: Fields) -> None:
    url = fields.field("url")
    if url is not None:
        raise url.refuse("is written by Knative", "url is part of the status, not of the spec", "remove it")


def _check_tags(items: Sequence[Field], targets: Sequence[TrafficTarget]) -> None:
    seen: dict[str, Location] = {}
    for one, target in zip(items, targets, strict=True):
        if not target.tag:
            continue
        tag = one.mapping().need("tag")
        if target.tag in seen:
            raise tag.refuse("is used twice", f"a tag names one target; the first is at {seen[target.tag]}")
        seen[target.tag] = tag.node.at
