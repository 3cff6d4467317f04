"""The objects that keep tenants apart, as plain frozen data: namespaces, quotas, access to the API, access by traffic.

Comes in: nothing; `quotas.py`, `rbac.py`, `security.py` and `core.py` build these from YAML, `sandbox.mechanisms.
tenancy` decides by them, the simulated world keeps them. Amounts are by resource name: cpu in millicores, memory in
bytes, everything else in whole units.

Leaves out: fields that no world acts on; the reader reports them once as "not modelled".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar

from sandbox.manifests.objects import Object

MESH_ROOT = "istio-system"  # policies of this namespace hold in all of them

Amounts = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace(Object):
    """v1 Namespace. Its labels say whether pods in it get a mesh sidecar."""

    kind: ClassVar[str] = "Namespace"
    api_version: ClassVar[str] = "v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount(Object):
    """v1 ServiceAccount: who a pod is. `secrets`: where KServe finds credentials for a model's store."""

    secrets: tuple[str, ...] = ()
    kind: ClassVar[str] = "ServiceAccount"
    api_version: ClassVar[str] = "v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceQuota(Object):
    """v1 ResourceQuota: at most `hard` of everything in its namespace, counted over pods that match all `scopes`.

    A scope is written as in spec.scopes; a scopeSelector's expression on priority classes as
    "PriorityClass in [a,b]".
    """

    hard: Amounts
    scopes: tuple[str, ...] = ()
    kind: ClassVar[str] = "ResourceQuota"
    api_version: ClassVar[str] = "v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRangeItem:
    """One item of a LimitRange, of type Container or Pod."""

    type: str
    min: Amounts = field(default_factory=dict)
    max: Amounts = field(default_factory=dict)
    default: Amounts = field(default_factory=dict)  # limits of containers that set none
    default_request: Amounts = field(default_factory=dict)
    max_limit_request_ratio: Mapping[str, Fraction] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRange(Object):
    """v1 LimitRange."""

    items: tuple[LimitRangeItem, ...] = ()
    kind: ClassVar[str] = "LimitRange"
    api_version: ClassVar[str] = "v1"


# -- who may use the API -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRule:
    """What a role allows; "*" stands for anything."""

    api_groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()  # empty: all


@dataclass(frozen=True, slots=True, kw_only=True)
class Role(Object):
    """rbac.authorization.k8s.io/v1 Role."""

    rules: tuple[PolicyRule, ...] = ()
    kind: ClassVar[str] = "Role"
    api_version: ClassVar[str] = "rbac.authorization.k8s.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRole(Object):
    """rbac.authorization.k8s.io/v1 ClusterRole: of no namespace."""

    rules: tuple[PolicyRule, ...] = ()
    kind: ClassVar[str] = "ClusterRole"
    api_version: ClassVar[str] = "rbac.authorization.k8s.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom a binding is for: a User, a Group or a ServiceAccount."""

    kind: str
    name: str
    namespace: str = ""  # of a ServiceAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleBinding(Object):
    """rbac.authorization.k8s.io/v1 RoleBinding: gives a role in its own namespace."""

    role_kind: str
    role_name: str
    subjects: tuple[Subject, ...] = ()
    kind: ClassVar[str] = "RoleBinding"
    api_version: ClassVar[str] = "rbac.authorization.k8s.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRoleBinding(Object):
    """rbac.authorization.k8s.io/v1 ClusterRoleBinding: gives a ClusterRole in all namespaces."""

    role_name: str
    subjects: tuple[Subject, ...] = ()
    kind: ClassVar[str] = "ClusterRoleBinding"
    api_version: ClassVar[str] = "rbac.authorization.k8s.io/v1"


# -- who may call a service ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One `from` of a rule: where a request comes from. What is empty is not asked for."""

    principals: tuple[str, ...] = ()
    not_principals: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    not_namespaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One `to` of a rule: what a request asks for."""

    hosts: tuple[str, ...] = ()
    not_hosts: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    not_methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    not_paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRule:
    """One rule of an AuthorizationPolicy. Without sources (operations) it does not ask for them.

    `unmet`: it asks for something that no request of the sandbox carries, such as a token or a header, so that it
    matches none.
    """

    sources: tuple[Source, ...] = ()
    operations: tuple[Operation, ...] = ()
    unmet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationPolicy(Object):
    """security.istio.io AuthorizationPolicy: ALLOW, DENY, AUDIT or CUSTOM. No selector: its whole namespace."""

    action: str = "ALLOW"
    selector: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[AccessRule, ...] = ()
    kind: ClassVar[str] = "AuthorizationPolicy"
    api_version: ClassVar[str] = "security.istio.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerAuthentication(Object):
    """security.istio.io PeerAuthentication: whether workloads take plain text."""

    mode: str = "UNSET"
    kind: ClassVar[str] = "PeerAuthentication"
    api_version: ClassVar[str] = "security.istio.io/v1"
