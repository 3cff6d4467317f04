"""Trouble with the API server, a signal at any moment, and starts that cannot succeed."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.parts.knative_istio.ingresses import ingress, local_rule, path, service, split
from tests.parts.knative_istio.running import INGRESSES, Cluster, cluster, controlled, eventually
from tests.parts.part import part, run

Json = Any

GONE = 'knative_istio_watches_total{resource="ingresses",what="gone"}'
LISTED = 'knative_istio_watches_total{resource="ingresses",what="listed"}'
ENDED = 'knative_istio_watches_total{resource="ingresses",what="ended"}'


@pytest.fixture
def of() -> Iterator[Cluster]:
    with cluster() as made:
        yield made


def other(name: str) -> Json:
    return ingress(local_rule(path(split(name)), hosts=[f"{name}.shop.svc.cluster.local"]), name=name)


def test_a_watch_that_ends_goes_on_from_where_it_was(of: Cluster) -> None:
    with controlled(of) as controller:
        of.apply(service(split("hello-00001")))
        of.becomes("True")
        of.api.hang_up()
        eventually("the watch ended", lambda: controller.metric(ENDED) >= 1)
        of.apply(service(split("hello-00002")))
        of.becomes("True")

        assert controller.metric(LISTED) == 1
        watched = [
            at for _, at in of.api.begun if at.startswith(INGRESSES.replace("/namespaces/shop", "")) and "watch" in at
        ]
        versions = [int(one.split("resourceVersion=")[1].split("&")[0]) for one in watched]
        assert versions == sorted(versions)
        assert versions[-1] > versions[0]


def test_a_bookmark_moves_a_watch_on_so_that_it_survives_what_is_forgotten(of: Cluster) -> None:
    with controlled(of) as controller:
        of.api.forget()  # nothing has been read since the start: this version is too old for both watches
        eventually("it listed again", lambda: controller.metric(LISTED) >= 2)
        listed = controller.metric(LISTED)
        of.api.bookmark()
        time.sleep(0.3)
        of.api.hang_up()
        eventually("the watch ended", lambda: controller.metric(ENDED) >= 1)
        of.apply(service(split("hello-00001")))
        of.becomes("True")

        assert controller.metric(LISTED) == listed


def test_a_version_that_is_forgotten_means_a_new_list_which_misses_nothing(of: Cluster) -> None:
    with controlled(of) as controller:
        of.apply(other("leaves"))
        of.becomes("True", "leaves")
        of.api.go_away()
        of.apply(service(split("hello-00001")))
        of.api.remove(f"{INGRESSES}/leaves")
        of.api.forget()
        of.api.come_back()
        of.becomes("True")

        assert controller.metric(GONE) >= 1
        assert controller.metric('knative_istio_ingresses{ready="True"}') == 1


def test_while_the_api_is_away_it_lives_unready_and_goes_on_afterwards(of: Cluster) -> None:
    with controlled(of) as controller:
        of.apply(service(split("hello-00001")))
        of.becomes("True")
        of.api.go_away()
        eventually("it says that it isn't ready", lambda: controller.get("/readyz")[0] == 503)
        assert controller.get("/healthz")[0] == 200

        of.apply(service(split("hello-00002")))
        of.api.come_back()
        of.becomes("True")
        eventually("it is ready", lambda: controller.get("/readyz")[0] == 200)


def test_an_api_that_fails_for_a_while_is_asked_again(of: Cluster) -> None:
    with controlled(of) as controller:
        of.public.status = 404
        of.apply(service(split("hello-00001")))
        of.becomes("Unknown")
        of.api.broken, of.public.status = True, 0
        failed = 'knative_istio_reconciled_total{outcome="failed"}'
        eventually("writes fail", lambda: controller.metric(failed) >= 1 or of.api.calls[-1][2] == 500)
        of.api.broken = False
        of.becomes("True")


def test_a_status_of_an_ingress_that_changed_meanwhile_is_not_written_but_made_anew(of: Cluster) -> None:
    path_of_status = f"{INGRESSES}/hello/status"
    with controlled(of):

        def somebody_annotates() -> None:
            document = of.ingress()
            about = document["metadata"] | {"annotations": {**document["metadata"]["annotations"], "note": "1"}}
            of.api.put(f"{INGRESSES}/hello", {**document, "metadata": about})

        of.api.interfering = [lambda: None, lambda: None, somebody_annotates]  # two VirtualServices, then the status
        of.apply(service(split("hello-00001")))
        of.becomes("True")

        statuses = [status for _, called, status in of.writes() if called == path_of_status]
        assert 409 in statuses
        assert statuses[-1] == 200
        assert of.ingress()["metadata"]["annotations"]["note"] == "1"


def test_what_the_api_refuses_is_told_and_tried_again(of: Cluster) -> None:
    of.api.refusals = {"virtualservices/hello-ingress": 422}
    with controlled(of):
        of.apply(service(split("hello-00001")))
        said = of.becomes("False")

        assert said["reason"] == "ReconcileVirtualServiceFailed"
        assert "422: the object is refused" in said["message"]
        assert of.condition("LoadBalancerReady")["status"] == "False"

        of.api.refusals = {}
        of.becomes("True")


def test_trouble_with_one_service_does_not_hold_up_the_others(of: Cluster) -> None:
    of.api.refusals = {"virtualservices/hello-ingress": 500}
    with controlled(of):
        of.apply(service(split("hello-00001")))
        for i in range(12):  # more than there are workers
            of.apply(other(f"s{i}"))
        for i in range(12):
            of.becomes("True", f"s{i}")

        assert of.condition("Ready") == {}


# -- signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_0(of: Cluster, number: signal.Signals) -> None:
    with controlled(of) as controller:
        assert controller.part.stop(number) == 0


def test_a_signal_ends_it_while_a_gateway_hangs(of: Cluster) -> None:
    of.public.hangs = True
    with controlled(of) as controller:
        of.apply(service(split("hello-00001")))
        eventually("a probe is under way", lambda: of.public.asked)
        started = time.monotonic()

        assert controller.part.stop() == 0
        assert time.monotonic() - started < 5


def test_a_signal_ends_it_while_the_api_is_away(of: Cluster) -> None:
    with controlled(of) as controller:
        of.api.go_away()
        eventually("it says that it isn't ready", lambda: controller.get("/readyz")[0] == 503)

        assert controller.part.stop() == 0


def test_it_waits_for_an_api_that_comes_later(of: Cluster) -> None:
    of.api.go_away()
    with part("knative_istio", *of.api.where) as one:
        one.wait_for(r".*WARNING.*did not answer GET.*")
        assert one.stdout() == ""
        of.api.come_back()
        one.wait_for(r"ready http://\S+ ingresses=0")

        assert one.stop() == 0


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 4, "this is not a pod"),
        (["--api-url", "https://127.0.0.1:1", "--api-ca", "/nowhere"], 4, "cannot start"),
        (["--public-service", "gateway"], 2, "'gateway' is not NAMESPACE/NAME"),
    ],
)
def test_a_start_that_cannot_succeed_says_why(arguments: list[str], status: int, said: str) -> None:
    ended = run("knative_istio", *arguments)

    assert (ended.returncode, ended.stdout) == (status, "")
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_token_stands_in_no_log(of: Cluster) -> None:
    of.api.access.token_file.write_text("secret-but-wrong")
    with part("knative_istio", *of.api.where) as one:
        one.wait_for(r".*WARNING.*401.*")
        assert one.stop() == 0

        assert "secret-but-wrong" not in one.stderr() + one.stdout()
