"""A review over HTTPS gives a transformer its cache, and leaves everything else as it was."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import aiohttp
import jsonpatch
import pytest

from sandbox.manifests.cache_config import CacheConfig
from sandbox.manifests.objects import Resources
from sandbox.mechanisms.injection import ADDRESS_ENV, INJECTED, SIDECAR, inject
from sandbox.mechanisms.json_patch import apply_patch
from tests.parts.sidecar_injector.pods import patch_of, review, transformer_pod
from tests.parts.sidecar_injector.running import Caller, Injector, trusting

MIB = 1024 * 1024
WARM = CacheConfig(max_bytes=64 * MIB, ttl_s=600.0, requests=Resources(cpu_milli=50, memory_bytes=128 * MIB))
CONCURRENT = 500


def answered(caller: Caller, pod: Any, namespace: str = "shop", **changes: Any) -> dict[str, Any]:
    """The response to a review that is answered with 200; its uid is the request's."""
    asked = review(pod, namespace, **changes)
    status, answer = caller.post(asked)

    assert status == 200
    assert (answer["apiVersion"], answer["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    assert answer["response"]["uid"] == asked["request"]["uid"]
    assert answer["response"]["allowed"] is True
    return answer


def test_an_annotated_transformer_gets_the_server_its_settings_and_its_address(caller: Caller) -> None:
    pod = transformer_pod()

    patched = jsonpatch.apply_patch(pod, patch_of(answered(caller, pod)))

    sidecar = patched["spec"]["containers"][-1]
    asks = patched["spec"]["containers"][0]
    assert sidecar["name"] == SIDECAR
    assert sidecar["resources"]["limits"] == {"cpu": "50m", "memory": str(128 * MIB)}
    assert sidecar["args"][sidecar["args"].index("--maxmemory") + 1] == str(64 * MIB)
    assert {"name": ADDRESS_ENV, "value": "127.0.0.1:6379"} in asks["env"]
    assert asks["envFrom"][0]["configMapRef"]["name"] == "warm"
    assert "ports" not in sidecar


def test_the_patch_is_the_mechanisms_own(caller: Caller) -> None:
    """And the simulated world applies it as any other JSON patch library would."""
    pod = transformer_pod()

    patch = patch_of(answered(caller, pod))

    assert patch == inject(pod, WARM)
    assert apply_patch(pod, patch) == jsonpatch.apply_patch(pod, patch)


def test_a_patched_pod_is_left_alone_when_it_is_reviewed_again(caller: Caller) -> None:
    pod = transformer_pod()
    patched = jsonpatch.apply_patch(pod, patch_of(answered(caller, pod)))

    assert patch_of(answered(caller, patched)) == []


def test_without_a_named_config_map_the_defaults_hold(caller: Caller) -> None:
    pod = transformer_pod(config=None)

    assert patch_of(answered(caller, pod)) == inject(pod, CacheConfig()) != []


def test_a_shared_cache_adds_an_address_and_no_container(caller: Caller) -> None:
    pod = transformer_pod(config="shared")

    patched = jsonpatch.apply_patch(pod, patch_of(answered(caller, pod)))

    assert len(patched["spec"]["containers"]) == len(pod["spec"]["containers"])
    assert patched["metadata"]["annotations"][INJECTED] == "ranker-cache:6379"


@pytest.mark.parametrize(
    ("pod", "namespace"),
    [
        (transformer_pod(cache="false"), "shop"),
        (transformer_pod(cache=None), "shop"),
        (transformer_pod(component="predictor"), "shop"),
        (transformer_pod(), "kube-system"),
        (transformer_pod(), "sandbox-injector"),
    ],
    ids=["false", "absent", "predictor", "the system's namespace", "its own namespace"],
)
def test_other_pods_are_untouched_and_cause_no_warning(caller: Caller, pod: dict[str, Any], namespace: str) -> None:
    assert set(answered(caller, pod, namespace)["response"]) == {"uid", "allowed"}


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": {"group": "serving.kserve.io", "version": "v1beta1", "kind": "InferenceService"}},
        {"kind": {"group": "", "version": "v1", "kind": "Node"}},
        {"kind": {"group": "x.example", "version": "v9", "kind": "Pod"}},
        {"kind": None},
        {"operation": "UPDATE"},
        {"operation": "DELETE", "object": None},
        {"subResource": "exec"},
        {"operation": "EVICT"},
    ],
    ids=str,
)
def test_what_is_not_the_creation_of_a_pod_is_allowed_unchanged(caller: Caller, changes: dict[str, Any]) -> None:
    assert set(answered(caller, transformer_pod(), **changes)["response"]) == {"uid", "allowed"}


@pytest.mark.parametrize(
    ("pod", "namespace", "warning"),
    [
        (transformer_pod(config="unknown"), "shop", "there is no ConfigMap unknown in namespace shop"),
        (transformer_pod(config="elsewhere"), "shop", "there is no ConfigMap elsewhere in namespace shop"),
        (transformer_pod(config="typo"), "shop", "maxEntrys is not known (did you mean maxEntries?)"),
        (transformer_pod(config="tight"), "shop", "would run out of memory"),
        (transformer_pod(config="../../secrets/ca"), "shop", "is no name"),
        (transformer_pod(cache="yes"), "shop", "neither true nor false"),
        ({"metadata": transformer_pod()["metadata"], "spec": {"containers": 7}}, "shop", "this is no pod"),
        ({"metadata": transformer_pod()["metadata"]}, "shop", "this is no pod"),
    ],
    ids=["unknown name", "foreign", "bad key", "bad value", "path", "yes", "containers", "no spec"],
)
def test_a_pod_whose_cache_cannot_be_made_is_admitted_as_it_is_with_a_warning(
    caller: Caller, pod: dict[str, Any], namespace: str, warning: str
) -> None:
    response = answered(caller, pod, namespace)["response"]

    assert set(response) == {"uid", "allowed", "warnings"}
    (said,) = response["warnings"]
    assert warning in said
    assert said.startswith("no transformer cache was injected: ")
    assert len(said) <= 256
    assert said.isprintable()


def test_a_warning_carries_no_line_breaks_of_whoever_asked(caller: Caller) -> None:
    (said,) = answered(caller, transformer_pod(config="a\r\nset-cookie: x" + "y" * 500))["response"]["warnings"]

    assert said.isprintable()
    assert len(said) <= 256


def test_five_hundred_reviews_at_once_are_all_answered_right(injector: Injector) -> None:
    kinds = random.Random(1).choices(
        [
            ("true", "warm"),
            ("true", None),
            ("true", "shared"),
            ("false", "warm"),
            (None, None),
            ("true", "unknown"),
        ],
        k=CONCURRENT,
    )
    pods = [transformer_pod(*kind, service=f"service-{i}") for i, kind in enumerate(kinds)]
    caches = {"warm": WARM, None: CacheConfig(), "shared": CacheConfig(topology="per-service")}

    answers, took_s = asyncio.run(all_at_once(injector, pods))

    assert len(answers) == CONCURRENT
    for pod, (cache, config), (asked, answer) in zip(pods, kinds, answers, strict=True):
        assert answer["response"]["uid"] == asked["request"]["uid"]
        assert answer["response"]["allowed"] is True
        if config == "unknown":
            assert "there is no ConfigMap unknown" in answer["response"]["warnings"][0]
            assert patch_of(answer) == []
        else:
            assert patch_of(answer) == inject(pod, caches[config])
            assert bool(patch_of(answer)) == (cache == "true")
    print(f"{CONCURRENT} reviews at once, each on a connection of its own: {took_s:.2f} s")


async def all_at_once(injector: Injector, pods: list[Any]) -> tuple[list[tuple[Any, Any]], float]:
    """Every review on its own connection, all open at the same time."""
    connector = aiohttp.TCPConnector(ssl=trusting(path=injector.ca), limit=CONCURRENT)
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def ask(pod: Any) -> tuple[Any, Any]:
            asked = review(pod)
            async with session.post(f"https://{injector.host}:{injector.port}/mutate", json=asked) as response:
                assert response.status == 200
                return asked, await response.json()

        started = time.perf_counter()
        answers = await asyncio.gather(*(ask(pod) for pod in pods))
        took_s = time.perf_counter() - started
    await asyncio.sleep(1.0)  # closing TLS takes a round trip each, which aiohttp leaves to the loop
    return answers, took_s
