"""RBAC: may a user do something to an object.

Comes in: who asks for what, and the roles and bindings of the cluster; goes out: yes or no, and the API server's
words for no. Called by the simulated world for each `get` of a timeline. Nothing is allowed unless a binding gives a
role that allows it.

Mirrors kubernetes/kubernetes (v1.34.2) plugin/pkg/auth/authorizer/rbac/rbac.go and pkg/registry/rbac/validation.
Of the ClusterRoles that a cluster brings with it only cluster-admin is known here. Leaves out: subresources,
escalation checks, rules on URLs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.manifests.objects import Object
from sandbox.manifests.tenancy import ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject

SERVICE_ACCOUNT = "system:serviceaccount:"
CLUSTER_ADMIN = (PolicyRule(api_groups=("*",), resources=("*",), verbs=("*",)),)
MASTERS = "system:masters"  # the group whose members may do everything

# kind of an object → (API group, resource) that rules name.
RESOURCES = {
    "InferenceService": ("serving.kserve.io", "inferenceservices"),
    "KnativeService": ("serving.knative.dev", "services"),
    "Deployment": ("apps", "deployments"),
    "Service": ("", "services"),
    "ConfigMap": ("", "configmaps"),
    "Secret": ("", "secrets"),
    "ServiceAccount": ("", "serviceaccounts"),
    "ResourceQuota": ("", "resourcequotas"),
    "LimitRange": ("", "limitranges"),
    "Namespace": ("", "namespaces"),
    "Node": ("", "nodes"),
    "Role": ("rbac.authorization.k8s.io", "roles"),
    "RoleBinding": ("rbac.authorization.k8s.io", "rolebindings"),
    "ClusterRole": ("rbac.authorization.k8s.io", "clusterroles"),
    "ClusterRoleBinding": ("rbac.authorization.k8s.io", "clusterrolebindings"),
    "VirtualService": ("networking.istio.io", "virtualservices"),
    "AuthorizationPolicy": ("security.istio.io", "authorizationpolicies"),
    "PeerAuthentication": ("security.istio.io", "peerauthentications"),
}
OF_NO_NAMESPACE = ("Namespace", "Node", "ClusterRole", "ClusterRoleBinding")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Somebody wants to do something to one object. namespace: "" for objects of none."""

    user: str
    verb: str
    group: str
    resource: str
    name: str
    namespace: str = ""


def request_for(user: str, verb: str, kind: str, namespace: str, name: str) -> Request:
    """The request for an object of a kind."""
    group, resource = RESOURCES[kind]
    where = "" if kind in OF_NO_NAMESPACE else namespace
    return Request(user=user, verb=verb, group=group, resource=resource, name=name, namespace=where)


def allowed(request: Request, objects: Iterable[Object]) -> bool:
    """Whether the roles and bindings among the objects allow it."""
    given = tuple(objects)
    if MASTERS in groups_of(request.user):
        return True
    return any(_allows(rule, request) for binding in given for rule in _rules(binding, request, given))


def denial(request: Request) -> str:
    """What the API server answers with a 403.

    >>> denial(Request(user="u", verb="get", group="", resource="secrets", name="s", namespace="b"))
    'secrets "s" is forbidden: User "u" cannot get resource "secrets" in API group "" in the namespace "b"'
    """
    full = f"{request.resource}.{request.group}" if request.group else request.resource
    scope = f'in the namespace "{request.namespace}"' if request.namespace else "at the cluster scope"
    return (
        f'{full} "{request.name}" is forbidden: User "{request.user}" cannot {request.verb} '
        f'resource "{request.resource}" in API group "{request.group}" {scope}'
    )


def groups_of(user: str) -> tuple[str, ...]:
    """The groups a user is in by name alone; those of a login are not known here.

    >>> groups_of("system:serviceaccount:a:default")
    ('system:authenticated', 'system:serviceaccounts', 'system:serviceaccounts:a')
    """
    if user == "system:admin":
        return ("system:authenticated", MASTERS)
    namespace, colon, _ = user.removeprefix(SERVICE_ACCOUNT).partition(":")
    if not user.startswith(SERVICE_ACCOUNT) or not colon:
        return ("system:authenticated",)
    return ("system:authenticated", "system:serviceaccounts", f"system:serviceaccounts:{namespace}")


def _rules(binding: Object, request: Request, objects: Iterable[Object]) -> tuple[PolicyRule, ...]:
    """What a binding gives the user where the object is."""
    if isinstance(binding, ClusterRoleBinding):
        wanted = ("ClusterRole", binding.role_name)
    elif isinstance(binding, RoleBinding) and binding.metadata.namespace == request.namespace:
        wanted = (binding.role_kind, binding.role_name)
    else:
        return ()
    if not any(_is(subject, request.user) for subject in binding.subjects):
        return ()
    return _role(wanted, binding.metadata.namespace, objects)


def _role(wanted: tuple[str, str], namespace: str, objects: Iterable[Object]) -> tuple[PolicyRule, ...]:
    """The rules of a role; a role that is not there gives nothing."""
    for one in objects:
        if isinstance(one, ClusterRole) and wanted == ("ClusterRole", one.metadata.name):
            return one.rules
        if isinstance(one, Role) and (*wanted, namespace) == ("Role", one.metadata.name, one.metadata.namespace):
            return one.rules
    return CLUSTER_ADMIN if wanted == ("ClusterRole", "cluster-admin") else ()


def _is(subject: Subject, user: str) -> bool:
    if subject.kind == "Group":
        return subject.name in groups_of(user)
    if subject.kind == "ServiceAccount":
        return user == f"{SERVICE_ACCOUNT}{subject.namespace}:{subject.name}"
    return user == subject.name


def _allows(rule: PolicyRule, request: Request) -> bool:
    return (
        _names(rule.verbs, request.verb)
        and _names(rule.api_groups, request.group)
        and _names(rule.resources, request.resource)
        and (not rule.resource_names or request.name in rule.resource_names)
    )


def _names(listed: tuple[str, ...], wanted: str) -> bool:
    return "*" in listed or wanted in listed
