"""The controller against an API server and two gateways: what is asked for becomes so, and is told when it is."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from fixtures.knative_istio.ingress import read_ingress
from fixtures.knative_istio.translation import virtual_services
from tests.parts.knative_istio.envoy import Gateway
from tests.parts.knative_istio.ingresses import ingress, local_rule, path, rule, service, split
from tests.parts.knative_istio.running import (
    INGRESSES,
    VIRTUAL_SERVICES,
    Cluster,
    cluster,
    controlled,
    eventually,
)


@pytest.fixture
def of() -> Iterator[Cluster]:
    with cluster() as made:
        yield made


def test_a_service_is_written_and_ready_when_both_gateways_answer(of: Cluster) -> None:
    with controlled(of) as controller:
        of.apply(service(split("hello-00001")))
        of.becomes("True")

        wanted = virtual_services(read_ingress(of.ingress()))
        for one in wanted:
            held = of.virtual_service(one["metadata"]["name"])
            assert held["spec"] == one["spec"]
            assert one["metadata"].items() <= held["metadata"].items()
        said = of.ingress()["status"]
        domains = [said[name]["ingress"] for name in ("publicLoadBalancer", "privateLoadBalancer")]
        assert domains == [
            [{"domainInternal": "istio-ingressgateway.istio-system.svc.cluster.local"}],
            [{"domainInternal": "knative-local-gateway.istio-system.svc.cluster.local"}],
        ]
        assert set(of.public.asked) == {"hello.shop.example.com"}
        assert set(of.private.asked) == {"hello.shop"}
        assert controller.metric('knative_istio_ingresses{ready="True"}') == 1
        assert controller.metric("knative_istio_ready_seconds_count") == 1


def test_a_service_of_the_cluster_alone_is_not_asked_for_at_the_public_gateway(of: Cluster) -> None:
    of.public.status = 404
    with controlled(of):
        of.apply(ingress(local_rule(path(split("hello-00001")))))
        of.becomes("True")

        assert of.public.asked == []


def test_a_probe_that_is_never_answered_leaves_it_unknown_and_goes_on(of: Cluster) -> None:
    of.public.hangs = True
    with controlled(of) as controller:
        of.apply(service(split("hello-00001")))
        said = of.becomes("Unknown")
        time.sleep(3.5)  # several time-outs of a probe

        assert of.condition("Ready") == said
        assert of.condition("NetworkConfigured")["status"] == "True"
        assert "publicLoadBalancer" not in of.ingress()["status"]
        assert "knative-serving/knative-ingress-gateway doesn't answer" in said["message"]
        assert controller.metric('knative_istio_probes_total{answer="unreachable"}') >= 2

        of.public.hangs = False
        of.becomes("True")


@pytest.mark.parametrize(("status", "word"), [(404, "not_yet"), (503, "not_yet")])
def test_a_gateway_that_knows_nothing_of_it_is_named(of: Cluster, status: int, word: str) -> None:
    of.private.status = status
    with controlled(of) as controller:
        of.apply(service(split("hello-00001")))
        said = of.becomes("Unknown")

        assert said["message"].endswith(f"knative-serving/knative-local-gateway answers {status} for hello.shop")
        assert controller.metric(f'knative_istio_probes_total{{answer="{word}"}}') >= 1


def test_an_answer_from_behind_the_gateway_without_a_hash_is_enough(of: Cluster) -> None:
    """A policy's 403, or something that isn't Knative's: no better answer will come."""
    of.public.status = of.private.status = 403
    with controlled(of) as controller:
        of.apply(service(split("hello-00001")))
        of.becomes("True")

        assert controller.metric('knative_istio_probes_total{answer="no_hash"}') >= 2


def test_every_ready_pod_of_a_gateway_has_to_answer_and_no_other(of: Cluster) -> None:
    with (
        Gateway(of.api, of.public.name, of.public.service) as second,
        Gateway(of.api, of.public.name, of.public.service) as leaving,
    ):
        second.status = leaving.status = 404
        leaving.tell(ready=False)
        with controlled(of):
            of.apply(service(split("hello-00001")))
            of.becomes("Unknown")
            second.status = 0
            of.becomes("True")

        assert leaving.asked == []


def test_without_a_pod_behind_a_gateway_it_waits_for_one(of: Cluster) -> None:
    of.public.tell(ready=False)
    with controlled(of):
        of.apply(service(split("hello-00001")))
        assert "no ready pod behind istio-ingressgateway.istio-system" in of.becomes("Unknown")["message"]
        of.public.tell(ready=True)
        of.becomes("True")


def test_a_change_is_ready_when_its_own_hash_comes_back_and_not_by_the_answer_to_the_one_before(of: Cluster) -> None:
    with controlled(of):
        of.apply(service(split("hello-00001")))
        of.becomes("True")
        of.public.freeze()
        of.apply(service(split("hello-00001", 90), split("hello-00002", 10)))
        said = of.becomes("Unknown")

        assert of.ingress()["status"]["observedGeneration"] == 2
        assert "has an older configuration" in said["message"]
        weights = [one["weight"] for one in of.virtual_service("hello-ingress")["spec"]["http"][0]["route"]]
        assert weights == [90, 10]

        of.public.thaw()
        of.becomes("True")


# -- what people and other programs do


def test_what_was_deleted_or_changed_by_hand_is_written_again(of: Cluster) -> None:
    with controlled(of):
        of.apply(service(split("hello-00001")))
        of.becomes("True")
        good = of.virtual_service("hello-ingress")["spec"]

        of.api.remove(f"{VIRTUAL_SERVICES}/hello-ingress")
        eventually("it is there again", lambda: of.virtual_service("hello-ingress"))
        changed = of.virtual_service("hello-ingress")
        of.api.put(f"{VIRTUAL_SERVICES}/hello-ingress", {**changed, "spec": {**changed["spec"], "http": []}})
        eventually("its spec is what it was", lambda: of.virtual_service("hello-ingress")["spec"] == good)

        assert of.condition("Ready")["status"] == "True"


def test_a_virtual_service_of_somebody_else_is_left_alone_and_told(of: Cluster) -> None:
    theirs = {"metadata": {"name": "hello-mesh", "namespace": "shop"}, "spec": {"hosts": ["their.host"]}}
    of.api.put(f"{VIRTUAL_SERVICES}/hello-mesh", theirs)
    with controlled(of):
        of.apply(service(split("hello-00001")))
        said = of.becomes("False")

        assert (said["reason"], "'hello-mesh'" in said["message"]) == ("NotOwned", True)
        assert of.virtual_service("hello-mesh")["spec"] == theirs["spec"]
        assert of.virtual_service("hello-ingress") is None

        of.api.remove(f"{VIRTUAL_SERVICES}/hello-mesh")
        of.becomes("True")


def test_what_an_earlier_ingress_of_the_name_left_is_taken_over(of: Cluster) -> None:
    earlier = service(split("hello-00001"))
    earlier["metadata"]["uid"] = "an-earlier-uid"
    for one in virtual_services(read_ingress(earlier)):
        of.api.put(f"{VIRTUAL_SERVICES}/{one['metadata']['name']}", one)
    with controlled(of):
        of.apply(service(split("hello-00001")))
        of.becomes("True")

        for name in ("hello-ingress", "hello-mesh"):
            assert of.virtual_service(name)["metadata"]["ownerReferences"][0]["uid"] == "uid-of-hello"


def test_what_cannot_be_served_is_told_by_its_field_and_served_once_it_is_right(of: Cluster) -> None:
    with controlled(of):
        of.apply(service(split("hello-00001", 50), split("hello-00002", 40)))
        said = of.becomes("False")

        assert said["reason"] == "Invalid"
        assert "spec.rules[0].http.paths[0].splits have 90 percent together" in said["message"]
        assert of.virtual_service("hello-ingress") is None

        of.apply(service(split("hello-00001", 60), split("hello-00002", 40)))
        of.becomes("True")


def test_another_class_is_none_of_its_business(of: Cluster) -> None:
    other = {"networking.knative.dev/ingress.class": "kourier.ingress.networking.knative.dev"}
    with controlled(of) as controller:
        of.apply(ingress(local_rule(path(split("theirs"))), name="theirs", annotations=other))
        of.apply(service(split("hello-00001")))
        of.becomes("True")

        assert "status" not in of.ingress("theirs")
        assert of.virtual_service("theirs-ingress") is None
        assert controller.metric('knative_istio_ingresses{ready="Unknown"}') == 0


def test_a_host_of_the_cluster_that_goes_takes_its_routes_of_sidecars_along(of: Cluster) -> None:
    with controlled(of):
        of.apply(service(split("hello-00001")))
        of.becomes("True")
        assert of.virtual_service("hello-mesh")

        of.apply(ingress(rule(["hello.shop.example.com"], path(split("hello-00001")))))
        of.becomes("True")

        assert of.virtual_service("hello-mesh") is None


def test_without_the_mesh_only_gateways_are_told(of: Cluster) -> None:
    with controlled(of, "--no-mesh"):
        of.apply(service(split("hello-00001")))
        of.becomes("True")

        assert of.virtual_service("hello-mesh") is None


def test_an_ingress_that_is_deleted_is_forgotten_and_one_that_is_being_deleted_left_alone(of: Cluster) -> None:
    with controlled(of) as controller:
        leaving = service(split("hello-00001"))
        leaving["metadata"]["deletionTimestamp"] = "2026-11-25T10:00:00Z"
        of.apply(leaving)
        of.apply(ingress(local_rule(path(split("b"))), name="b"))
        of.becomes("True", "b")

        assert of.virtual_service("hello-ingress") is None

        for name in ("hello", "b"):
            of.api.remove(f"{INGRESSES}/{name}")
        eventually("none is known", lambda: controller.metric('knative_istio_ingresses{ready="True"}') == 0)


# -- start and end


def test_a_new_start_finds_what_is_ready_and_writes_and_asks_nothing(of: Cluster) -> None:
    with controlled(of):
        of.apply(service(split("hello-00001")))
        of.becomes("True")
    before, asked = of.writes(), len(of.public.asked)

    with controlled(of) as again:
        eventually("it was looked at", lambda: again.metric('knative_istio_reconciled_total{outcome="ready"}') >= 1)

        assert again.known == 1
        assert of.writes() == before
        assert len(of.public.asked) == asked


def test_sixty_services_at_once_are_all_ready(of: Cluster) -> None:
    names = [f"s{i}" for i in range(60)]
    with controlled(of) as controller:
        for name in names:
            of.apply(ingress(local_rule(path(split(name)), hosts=[f"{name}.shop.svc.cluster.local"]), name=name))
        for name in names:
            of.becomes("True", name)

        assert controller.metric('knative_istio_ingresses{ready="True"}') == 60
        assert controller.metric("knative_istio_ready_seconds_count") == 60


def test_health_and_metrics_are_served(of: Cluster) -> None:
    with controlled(of) as controller:
        assert controller.get("/healthz") == (200, '{"live": true}')
        assert controller.get("/readyz") == (200, '{"ready": true}')
        assert controller.get("/nothing")[0] == 404
        text = controller.get("/metrics")[1]

    for name in ("reconciled", "probes", "writes", "watches"):
        assert f"# TYPE knative_istio_{name}_total counter" in text
