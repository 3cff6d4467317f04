"""v1: Service, ConfigMap, Secret, Node, Namespace, ServiceAccount.

Comes in: a document; goes out: the object. Of a Secret only the names of its keys are kept. Without `allocatable`
a Node offers its `capacity`. Leaves out: ports and types of Services, binary data, node conditions.
"""

from __future__ import annotations

from sandbox.errors import Location
from sandbox.manifests.fields import Fields
from sandbox.manifests.metadata import decode_metadata
from sandbox.manifests.objects import DEFAULT_MAX_PODS, ConfigMap, Json, Node, Secret, Service, Taint
from sandbox.manifests.resources import decode_capacity, quantity_of
from sandbox.manifests.tenancy import Namespace, ServiceAccount

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def decode_service(document: Fields, raw: Json, at: Location) -> Service:
    """v1 Service. Ports are understood without effect: one host, one port."""
    metadata = decode_metadata(document, "DNS-1035 label")
    spec = document.mapping("spec")
    selector: dict[str, str] = {}
    if spec is not None:
        selector = spec.strings("selector")
        spec.skip("ports", "type", "clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")
        spec.rest()
    _finish(document)
    return Service(metadata=metadata, raw=raw, at=at, selector=selector)


def decode_config_map(document: Fields, raw: Json, at: Location) -> ConfigMap:
    """v1 ConfigMap: data is text to text."""
    metadata = decode_metadata(document, "DNS-1123 subdomain")
    data = document.strings("data")
    document.skip("immutable")
    _finish(document)
    return ConfigMap(metadata=metadata, raw=raw, at=at, data=data)


def decode_secret(document: Fields, raw: Json, at: Location) -> Secret:
    """v1 Secret: which keys it has, nothing else; the document is kept without its values."""
    metadata = decode_metadata(document, "DNS-1123 subdomain")
    keys: list[str] = []
    kept = dict(raw)
    for name in ("data", "stringData"):
        fields = document.mapping(name)
        if fields is not None:
            keys += fields.nodes
            kept[name] = dict.fromkeys(fields.nodes, "")
    document.skip("type", "immutable")
    _finish(document)
    return Secret(metadata=metadata, raw=kept, at=at, keys=tuple(sorted(set(keys))))


def decode_node(document: Fields, raw: Json, at: Location) -> Node:
    """v1 Node: what it can allocate, its labels and taints."""
    metadata = decode_metadata(document, "DNS-1123 subdomain", namespaced=False)
    status = document.need("status", "a node says what it can allocate: status.allocatable").mapping()
    name = "allocatable" if status.field("allocatable") is not None else "capacity"
    has = status.need(name, "a node says what it can allocate: status.allocatable").mapping()
    max_pods = _max_pods(has)
    allocatable = decode_capacity(has)
    spec = document.mapping("spec")
    taints: tuple[Taint, ...] = ()
    unschedulable = False
    if spec is not None:
        taints = tuple(_taint(one.mapping()) for one in spec.items("taints"))
        unschedulable = bool(spec.flag("unschedulable"))
        spec.skip("podCIDR", "podCIDRs", "providerID")
        spec.rest()
    _finish(document)
    return Node(
        metadata=metadata,
        raw=raw,
        at=at,
        allocatable=allocatable,
        taints=taints,
        unschedulable=unschedulable,
        max_pods=max_pods,
    )


def _max_pods(has: Fields) -> int:
    """Without a number, what a kubelet offers."""
    pods = has.field("pods")
    if pods is None:
        return DEFAULT_MAX_PODS
    value = quantity_of(pods)
    if value < 0 or value.denominator != 1:
        raise pods.refuse("is no number of pods", "a whole number, 0 or more")
    return int(value)


def _taint(fields: Fields) -> Taint:
    taint = Taint(
        key=fields.need("key").text(),
        value=fields.text("value"),
        effect=fields.one_of("effect", _EFFECTS, "") or fields.need("effect").text(),
    )
    fields.skip("timeAdded")
    fields.rest()
    return taint


def decode_namespace(document: Fields, raw: Json, at: Location) -> Namespace:
    """v1 Namespace. Every namespace exists in the simulated world; what counts are its labels."""
    metadata = decode_metadata(document, "DNS-1123 label", namespaced=False)
    document.skip("spec")
    _finish(document)
    return Namespace(metadata=metadata, raw=raw, at=at)


def decode_service_account(document: Fields, raw: Json, at: Location) -> ServiceAccount:
    """v1 ServiceAccount: the Secrets that KServe takes a store's keys from."""
    metadata = decode_metadata(document, "DNS-1123 subdomain")
    secrets = []
    for one in document.items("secrets"):
        reference = one.mapping()
        secrets.append(reference.need("name").text())
        reference.rest()
    document.skip("imagePullSecrets", "automountServiceAccountToken")
    _finish(document)
    return ServiceAccount(metadata=metadata, raw=raw, at=at, secrets=tuple(secrets))


def _finish(document: Fields) -> None:
    document.skip("apiVersion", "kind", "status")
    document.rest()
