"""security.istio.io: AuthorizationPolicy and PeerAuthentication.

Comes in: a document (v1 and v1beta1 have one form); goes out: the object. Mirrors Istio's validation (istio/istio
1.27 pkg/config/validation): a rule's parts are not empty, DENY needs rules, CUSTOM needs a provider, one of selector
and targetRefs.

Leaves out: targetRefs; conditions on what no request of the sandbox carries (tokens, headers, addresses, ports): a
rule with one matches no request, and a warning says so. Every client of the simulated world reaches a workload by
way of the mesh, so that a PeerAuthentication turns nobody away: its mode is read and kept.
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.errors import Location
from sandbox.manifests.fields import Field, Fields
from sandbox.manifests.metadata import decode_metadata
from sandbox.manifests.objects import Json
from sandbox.manifests.tenancy import AccessRule, AuthorizationPolicy, Operation, PeerAuthentication, Source

API_VERSIONS = ("security.istio.io/v1", "security.istio.io/v1beta1")
_ACTIONS = ("ALLOW", "DENY", "AUDIT", "CUSTOM")
_MODES = ("UNSET", "DISABLE", "PERMISSIVE", "STRICT")


def decode_authorization_policy(document: Fields, raw: Json, at: Location) -> AuthorizationPolicy:
    """AuthorizationPolicy. Without a spec it is the one that allows nothing."""
    metadata = decode_metadata(document, "DNS-1123 subdomain")
    spec = document.mapping("spec")
    policy = AuthorizationPolicy(metadata=metadata, raw=raw, at=at)
    if spec is not None:
        action = spec.one_of("action", _ACTIONS, "ALLOW")
        rules = tuple(_rule(one) for one in spec.items("rules"))
        if action == "DENY" and not rules:
            raise spec.own.refuse("denies nothing", "a DENY policy has rules; [{}] matches everything", value=action)
        if action == "CUSTOM":
            spec.need("provider", "a CUSTOM policy names its provider")
            spec.skip("provider")
            spec.own.log.warn(
                "AuthorizationPolicy: action CUSTOM is not modelled: no provider is asked, nothing is denied by it", at
            )
        policy = AuthorizationPolicy(
            metadata=metadata, raw=raw, at=at, action=action, selector=_selector(spec), rules=rules
        )
        spec.rest()
    _finish(document)
    return policy


def decode_peer_authentication(document: Fields, raw: Json, at: Location) -> PeerAuthentication:
    """PeerAuthentication."""
    metadata = decode_metadata(document, "DNS-1123 subdomain")
    spec = document.mapping("spec")
    mode = "UNSET"
    if spec is not None:
        mutual = spec.mapping("mtls")
        if mutual is not None:
            mode = mutual.one_of("mode", _MODES, "UNSET")
            mutual.rest()
        _selector(spec)
        spec.skip("portLevelMtls")
        spec.rest()
    _finish(document)
    return PeerAuthentication(metadata=metadata, raw=raw, at=at, mode=mode)


def _selector(spec: Fields) -> Mapping[str, str]:
    selector = spec.mapping("selector")
    if selector is None:
        return {}
    labels = selector.strings("matchLabels")
    selector.rest()
    return labels


# -- rules ---------------------------------------------------------------------------------------------------


class _Part:
    """One source or operation, or the conditions of a rule: what is asked of a request."""

    def __init__(self, one: Field, inner: str) -> None:
        self.fields = one.mapping().need(inner).mapping()
        if not any(self.texts(name) for name in self.fields.nodes):
            raise one.refuse("asks for nothing", f"a {inner} has at least one field with a value")
        self._known: set[str] = set()

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(one.text() for one in self.fields.items(name))

    def known(self, name: str) -> tuple[str, ...]:
        self._known.add(name)
        return self.texts(name)

    def beyond(self) -> list[Field]:
        """What is asked for beyond `known`, except negatives: not to have a token is easy without one."""
        return [
            one
            for name in self.fields.nodes
            if name not in self._known and not name.startswith("not") and (one := self.fields.field(name)) is not None
        ]


def _rule(one: Field) -> AccessRule:
    fields = one.mapping()
    sources, operations, unmet = [], [], list(fields.items("when"))
    for given in fields.items("from"):
        source, beyond = _source(_Part(given, "source"))
        sources += [] if beyond else [source]
        unmet += beyond
    for given in fields.items("to"):
        operation, beyond = _operation(_Part(given, "operation"))
        operations += [] if beyond else [operation]
        unmet += beyond
    for what in unmet:
        what.log.warn(
            f"AuthorizationPolicy: no request of the sandbox carries what {what.path} asks for: nothing matches it",
            what.node.at,
        )
    # One of several sources that can be met is enough; a condition must be met in any case.
    lost = bool(fields.items("when")) or any(
        fields.items(name) and not kept for name, kept in (("from", sources), ("to", operations))
    )
    fields.rest()
    return AccessRule(sources=tuple(sources), operations=tuple(operations), unmet=lost)


def _source(part: _Part) -> tuple[Source, list[Field]]:
    source = Source(
        principals=part.known("principals"),
        not_principals=part.known("notPrincipals"),
        namespaces=part.known("namespaces"),
        not_namespaces=part.known("notNamespaces"),
    )
    return source, part.beyond()


def _operation(part: _Part) -> tuple[Operation, list[Field]]:
    operation = Operation(
        hosts=part.known("hosts"),
        not_hosts=part.known("notHosts"),
        methods=part.known("methods"),
        not_methods=part.known("notMethods"),
        paths=part.known("paths"),
        not_paths=part.known("notPaths"),
    )
    return operation, part.beyond()


def _finish(document: Fields) -> None:
    document.skip("apiVersion", "kind", "status")
    document.rest()
