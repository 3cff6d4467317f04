"""The manifests are safe by default; the unsafe one differs in its guards and in nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from fixtures.sidecar_injector.options import parse
from fixtures.sidecar_injector.server import PATH
from sandbox.manifests.cache_config import CacheConfig, parse_cache_config
from sandbox.manifests.objects import ConfigMap, Metadata
from sandbox.manifests.quantity import whole
from sandbox.mechanisms.caching.redis_conf import redis_config
from sandbox.mechanisms.injection import IMAGE, LEAST_HEADROOM_BYTES, inject, server_arguments
from tests.parts.sidecar_injector.fake_api import FakeApi
from tests.parts.sidecar_injector.pods import review, transformer_pod
from tests.parts.sidecar_injector.running import Caller, serving, trusting

FOLDER = Path(__file__).parents[3] / "fixtures" / "sidecar_injector" / "manifests"
Json = Any


def objects(file: str) -> list[Json]:
    return [one for one in YAML(typ="safe").load_all(FOLDER / file) if one is not None]


def one(file: str, kind: str, name: str | None = None) -> Json:
    (found,) = [each for each in objects(file) if each["kind"] == kind and name in (None, each["metadata"]["name"])]
    return found


# -- I25: safe and unsafe, field by field


def leaves(value: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every scalar with its path."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield from leaves(child, f"{path}/{key}")
    elif isinstance(value, list):
        for i, child in enumerate(value):
            yield from leaves(child, f"{path}/{i}")
    else:
        yield path, value


def test_the_unsafe_webhook_lacks_the_guards_and_differs_in_nothing_else() -> None:
    safe = dict(leaves(one("webhook.yaml", "MutatingWebhookConfiguration")))
    unsafe = dict(leaves(one("webhook-unsafe.yaml", "MutatingWebhookConfiguration")))

    differing = {
        path: (safe.get(path), unsafe.get(path)) for path in {*safe, *unsafe} if safe.get(path) != unsafe.get(path)
    }
    (condition,) = [value for path, value in safe.items() if path.endswith("/expression")]

    hook = "/webhooks/0"
    assert differing == {
        f"{hook}/failurePolicy": ("Ignore", "Fail"),
        f"{hook}/timeoutSeconds": (2, 30),
        f"{hook}/namespaceSelector/matchLabels/sandbox.dev/transformer-cache-injection": ("enabled", None),
        f"{hook}/namespaceSelector/matchExpressions/0/key": ("kubernetes.io/metadata.name", None),
        f"{hook}/namespaceSelector/matchExpressions/0/operator": ("NotIn", None),
        f"{hook}/namespaceSelector/matchExpressions/0/values/0": ("kube-system", None),
        f"{hook}/namespaceSelector/matchExpressions/0/values/1": ("kube-public", None),
        f"{hook}/namespaceSelector/matchExpressions/0/values/2": ("kube-node-lease", None),
        f"{hook}/namespaceSelector/matchExpressions/0/values/3": ("sandbox-injector", None),
        f"{hook}/objectSelector/matchLabels/component": ("transformer", None),
        f"{hook}/objectSelector/matchExpressions/0/key": ("serving.kserve.io/inferenceservice", None),
        f"{hook}/objectSelector/matchExpressions/0/operator": ("Exists", None),
        f"{hook}/matchConditions/0/name": ("asks-for-a-cache", None),
        f"{hook}/matchConditions/0/expression": (condition, None),
    }


def selects(selector: Json, labels: dict[str, str]) -> bool:
    """A LabelSelector, as the API server reads it; without one everything is selected."""
    if selector is None:
        return True
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for term in selector.get("matchExpressions") or []:
        holds = {
            "Exists": term["key"] in labels,
            "NotIn": labels.get(term["key"]) not in term.get("values", []),
        }[term["operator"]]
        if not holds:
            return False
    return True


def called(file: str, namespace: str, pod: Json, **labels: str) -> bool:
    """Whether the API server shows a pod to the webhook (matchConditions, which narrow it further, left out)."""
    (hook,) = one(file, "MutatingWebhookConfiguration")["webhooks"]
    of_namespace = {"kubernetes.io/metadata.name": namespace, **{k.replace("__", "/"): v for k, v in labels.items()}}
    return selects(hook.get("namespaceSelector"), of_namespace) and selects(
        hook.get("objectSelector"), pod["metadata"].get("labels") or {}
    )


OPTED_IN = one("namespace.yaml", "Namespace")["metadata"]["labels"]
PLAIN = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web"}]}}
OWN = one("injector.yaml", "Deployment")["spec"]["template"]


@pytest.mark.parametrize(
    ("namespace", "labels", "pod", "safe"),
    [
        ("shop", OPTED_IN, transformer_pod(), True),
        ("shop", OPTED_IN, transformer_pod(component="predictor"), False),
        ("shop", OPTED_IN, PLAIN, False),
        ("shop", {}, transformer_pod(), False),
        ("kube-system", OPTED_IN, transformer_pod(), False),
        ("sandbox-injector", OPTED_IN, transformer_pod(), False),
        ("sandbox-injector", {}, OWN, False),
    ],
)
def test_the_safe_webhook_meets_only_transformers_of_namespaces_that_opted_in_the_unsafe_one_every_pod(
    namespace: str, labels: dict[str, str], pod: Json, safe: bool
) -> None:
    assert called("webhook.yaml", namespace, pod, **labels) is safe
    assert called("webhook-unsafe.yaml", namespace, pod, **labels) is True


def test_with_the_injector_down_only_the_unsafe_webhook_stops_pods_its_own_first() -> None:
    """What the API server does with a call that fails: Fail refuses the pod, Ignore admits it as it is."""

    def created(file: str, namespace: str, pod: Json, **labels: str) -> bool:
        (hook,) = one(file, "MutatingWebhookConfiguration")["webhooks"]
        return not called(file, namespace, pod, **labels) or hook["failurePolicy"] == "Ignore"

    pods = [("sandbox-injector", OWN, {}), ("kube-system", PLAIN, {}), ("shop", transformer_pod(), OPTED_IN)]

    assert [created("webhook.yaml", where, pod, **labels) for where, pod, labels in pods] == [True, True, True]
    assert [created("webhook-unsafe.yaml", where, pod, **labels) for where, pod, labels in pods] == [False] * 3


def test_the_webhook_calls_what_the_injector_serves() -> None:
    (hook,) = one("webhook.yaml", "MutatingWebhookConfiguration")["webhooks"]
    service = hook["clientConfig"]["service"]
    port = one("injector.yaml", "Service")["spec"]["ports"][0]
    container = OWN["spec"]["containers"][0]
    arguments = container["args"]

    assert service["path"] == PATH
    assert (service["namespace"], service["name"], service["port"]) == (
        "sandbox-injector",
        one("injector.yaml", "Service")["metadata"]["name"],
        port["port"],
    )
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert ports[port["targetPort"]] == int(arguments[arguments.index("--port") + 1])
    assert ports["http"] == int(arguments[arguments.index("--metrics-port") + 1])
    assert "caBundle" not in hook["clientConfig"]


def test_the_options_of_the_deployment_are_read_and_mean_the_objects_of_the_manifests() -> None:
    arguments = OWN["spec"]["containers"][0]["args"]
    options = parse([*arguments, "--api-url", "https://example"])

    assert options.namespace == one("injector.yaml", "Deployment")["metadata"]["namespace"]
    assert options.names[0] == "sidecar-injector.sandbox-injector.svc"
    assert one("injector.yaml", "Secret", options.secret)
    assert one("webhook.yaml", "MutatingWebhookConfiguration", options.webhook)
    assert options.drain_delay_s < OWN["spec"]["terminationGracePeriodSeconds"] - 10


# -- the deployment


def test_there_are_two_replicas_and_one_of_them_always_stays() -> None:
    deployment = one("injector.yaml", "Deployment")
    budget = one("injector.yaml", "PodDisruptionBudget")["spec"]

    assert deployment["spec"]["replicas"] == 2
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert budget["minAvailable"] == 1
    assert budget["selector"] == deployment["spec"]["selector"]
    assert OWN["spec"]["topologySpreadConstraints"][0]["topologyKey"] == "kubernetes.io/hostname"


@pytest.mark.parametrize("file", ["injector.yaml", "shared-cache.yaml"])
def test_containers_run_as_nobody_on_a_read_only_root_with_resources(file: str) -> None:
    pod = one(file, "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 65532
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    for side in ("requests", "limits"):
        assert set(container["resources"][side]) == {"cpu", "memory"}


def granted() -> set[tuple[str, str, str, str | None]]:
    """(namespace or *, verb, resource, name) that the manifests give the injector."""
    roles = [each for each in objects("injector.yaml") if each["kind"] in ("Role", "ClusterRole")]
    bindings = [each for file in ("injector.yaml", "namespace.yaml") for each in objects(file) if "roleRef" in each]
    rights = set()
    for binding in bindings:
        assert binding["subjects"] == [
            {"kind": "ServiceAccount", "name": OWN["spec"]["serviceAccountName"], "namespace": "sandbox-injector"}
        ]
        (role,) = [each for each in roles if each["metadata"]["name"] == binding["roleRef"]["name"]]
        for rule in role["rules"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    for name in rule.get("resourceNames", [None]):
                        rights.add((binding["metadata"].get("namespace", "*"), verb, resource, name))
    return rights


def test_the_injector_may_do_what_it_does_and_nothing_more() -> None:
    """Every call that a replica makes of the API, beside every right that the manifests give."""
    with FakeApi() as api:
        api.config("warm")
        with (
            serving(*api.arguments) as replica,
            Caller(replica, trusting(ca=api.bundle), "sidecar-injector.sandbox-injector.svc") as caller,
        ):
            assert caller.post(review(transformer_pod()))[0] == 200
        calls = {(method, path) for method, path, _ in api.calls}

    verbs = {"GET": "get", "PUT": "update", "PATCH": "patch"}
    done = set()
    for method, path in calls:
        *_, resource, name = path.split("/")
        namespace = path.split("/namespaces/")[1].split("/")[0] if "/namespaces/" in path else "*"
        done.add((namespace, verbs[method], resource, None if resource == "configmaps" else name))

    assert done == granted()


# -- the rest of the folder


def test_the_example_of_a_namespace_makes_a_sidecar() -> None:
    data = one("namespace.yaml", "ConfigMap")["data"]
    cache = parse_cache_config(ConfigMap(metadata=Metadata(name="ranker-cache"), data=data))

    assert "/spec/containers/-" in [each["path"] for each in inject(transformer_pod(config="ranker-cache"), cache)]


def test_the_shared_cache_is_where_pods_look_for_it_and_evicts_within_its_limit() -> None:
    service = one("shared-cache.yaml", "Service")
    (container,) = one("shared-cache.yaml", "Deployment")["spec"]["template"]["spec"]["containers"]
    arguments = container["args"]
    patch = inject(transformer_pod(config=None), CacheConfig(topology="per-service"))
    (address,) = [each["value"]["value"] for each in patch if each["path"] == "/spec/containers/0/env/-"]

    max_bytes = int(arguments[arguments.index("--maxmemory") + 1])
    as_injected = server_arguments(CacheConfig(topology="per-service", max_bytes=max_bytes))
    assert container["image"] == IMAGE
    assert arguments[arguments.index("--maxmemory") :] == as_injected[as_injected.index("--maxmemory") :]
    assert f"maxmemory {max_bytes}" in redis_config(CacheConfig(topology="per-service", max_bytes=max_bytes))
    assert whole(container["resources"]["limits"]["memory"]) - max_bytes >= LEAST_HEADROOM_BYTES
    assert f"{service['metadata']['name']}:{service['spec']['ports'][0]['port']}" == "ranker-cache:6379"
    assert address != []
