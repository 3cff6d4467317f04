"""Profile files: how models and the platform behave where manifests can't say, in plain YAML.

Comes in: a path (or text); goes out: a `ProfileBook`. The scenario loader and `sandbox try --profile` call it. The
format is the sandbox's own, so an unknown key is refused: a typo would silently leave a default in force.

    platform: {gatewayHop: 1ms, storeBandwidth: 1Gi}
    default: {serviceTime: "lognormal(median=40ms, sigma=0.3)", workers: 4}
    models:
    - match: {storageUri: "s3://models/flowers/v2"}   # name, component, storageUri, image, modelFormat; * matches all
      serviceTime: constant(40ms)
      startup: 2s              # a distribution or a duration; replaces the stages
      modelSize: 500Mi

An entry under `models` begins with the values of `default`, or, where it matches component: transformer, with those
of a transformer. The first entry that matches wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil, inf
from pathlib import Path

from sandbox.durations import parse_go_duration
from sandbox.errors import Location, UsageError
from sandbox.manifests.fields import INT32_MAX, Field, Fields, Log, document_field
from sandbox.manifests.files import file_content
from sandbox.manifests.resources import quantity_of
from sandbox.manifests.tree import load_documents
from sandbox.profiles import (
    FACTS,
    Distribution,
    ModelProfile,
    PlatformProfile,
    ProfileBook,
    Work,
    default_profile,
    parse_distribution,
    transformer_profile,
)

MODEL_KEYS = (
    "serviceTime",
    "work",
    "workers",
    "batchSpeedup",
    "failureRate",
    "startup",
    "imageSize",
    "modelSize",
    "load",
    "memory",
    "responseSize",
    "cacheTime",
)
MOST_ACTIVATORS = 20  # the activator's own HorizontalPodAutoscaler goes up to this

PLATFORM_KEYS = (
    "scheduling",
    "containerStart",
    "imageBandwidth",
    "storeBandwidth",
    "gatewayHop",
    "activatorHop",
    "endpointDelay",
    "activators",
)


def read_profiles(path: str | Path) -> ProfileBook:
    """The profile book of a file."""
    return parse_profiles(file_content(Path(path)), str(path))


def parse_profiles(content: bytes | str, name: str = "<text>") -> ProfileBook:
    """The profile book that a text holds; `name` stands in messages.

    >>> parse_profiles("default: {serviceTime: 40ms}").default.service_time.mean_s
    0.04
    """
    documents = load_documents(content, name)
    if len(documents) != 1:
        raise UsageError(
            f"a profile file has one document, found {len(documents)}",
            where=documents[1].at if documents else Location(name),
            rule="a mapping with platform, default and models",
        )
    fields = document_field(documents[0], "profile", Log()).mapping()
    fields.only("platform", "default", "models")
    default = _model(fields.mapping("default"), default_profile())
    rules = [_rule(one, default) for one in fields.items("models")]
    rules.append(({"component": "transformer"}, transformer_profile()))
    return ProfileBook(default, tuple(rules), _platform(fields.mapping("platform")))


def _rule(one: Field, default: ModelProfile) -> tuple[Mapping[str, str], ModelProfile]:
    fields = one.mapping()
    match = fields.need("match", "an entry says which component it is for: match").mapping()
    match.only(*FACTS)
    facts = {name: match.text(name) for name in match.nodes}
    base = transformer_profile() if facts.get("component") == "transformer" else default
    return facts, _model(fields, base, "match")


def _model(fields: Fields | None, base: ModelProfile, *extra: str) -> ModelProfile:
    if fields is None:
        return base
    fields.only(*extra, *MODEL_KEYS)
    workers = fields.integer("workers", 0, INT32_MAX)
    return replace(
        base,
        service_time=_distribution(fields, "serviceTime") or base.service_time,
        work=_work(fields.field("work"), base.work),
        workers=base.workers if workers is None else workers,
        batch_speedup=_speedup(fields.field("batchSpeedup"), base.batch_speedup),
        failure_rate=_share(fields.field("failureRate"), base.failure_rate),
        startup=_distribution(fields, "startup") or base.startup,
        image_bytes=_size(fields, "imageSize", base.image_bytes),
        model_bytes=_size(fields, "modelSize", base.model_bytes),
        load=_distribution(fields, "load") or base.load,
        memory_bytes=_size(fields, "memory", base.memory_bytes),
        response_bytes=_size(fields, "responseSize", base.response_bytes),
        cache_time=_distribution(fields, "cacheTime") or base.cache_time,
    )


def _platform(fields: Fields | None) -> PlatformProfile:
    base = PlatformProfile()
    if fields is None:
        return base
    fields.only(*PLATFORM_KEYS)
    activators = fields.integer("activators", 1, MOST_ACTIVATORS)
    return PlatformProfile(
        scheduling_s=_seconds(fields, "scheduling", base.scheduling_s),
        container_start_s=_seconds(fields, "containerStart", base.container_start_s),
        image_bytes_per_s=_bandwidth(fields, "imageBandwidth", base.image_bytes_per_s),
        store_bytes_per_s=_bandwidth(fields, "storeBandwidth", base.store_bytes_per_s),
        gateway_hop_s=_seconds(fields, "gatewayHop", base.gateway_hop_s),
        activator_hop_s=_seconds(fields, "activatorHop", base.activator_hop_s),
        endpoint_delay_s=_seconds(fields, "endpointDelay", base.endpoint_delay_s),
        activators=base.activators if activators is None else activators,
    )


def _distribution(fields: Fields, name: str) -> Distribution | None:
    found = fields.field(name)
    if found is None:
        return None
    text = found.text() if isinstance(found.node.value, str) else str(found.node.text)
    return parse_distribution(text, f"profile: {found.path}", found.node.at)


def _seconds(fields: Fields, name: str, default: float) -> float:
    found = fields.field(name)
    if found is None:
        return default
    rule = "a duration with a unit, 0 or more, such as 1ms or 2s"
    try:
        seconds = parse_go_duration(found.text() if isinstance(found.node.value, str) else str(found.node.text))
    except ValueError:
        raise found.refuse("is not a duration", rule) from None
    if seconds < 0:
        raise found.refuse("is negative", rule)
    return seconds


def _size(fields: Fields, name: str, default: int) -> int:
    found = fields.field(name)
    if found is None:
        return default
    value = quantity_of(found)
    if value < 0:
        raise found.refuse("is negative", "bytes, 0 or more, such as 500Mi")
    return ceil(value)


def _bandwidth(fields: Fields, name: str, default: float) -> float:
    found = fields.field(name)
    if found is None:
        return default
    value = quantity_of(found)
    if value <= 0:
        raise found.refuse("is not above 0", "bytes per second, above 0, such as 1Gi")
    return float(value)


def _work(found: Field | None, default: Work) -> Work:
    if found is None:
        return default
    known = [one.value for one in Work]
    if found.text() not in known:
        raise found.refuse("is not known", f"what a worker does for the service time: {' or '.join(known)}")
    return Work(found.text())


def _speedup(found: Field | None, default: float) -> float:
    return _number(found, default, 1, inf, "a number of at least 1", "how many more instances a batch does in a time")


def _share(found: Field | None, default: float) -> float:
    return _number(found, default, 0, 1, "a number from 0 to 1", "a share of requests, from 0 to 1")


def _number(found: Field | None, default: float, least: float, most: float, expected: str, rule: str) -> float:
    if found is None:
        return default
    value = found.node.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise found.wrong_type(expected)
    if not least <= value <= most:
        raise found.refuse("is out of range", rule)
    return float(value)
