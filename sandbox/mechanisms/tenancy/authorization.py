"""AuthorizationPolicy: may a caller's request pass a workload's sidecar, and whom the sidecar takes the caller for.

Comes in: the policies that hold for a workload and a request; goes out: allowed or denied. The simulated world asks
once for each pair of caller and workload, whenever a policy changes, and keeps the answers as bits: `denies` reads
one of them for each request, as part of the kernel (it stays in numba's subset).

A policy on the source of a request sees the last proxy that spoke mutual TLS to the workload. That is the caller only
where the caller has a sidecar and nobody stands between: through the gateway it is the gateway's service account,
through the activator the activator's (knative-extensions/net-istio#554).

Mirrors istio/istio 1.27 pilot/pkg/security/authz and pkg/security/authz/matcher: DENY before ALLOW, no ALLOW policy
means allow, a policy without rules allows nothing. A denied request is answered 403 `RBAC: access denied`. Leaves
out: CUSTOM (no provider is asked), trust domain aliases, conditions on what simulated requests do not carry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sandbox.manifests.tenancy import MESH_ROOT, AccessRule, AuthorizationPolicy, Operation, Source

DENIED = 403
_TRUST_DOMAIN = "cluster.local"
_INJECTION, _REVISION, _POD = "istio-injection", "istio.io/rev", "sidecar.istio.io/inject"


@dataclass(frozen=True, slots=True)
class Identity:
    """A service account; without a namespace it is nobody the mesh knows."""

    namespace: str = ""
    service_account: str = ""

    @property
    def principal(self) -> str:
        """As policies name it.

        >>> Identity("tenant-a", "default").principal
        'cluster.local/ns/tenant-a/sa/default'
        """
        return f"{_TRUST_DOMAIN}/ns/{self.namespace}/sa/{self.service_account}" if self.namespace else ""


UNKNOWN = Identity()  # plain text
GATEWAY = Identity(MESH_ROOT, "istio-ingressgateway-service-account")
ACTIVATOR = Identity("knative-serving", "activator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request as a sidecar sees it."""

    source: Identity
    host: str
    path: str
    method: str = "POST"


def has_sidecar(namespace_labels: Mapping[str, str], pod_labels: Mapping[str, str]) -> bool:
    """Whether the mesh injects a sidecar into a pod: its own label wins over its namespace's.

    >>> has_sidecar({"istio-injection": "enabled"}, {}), has_sidecar({}, {})
    (True, False)
    """
    if namespace_labels.get(_INJECTION) == "disabled":
        return False
    own = pod_labels.get(_POD)
    if own is not None:
        return own == "true"
    return namespace_labels.get(_INJECTION) == "enabled" or _REVISION in namespace_labels


def seen_as(caller: Identity, *, sidecar: bool) -> Identity:
    """Whom a workload takes a caller for: one without a sidecar comes through the gateway."""
    return caller if sidecar else GATEWAY


def policies_for(
    policies: Iterable[AuthorizationPolicy], namespace: str, labels: Mapping[str, str]
) -> tuple[AuthorizationPolicy, ...]:
    """The policies that hold for a workload: of its namespace and of the root namespace, by their selectors."""
    return tuple(
        one
        for one in policies
        if one.metadata.namespace in (namespace, MESH_ROOT)
        and all(labels.get(key) == value for key, value in one.selector.items())
    )


def allowed(call: Call, policies: Iterable[AuthorizationPolicy]) -> bool:
    """Whether a request passes all policies that hold for the workload it goes to."""
    given = tuple(policies)
    if any(one.action == "DENY" and _matches(one, call) for one in given):
        return False
    allowing = [one for one in given if one.action == "ALLOW"]
    return not allowing or any(_matches(one, call) for one in allowing)


def denies(bits: int, caller: int) -> bool:
    """Whether caller number `caller` is denied; `bits` has one bit a caller.

    >>> denies(0b100, 2), denies(0b100, 1)
    (True, False)
    """
    return bits >> caller & 1 != 0


def _matches(policy: AuthorizationPolicy, call: Call) -> bool:
    return any(_meets(rule, call) for rule in policy.rules)


def _meets(rule: AccessRule, call: Call) -> bool:
    return (
        not rule.unmet
        and (not rule.sources or any(_from(one, call.source) for one in rule.sources))
        and (not rule.operations or any(_to(one, call) for one in rule.operations))
    )


def _from(source: Source, caller: Identity) -> bool:
    return (
        _one_of(source.principals, caller.principal)
        and _one_of(source.namespaces, caller.namespace)
        and _none_of(source.not_principals, caller.principal)
        and _none_of(source.not_namespaces, caller.namespace)
    )


def _to(operation: Operation, call: Call) -> bool:
    return (
        _one_of(operation.hosts, call.host)
        and _one_of(operation.methods, call.method)
        and _one_of(operation.paths, call.path)
        and _none_of(operation.not_hosts, call.host)
        and _none_of(operation.not_methods, call.method)
        and _none_of(operation.not_paths, call.path)
    )


def _one_of(patterns: tuple[str, ...], value: str) -> bool:
    return not patterns or any(_like(pattern, value) for pattern in patterns)


def _none_of(patterns: tuple[str, ...], value: str) -> bool:
    return not any(_like(pattern, value) for pattern in patterns)


def _like(pattern: str, value: str) -> bool:
    """A star stands for anything at one end of a pattern; alone, for anything but nothing."""
    if pattern == "*":
        return bool(value)
    if pattern.endswith("*"):
        return value.startswith(pattern[:-1])
    if pattern.startswith("*"):
        return value.endswith(pattern[1:])
    return value == pattern
