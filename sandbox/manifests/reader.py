"""Reads manifests: files, folders and texts as `kubectl apply -f` takes them, into validated objects.

Comes in: paths of files (YAML or JSON, many documents each) or folders, or text; goes out: `Manifests` with the
objects in the order written and warnings about what is accepted without effect. Called by the scenario loader and
by `sandbox try`. Whatever is wrong is a UsageError with file, line and column: no object leaves here half checked.

A known kind with an unmodelled field is accepted and the field listed once; an unknown kind is accepted as Unknown
with a warning; two objects of one kind, namespace and name are refused, naming both places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.errors import Location, UsageError
from sandbox.manifests import apps, core, istio, knative, kserve, quotas, rbac, security
from sandbox.manifests.admission import Admission, Refusal, first_deploy_warnings, unplayed_warnings
from sandbox.manifests.cache_config import cache_of, parse_cache_config
from sandbox.manifests.fields import Fields, Log, Warning_, document_field
from sandbox.manifests.files import file_content, manifest_files
from sandbox.manifests.metadata import decode_metadata
from sandbox.manifests.names import did_you_mean
from sandbox.manifests.objects import ConfigMap, InferenceService, Json, Object, Unknown
from sandbox.manifests.platform_config import PlatformConfig, platform_config
from sandbox.manifests.tree import Node, load_documents, plain_node
from sandbox.manifests.tree import locate as locate_node
from sandbox.manifests.tree import locate_key as locate_key_in

__all__ = ["Manifests", "Refusal", "Text", "Warning_", "parse_object", "read_manifests"]

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Text:
    """Manifests given as text; `name` stands where a file's name would stand in messages."""

    content: str
    name: str = "<text>"


@dataclass(frozen=True, slots=True)
class Manifests:
    """What was read. `platform`: the settings that the ConfigMaps among the objects (or the caller) gave."""

    objects: tuple[Object, ...]
    warnings: tuple[Warning_, ...] = ()
    platform: PlatformConfig = field(default_factory=PlatformConfig)
    nodes: Mapping[Key, Node] = field(default_factory=dict, repr=False, compare=False)

    @property
    def notes(self) -> tuple[str, ...]:
        """The warnings as text."""
        return tuple(str(one) for one in self.warnings)

    def locate(self, one: Object, *path: str | int) -> Location | None:
        """Where a value of an object stands in its file: as deep as the path leads.

        `locate(isvc, "metadata", "annotations", "autoscaling.knative.dev/target")`
        """
        node = self.nodes.get(one.key)
        return one.at if node is None else locate_node(node, path)


@dataclass(slots=True)
class _Read:
    """One document, on its way to an object."""

    node: Node
    fields: Fields
    api_version: str
    kind: str


def read_manifests(
    *sources: str | Path | Text,
    admission: Sequence[Admission] = (),
    platform: PlatformConfig | None = None,
    first_deploy: bool = False,
) -> Manifests:
    """Read files, folders and texts. `platform`: settings that hold already (ConfigMaps read earlier).

    `first_deploy`: these objects meet an empty cluster; warn about what they then say in vain.

    >>> read_manifests(Text("apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: a}")).objects[0].key
    ('ConfigMap', 'default', 'a')
    """
    log = Log()
    documents = [one for source in sources for one in _documents(source, log)]
    reader = _Reader(documents, log, platform)
    objects = reader.objects()
    for one in objects:
        for hook in admission:
            for refusal in hook(one):
                raise _refused(one, refusal, reader.nodes[one.key])
    for warning in unplayed_warnings(objects):
        log.warn(warning.message, warning.at)
    if first_deploy:
        for warning in first_deploy_warnings(objects, reader.locate_key):
            log.warn(warning.message, warning.at)
    return Manifests(tuple(objects), tuple(log.warnings), reader.platform, reader.nodes)


def parse_object(
    doc: Mapping[str, Any],
    source: Location | str = "patch in scenario file",
    *,
    admission: Sequence[Admission] = (),
    platform: PlatformConfig | None = None,
) -> Object:
    """An object from a plain document, such as the result of a merge patch; `source` stands in messages."""
    at = source if isinstance(source, Location) else Location(source)
    log = Log()
    reader = _Reader([_document(plain_node(doc, at), log)], log, platform)
    (one,) = reader.objects()
    for hook in admission:
        for refusal in hook(one):
            raise _refused(one, refusal, reader.nodes[one.key])
    return one


def _refused(one: Object, refusal: Refusal, node: Node) -> UsageError:
    name = one.named_kind if isinstance(one, Unknown) else one.kind
    return UsageError(
        f"{name} {one.metadata.name}: {refusal.what}",
        where=locate_node(node, refusal.path),
        value=refusal.value,
        rule=refusal.rule,
        next_step=refusal.next_step,
    )


# -- from files to documents ---------------------------------------------------------------------------------


def _documents(source: str | Path | Text, log: Log) -> Iterable[_Read]:
    if isinstance(source, Text):
        content = source.content.encode("utf-8", "surrogatepass")
        yield from _from_file(load_documents(content, source.name), source.name, log)
        return
    for file in manifest_files(Path(source)):
        yield from _from_file(load_documents(file_content(file), str(file)), str(file), log)


def _from_file(nodes: Sequence[Node], file: str, log: Log) -> Iterable[_Read]:
    found = [one for node in nodes for one in _expanded(node, log)]
    if not found:
        raise UsageError(
            "there is no object in this file",
            where=Location(file),
            rule="a manifest has at least one object with apiVersion, kind and metadata.name",
            next_step="check that the file was written and is the one that was meant",
        )
    return found


def _expanded(node: Node, log: Log) -> list[_Read]:
    """The document, or the items of a List."""
    read = _document(node, log)
    if read.kind != "List" or read.api_version != "v1":
        return [read]
    return [inner for one in read.fields.items("items") for inner in _expanded(one.node, log)]


def _document(node: Node, log: Log) -> _Read:
    if not isinstance(node.value, dict):
        raise UsageError(
            "this is not an object",
            where=node.at,
            value=node.text if node.text is not None else "a list" if isinstance(node.value, list) else node.value,
            rule="a manifest is a mapping with apiVersion, kind and metadata",
        )
    if node.value and set(node.value) <= _PROFILE_KEYS:
        raise UsageError(
            "this is a profile, not a manifest",
            where=node.at,
            value=f"found {', '.join(sorted(node.value))}",
            rule="every object says its apiVersion and kind",
            next_step="leave it out of the manifests: sandbox try takes it with --profile, a scenario with profile=",
        )
    start = Fields(document_field(node, "manifest", log), node.value)
    api_version = start.need("apiVersion", "every object says its apiVersion").text()
    kind = start.need("kind", "every object says its kind").text()
    return _Read(node, Fields(document_field(node, kind, log), node.value), api_version, kind)


# -- from documents to objects -------------------------------------------------------------------------------

_PROFILE_KEYS = {"platform", "default", "models"}  # of profile_file.py

_Decoder = Callable[[Fields, Json, Location, PlatformConfig], Object]


def _plain(decode: Callable[[Fields, Json, Location], Object]) -> _Decoder:
    return lambda fields, raw, at, platform: decode(fields, raw, at)


_DECODERS: dict[tuple[str, str], _Decoder] = {
    ("serving.kserve.io/v1beta1", "InferenceService"): kserve.decode_inference_service,
    ("serving.knative.dev/v1", "Service"): knative.decode_service,
    ("serving.knative.dev/v1", "Configuration"): knative.decode_part,
    ("serving.knative.dev/v1", "Route"): knative.decode_part,
    ("serving.knative.dev/v1", "Revision"): knative.decode_part,
    ("apps/v1", "Deployment"): _plain(apps.decode_deployment),
    ("v1", "Service"): _plain(core.decode_service),
    ("v1", "ConfigMap"): _plain(core.decode_config_map),
    ("v1", "Secret"): _plain(core.decode_secret),
    ("v1", "Node"): _plain(core.decode_node),
    ("v1", "Namespace"): _plain(core.decode_namespace),
    ("v1", "ServiceAccount"): _plain(core.decode_service_account),
    ("v1", "ResourceQuota"): _plain(quotas.decode_resource_quota),
    ("v1", "LimitRange"): _plain(quotas.decode_limit_range),
    (rbac.API_VERSION, "Role"): _plain(rbac.decode_role),
    (rbac.API_VERSION, "ClusterRole"): _plain(rbac.decode_cluster_role),
    (rbac.API_VERSION, "RoleBinding"): _plain(rbac.decode_role_binding),
    (rbac.API_VERSION, "ClusterRoleBinding"): _plain(rbac.decode_cluster_role_binding),
    **{(version, "VirtualService"): _plain(istio.decode_virtual_service) for version in istio.API_VERSIONS},
    **{
        (version, kind): _plain(decode)
        for version in security.API_VERSIONS
        for kind, decode in (
            ("AuthorizationPolicy", security.decode_authorization_policy),
            ("PeerAuthentication", security.decode_peer_authentication),
        )
    },
}


class _Reader:
    """Decodes the documents of one read: ConfigMaps first, because their settings rule the others."""

    def __init__(self, documents: Sequence[_Read], log: Log, platform: PlatformConfig | None) -> None:
        self.documents = documents
        self.log = log
        self.platform = platform or PlatformConfig()
        self.nodes: dict[Key, Node] = {}

    def objects(self) -> list[Object]:
        by_place: dict[int, Object] = {}
        config_maps = [i for i, one in enumerate(self.documents) if (one.api_version, one.kind) == ("v1", "ConfigMap")]
        for i in config_maps:
            by_place[i] = self._decode(self.documents[i])
        self.platform = platform_config(by_place.values(), self.platform, self._locate_data)
        for i, one in enumerate(self.documents):
            if i not in by_place:
                by_place[i] = self._decode(one)
        objects = [by_place[i] for i in sorted(by_place)]
        self._check_keys(objects)
        self._check_caches(objects)
        return objects

    def _decode(self, read: _Read) -> Object:
        decoder = _DECODERS.get((read.api_version, read.kind), self._unknown)
        one = decoder(read.fields, read.node.json(), read.node.at, self.platform)
        self.nodes.setdefault(one.key, read.node)
        return one

    def _unknown(self, fields: Fields, raw: Json, at: Location, platform: PlatformConfig) -> Object:
        del platform
        kind, api_version = fields.own.kind, fields.need("apiVersion").text()
        metadata = decode_metadata(fields, "DNS-1123 subdomain")
        versions = sorted(version for version, known in _DECODERS if known == kind)
        known = f" (known: {', '.join(versions)})" if versions else did_you_mean(kind, {one for _, one in _DECODERS})
        self.log.warn(f"{api_version} {kind} {metadata.name} is a kind the sandbox does not know{known}: no effect", at)
        return Unknown(metadata=metadata, raw=raw, at=at, named_kind=kind, named_api_version=api_version)

    def _check_keys(self, objects: Sequence[Object]) -> None:
        first: dict[Key, Object] = {}
        for one in objects:
            group = one.named_api_version.partition("/")[0] if isinstance(one, Unknown) else ""
            key = (f"{group} {one.key[0]}".strip(), *one.key[1:])
            if key in first:
                name = f"{one.key[0]} {one.metadata.name} in namespace {one.metadata.namespace}"
                raise UsageError(
                    f"two objects are called {name}",
                    where=one.at,
                    value=one.metadata.name,
                    rule=f"kind, namespace and name are unique in a cluster; the first is at {first[key].at}",
                    next_step="rename one, or apply the second later in the timeline",
                )
            first[key] = one

    def _check_caches(self, objects: Sequence[Object]) -> None:
        """A cache's ConfigMap that was read along is checked now, where its lines are known."""
        config_maps = {one.key: one for one in objects if isinstance(one, ConfigMap)}
        for one in objects:
            name = cache_of(one) if isinstance(one, InferenceService) else None
            found = config_maps.get(("ConfigMap", one.metadata.namespace, name)) if name else None
            if found is not None:
                parse_cache_config(found, lambda key, found=found: self._locate_data(found, key))  # type: ignore[misc]

    def locate_key(self, one: Object, path: tuple[str | int, ...]) -> Location | None:
        """Where the last key of a path into an object stands."""
        node = self.nodes.get(one.key)
        return one.at if node is None else locate_key_in(node, path)

    def _locate_data(self, one: ConfigMap, key: str) -> Location | None:
        node = self.nodes.get(one.key)
        return one.at if node is None else locate_node(node, ("data", key))
