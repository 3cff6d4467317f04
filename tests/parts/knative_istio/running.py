"""A controller as a process of its own, with an API server and the two gateways that it knows."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tests.parts.knative_istio.envoy import Gateway
from tests.parts.kubernetes_api.fake_api import FakeApi
from tests.parts.part import Part, part

INGRESSES = "/apis/networking.internal.knative.dev/v1alpha1/namespaces/shop/ingresses"
VIRTUAL_SERVICES = "/apis/networking.istio.io/v1/namespaces/shop/virtualservices"
WITHIN_S = 20.0

Json = Any
Found = TypeVar("Found")


def eventually(what: str, check: Callable[[], Found], within_s: float = WITHIN_S) -> Found:
    """The first true value of `check`."""
    deadline = time.monotonic() + within_s
    while not (value := check()):
        assert time.monotonic() < deadline, f"waited {within_s:g} s for: {what}"
        time.sleep(0.01)
    return value


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a controller meets."""

    api: FakeApi
    public: Gateway
    private: Gateway

    def apply(self, document: Json) -> None:
        self.api.put(f"{INGRESSES}/{document['metadata']['name']}", document)

    def ingress(self, name: str = "hello") -> Json:
        return self.api.objects[f"{INGRESSES}/{name}"]

    def virtual_service(self, name: str) -> Json:
        return self.api.objects.get(f"{VIRTUAL_SERVICES}/{name}")

    def condition(self, kind: str, name: str = "hello") -> Json:
        """Of the generation that is there now; {} before it was looked at."""
        document = self.ingress(name)
        said = document.get("status") or {}
        if said.get("observedGeneration") != document["metadata"]["generation"]:
            return {}
        return next((one for one in said["conditions"] if one["type"] == kind), {})

    def becomes(self, status: str, name: str = "hello", kind: str = "Ready") -> Json:
        """That condition, when it has that status."""

        def check() -> Json:
            found = self.condition(kind, name)
            return found if found.get("status") == status else None

        return eventually(f"{kind} of {name} is {status}", check)

    def writes(self) -> list[tuple[str, str, int]]:
        return [call for call in self.api.calls if call[0] != "GET"]


@dataclass(frozen=True, slots=True)
class Controller:
    part: Part
    address: str
    known: int

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self.address, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def metric(self, line: str) -> float:
        text = self.get("/metrics")[1]
        return next((float(one.rsplit(" ", 1)[1]) for one in text.splitlines() if one.startswith(line)), 0.0)


@contextmanager
def cluster() -> Iterator[Cluster]:
    with ExitStack() as stack:
        api = stack.enter_context(FakeApi())
        public = Gateway(api, "knative-serving/knative-ingress-gateway", "istio-ingressgateway")
        private = Gateway(api, "knative-serving/knative-local-gateway", "knative-local-gateway")
        yield Cluster(api, stack.enter_context(public), stack.enter_context(private))


@contextmanager
def controlled(of: Cluster, *arguments: str) -> Iterator[Controller]:
    """A controller that is ready; it ends well at the end, without a traceback."""
    with part("knative_istio", *of.api.where, *arguments) as one:
        ready = one.wait_for(r"ready (http://\S+)/metrics ingresses=(\d+)")
        yield Controller(one, urlsplit(ready[1]).netloc, int(ready[2]))
        assert one.stop() == 0, one.stderr()
        assert "Traceback" not in one.stderr()
