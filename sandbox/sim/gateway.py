"""Names to pods: which revisions answer for a host, and with which shares.

One flat route per flow: the weights of an Istio VirtualService times the shares of each destination's Knative
route, down to revisions. Drawing once from the product is the same as drawing at each step, because the draws
are independent. Routes are rewritten whenever a share, a VirtualService or a workload changes.
"""

from __future__ import annotations

from collections.abc import Callable

from sandbox.manifests.objects import Service, VirtualService
from sandbox.sim.context import Context
from sandbox.sim.knative import Knative
from sandbox.sim.kserve import KServe

MAX_DEPTH = 8  # VirtualServices that send to each other
Shares = list[tuple[int, float]]  # (row in the data plane, weight)


def short_name(host: str, default_namespace: str = "default") -> tuple[str, str]:
    """(namespace, name) of a host in any of its forms.

    >>> short_name("ranker"), short_name("ranker.shop.svc.cluster.local"), short_name("ranker-shop.example.com")
    (('default', 'ranker'), ('shop', 'ranker'), ('example', 'ranker-shop'))
    """
    parts = host.split(".")
    return (parts[1], parts[0]) if len(parts) > 1 else (default_namespace, parts[0])


class Gateway:
    """All hosts of the cluster. `deployments(namespace, selector)` finds the rows a Service selects."""

    def __init__(
        self,
        context: Context,
        knative: Knative,
        kserve: KServe,
        selected: Callable[[Service], Shares],
        standard: Callable[[str, str], Shares | None],
    ) -> None:
        self.context = context
        self.knative = knative
        self.kserve = kserve
        self.services: dict[tuple[str, str], Service] = {}
        self.virtual_services: dict[tuple[str, str], VirtualService] = {}
        self.routes: dict[str, int] = {}  # host → route in the data plane
        self._inner: dict[tuple[str, str], int] = {}  # Knative Service → route
        self._selected = selected
        self._standard = standard

    def route(self, host: str) -> int:
        """The data plane's route for a host that clients use."""
        if host not in self.routes:
            self.routes[host] = self.context.plane.new_route()
            self.refresh()
        return self.routes[host]

    def inner_route(self, namespace: str, name: str) -> int:
        """The route a transformer takes to its predictor's Knative Service."""
        key = (namespace, name)
        if key not in self._inner:
            self._inner[key] = self.context.plane.new_route()
            self.refresh()
        return self._inner[key]

    def refresh(self) -> None:
        """Write all routes again."""
        for host, route in self.routes.items():
            self._write(route, self.resolve(host))
        for (namespace, name), route in self._inner.items():
            self._write(route, self.knative.rows(namespace, name) or [])

    def _write(self, route: int, shares: Shares) -> None:
        self.context.plane.set_route(route, [row for row, _ in shares], [weight for _, weight in shares])

    def resolve(self, host: str, depth: int = 0) -> Shares:
        """(row, weight) of everything that answers for `host`; empty: nobody does."""
        virtual = self._virtual_service(host) if depth < MAX_DEPTH else None
        if virtual is not None:
            return [
                (row, destination.weight * weight / (sum(w for _, w in inner) or 1.0))
                for destination in virtual.destinations
                for inner in (self.resolve(destination.host, depth + 1),)
                for row, weight in inner
            ]
        return self._own(*self._name_of(host))

    def _virtual_service(self, host: str) -> VirtualService | None:
        wanted = short_name(host)
        for virtual in self.virtual_services.values():
            for known in virtual.hosts:
                if host == known or short_name(known, virtual.metadata.namespace) == wanted:
                    return virtual
        return None

    def _name_of(self, host: str) -> tuple[str, str]:
        """KServe's own domain is name-namespace.example.com; the cluster's is name.namespace.svc.cluster.local."""
        first = host.split(".")[0]
        if host.endswith(".example.com"):
            for namespace, name in self.kserve.services:
                if first == f"{name}-{namespace}" or host.startswith(f"{name}.{namespace}."):
                    return (namespace, name)
        return short_name(host)

    def _own(self, namespace: str, name: str) -> Shares:
        standard = self._standard(namespace, name)
        if standard is not None:
            return standard
        entry = self.kserve.entry(namespace, name)
        rows = self.knative.rows(namespace, entry or name)
        if rows is not None:
            return rows
        service = self.services.get((namespace, name))
        return self._selected(service) if service is not None else []
