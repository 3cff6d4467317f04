"""Istio's order of policies, what a rule asks for, and whom a sidecar takes a caller for."""

from __future__ import annotations

import pytest

from sandbox.manifests.objects import Metadata, Secret
from sandbox.manifests.tenancy import AccessRule, AuthorizationPolicy, Operation, Source
from sandbox.mechanisms.tenancy import model_access
from sandbox.mechanisms.tenancy.authorization import (
    GATEWAY,
    UNKNOWN,
    Call,
    Identity,
    allowed,
    denies,
    has_sidecar,
    policies_for,
    seen_as,
)

A, B = Identity("tenant-a", "default"), Identity("tenant-b", "default")
RANKER = "ranker-predictor.tenant-b.svc.cluster.local"


def call(source: Identity = A, **more: str) -> Call:
    return Call(**{"source": source, "host": RANKER, "path": "/v1/models/ranker:predict", **more})


def policy(action: str, *rules: AccessRule, namespace: str = "tenant-b", **selector: str) -> AuthorizationPolicy:
    return AuthorizationPolicy(
        metadata=Metadata(name=action.lower(), namespace=namespace), action=action, selector=selector, rules=rules
    )


ANYBODY = AccessRule()
FROM_A, FROM_B = (AccessRule(sources=(Source(namespaces=(one,)),)) for one in ("tenant-a", "tenant-b"))


@pytest.mark.parametrize(
    ("policies", "does"),
    [
        ([], True),
        ([policy("ALLOW")], False),
        ([policy("ALLOW", FROM_B)], False),
        ([policy("ALLOW", FROM_B), policy("ALLOW", FROM_A)], True),
        ([policy("ALLOW", ANYBODY), policy("DENY", FROM_A)], False),
        ([policy("DENY", FROM_B)], True),
        ([policy("AUDIT", FROM_A), policy("CUSTOM", ANYBODY)], True),
        ([policy("ALLOW", AccessRule(unmet=True))], False),
        ([policy("DENY", AccessRule(unmet=True))], True),
    ],
)
def test_deny_goes_first_and_without_an_allow_policy_everybody_may(policies, does):
    assert does is allowed(call(), policies)


@pytest.mark.parametrize(
    ("source", "caller", "does"),
    [
        (Source(principals=("cluster.local/ns/tenant-a/sa/default",)), A, True),
        (Source(principals=("*/sa/default",)), A, True),
        (Source(principals=("cluster.local/ns/tenant-b/*",)), A, False),
        (Source(principals=("*",)), UNKNOWN, False),
        (Source(not_principals=("*",)), UNKNOWN, True),
        (Source(not_namespaces=("tenant-a",)), A, False),
        (Source(namespaces=("tenant-*",), not_principals=("*/tenant-b/*", "*/sa/other")), A, True),
    ],
)
def test_a_source_is_asked_for_all_that_is_given(source, caller, does):
    assert does is allowed(call(caller), [policy("ALLOW", AccessRule(sources=(source,)))])


@pytest.mark.parametrize(
    ("operation", "does"),
    [
        (Operation(hosts=("*.tenant-b.svc.cluster.local",)), True),
        (Operation(not_hosts=("*.tenant-b.svc.cluster.local",)), False),
        (Operation(methods=("GET",)), False),
        (Operation(not_methods=("POST",)), False),
        (Operation(paths=("/v1/models/*",), methods=("GET", "POST")), True),
        (Operation(paths=("/healthz", "/metrics")), False),
        (Operation(not_paths=("*:predict",)), False),
    ],
)
def test_an_operation_is_asked_for_all_that_is_given(operation, does):
    assert does is allowed(call(), [policy("ALLOW", AccessRule(operations=(operation,)))])


def test_policies_hold_for_their_namespace_and_selector_and_the_roots_for_all():
    own, other, root = (
        policy("ALLOW"),
        policy("DENY", FROM_A, namespace="tenant-a"),
        policy("DENY", FROM_A, namespace="istio-system"),
    )
    selected = policy("AUDIT", app="ranker")

    assert policies_for([own, other, root, selected], "tenant-b", {"app": "ranker"}) == (own, root, selected)
    assert policies_for([selected], "tenant-b", {"app": "other"}) == ()


@pytest.mark.parametrize(
    ("namespace", "pod", "does"),
    [
        ({}, {}, False),
        ({"istio-injection": "enabled"}, {}, True),
        ({"istio.io/rev": "stable"}, {}, True),
        ({"istio-injection": "enabled"}, {"sidecar.istio.io/inject": "false"}, False),
        ({}, {"sidecar.istio.io/inject": "true"}, True),
        ({"istio-injection": "disabled"}, {"sidecar.istio.io/inject": "true"}, False),
    ],
)
def test_labels_say_who_gets_a_sidecar(namespace, pod, does):
    assert does is has_sidecar(namespace, pod)


def test_who_has_no_sidecar_comes_through_the_gateway():
    assert (A, GATEWAY) == (seen_as(A, sidecar=True), seen_as(A, sidecar=False))
    assert UNKNOWN.principal == ""


def test_the_bits_are_one_a_caller():
    assert [denies(0b1010, caller) for caller in range(5)] == [False, True, False, True, False]


# -- models ------------------------------------------------------------------------------------------------------


def keys(*paths: str) -> Secret:
    return Secret(metadata=Metadata(name="store", annotations={model_access.OPENS: "\n".join(paths)}))


@pytest.mark.parametrize(
    ("uri", "own", "does"),
    [
        ("s3://models/tenant-a/ads", [keys("s3://models/tenant-a/")], True),
        ("s3://models/tenant-b/ranker", [keys("s3://models/tenant-a/")], False),
        ("s3://models/tenant-b", [], False),
        ("s3://models/tenant-bb/x", [], True),
        ("s3://models/nobody", [], True),
    ],
)
def test_a_path_that_somebody_opens_is_closed_to_the_others(uri, own, does):
    everybodys = [keys("s3://models/tenant-a/"), keys("s3://models/tenant-b/"), Secret(metadata=Metadata(name="x"))]

    assert does is model_access.may_download(uri, own, everybodys)


def test_the_storage_initializer_says_whose_keys_do_not_open_what():
    assert "the keys of a/default do not open s3://b" in model_access.denial("s3://b", "a/default")
