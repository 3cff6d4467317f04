"""Profile files: what they say, what they leave to the defaults, what they may not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.errors import UsageError
from sandbox.manifests.profile_file import parse_profiles, read_profiles
from sandbox.profiles import Distribution, Work, constant, default_profile, transformer_profile

MIB = 1024 * 1024

FLOWERS = """\
platform: {gatewayHop: 2ms, storeBandwidth: 1Gi, imageBandwidth: 100M, endpointDelay: 0}
default: {serviceTime: "lognormal(median=40ms, sigma=0.3)", workers: 4}
models:
- match: {storageUri: "s3://models/flowers/*"}
  serviceTime: constant(40ms)
  startup: 2s
  load: uniform(low=1s, high=3s)
  modelSize: 500Mi
  imageSize: 1Gi
  memory: 2Gi
  responseSize: 2k
  failureRate: 0.3
  work: burn
  batchSpeedup: 4
- match: {component: transformer, name: ranker}
  cacheTime: 3ms
"""


def test_a_profile_file_says_what_manifests_cannot() -> None:
    book = parse_profiles(FLOWERS)
    flowers = book.of({"storageUri": "s3://models/flowers/v2"})

    assert (book.platform.gateway_hop_s, book.platform.store_bytes_per_s) == (0.002, float(1024 * MIB))
    assert (book.platform.image_bytes_per_s, book.platform.endpoint_delay_s) == (1e8, 0.0)
    assert book.platform.activator_hop_s == 0.001
    assert book.default.service_time == Distribution("lognormal", {"median": 0.04, "sigma": 0.3})
    assert flowers.service_time == constant(0.04)
    assert flowers.startup == constant(2.0)
    assert flowers.load == Distribution("uniform", {"low": 1.0, "high": 3.0})
    assert (flowers.model_bytes, flowers.image_bytes) == (500 * MIB, 1024 * MIB)
    assert (flowers.memory_bytes, flowers.response_bytes) == (2048 * MIB, 2000)
    assert flowers.failure_rate == 0.3
    assert flowers.workers == 4
    assert (flowers.work, flowers.batch_speedup) == (Work.BURN, 4.0)
    assert (book.default.work, book.default.batch_speedup) == (Work.SLEEP, 1.0)


def test_a_transformer_begins_with_a_transformers_defaults() -> None:
    book = parse_profiles(FLOWERS)

    ranker = book.of({"component": "transformer", "name": "ranker"})

    assert ranker.cache_time == constant(0.003)
    assert ranker.service_time == transformer_profile().service_time
    assert book.of({"component": "transformer", "name": "other"}) == transformer_profile()


def test_an_empty_mapping_leaves_every_default() -> None:
    assert parse_profiles("{}").default == default_profile()


def test_a_file_is_read_with_its_name_in_messages(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("default: {servicetime: 40ms}\n")

    with pytest.raises(UsageError) as caught:
        read_profiles(path)

    assert str(caught.value).startswith(
        f"{path}:1:11: profile: default.servicetime is not known (did you mean serviceTime?)"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "p.yaml: a profile file has one document, found 0"),
        ("a: 1\n---\nb: 2\n", "p.yaml:3:1: a profile file has one document, found 2"),
        ("model: {}", "p.yaml:1:1: profile: model is not known (did you mean models?)"),
        ("models: [{serviceTime: 1s}]", "p.yaml:1:10: profile: models[0].match is missing"),
        ("models: [{match: {uri: x}}]", "p.yaml:1:19: profile: models[0].match.uri is not known"),
        ("default: {serviceTime: 40}", "p.yaml:1:24: profile: default.serviceTime needs a duration"),
        ("default: {serviceTime: normal(mean=1s)}", "p.yaml:1:24: profile: default.serviceTime knows no distribution"),
        ("default: {workers: -1}", "p.yaml:1:20: profile: default.workers is out of range"),
        ("default: {work: hard}", "p.yaml:1:17: profile: default.work is not known"),
        ("default: {work: 1}", "p.yaml:1:17: profile: default.work must be text"),
        ("default: {batchSpeedup: 0.5}", "p.yaml:1:25: profile: default.batchSpeedup is out of range"),
        ("default: {batchSpeedup: .inf}", "p.yaml:1:25: this number cannot be sent"),
        ("default: {batchSpeedup: fast}", "p.yaml:1:25: profile: default.batchSpeedup must be a number of at least 1"),
        ("default: {failureRate: 30}", "p.yaml:1:24: profile: default.failureRate is out of range"),
        ("default: {failureRate: often}", "p.yaml:1:24: profile: default.failureRate must be a number from 0 to 1"),
        ("default: {modelSize: -1}", "p.yaml:1:22: profile: default.modelSize is negative"),
        ("default: {modelSize: big}", "p.yaml:1:22: profile: default.modelSize is not a quantity"),
        ("platform: {gatewayHop: fast}", "p.yaml:1:24: profile: platform.gatewayHop is not a duration"),
        ("platform: {gatewayHop: -1ms}", "p.yaml:1:24: profile: platform.gatewayHop is negative"),
        ("platform: {storeBandwidth: 0}", "p.yaml:1:28: profile: platform.storeBandwidth is not above 0"),
    ],
)
def test_a_bad_profile_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_profiles(text, "p.yaml")

    assert str(caught.value).startswith(message)
