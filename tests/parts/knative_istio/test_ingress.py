"""An Ingress that cannot be served is refused by the field that is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.knative_istio.ingress import is_ours, read_ingress
from sandbox.errors import UsageError
from tests.parts.knative_istio.ingresses import PUBLIC, ingress, path, rule, service, split

Json = Any


def with_split(**changed: Json) -> Json:
    return ingress(rule(PUBLIC, path({**split("a"), **changed})))


@pytest.mark.parametrize(
    ("document", "where"),
    [
        (ingress(), "spec.rules is missing"),
        (ingress(rule([], path(split("a")))), "spec.rules[0].hosts is missing"),
        (ingress(rule(PUBLIC)), "spec.rules[0].http.paths is missing"),
        (ingress({"hosts": PUBLIC}), "spec.rules[0].http is missing"),
        (ingress(rule(PUBLIC, path())), "spec.rules[0].http.paths[0].splits is missing"),
        (ingress(rule(PUBLIC, path(split("a")), visibility="Everybody")), "spec.rules[0].visibility is 'Everybody'"),
        (ingress(rule(PUBLIC, path(split("a", 50), split("b", 49)))), "have 99 percent together"),
        (ingress(rule(PUBLIC, path(split("a", 0), split("b", 0)))), "have 0 percent together"),
        (ingress(rule(PUBLIC, path(split("a", 50)))), "have 50 percent together"),
        (ingress(rule(PUBLIC, path(split("a", 110), split("b", -10)))), "splits[0].percent is 110"),
        (with_split(percent="100"), "splits[0].percent is '100'"),
        (with_split(serviceNamespace="other"), "splits[0].serviceNamespace is other"),
        (with_split(serviceName=""), "splits[0].serviceName is missing"),
        (with_split(servicePort="http"), "splits[0].servicePort is 'http'"),
        (with_split(servicePort=0), "splits[0].servicePort is 0"),
        (with_split(servicePort=None), "splits[0].servicePort is None"),
        (with_split(appendHeaders={"X-One": 1}), "splits[0].appendHeaders.X-One is 1"),
        (ingress(rule(PUBLIC, path(split("a"), headers={"X-One": {}}))), "headers.X-One.exact is missing"),
        (ingress(rule([7], path(split("a")))), "spec.rules[0].hosts[0] is 7"),  # type: ignore[list-item]
        (ingress("a rule"), "spec.rules[0] is no object"),
        (ingress(rule(PUBLIC, path(split("a"))), tls=[{"secretName": "s"}]), "spec.tls is not served here"),
        (ingress(rule(PUBLIC, path(split("a"))), httpOption="Redirected"), "spec.httpOption Redirected"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(document: Json, where: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_ingress(document)

    assert where in refused.value.what
    assert refused.value.rule


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({"networking.knative.dev/ingress.class": "istio.ingress.networking.knative.dev"}, True),
        ({"networking.knative.dev/ingress-class": "istio.ingress.networking.knative.dev"}, True),
        ({"networking.knative.dev/ingress.class": "kourier.ingress.networking.knative.dev"}, False),
        (
            {
                "networking.knative.dev/ingress.class": "kourier.ingress.networking.knative.dev",
                "networking.knative.dev/ingress-class": "istio.ingress.networking.knative.dev",
            },
            False,
        ),
        ({}, False),
    ],
)
def test_only_istios_class_is_its_business(annotations: Json, expected: bool) -> None:
    document = service(split("a"))
    document["metadata"]["annotations"] = annotations

    assert is_ours(document) is expected
