"""v1 ResourceQuota and LimitRange.

Comes in: a document; goes out: the object, amounts by resource name. Mirrors the API server's validation
(k8s.io/kubernetes v1.34.2 pkg/apis/core/validation): names of resources, nothing negative, a LimitRange's bounds in
order (min, default request, default, max) and its ratio at least 1.

Leaves out: LimitRange items for persistent volume claims and images; scopes on volume attributes and pod affinity
(no pod of the sandbox has them, so a quota with them counts none).
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil

from sandbox.errors import Location
from sandbox.manifests.fields import Field, Fields
from sandbox.manifests.metadata import decode_metadata
from sandbox.manifests.objects import Json
from sandbox.manifests.resources import quantity_of
from sandbox.manifests.tenancy import LimitRange, LimitRangeItem, ResourceQuota

_SCOPES = (
    "BestEffort",
    "NotBestEffort",
    "Terminating",
    "NotTerminating",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
)
_IN_MILLICORES = ("cpu", "requests.cpu", "limits.cpu")


def decode_resource_quota(document: Fields, raw: Json, at: Location) -> ResourceQuota:
    """v1 ResourceQuota."""
    metadata = decode_metadata(document, "DNS-1123 subdomain")
    spec = document.need("spec").mapping()
    quota = ResourceQuota(
        metadata=metadata,
        raw=raw,
        at=at,
        hard=_amounts(spec.mapping("hard")),
        scopes=(*(_scope(one) for one in spec.items("scopes")), *_selected(spec.mapping("scopeSelector"))),
    )
    spec.rest()
    _finish(document)
    return quota


def _scope(one: Field) -> str:
    if one.text() not in _SCOPES:
        raise one.refuse("is no scope", f"one of {', '.join(_SCOPES)}")
    return one.text()


def _selected(selector: Fields | None) -> list[str]:
    """A scopeSelector's expressions, in the form of `ResourceQuota.scopes`."""
    if selector is None:
        return []
    found = []
    for one in selector.items("matchExpressions"):
        fields = one.mapping()
        scope = _scope(fields.need("scopeName"))
        operator = fields.one_of("operator", ("In", "NotIn", "Exists", "DoesNotExist"), "Exists")
        values = [value.text() for value in fields.items("values")]
        if scope != "PriorityClass" and operator != "Exists":
            raise one.refuse("asks for values", f"{scope} is there or not: the operator is Exists")
        found.append(scope if operator == "Exists" else f"{scope} {_WORDS[operator]} [{','.join(values)}]")
        fields.rest()
    selector.rest()
    return found


_WORDS = {"In": "in", "NotIn": "not in", "DoesNotExist": "not in"}


def decode_limit_range(document: Fields, raw: Json, at: Location) -> LimitRange:
    """v1 LimitRange."""
    metadata = decode_metadata(document, "DNS-1123 subdomain")
    spec = document.need("spec").mapping()
    limits = spec.need("limits", "a LimitRange has limits")
    items = tuple(_item(one) for one in limits.items())
    spec.rest()
    _finish(document)
    return LimitRange(metadata=metadata, raw=raw, at=at, items=items)


def _item(one: Field) -> LimitRangeItem:
    fields = one.mapping()
    ratios = fields.mapping("maxLimitRequestRatio")
    item = LimitRangeItem(
        type=fields.need("type").text(),
        min=_amounts(fields.mapping("min")),
        max=_amounts(fields.mapping("max")),
        default=_amounts(fields.mapping("default")),
        default_request=_amounts(fields.mapping("defaultRequest")),
        max_limit_request_ratio={name: quantity_of(field) for name, field in _fields(ratios).items()},
    )
    if item.type not in ("Container", "Pod"):
        one.log.warn(f"LimitRange: type {item.type} is not modelled", one.node.at, once=f"not modelled {item.type}")
    if item.type == "Pod" and (item.default or item.default_request):
        raise one.refuse("has defaults", "a Pod item has none: they belong to an item of type Container")
    _check_order(one, item)
    fields.rest()
    return item


def _check_order(one: Field, item: LimitRangeItem) -> None:
    """min, default request, default and max may be equal, but must not fall."""
    steps = (("min", item.min), ("defaultRequest", item.default_request), ("default", item.default), ("max", item.max))
    for i, (low, lower) in enumerate(steps):
        for high, higher in steps[i + 1 :]:
            for name in lower:
                if name in higher and lower[name] > higher[name]:
                    raise one.refuse(
                        f"contradicts itself: {low} of {name} is above {high}",
                        "min ≤ defaultRequest ≤ default ≤ max",
                        value=f"{low} {lower[name]}, {high} {higher[name]}",
                    )
    for name, ratio in item.max_limit_request_ratio.items():
        if ratio < 1:
            raise one.refuse(f"has a ratio below 1 for {name}", "a limit is at least the request", value=str(ratio))


def _amounts(fields: Fields | None) -> Mapping[str, int]:
    return {name: _amount(one, name) for name, one in _fields(fields).items()}


def _amount(one: Field, name: str) -> int:
    value: Fraction = quantity_of(one)
    if value < 0:
        raise one.refuse("is negative", "amounts are 0 or more")
    return ceil(value * 1000) if name in _IN_MILLICORES else ceil(value)


def _fields(fields: Fields | None) -> dict[str, Field]:
    if fields is None:
        return {}
    return {name: one for name in fields.nodes if (one := fields.field(name)) is not None}


def _finish(document: Fields) -> None:
    document.skip("apiVersion", "kind", "status")
    document.rest()
