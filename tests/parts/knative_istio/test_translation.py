"""An Ingress becomes the VirtualServices that net-istio would write, and nothing that Istio would refuse."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.knative_istio.ingress import hash_of, read_ingress
from fixtures.knative_istio.translation import child_name, mesh_virtual_service, virtual_service, virtual_services
from tests.parts.knative_istio.envoy import taken
from tests.parts.knative_istio.ingresses import LOCAL, PUBLIC, ingress, local_rule, path, rule, service, split

PUBLIC_GATEWAY, PRIVATE_GATEWAY = "knative-serving/knative-ingress-gateway", "knative-serving/knative-local-gateway"
Json = Any


def translated(document: Json) -> Json:
    return virtual_service(read_ingress(document))


def destination(revision: str, weight: int, port: int = 80) -> Json:
    return {
        "destination": {"host": f"{revision}.shop.svc.cluster.local", "port": {"number": port}},
        "weight": weight,
        "headers": {
            "request": {"set": {"Knative-Serving-Namespace": "shop", "Knative-Serving-Revision": revision}},
        },
    }


def match(authority: str, gateway: str, headers: Mapping[str, str] | None = None, **more: Json) -> Json:
    said = {"headers": {name: {"exact": value} for name, value in headers.items()}} if headers else {}
    return {"gateways": [gateway], "authority": {"prefix": authority}, **said, **more}


def twins(
    document: Json, match: Json, route: list[Json], headers: Mapping[str, str] | None = None, **more: Json
) -> Any:
    """A probe's route and everybody's."""
    hash = hash_of(document)
    probed = copy.deepcopy(match)
    probed.setdefault("headers", {})["k-network-hash"] = {"exact": "override"}
    plain = {"match": [match], "route": route, "retries": {"attempts": 0}, **more}
    shown = {**plain, "match": [probed], "headers": {"request": {"set": {"K-Network-Hash": hash}}}}
    return shown, plain


def test_a_service_is_reached_by_both_gateways_each_by_the_hosts_of_its_own() -> None:
    document = service(split("hello-00001"))
    route = [destination("hello-00001", 100)]

    found = translated(document)

    assert found == {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {
            "name": "hello-ingress",
            "namespace": "shop",
            "labels": {"serving.knative.dev/service": "hello", "networking.internal.knative.dev/ingress": "hello"},
            "annotations": {"networking.knative.dev/ingress.class": "istio.ingress.networking.knative.dev"},
            "ownerReferences": [
                {
                    "apiVersion": "networking.internal.knative.dev/v1alpha1",
                    "kind": "Ingress",
                    "name": "hello",
                    "uid": "uid-of-hello",
                    "controller": True,
                }
            ],
        },
        "spec": {
            "gateways": [PUBLIC_GATEWAY, PRIVATE_GATEWAY],
            "hosts": [LOCAL[0], PUBLIC[0], *LOCAL[1:]],
            "http": [
                *twins(document, match("hello.shop", PRIVATE_GATEWAY), route),
                *twins(document, match("hello.shop.example.com", PUBLIC_GATEWAY), route),
            ],
        },
    }


def test_sidecars_reach_the_hosts_of_the_cluster_without_a_gateway() -> None:
    document = service(split("hello-00001"))

    found = mesh_virtual_service(read_ingress(document))

    assert found is not None
    assert found["metadata"]["name"] == "hello-mesh"
    assert found["spec"] == {
        "gateways": ["mesh"],
        "hosts": LOCAL,
        "http": list(twins(document, match("hello.shop", "mesh"), [destination("hello-00001", 100)])),
    }


def routes(*rules: Json, probes: bool = False) -> list[Json]:
    """The routes of an Ingress, those of probes left out."""
    found = translated(ingress(*rules))["spec"]["http"]
    return [one for one in found if probes or not any("k-network-hash" in m.get("headers", {}) for m in one["match"])]


@pytest.mark.parametrize(
    ("splits", "expected"),
    [
        ([split("a", 90), split("b", 10)], [("a", 90), ("b", 10)]),
        ([split("a", 100), split("b", 0)], [("a", 100)]),
        ([split("a", 0)], [("a", 100)]),
        ([{name: value for name, value in split("a").items() if name != "percent"}], [("a", 100)]),
        ([split("a", 33), split("b", 33), split("c", 34)], [("a", 33), ("b", 33), ("c", 34)]),
    ],
)
def test_splits_are_weights_and_those_of_nothing_are_left_out(splits: list[Json], expected: list[Json]) -> None:
    (route,) = routes(rule(PUBLIC, path(*splits)))

    assert route["route"] == [destination(revision, weight) for revision, weight in expected]


def test_headers_of_a_path_are_set_on_all_of_its_requests_those_of_a_split_on_its_share() -> None:
    (route,) = routes(rule(PUBLIC, path(split("a", 60), split("b", 40), appendHeaders={"X-Path": "1"})))

    assert route["headers"] == {"request": {"set": {"X-Path": "1"}}}
    assert [one["headers"]["request"]["set"]["Knative-Serving-Revision"] for one in route["route"]] == ["a", "b"]


def test_a_tag_is_a_host_of_its_own_and_a_header_that_is_looked_at_first() -> None:
    tagged = path(split("hello-00002"), headers={"Knative-Serving-Tag": {"exact": "canary"}})
    default = path(split("hello-00001"), appendHeaders={"Knative-Serving-Default-Route": "true"})
    of_tag = path(split("hello-00002"), appendHeaders={"Knative-Serving-Tag": "canary"})

    found = routes(rule(PUBLIC, tagged, default), rule(["canary-hello.shop.example.com"], of_tag))

    said = [(one["match"], one["route"][0]["destination"]["host"].split(".")[0], one.get("headers")) for one in found]
    host, header = "hello.shop.example.com", {"knative-serving-tag": "canary"}
    assert said == [
        ([match(host, PUBLIC_GATEWAY, header)], "hello-00002", None),
        ([match(host, PUBLIC_GATEWAY)], "hello-00001", {"request": {"set": {"Knative-Serving-Default-Route": "true"}}}),
        (
            [match("canary-hello.shop.example.com", PUBLIC_GATEWAY)],
            "hello-00002",
            {"request": {"set": {"Knative-Serving-Tag": "canary"}}},
        ),
    ]


def test_a_host_is_rewritten_for_a_domain_mapping_and_only_its_gateway_is_named() -> None:
    document = ingress(
        rule(["shop.example.org"], path(split("hello"), rewriteHost="hello.shop.svc.cluster.local")),
        name="shop.example.org",
    )

    found = virtual_services(read_ingress(document))

    (only,) = found  # no host is one of the cluster
    assert only["spec"]["gateways"] == [PUBLIC_GATEWAY]
    assert only["spec"]["hosts"] == ["shop.example.org"]
    assert [one["rewrite"] for one in only["spec"]["http"]] == [{"authority": "hello.shop.svc.cluster.local"}] * 2
    assert only["spec"]["http"][1]["route"] == [destination("hello", 100)]


def test_a_service_of_the_cluster_alone_is_not_reached_by_the_public_gateway() -> None:
    found = translated(ingress(local_rule(path(split("hello-00001")))))

    assert found["spec"]["gateways"] == [PRIVATE_GATEWAY]
    assert found["spec"]["hosts"] == LOCAL


def test_a_rule_that_does_not_say_its_visibility_is_public() -> None:
    unsaid = {name: value for name, value in rule(PUBLIC, path(split("a"))).items() if name != "visibility"}

    assert translated(ingress(unsaid))["spec"]["gateways"] == [PUBLIC_GATEWAY]


def test_paths_are_beginnings_and_keep_their_order() -> None:
    found = routes(rule(PUBLIC, path(split("solver"), path="/.well-known/acme"), path(split("hello-00001"))))

    assert [one["match"][0].get("uri") for one in found] == [{"prefix": "/.well-known/acme"}, None]


def test_a_port_may_be_a_number_in_a_text() -> None:
    (route,) = routes(rule(PUBLIC, path(split("a", port="8012"))))

    assert route["route"][0]["destination"]["port"] == {"number": 8012}


def test_the_hash_is_of_name_namespace_and_spec_and_of_nothing_else() -> None:
    one = service(split("a", 90), split("b", 10))
    same, other, elsewhere = copy.deepcopy(one), copy.deepcopy(one), copy.deepcopy(one)
    same["metadata"] |= {"generation": 7, "resourceVersion": "9", "labels": {}}
    same["spec"] = dict(reversed(same["spec"].items()))
    other["spec"]["rules"][0]["http"]["paths"][0]["splits"][0]["percent"] = 91
    elsewhere["metadata"]["namespace"] = "other"

    assert hash_of(one) == hash_of(same)
    assert len({hash_of(each) for each in (one, other, elsewhere)}) == 3


@pytest.mark.parametrize(
    ("length", "expected"), [(10, "a" * 10 + "-ingress"), (55, "a" * 55 + "-ingress"), (56, None), (200, None)]
)
def test_names_stay_within_63_characters_and_apart(length: int, expected: str | None) -> None:
    found = child_name("a" * length, "-ingress")

    assert len(found) <= 63
    assert found.endswith("-ingress")
    assert expected in (None, found)
    assert found != child_name("a" * length + "b", "-ingress")


# -- of whatever Knative may write

NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
HEADERS = st.dictionaries(st.from_regex(r"X-[A-Z][a-z]{0,6}", fullmatch=True), st.text("abc", max_size=4), max_size=3)


@st.composite
def paths(draw: st.DrawFn) -> Json:
    cuts = sorted(draw(st.lists(st.integers(0, 100), min_size=0, max_size=4)))
    percents = [b - a for a, b in zip([0, *cuts], [*cuts, 100], strict=True)]
    made = path(*(split(draw(NAMES), percent) for percent in percents), appendHeaders=draw(HEADERS))
    if draw(st.booleans()):
        made["headers"] = {"Knative-Serving-Tag": {"exact": draw(NAMES)}}
    return made


@st.composite
def documents(draw: st.DrawFn) -> Json:
    rules = []
    for name in draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)):
        some = draw(st.lists(paths(), min_size=1, max_size=3))
        if draw(st.booleans()):
            rules.append(rule([f"{name}.shop.example.com"], *some))
        rules.append(local_rule(*some, hosts=[f"{name}.shop{end}" for end in ("", ".svc", ".svc.cluster.local")]))
    return ingress(*rules)


@settings(deadline=None)
@given(documents())
def test_weights_are_whole_and_none_is_zero_whatever_is_asked_for(document: Json) -> None:
    for one in virtual_services(read_ingress(document)):
        for route in one["spec"]["http"]:
            weights = [each["weight"] for each in route["route"]]
            assert sum(weights) == 100
            assert all(weights)
            assert route["retries"] == {"attempts": 0}
            assert "timeout" not in route


@settings(deadline=None)
@given(documents())
def test_every_host_is_routed_as_its_rule_says_with_and_without_a_probe(document: Json) -> None:
    """By a small Envoy: a host must be one of the VirtualService's, then the first route that matches is taken."""
    found = virtual_service(read_ingress(document))
    hash = hash_of(document)

    for asked_for in document["spec"]["rules"]:
        gateway = PUBLIC_GATEWAY if asked_for["visibility"] == "ExternalIP" else PRIVATE_GATEWAY
        default = next((each for each in asked_for["http"]["paths"] if not each.get("headers")), None)
        for host in asked_for["hosts"]:
            for asked in (host, f"{host}:8080"):
                plain = taken(found, gateway, asked, {})
                probed = taken(found, gateway, asked, {"k-network-hash": "override"})

                assert revisions(plain) == revisions_asked(default)
                assert revisions(probed) == revisions_asked(default)
                if default is not None:
                    assert probed["headers"]["request"]["set"]["K-Network-Hash"] == hash
                    assert "K-Network-Hash" not in plain.get("headers", {}).get("request", {}).get("set", {})


@settings(deadline=None)
@given(documents())
def test_what_is_asked_for_by_one_gateway_is_not_answered_by_the_other(document: Json) -> None:
    found = virtual_service(read_ingress(document))
    public = [host for one in document["spec"]["rules"] if one["visibility"] == "ExternalIP" for host in one["hosts"]]
    local = [host for one in document["spec"]["rules"] if one["visibility"] != "ExternalIP" for host in one["hosts"]]

    assert all(taken(found, PUBLIC_GATEWAY, host, {}) is None for host in local)
    assert set(local + public) <= set(found["spec"]["hosts"])


def revisions(route: Json) -> Json:
    if route is None:
        return None
    return [(each["destination"]["host"].split(".")[0], each["weight"]) for each in route["route"]]


def revisions_asked(path: Json) -> Json:
    """None for a rule whose paths all ask for a header."""
    if path is None:
        return None
    return [(each["serviceName"], each["percent"]) for each in path["splits"] if each["percent"]]
