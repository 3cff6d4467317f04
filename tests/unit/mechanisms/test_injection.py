"""A transformer's pod gets its cache once, whole, and within the platform's rules; every other pod gets nothing."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import UsageError
from sandbox.manifests.cache_config import CONFIG, ENABLED, CacheConfig
from sandbox.manifests.objects import Resources
from sandbox.mechanisms.injection import (
    ADDRESS_ENV,
    INJECTED,
    SERVICE_LABEL,
    SIDECAR,
    SIDECAR_ADDRESS,
    declared_config,
    inject,
)
from sandbox.mechanisms.json_patch import apply_patch

MIB = 1024 * 1024
SHARED = CacheConfig(topology="per-service")
KNATIVE_RESERVED_PORTS = (8012, 8013, 8022, 8112, 9090, 9091)

Pod = dict[str, Any]


def pod(*containers: dict[str, Any], labels: dict[str, str] | None = None, **annotations: str) -> Pod:
    """A pod as Knative makes it for a transformer of KServe's; `annotations` as enabled=, config=."""
    keys = {"enabled": ENABLED, "config": CONFIG}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "annotations": {keys.get(key, key): value for key, value in annotations.items()},
            "labels": {SERVICE_LABEL: "ranker", "component": "transformer"} if labels is None else labels,
        },
        "spec": {
            "containers": [*(containers or (kserve(),)), {"name": "queue-proxy", "image": "q", "env": [{"name": "A"}]}]
        },
    }


def kserve(**more: Any) -> dict[str, Any]:
    return {"name": "kserve-container", "image": "x", "ports": [{"containerPort": 8080, "name": "user-port"}], **more}


def admitted(before: Pod, cache: CacheConfig | None = None) -> Pod:
    after: Pod = apply_patch(before, inject(before, cache or CacheConfig()))
    return after


def container(one: Pod, name: str) -> dict[str, Any]:
    (found,) = [container for container in one["spec"]["containers"] if container["name"] == name]
    return dict(found)


def environment(one: Pod, name: str = "kserve-container") -> dict[str, Any]:
    return {entry["name"]: entry.get("value") for entry in container(one, name).get("env", [])}


# -- what a transformer gets


def test_a_sidecar_comes_with_its_address_its_settings_and_a_mark() -> None:
    after = admitted(pod(enabled="true", config="warm"))

    assert [one["name"] for one in after["spec"]["containers"]] == ["kserve-container", "queue-proxy", SIDECAR]
    assert environment(after) == {ADDRESS_ENV: "127.0.0.1:6379"}
    assert container(after, "kserve-container")["envFrom"] == [
        {"prefix": "SANDBOX_CACHE_", "configMapRef": {"name": "warm", "optional": True}}
    ]
    assert after["metadata"]["annotations"][INJECTED] == "127.0.0.1:6379"
    assert container(after, "queue-proxy") == container(pod(), "queue-proxy")


def test_the_server_evicts_within_three_quarters_of_its_limit_and_hears_its_pod_only() -> None:
    sidecar = container(admitted(pod(enabled="true")), SIDECAR)

    arguments = sidecar["args"]
    assert arguments[:4] == ["--bind", "127.0.0.1", "--port", "6379"]
    assert arguments[4:8] == ["--maxmemory", str(192 * MIB), "--maxmemory-policy", "allkeys-lru"]
    assert arguments[-4:] == ["--save", "", "--appendonly", "no"]
    assert sidecar["resources"]["limits"]["memory"] == str(256 * MIB)


def test_a_quota_and_a_limit_range_find_requests_and_equal_limits() -> None:
    cache = CacheConfig(requests=Resources(cpu_milli=250, memory_bytes=512 * MIB))

    resources = container(admitted(pod(enabled="true"), cache), SIDECAR)["resources"]

    assert resources["requests"] == {"cpu": "250m", "memory": str(512 * MIB)} == resources["limits"]


def test_the_sidecar_meets_the_restricted_pod_security_standard() -> None:
    context = container(admitted(pod(enabled="true")), SIDECAR)["securityContext"]

    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] > 0
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_a_shared_cache_is_an_address_without_a_container() -> None:
    before = pod(enabled="true", config="warm")

    after = admitted(before, SHARED)

    assert len(after["spec"]["containers"]) == len(before["spec"]["containers"])
    assert environment(after) == {ADDRESS_ENV: "ranker-cache:6379"}


def test_without_a_config_map_there_are_no_settings_to_read() -> None:
    assert "envFrom" not in container(admitted(pod(enabled="true")), "kserve-container")


def test_what_a_container_has_stays_in_front() -> None:
    own = [{"name": "A", "value": "1"}]
    source = [{"secretRef": {"name": "s"}}]

    after = container(admitted(pod(kserve(env=own, envFrom=source), enabled="true", config="warm")), "kserve-container")

    assert after["env"][:1] == own
    assert after["envFrom"][:1] == source
    assert (len(after["env"]), len(after["envFrom"])) == (2, 2)


@pytest.mark.parametrize(
    ("names", "asks"),
    [
        (["istio-proxy", "kserve-container"], "kserve-container"),
        (["mine", "kserve-container"], "kserve-container"),
        (["istio-proxy", "mine", "other"], "mine"),
        (["agent"], "agent"),
    ],
)
def test_the_container_that_asks_is_kserves_or_the_first_that_is_not_the_platforms(names: list[str], asks: str) -> None:
    after = admitted(pod(*({"name": name} for name in names), enabled="true"))

    assert [one["name"] for one in after["spec"]["containers"] if ADDRESS_ENV in environment(after, one["name"])] == [
        asks
    ]


# -- what gets nothing


@pytest.mark.parametrize("annotations", [{}, {"enabled": "false"}, {"config": "warm"}])
def test_a_pod_without_a_declared_cache_is_left_alone(annotations: dict[str, str]) -> None:
    assert inject(pod(**annotations), CacheConfig()) == []


def test_a_predictor_that_inherits_the_annotation_is_left_alone() -> None:
    assert inject(pod(labels={SERVICE_LABEL: "ranker", "component": "predictor"}, enabled="true"), CacheConfig()) == []


def test_a_pod_outside_of_kserve_may_have_a_sidecar() -> None:
    after = admitted(pod({"name": "mine"}, labels={}, enabled="true"))

    assert environment(after, "mine") == {ADDRESS_ENV: SIDECAR_ADDRESS}


@pytest.mark.parametrize("nothing", [{}, {"metadata": None}, {"metadata": {"annotations": None}}, {"metadata": []}])
def test_a_pod_without_metadata_declares_nothing(nothing: Pod) -> None:
    assert declared_config(nothing) is None
    assert inject(nothing, CacheConfig()) == []


# -- once


@pytest.mark.parametrize("cache", [CacheConfig(), SHARED])
def test_a_patched_pod_needs_no_patch(cache: CacheConfig) -> None:
    assert inject(admitted(pod(enabled="true", config="warm"), cache), cache) == []


@pytest.mark.parametrize("first", [CacheConfig(), SHARED])
def test_a_pod_keeps_its_cache_when_the_config_map_changes_between_two_reviews(first: CacheConfig) -> None:
    second = SHARED if first.topology == "sidecar" else CacheConfig()

    assert inject(admitted(pod(enabled="true"), first), second) == []


def test_what_another_webhook_took_away_comes_back() -> None:
    before = pod(enabled="true", config="warm")
    whole = admitted(before)
    without_sidecar, without_address = deepcopy(whole), deepcopy(whole)
    without_sidecar["spec"]["containers"].pop()
    del without_address["spec"]["containers"][0]["env"]

    assert admitted(without_sidecar) == whole
    assert admitted(without_address) == whole


def test_a_sidecar_that_other_webhooks_changed_stays_as_it_is() -> None:
    after = admitted(pod(enabled="true"))
    container_ = after["spec"]["containers"][-1]
    container_["image"] = "mirror.example/valkey"
    container_["volumeMounts"] = [{"name": "token", "mountPath": "/var/run/secrets"}]

    assert inject(after, CacheConfig()) == []


def test_a_sidecar_declared_by_hand_gets_its_address() -> None:
    declared = {"name": SIDECAR, "image": "valkey"}

    after = admitted(pod(kserve(), declared, enabled="true"))

    assert container(after, SIDECAR) == declared
    assert environment(after) == {ADDRESS_ENV: SIDECAR_ADDRESS}


def test_a_cache_by_annotation_and_one_declared_by_hand_are_the_same_pod_but_for_the_marks() -> None:
    """As a ServingRuntime with two containers declares it: no annotation, everything written out."""
    by_annotation = admitted(pod(enabled="true"))
    declared = deepcopy(container(by_annotation, SIDECAR))
    by_hand = pod(kserve(env=[{"name": ADDRESS_ENV, "value": SIDECAR_ADDRESS}]), declared)

    def by_name(one: Pod) -> dict[str, Any]:
        return {each["name"]: each for each in one["spec"]["containers"]}

    assert inject(by_hand, CacheConfig()) == []
    assert by_name(by_hand) == by_name(by_annotation)
    assert set(by_annotation["metadata"]["annotations"]) - set(by_hand["metadata"]["annotations"]) == {
        ENABLED,
        INJECTED,
    }


def test_a_native_sidecar_declared_by_hand_is_not_doubled() -> None:
    before = pod(enabled="true")
    before["spec"]["initContainers"] = [{"name": SIDECAR, "image": "valkey", "restartPolicy": "Always"}]

    assert [one["name"] for one in admitted(before)["spec"]["containers"]] == ["kserve-container", "queue-proxy"]


def test_an_address_by_hand_stays_and_gets_no_server() -> None:
    by_hand = {"name": ADDRESS_ENV, "value": "redis.shop:6379"}

    after = admitted(pod(kserve(env=[by_hand]), enabled="true", config="warm"))

    assert environment(after) == {ADDRESS_ENV: "redis.shop:6379"}
    assert SIDECAR not in [one["name"] for one in after["spec"]["containers"]]
    assert after["metadata"]["annotations"][INJECTED] == "redis.shop:6379"


def test_an_address_from_a_secret_stays_unread() -> None:
    secret = {"name": ADDRESS_ENV, "valueFrom": {"secretKeyRef": {"name": "s", "key": "a"}}}

    assert inject(pod(kserve(env=[secret]), enabled="true"), CacheConfig()) == []


# -- what is refused


def refusal(one: Pod, cache: CacheConfig | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        inject(one, cache or CacheConfig())
    return str(caught.value)


@pytest.mark.parametrize("value", ["yes", "True", "", 1, None])
def test_a_cache_that_is_neither_on_nor_off_is_refused(value: Any) -> None:
    assert "neither true nor false" in refusal(pod(enabled=value))


@pytest.mark.parametrize("name", ["../secrets/x", "Warm", "a b", 7])
def test_a_config_map_without_a_proper_name_is_refused(name: Any) -> None:
    assert "is no name" in refusal(pod(enabled="true", config=name))


@pytest.mark.parametrize("containers", [None, [], "x", [None], [{"image": "x"}], [{"name": 3}]])
def test_something_that_is_no_pod_is_refused(containers: Any) -> None:
    one = pod(enabled="true")
    one["spec"]["containers"] = containers

    assert "this is no pod" in refusal(one)


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ({"hostNetwork": True}, "on its node's network"),
        ({"restartPolicy": "Never"}, "meant to end"),
        ({"containers": [kserve(ports=[{"containerPort": 6379}])]}, "listens on port 6379"),
    ],
)
def test_a_pod_in_which_a_sidecar_would_do_harm_is_refused_one(spec: dict[str, Any], what: str) -> None:
    one = pod(enabled="true")
    one["spec"].update(spec)

    assert what in refusal(one)
    assert admitted(one, SHARED)["metadata"]["annotations"][INJECTED] == "ranker-cache:6379"


@pytest.mark.parametrize(
    ("cpu", "memory", "max_bytes", "what"),
    [
        (0, 256 * MIB, 0, "no cpu or no memory"),
        (100, 0, 0, "no cpu or no memory"),
        (100, 32 * MIB, 0, "out of memory"),
        (100, 15 * MIB, 1, "out of memory"),
    ],
)
def test_a_sidecar_that_would_be_killed_or_refused_is_not_made(
    cpu: int, memory: int, max_bytes: int, what: str
) -> None:
    cache = CacheConfig(max_bytes=max_bytes, requests=Resources(cpu_milli=cpu, memory_bytes=memory))

    assert what in refusal(pod(enabled="true"), cache)


def test_a_small_sidecar_is_made_when_its_entries_leave_it_room() -> None:
    cache = CacheConfig(max_bytes=16 * MIB, requests=Resources(cpu_milli=10, memory_bytes=32 * MIB))

    assert container(admitted(pod(enabled="true"), cache), SIDECAR)["args"][5] == str(16 * MIB)


def test_a_shared_cache_of_nobody_is_refused() -> None:
    assert "whose cache" in refusal(pod(labels={}, enabled="true"), SHARED)


# -- any pod

_names = st.from_regex(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
_env = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from([ADDRESS_ENV, "A", "B"])}, optional={"value": st.text(max_size=8)}),
    max_size=3,
    unique_by=lambda one: one["name"],
)
_env_from = st.lists(
    st.sampled_from(
        [
            {"prefix": "SANDBOX_CACHE_", "configMapRef": {"name": "warm"}},
            {"prefix": "X_", "configMapRef": {"name": "warm"}},
            {"secretRef": {"name": "s"}},
        ]
    ),
    max_size=2,
)
_containers = st.lists(
    st.fixed_dictionaries(
        {"name": st.one_of(_names, st.sampled_from(["kserve-container", "queue-proxy", "istio-proxy", SIDECAR]))},
        optional={"image": st.just("x"), "env": st.one_of(st.none(), _env), "envFrom": st.one_of(st.none(), _env_from)},
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda one: one["name"],
)
_annotations = st.dictionaries(
    st.sampled_from([ENABLED, CONFIG, INJECTED, "other"]), st.sampled_from(["true", "false", "warm", "x.y"]), max_size=4
)
_labels = st.fixed_dictionaries(
    {}, optional={SERVICE_LABEL: _names, "component": st.sampled_from(["transformer", "predictor"])}
)
_caches = st.builds(
    CacheConfig,
    max_bytes=st.integers(0, 1 << 40),
    topology=st.sampled_from(["sidecar", "per-service"]),
    requests=st.builds(Resources, cpu_milli=st.integers(0, 10**6), memory_bytes=st.integers(0, 1 << 40)),
)


@st.composite
def pods(draw: st.DrawFn) -> Pod:
    containers = draw(_containers)
    serving = draw(st.integers(0, len(containers) - 1))
    containers[serving]["ports"] = [{"containerPort": draw(st.integers(1, 65535))}]
    metadata = {"annotations": draw(_annotations), "labels": draw(_labels)}
    return {"kind": "Pod", "metadata": metadata, "spec": {"containers": containers}}


def broken_rules(before: Pod, after: Pod, cache: CacheConfig) -> list[str]:
    """Rules of the API server and of Knative that the patch, not the pod, breaks."""
    containers = after["spec"]["containers"]
    names = [one["name"] for one in containers]
    added = containers[len(before["spec"]["containers"]) :]
    broken = []
    if len(names) != len(set(names)):
        broken.append("names of containers differ")
    for one in containers:
        variables = [entry["name"] for entry in one.get("env") or []]
        if len(variables) != len(set(variables)):
            broken.append("a variable is set once")
    for one in added:
        if one.get("ports") or any(key.endswith("Probe") for key in one) or "lifecycle" in one:
            broken.append("one serving port, no probes, no hooks")
        if set(one) - {"name", "image", "args", "resources", "securityContext"}:
            broken.append("only what Knative's field mask lets through")
        limits = one["resources"]["limits"]
        if one["resources"]["requests"] != limits or limits["cpu"] == "0m" or int(limits["memory"]) <= 0:
            broken.append("requests and limits")
        if int(one["args"][one["args"].index("--maxmemory") + 1]) > 0.76 * int(limits["memory"]):
            broken.append("maxmemory below the limit")
    return broken


@given(pods(), _caches)
def test_any_pod_becomes_a_valid_one_and_needs_no_second_patch(before: Pod, cache: CacheConfig) -> None:
    untouched = deepcopy(before)
    try:
        patch = inject(before, cache)
    except UsageError:
        assert before == untouched
        return
    after = apply_patch(before, patch)

    assert before == untouched
    assert broken_rules(before, after, cache) == []
    assert inject(after, cache) == []
    assert inject(before, cache) == patch


@given(pods(), _caches)
def test_any_patch_only_adds(before: Pod, cache: CacheConfig) -> None:
    try:
        after = apply_patch(before, inject(before, cache))
    except UsageError:
        return

    assert kept(before, after) == before


def kept(before: Any, after: Any) -> Any:
    """What of `after` was in `before`: keys of objects, the first elements of lists; None may become a list."""
    if isinstance(before, dict):
        return {
            key: before[key] if key == INJECTED or before[key] is None else kept(before[key], after[key])
            for key in before
            if key in after
        }
    if isinstance(before, list):
        return [kept(one, after[i]) for i, one in enumerate(before) if i < len(after)]
    return after
