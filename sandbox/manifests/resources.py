"""Requests, limits and capacities: cpu in millicores, memory in bytes, extended resources as whole counts.

Comes in: `resources:` of a container or `allocatable:` of a node; goes out: `Resources`. Mirrors the API server's
validation (k8s.io/kubernetes pkg/apis/core/validation): nothing negative, requests within limits, extended
resources whole and with request = limit; and its defaulting: a request that is not given is the limit.

Leaves out: ephemeral storage, huge pages, resource claims (noted as not modelled).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from sandbox.manifests.fields import Field, Fields
from sandbox.manifests.objects import Resources
from sandbox.manifests.quantity import RULE, parse_quantity

_UNMODELLED = ("ephemeral-storage", "pods", "storage")


@dataclass(frozen=True, slots=True)
class Asked:
    """Exact requests and limits by resource, with the field each stands in (None: a default)."""

    requests: dict[str, tuple[Fraction, Field | None]]
    limits: dict[str, tuple[Fraction, Field | None]]


def decode_resources(container: Fields, defaults: Mapping[str, str] | None = None) -> tuple[Resources, Resources]:
    """(requests, limits) of a container. `defaults` fill in what is missing on either side before all else."""
    fields = container.mapping("resources")
    asked = Asked({}, {})
    if fields is not None:
        asked = Asked(_quantities(fields.mapping("requests")), _quantities(fields.mapping("limits")))
        fields.rest()
    for name, text in (defaults or {}).items():
        asked.requests.setdefault(name, (parse_quantity(text), None))
        asked.limits.setdefault(name, (parse_quantity(text), None))
    for name, limit in asked.limits.items():
        asked.requests.setdefault(name, limit)
    _check(asked)
    return _resources(asked.requests), _resources(asked.limits)


def decode_capacity(fields: Fields | None) -> Resources:
    """`allocatable` or `capacity` of a node."""
    return _resources(_quantities(fields))


def _quantities(fields: Fields | None) -> dict[str, tuple[Fraction, Field | None]]:
    found: dict[str, tuple[Fraction, Field | None]] = {}
    for name in fields.nodes if fields is not None else ():
        assert fields is not None
        one = fields.field(name)
        if one is not None and name not in _UNMODELLED:
            found[name] = (_quantity(one, name), one)
        elif one is not None and name != "pods":
            one.log.warn(f"{one.kind}: {name} is not modelled", one.node.at, once=f"not modelled resource {name}")
    return found


def _quantity(one: Field, name: str) -> Fraction:
    value = quantity_of(one)
    if value < 0:
        raise one.refuse("is negative", "resources are 0 or more")
    if _extended(name) and value.denominator != 1:
        raise one.refuse("is not whole", f"{name} is counted in whole units: it cannot be shared by fractions")
    if name == "memory" and value.denominator != 1:
        one.log.warn(
            f"{one.kind}: {one.path} is a fraction of a byte ({one.node.text}): is the suffix M or Mi meant, not m?",
            one.node.at,
        )
    return value


def quantity_of(one: Field) -> Fraction:
    """A quantity, written as text or as a number."""
    value = one.node.value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise one.wrong_type("a quantity such as 500m, 2 or 2Gi")
    text = one.node.text if one.node.text is not None else str(value)
    try:
        return parse_quantity(text if isinstance(value, str) else str(value))
    except ValueError:
        raise one.refuse("is not a quantity", RULE) from None


def _extended(name: str) -> bool:
    return "/" in name and not name.startswith("kubernetes.io/")


def _check(asked: Asked) -> None:
    for name, (limit, at_limit) in asked.limits.items():
        request, at_request = asked.requests[name]
        at = at_request or at_limit
        if at is None:
            continue
        if request > limit:
            raise _above(at, name, request, limit, given=at_request is not None, limited=at_limit is not None)
        if _extended(name) and request != limit:
            raise at.refuse("differs from its limit", f"{name}: request = limit, it cannot be overcommitted")
    for name, (_, at) in asked.requests.items():
        if _extended(name) and name not in asked.limits and at is not None:
            raise at.refuse(
                "has no limit", f"{name}: request = limit, it cannot be overcommitted", f"add limits.{name}"
            )


def _above(at: Field, name: str, request: Fraction, limit: Fraction, *, given: bool, limited: bool) -> Exception:
    if given and limited:
        return at.refuse("is above its limit", f"{name}: the request is at most the limit ({_plain(limit)})")
    default, side = (limit, "limit") if given else (request, "request")
    return at.refuse(
        f"makes the request exceed the limit: KServe's default {name} {side} is {_plain(default)}",
        f"{name}: the request is at most the limit; KServe fills in each side that is missing",
        f"give both requests.{name} and limits.{name}",
    )


def _plain(value: Fraction) -> str:
    return str(value) if value.denominator == 1 else f"{float(value):g}"


def _resources(found: dict[str, tuple[Fraction, Field | None]]) -> Resources:
    amounts = {name: value for name, (value, _) in found.items()}
    return Resources(
        cpu_milli=ceil(amounts.get("cpu", Fraction(0)) * 1000),
        memory_bytes=ceil(amounts.get("memory", Fraction(0))),
        extended={name: int(value) for name, value in sorted(amounts.items()) if _extended(name)},
    )
