"""Each component of the stack, against an API that keeps what it is told."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from fake_cluster import FakeKube, deployment

from sandbox.errors import WorldError
from sandbox.kind.bundle.layout import recipes_folder
from sandbox.kind.ports import HOST_PORTS
from sandbox.kind.stack.component import Component, Object
from sandbox.kind.stack.istio import Istio
from sandbox.kind.stack.knative import Knative
from sandbox.kind.stack.kserve import KServe, trusting
from sandbox.kind.stack.manifest import digest, split
from sandbox.kind.stack.nodes import Nodes, pod_network
from sandbox.kind.stack.self_signed import KeyPair
from sandbox.kind.stack.store import Store

STREAM = """\
apiVersion: v1
kind: Namespace
metadata: {name: a}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: b}
---
# only words
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data:
  text: |
    kind: CustomResourceDefinition
    --- not a mark
"""
SETTINGS = recipes_folder() / "manifests" / "stack"


def pair(host: str) -> KeyPair:
    return KeyPair(f"certificate of {host}".encode(), b"key")


def test_a_stream_is_split_into_definitions_and_the_rest() -> None:
    halves = split(STREAM)

    assert ["metadata: {name: b}"] == [line for line in halves.definitions.splitlines() if "metadata" in line]
    rest = [line for line in halves.objects.splitlines() if "metadata" in line]
    assert ["metadata: {name: a}", "metadata: {name: c}"] == rest
    assert "--- not a mark" in halves.objects


def test_a_digest_tells_apart_what_is_only_cut_differently() -> None:
    assert digest("ab", "c") != digest("a", "bc")


@pytest.mark.parametrize("kind", [Istio, Knative, KServe])
def test_a_changed_manifest_or_setting_is_another_identity(kind: type[Istio | Knative | KServe]) -> None:
    one = kind(split(STREAM), "settings", "v1")

    assert one.identity == kind(split(STREAM), "settings", "v1").identity
    assert one.identity != kind(split(STREAM), "other settings", "v1").identity
    assert one.identity != kind(split(STREAM.replace("name: c", "name: d")), "settings", "v1").identity


@pytest.mark.parametrize("component", [Istio(split(STREAM), "s", "v1"), Knative(split(STREAM), "s", "v1")])
def test_definitions_are_established_before_the_rest_and_settings_have_their_own_manager(component: Component) -> None:
    kube = FakeKube()
    component.install(kube)
    said = [verb for verb, _ in kube.told]

    assert said.index("define") < said.index("apply by sandbox", said.index("define"))
    assert ("apply by sandbox-settings", "s") in kube.told


def test_knative_has_its_settings_before_its_programs_start() -> None:
    kube = FakeKube()
    Knative(split(STREAM), "s", "v1").install(kube)

    assert ["define", "apply by sandbox-settings", "apply by sandbox"] == [verb for verb, _ in kube.told]


def webhooks(name: str, issuer: str = "kserve/serving-cert") -> Object:
    annotations = {"cert-manager.io/inject-ca-from": issuer} if issuer else {}
    hooks = [{"name": "one", "clientConfig": {}}, {"name": "two", "clientConfig": {}}]
    return {"metadata": {"name": name, "annotations": annotations}, "webhooks": hooks}


def test_kserves_webhooks_trust_the_certificate_of_the_secret() -> None:
    kube = FakeKube({"validatingwebhookconfiguration": [webhooks("ours"), webhooks("istio", "")]})
    KServe(split(STREAM), "s", "v1", pair).install(kube)
    (secret,) = kube.objects["secrets"]
    patched = {verb: json.loads(text) for verb, text in kube.told if verb.startswith("patch")}

    assert b"certificate of kserve-webhook-server-service.kserve.svc" == base64.b64decode(secret["data"]["tls.crt"])
    assert ["patch validatingwebhookconfiguration/ours"] == list(patched)
    (patches,) = patched.values()
    assert [secret["data"]["tls.crt"]] * 2 == [one["value"] for one in patches]
    assert "/webhooks/1/clientConfig/caBundle" == patches[1]["path"]


def test_a_second_install_of_kserve_keeps_the_certificate() -> None:
    kube = FakeKube()
    KServe(split(STREAM), "s", "v1", pair).install(kube)
    first = kube.objects["secrets"]
    KServe(split(STREAM), "s", "v1", lambda host: KeyPair(b"another", b"another")).install(kube)

    assert first == kube.objects["secrets"]


def test_a_webhook_that_trusts_already_is_not_patched() -> None:
    one = webhooks("ours")
    for hook in one["webhooks"]:
        hook["clientConfig"]["caBundle"] = "there"

    assert [] == trusting(one, "there")
    assert 2 == len(trusting(one, "another"))


def test_the_stores_keys_are_made_once() -> None:
    kube = FakeKube()
    Store("objects", "v1", lambda size: "first" * size).install(kube)
    Store("objects", "v1", lambda size: "second" * size).install(kube)
    (secret,) = kube.objects["secrets"]

    assert "first" * 10 == secret["stringData"]["AWS_ACCESS_KEY_ID"]
    assert "object-store.sandbox-system.svc.cluster.local:9000" in secret["metadata"]["annotations"].values()


def test_a_component_waits_for_its_deployments() -> None:
    kube = FakeKube({"deployments": [deployment("istiod", namespace="istio-system")]})

    (waiting,) = Istio(split(STREAM), "s", "v1").waiting(kube)
    assert "deployment istio-ingressgateway" == waiting.what


def node(name: str, cidr: str, address: str) -> Object:
    addresses = [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": address}]
    return {"metadata": {"name": name}, "spec": {"podCIDR": cidr} if cidr else {}, "status": {"addresses": addresses}}


NODES = [node("a", "10.244.0.0/24", "172.18.0.2"), node("b", "10.244.1.0/24", "172.18.0.3")]


def test_each_node_learns_the_ways_to_the_others() -> None:
    commands = pod_network(NODES)
    program = ["sandbox-pod-network", "10.244.0.0/24", "10.244.0.0/16"]

    assert [*program, "10.244.1.0/24=172.18.0.3"] == commands["a"]
    assert "10.244.0.0/24=172.18.0.2" == commands["b"][-1]


def test_no_node_is_connected_before_all_have_joined() -> None:
    ran: list[str] = []

    def run(name: str, arguments: object) -> None:
        ran.append(name)

    for found in (NODES[:1], [*NODES[:1], node("b", "", "172.18.0.3")]):
        with pytest.raises(WorldError, match="not all nodes have joined"):
            Nodes(run, 2, "sha256:1", "v1.34.2").install(FakeKube({"nodes": found}))
    Nodes(run, 2, "sha256:1", "v1.34.2").install(FakeKube({"nodes": NODES}))

    assert ["a", "b"] == ran


@pytest.mark.parametrize("port", HOST_PORTS)
def test_every_port_of_this_machine_leads_to_a_node_port(port: int) -> None:
    texts = [path.read_text(encoding="utf-8") for path in SETTINGS.glob("*.yaml")]

    assert 1 == sum(f"nodePort: {port}}}" in text for text in texts)


def test_no_component_knows_another() -> None:
    folder = Path(str(__import__("sandbox.kind.stack", fromlist=["x"]).__file__)).parent
    names = ("nodes", "istio", "knative", "knative_istio", "kserve", "store")
    for name in names:
        text = (folder / f"{name}.py").read_text(encoding="utf-8")

        assert [] == [other for other in names if f"stack.{other} " in text]
