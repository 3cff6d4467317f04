"""rbac.authorization.k8s.io/v1: Role, ClusterRole, RoleBinding, ClusterRoleBinding.

Comes in: a document; goes out: the object. Mirrors the API server's validation (k8s.io/kubernetes v1.34.2
pkg/apis/rbac/validation): what a rule and a subject must have, a ClusterRoleBinding gives ClusterRoles only.

Leaves out: aggregated ClusterRoles, rules on URLs that are no resources.
"""

from __future__ import annotations

from sandbox.errors import Location
from sandbox.manifests.fields import Field, Fields
from sandbox.manifests.metadata import decode_metadata
from sandbox.manifests.objects import Json
from sandbox.manifests.tenancy import ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject

API_VERSION = "rbac.authorization.k8s.io/v1"
_NAMES = "DNS-1123 subdomain"


def decode_role(document: Fields, raw: Json, at: Location) -> Role:
    """Role."""
    metadata = decode_metadata(document, _NAMES)
    role = Role(metadata=metadata, raw=raw, at=at, rules=_rules(document))
    _finish(document)
    return role


def decode_cluster_role(document: Fields, raw: Json, at: Location) -> ClusterRole:
    """ClusterRole."""
    metadata = decode_metadata(document, _NAMES, namespaced=False)
    role = ClusterRole(metadata=metadata, raw=raw, at=at, rules=_rules(document))
    _finish(document)
    return role


def decode_role_binding(document: Fields, raw: Json, at: Location) -> RoleBinding:
    """RoleBinding."""
    metadata = decode_metadata(document, _NAMES)
    kind, name = _role_of(document, ("Role", "ClusterRole"))
    subjects = _subjects(document)
    _finish(document)
    return RoleBinding(metadata=metadata, raw=raw, at=at, role_kind=kind, role_name=name, subjects=subjects)


def decode_cluster_role_binding(document: Fields, raw: Json, at: Location) -> ClusterRoleBinding:
    """ClusterRoleBinding."""
    metadata = decode_metadata(document, _NAMES, namespaced=False)
    _, name = _role_of(document, ("ClusterRole",))
    subjects = _subjects(document)
    _finish(document)
    return ClusterRoleBinding(metadata=metadata, raw=raw, at=at, role_name=name, subjects=subjects)


def _rules(document: Fields) -> tuple[PolicyRule, ...]:
    return tuple(_rule(one) for one in document.items("rules"))


def _rule(one: Field) -> PolicyRule:
    fields = one.mapping()
    rule = PolicyRule(
        api_groups=_texts(fields, "apiGroups"),
        resources=_texts(fields, "resources"),
        verbs=_texts(fields, "verbs"),
        resource_names=_texts(fields, "resourceNames"),
    )
    if not rule.verbs:
        raise one.refuse("has no verbs", "a rule allows at least one verb, such as get")
    if "nonResourceURLs" not in fields.nodes and not (rule.api_groups and rule.resources):
        raise one.refuse("names no resources", 'a rule has apiGroups and resources; the core group is ""')
    fields.rest()
    return rule


def _role_of(document: Fields, kinds: tuple[str, ...]) -> tuple[str, str]:
    fields = document.need("roleRef", "a binding gives a role").mapping()
    fields.need("kind")
    kind, name = fields.one_of("kind", kinds, ""), fields.need("name").text()
    fields.one_of("apiGroup", ("rbac.authorization.k8s.io", ""), "")
    fields.rest()
    return kind, name


def _subjects(document: Fields) -> tuple[Subject, ...]:
    return tuple(_subject(one.mapping()) for one in document.items("subjects"))


def _subject(fields: Fields) -> Subject:
    fields.need("kind")
    kind = fields.one_of("kind", ("User", "Group", "ServiceAccount"), "")
    namespace = fields.text("namespace")
    if kind == "ServiceAccount" and not namespace:
        fields.need("namespace", "a ServiceAccount is named with its namespace")
    subject = Subject(kind=kind, name=fields.need("name").text(), namespace=namespace)
    fields.skip("apiGroup")
    fields.rest()
    return subject


def _texts(fields: Fields, name: str) -> tuple[str, ...]:
    return tuple(one.text() for one in fields.items(name))


def _finish(document: Fields) -> None:
    document.skip("apiVersion", "kind")
    document.rest()
