"""Nobody may do anything unless a binding gives a role that allows it."""

from __future__ import annotations

import pytest

from sandbox.manifests.objects import Metadata
from sandbox.manifests.tenancy import ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject
from sandbox.mechanisms.tenancy import rbac

A = "system:serviceaccount:tenant-a:default"
READ = PolicyRule(api_groups=("serving.kserve.io",), resources=("inferenceservices",), verbs=("get",))


def role(*rules: PolicyRule, namespace: str = "tenant-a") -> Role:
    return Role(metadata=Metadata(name="reader", namespace=namespace), rules=rules)


def binding(*subjects: Subject, namespace: str = "tenant-a", kind: str = "Role", name: str = "reader") -> RoleBinding:
    metadata = Metadata(name="b", namespace=namespace)
    return RoleBinding(metadata=metadata, role_kind=kind, role_name=name, subjects=subjects)


def cluster_binding(*subjects: Subject, name: str) -> ClusterRoleBinding:
    return ClusterRoleBinding(metadata=Metadata(name="b"), role_name=name, subjects=subjects)


ACCOUNT = Subject(kind="ServiceAccount", name="default", namespace="tenant-a")
REQUEST = rbac.request_for(A, "get", "InferenceService", "tenant-a", "ads")
ELSEWHERE = rbac.request_for(A, "get", "InferenceService", "tenant-b", "ranker")


def test_without_any_binding_nothing_is_allowed():
    assert not rbac.allowed(REQUEST, [role(READ)])


def test_a_role_holds_in_its_own_namespace_only():
    objects = [role(READ), binding(ACCOUNT)]

    assert rbac.allowed(REQUEST, objects)
    assert not rbac.allowed(ELSEWHERE, objects)


def test_a_role_of_another_namespace_gives_nothing():
    assert not rbac.allowed(REQUEST, [role(READ, namespace="tenant-b"), binding(ACCOUNT)])


def test_a_cluster_role_in_a_role_binding_holds_in_the_bindings_namespace():
    everywhere = ClusterRole(metadata=Metadata(name="reader"), rules=(READ,))
    objects = [everywhere, binding(ACCOUNT, kind="ClusterRole")]

    assert rbac.allowed(REQUEST, objects)
    assert not rbac.allowed(ELSEWHERE, objects)
    assert rbac.allowed(ELSEWHERE, [everywhere, cluster_binding(ACCOUNT, name="reader")])


@pytest.mark.parametrize(
    ("subject", "user", "does"),
    [
        (Subject(kind="Group", name="system:serviceaccounts:tenant-a"), A, True),
        (Subject(kind="Group", name="system:serviceaccounts:tenant-b"), A, False),
        (Subject(kind="Group", name="system:authenticated"), "alice", True),
        (Subject(kind="User", name="alice"), "alice", True),
        (Subject(kind="User", name="alice"), "bob", False),
        (Subject(kind="ServiceAccount", name="default", namespace="tenant-b"), A, False),
    ],
)
def test_a_binding_is_for_its_subjects(subject, user, does):
    request = rbac.request_for(user, "get", "InferenceService", "tenant-a", "ads")

    assert does is rbac.allowed(request, [role(READ), binding(subject)])


@pytest.mark.parametrize(
    ("rule", "does"),
    [
        (PolicyRule(api_groups=("*",), resources=("*",), verbs=("*",)), True),
        (PolicyRule(api_groups=("",), resources=("*",), verbs=("*",)), False),
        (PolicyRule(api_groups=("*",), resources=("secrets",), verbs=("*",)), False),
        (PolicyRule(api_groups=("*",), resources=("*",), verbs=("list",)), False),
        (PolicyRule(api_groups=("*",), resources=("*",), verbs=("*",), resource_names=("ads",)), True),
        (PolicyRule(api_groups=("*",), resources=("*",), verbs=("*",), resource_names=("other",)), False),
    ],
)
def test_a_rule_allows_what_it_names(rule, does):
    assert does is rbac.allowed(REQUEST, [role(rule), binding(ACCOUNT)])


def test_cluster_admin_is_always_there_and_an_unknown_role_gives_nothing():
    assert rbac.allowed(ELSEWHERE, [cluster_binding(ACCOUNT, name="cluster-admin")])
    assert not rbac.allowed(ELSEWHERE, [cluster_binding(ACCOUNT, name="no-such-role")])


def test_the_administrator_needs_no_binding():
    assert rbac.allowed(rbac.request_for("system:admin", "get", "Secret", "tenant-b", "store"), [])


def test_a_denial_is_worded_as_the_api_server_does():
    node = rbac.request_for("alice", "get", "Node", "default", "gpu-1")

    assert rbac.denial(ELSEWHERE) == (
        'inferenceservices.serving.kserve.io "ranker" is forbidden: User "system:serviceaccount:tenant-a:default" '
        'cannot get resource "inferenceservices" in API group "serving.kserve.io" in the namespace "tenant-b"'
    )
    assert rbac.denial(node).endswith('"alice" cannot get resource "nodes" in API group "" at the cluster scope')
    assert rbac.groups_of("system:serviceaccount:broken") == ("system:authenticated",)
