"""What a scenario's arithmetic calculates with is what its manifests and profiles say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import pytest

from sandbox.manifests.cache_config import parse_cache_config
from sandbox.manifests.objects import ConfigMap, Container, InferenceService, Node, Object
from sandbox.manifests.platform_config import PlatformConfig
from sandbox.manifests.tenancy import LimitRange, Namespace, ResourceQuota
from sandbox.mechanisms.autoscaling.config import AutoscalerConfig, parse_autoscaler_config
from sandbox.scenario.model import Form, Variant
from sandbox.sim.namespaces import Namespaces, submitted

FORMS = pytest.mark.parametrize("form", list(Form), ids=lambda form: form.value)


def one(variant: Variant, kind: type[Object], name: str) -> Object:
    return next(found for found in variant.objects if isinstance(found, kind) and found.metadata.name == name)


def model_s(variant: Variant, service: InferenceService) -> float:
    facts = {"name": service.metadata.name, "component": "predictor", "storageUri": service.predictor.pod.storage_uri}
    return variant.profiles.of(facts).service_time.mean_s


def autoscaler(variant: Variant) -> AutoscalerConfig:
    found = [found for found in variant.objects if isinstance(found, ConfigMap)]
    return next(
        (parse_autoscaler_config(one.data) for one in found if "autoscaler" in one.metadata.name), AutoscalerConfig()
    )


@FORMS
@pytest.mark.parametrize("name", ["blue-green", "canary", "predictor-alone"])
def test_the_roll_outs_know_their_cache_and_their_predictors(named, form, name):
    variant = named("canary_vs_blue_green").loaded(form).variants[name]
    ranker = one(variant, InferenceService, "ranker")
    cache = parse_cache_config(one(variant, ConfigMap, "ranker-cache"))

    assert variant.params["entries"] == cache.max_entries
    assert variant.params["predictors"] == ranker.predictor.min_replicas == ranker.predictor.max_replicas
    assert variant.params["model_s"] == model_s(variant, ranker)
    assert cache.key_includes_version == (name != "predictor-alone")
    assert cache.topology == "per-service"


@FORMS
def test_a_step_of_the_canary_is_held_for_as_long_as_the_arithmetic_says(named, form):
    variant = named("canary_vs_blue_green").loaded(form).variants["canary"]
    times = [step.at_s for step in variant.steps]

    assert [later - earlier for earlier, later in pairwise(times)] == [variant.params["hold_s"]] * 4


@FORMS
def test_the_autoscaled_canary_knows_its_target(named, form):
    variant = named("canary_vs_blue_green").loaded(form).variants["canary-autoscaled"]
    predictor = one(variant, InferenceService, "ranker").predictor

    assert predictor.scale_metric == "rps"
    assert variant.params["per_pod"] == pytest.approx(0.7 * predictor.scale_target)
    assert predictor.min_replicas == 0


@FORMS
def test_scale_to_zero_knows_the_windows(named, form):
    for variant in named("scale_to_zero").loaded(form).variants.values():
        config = autoscaler(variant)

        assert variant.params["stable_window_s"] == config.stable_window_s
        assert variant.params["grace_s"] == config.scale_to_zero_grace_period_s
        assert variant.params["service_s"] == model_s(variant, one(variant, InferenceService, "flowers"))
        assert variant.params["gap_s"] == pytest.approx(1 / variant.flows[0].rate[0][1])


@FORMS
def test_the_one_request_is_one(named, form):
    for variant in named("scale_to_zero").loaded(form).variants.values():
        knots = variant.flows[1].rate
        area = sum((t1 - t0) * (r0 + r1) / 2 for (t0, r0), (t1, r1) in pairwise(knots))

        assert 1 <= area < 2


@FORMS
def test_the_target_is_the_manifests(named, form):
    variants = named("target_150_rps").loaded(form).variants
    annotated = one(variants["annotations"], InferenceService, "flowers")
    specified = one(variants["scale-target"], InferenceService, "flowers")

    assert (
        annotated.metadata.annotations["autoscaling.knative.dev/target"]
        == str(variants["annotations"].params["target"])[:-2]
    )
    assert specified.predictor.scale_target == variants["scale-target"].params["target"]


@FORMS
@pytest.mark.parametrize("name", ["small", "half", "large"])
def test_the_shop_knows_its_cache(named, form, name):
    variant = named("cache_halves_latency").loaded(form).variants[name]
    transformer = variant.profiles.of({"component": "transformer"})

    assert variant.params["entries"] == parse_cache_config(one(variant, ConfigMap, "shopping-cache")).max_entries
    assert variant.params["model_s"] == model_s(variant, one(variant, InferenceService, "shopping"))
    assert variant.params["cache_s"] == transformer.cache_time.mean_s
    assert transformer.service_time.mean_s == 0


@FORMS
def test_the_bad_model_fails_as_often_as_the_arithmetic_says(named, form):
    variant = named("bad_canary").loaded(form).variants["bad-at-5"]

    assert variant.params["failure_rate"] == variant.profiles.of({"storageUri": "s3://models/flowers/v2"}).failure_rate
    assert variant.steps[0].objects[0].predictor.canary_traffic_percent == variant.params["percent"]


@FORMS
def test_the_tenants_know_their_pods_and_their_quotas(named, form):
    variants = named("two_tenants").loaded(form).variants
    isolated, forgetful = variants["isolated"], variants["quota-without-sidecars"]
    params, ranker = isolated.params, one(isolated, InferenceService, "ranker")
    namespaces = Namespaces()
    for found in isolated.objects:
        if isinstance(found, Namespace | LimitRange):
            namespaces.apply(found)
    queue_proxy = Container(name="queue-proxy", requests=PlatformConfig().queue_sidecar_requests)
    ads = one(isolated, InferenceService, "ads")
    pod = replace(ads.predictor.pod, annotations=ads.metadata.annotations)
    admitted = namespaces.admit("tenant-a", "ads", pod, submitted(pod, (*pod.containers, queue_proxy)))

    assert params["pod_mcpu"] == admitted.requests.cpu_milli
    assert params["model_mcpu"] == pod.containers[0].requests.cpu_milli
    assert params["quota_a_mcpu"] == hard(isolated, "tenant-a")["requests.cpu"]
    assert params["nodes_mcpu"] == sum(found.allocatable.cpu_milli for found in nodes(isolated))
    assert params["per_pod"] == pytest.approx(0.7 * ranker.predictor.scale_target)
    assert params["b_pods"] == ranker.predictor.min_replicas
    assert params["service_s"] == model_s(isolated, ranker)
    assert isolated.profiles.of({"name": "ranker"}).workers == 1
    assert params["intruder_rate"] == isolated.flows[2].rate[0][1]
    planned = hard(isolated, "tenant-a")["requests.cpu"] / params["pod_mcpu"]
    assert hard(forgetful, "tenant-a")["requests.cpu"] == planned * params["model_mcpu"]


@FORMS
def test_the_services_know_their_gpus(named, form):
    for variant in named("gpu_by_type").loaded(form).variants.values():
        vision = one(variant, InferenceService, "vision")

        assert {
            found.metadata.labels["gpu"]: found.allocatable.extended["nvidia.com/gpu"]
            for found in nodes(variant)
            if found.allocatable.extended
        } == dict.fromkeys(("a100", "t4"), variant.params["gpus"])
        assert variant.params["per_pod"] == pytest.approx(0.7 * vision.predictor.scale_target)
        assert variant.params["service_s"] == model_s(variant, vision)
        assert variant.profiles.default.workers == 1


def nodes(variant: Variant) -> list[Node]:
    return [found for found in variant.objects if isinstance(found, Node)]


def hard(variant: Variant, namespace: str) -> Mapping[str, int]:
    quotas = [found for found in variant.objects if isinstance(found, ResourceQuota)]
    return next(found.hard for found in quotas if found.metadata.namespace == namespace)
