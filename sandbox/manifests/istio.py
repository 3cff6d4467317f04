"""networking.istio.io VirtualService: the weights of its first HTTP route.

Comes in: a document (v1, v1beta1, v1alpha3 have one form); goes out: a `VirtualService`. Mirrors Istio's validation
of routes (istio/istio pkg/config/validation): weights are not negative and not all zero, a single destination needs
none. Leaves out: matches, further routes, subsets, ports, retries, time-outs, mirrors, faults, TCP and TLS.
"""

from __future__ import annotations

from sandbox.errors import Location
from sandbox.manifests.fields import INT32_MAX, Field, Fields
from sandbox.manifests.metadata import decode_metadata
from sandbox.manifests.objects import Json, VirtualService, WeightedDestination

API_VERSIONS = tuple(f"networking.istio.io/{version}" for version in ("v1", "v1beta1", "v1alpha3"))


def decode_virtual_service(document: Fields, raw: Json, at: Location) -> VirtualService:
    """networking.istio.io VirtualService."""
    metadata = decode_metadata(document, "DNS-1123 subdomain")
    spec = document.need("spec").mapping()
    hosts = spec.need("hosts", "a VirtualService has hosts")
    names = tuple(one.text() for one in hosts.items())
    if not names:
        raise hosts.refuse("is empty", "a VirtualService has at least one host")
    routes = spec.items("http")
    destinations = _destinations(routes[0]) if routes else ()
    if len(routes) > 1:
        spec.own.log.warn(
            "VirtualService: only the first http route is modelled", routes[1].node.at, once="not modelled http[1]"
        )
    spec.skip("gateways", "exportTo")
    spec.rest()
    document.skip("apiVersion", "kind", "status")
    document.rest()
    return VirtualService(metadata=metadata, raw=raw, at=at, hosts=names, destinations=destinations)


def _destinations(http: Field) -> tuple[WeightedDestination, ...]:
    fields = http.mapping()
    route = fields.need("route", "an http route sends to destinations")
    fields.skip("name")
    fields.rest()
    found = tuple(_destination(one.mapping()) for one in route.items())
    if len(found) == 1:
        return (WeightedDestination(host=found[0].host, weight=found[0].weight or 100),)
    if not sum(one.weight for one in found):
        raise route.refuse("has no weight", "at least one destination has a weight above 0")
    return found


def _destination(fields: Fields) -> WeightedDestination:
    destination = fields.need("destination").mapping()
    host = destination.need("host").text()
    destination.skip("port")
    destination.rest()
    weight = fields.integer("weight", 0, INT32_MAX) or 0
    fields.rest()
    return WeightedDestination(host=host, weight=weight)
