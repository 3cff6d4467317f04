"""The platform's ConfigMaps and a cache's: defaults, values, refusals with key and rule."""

from __future__ import annotations

import pytest

from sandbox.errors import UsageError
from sandbox.manifests.cache_config import CacheConfig, cache_of, parse_cache_config
from sandbox.manifests.objects import ConfigMap, InferenceService, Metadata, Resources
from sandbox.manifests.platform_config import PlatformConfig, platform_config
from sandbox.manifests.reader import Text, read_manifests

MIB = 1024 * 1024


def config_map(name: str, **data: str) -> ConfigMap:
    return ConfigMap(metadata=Metadata(name=name), data={key.replace("_", "-"): text for key, text in data.items()})


def test_the_defaults_are_upstreams() -> None:
    config = platform_config([])

    assert config == PlatformConfig()
    assert (config.revision_timeout_s, config.max_revision_timeout_s) == (300, 600)
    assert (config.container_concurrency, config.container_concurrency_max_limit) == (0, 1000)
    assert config.progress_deadline_s == 600.0
    assert config.queue_sidecar_cpu_milli == 25
    assert config.rollout_duration_s == 0.0
    assert config.allows("multi-container")
    assert not config.allows("kubernetes.podspec-init-containers")


def test_config_maps_are_read_one_over_the_other() -> None:
    config = platform_config(
        [
            config_map(
                "config-defaults",
                revision_timeout_seconds="100",
                container_concurrency="5",
                allow_container_concurrency_zero="false",
            ),
            config_map("config-deployment", progress_deadline="2m", queue_sidecar_cpu_request="50m"),
            config_map("config-network", rollout_duration="380s"),
            config_map("config-autoscaler", stable_window="nonsense"),
            config_map("config-features", tag_header_based_routing="enabled"),
        ]
    )

    assert (config.revision_timeout_s, config.revision_response_start_timeout_s) == (100, 100)
    assert config.container_concurrency == 5
    assert not config.allow_container_concurrency_zero
    assert config.progress_deadline_s == 120.0
    assert config.queue_sidecar_requests == Resources(cpu_milli=50)
    assert config.rollout_duration_s == 380.0
    assert config.allows("tag-header-based-routing")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("config-defaults", {"revision_timeout_seconds": "5m"}, "revision-timeout-seconds: a whole number"),
        ("config-defaults", {"revision_timeout_seconds": "1" * 30}, "revision-timeout-seconds: a whole number"),
        ("config-defaults", {"revision_timeout_seconds": "700"}, "at most max-revision-timeout-seconds (600), got 700"),
        (
            "config-defaults",
            {"revision_idle_timeout_seconds": "400"},
            "at most revision-timeout-seconds (300), got 400",
        ),
        (
            "config-defaults",
            {"revision_response_start_timeout_seconds": "400"},
            "at most revision-timeout-seconds (300)",
        ),
        ("config-defaults", {"container_concurrency": "1001"}, "from 0 to container-concurrency-max-limit (1000)"),
        ("config-defaults", {"container_concurrency_max_limit": "0"}, "container-concurrency-max-limit: at least 1"),
        ("config-defaults", {"allow_container_concurrency_zero": "no"}, "true or false"),
        ("config-defaults", {"revision_cpu_request": "1 core"}, "a quantity is a number with"),
        ("config-deployment", {"progress_deadline": "0s"}, "a duration of whole seconds, above 0"),
        ("config-deployment", {"progress_deadline": "600"}, "a duration of whole seconds, above 0"),
        ("config-network", {"rollout_duration": "1500ms"}, "a duration of whole seconds, 0 or more"),
        ("config-features", {"multi_container": "on"}, "Enabled, Allowed or Disabled"),
    ],
)
def test_a_refused_setting_names_key_value_and_rule(name: str, data: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        platform_config([config_map(name, **data)])

    ((key, value),) = data.items()
    assert f"ConfigMap {name}: {key.replace('_', '-')} is refused\n  value: {value}" in str(caught.value)
    assert message in str(caught.value)


def test_zero_is_refused_as_concurrency_where_the_cluster_forbids_it() -> None:
    text = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config-defaults}\n"
        'data: {allow-container-concurrency-zero: "false"}\n---\n'
        "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: a}\n"
        "spec: {predictor: {onnx: {}, containerConcurrency: 0}}\n"
    )

    with pytest.raises(UsageError, match=r"containerConcurrency is out of range\n  value: 0\n.*from 1 to 1000"):
        read_manifests(Text(text))


def cache(**data: str) -> CacheConfig:
    return parse_cache_config(ConfigMap(metadata=Metadata(name="c"), data=data))


def test_a_cache_without_settings_has_the_stated_defaults() -> None:
    assert cache() == CacheConfig(
        max_entries=10_000,
        max_bytes=256 * MIB,
        ttl_s=0.0,
        topology="sidecar",
        key_includes_version=False,
        requests=Resources(cpu_milli=100, memory_bytes=256 * MIB),
    )


def test_a_cache_is_what_its_config_map_says() -> None:
    written = cache(
        maxEntries="500",
        maxBytes="1Gi",
        ttl="10m",
        topology="per-service",
        keyIncludesVersion="true",
        cpu="250m",
        memory="2Gi",
    )

    assert written == CacheConfig(
        max_entries=500,
        max_bytes=1024 * MIB,
        ttl_s=600.0,
        topology="per-service",
        key_includes_version=True,
        requests=Resources(cpu_milli=250, memory_bytes=2048 * MIB),
    )


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("maxEntrys", "5", "maxEntrys is not known (did you mean maxEntries?)"),
        ("maxEntries", "-5", "a whole number, 0 = no limit"),
        ("maxBytes", "-1", "0 = no limit"),
        ("maxBytes", "1GB", "a quantity is a number with"),
        ("ttl", "10", "a duration such as 10m or 90s"),
        ("ttl", "-1s", "a duration such as 10m or 90s"),
        ("topology", "node", "sidecar or per-service"),
        ("keyIncludesVersion", "yes", '"true" or "false"'),
        ("cpu", "-1", "a quantity"),
    ],
)
def test_a_bad_cache_setting_is_refused(key: str, value: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        cache(**{key: value})

    assert f"ConfigMap c: {key}" in str(caught.value)
    assert message in str(caught.value)


def service(own: str, transformers: str | None) -> InferenceService:
    transformer = (
        ""
        if transformers is None
        else f", transformer: {{annotations: {{{transformers}}}, containers: [{{image: x}}]}}"
    )
    text = (
        "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\n"
        f"metadata: {{name: a, annotations: {{{own}}}}}\n"
        f"spec: {{predictor: {{onnx: {{}}}}{transformer}}}\n"
    )
    (one,) = read_manifests(Text(text)).objects
    assert isinstance(one, InferenceService)
    return one


ON, OFF = 'sandbox.dev/transformer-cache: "true"', 'sandbox.dev/transformer-cache: "false"'
NAMED = "sandbox.dev/transformer-cache-config: warm"


@pytest.mark.parametrize(
    ("own", "transformers", "name"),
    [
        ("", f"{ON}, {NAMED}", "warm"),
        (f"{ON}, {NAMED}", "", "warm"),
        (ON, "", ""),
        (ON, OFF, None),
        (NAMED, "", None),
        (ON, None, None),
    ],
)
def test_a_cache_is_declared_on_the_transformer_or_on_the_whole(
    own: str, transformers: str | None, name: str | None
) -> None:
    assert cache_of(service(own, transformers)) == name


def test_a_cache_that_is_neither_on_nor_off_is_refused() -> None:
    with pytest.raises(UsageError, match=r"sandbox\.dev/transformer-cache is neither true nor false"):
        service("", "sandbox.dev/transformer-cache: maybe")
