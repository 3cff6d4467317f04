"""The Redis sidecar of a transformer's pod: one mutation for both worlds.

Comes in: a pod as JSON and the `CacheConfig` that its annotation names; goes out: a JSON patch, empty when there is
nothing to do. The webhook (fixtures/sidecar_injector) answers with it, the simulated world's admission
(sandbox/sim/admission.py) applies it, so that a pod asks for the same resources in both.

    sandbox.dev/transformer-cache: "true"
    sandbox.dev/transformer-cache-config: ranker-cache

The annotations reach the pod by themselves: KServe copies those of the InferenceService and of its transformer to the
template of the Knative Service (kserve/kserve 0217bdab pkg/controller/v1beta1/inferenceservice/components/
transformer.go), Knative copies all but its own to the pods (knative/serving 98e5ef90 pkg/reconciler/revision/
resources/meta.go).

topology sidecar: a server in the pod, on loopback, and its address in the environment. per-service: the address alone,
of the Service <InferenceService>-cache in the pod's namespace. The ConfigMap's keys come with a prefix, as the
transformer reads them.

A patched pod needs no patch: each part is added only where it is missing, and a container, a variable or an address
that is there already stays whoever wrote it. An address by hand means a cache by hand: no server is added.

The sidecar is what Knative lets a second container be (knative/serving 98e5ef90 pkg/apis/serving/k8s_validation.go,
fieldmask.go): no port (there is one serving port a pod) and no probe. No probe of the cache is wanted anyhow: a
transformer serves without its cache, and a restarted cache is an empty one.

Left out: native sidecars (Knative refuses init containers by default), KServe's collocated transformers (their pods
are the predictor's), a volume for the server's configuration (arguments do).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.errors import UsageError
from sandbox.manifests.cache_config import CONFIG, ENABLED, CacheConfig
from sandbox.manifests.names import RULES, is_name
from sandbox.mechanisms.caching.redis_conf import max_memory, redis_config
from sandbox.mechanisms.json_patch import Operation, escaped

SIDECAR = "transformer-cache"
IMAGE = "docker.io/valkey/valkey:9.1.2-alpine"
USER = 65532
PORT = 6379
# Loopback only: no other pod reads or fills this cache, and a mesh leaves loopback alone.
SIDECAR_ADDRESS = f"127.0.0.1:{PORT}"
ADDRESS_ENV = "SANDBOX_REDIS_ADDRESS"
CONFIG_PREFIX = "SANDBOX_CACHE_"
INJECTED = "sandbox.dev/transformer-cache-address"  # our mark: the address that the pod was given

SERVICE_LABEL = "serving.kserve.io/inferenceservice"
COMPONENT_LABEL = "component"
KSERVE_CONTAINER = "kserve-container"
_PLATFORM_CONTAINERS = ("queue-proxy", "istio-proxy", "agent", SIDECAR)

# A Valkey 9.1 that has filled and churned its maxmemory holds about 7 MiB more; the rest is for its clients' buffers.
LEAST_HEADROOM_BYTES = 16 * 1024 * 1024

Pod = Mapping[str, Any]


def declared_config(pod: Pod) -> str | None:
    """Name of the ConfigMap of a pod's cache; "" for the defaults, None without a cache.

    KServe's other components inherit the InferenceService's annotations, but only transformers have a cache.

    >>> declared_config({"metadata": {"annotations": {"sandbox.dev/transformer-cache": "true"}}})
    ''
    """
    metadata = _mapping(pod.get("metadata"))
    annotations, labels = _mapping(metadata.get("annotations")), _mapping(metadata.get("labels"))
    enabled = annotations.get(ENABLED, "false")
    if enabled not in ("true", "false"):
        raise UsageError(
            f"annotation {ENABLED} is neither true nor false", value=enabled, rule=f'{ENABLED} is "true" or "false"'
        )
    if enabled == "false" or (SERVICE_LABEL in labels and labels.get(COMPONENT_LABEL) != "transformer"):
        return None
    name = annotations.get(CONFIG, "")
    if not isinstance(name, str) or (name and not is_name(name, "DNS-1123 subdomain")):
        raise UsageError(f"annotation {CONFIG} is no name", value=name, rule=RULES["DNS-1123 subdomain"])
    return name


def inject(pod: Pod, cache: CacheConfig, image: str = IMAGE) -> list[Operation]:
    """The patch that gives a pod its cache; UsageError where the pod cannot have the one that was declared.

    >>> annotations = {"sandbox.dev/transformer-cache": "true"}
    >>> pod = {"metadata": {"annotations": annotations}, "spec": {"containers": [{"name": "kserve-container"}]}}
    >>> [operation["path"] for operation in inject(pod, CacheConfig())]  # doctest: +NORMALIZE_WHITESPACE
    ['/spec/containers/-', '/spec/containers/0/env',
     '/metadata/annotations/sandbox.dev~1transformer-cache-address']
    """
    config = declared_config(pod)
    if config is None:
        return []
    containers = _containers(pod)
    index = _transformer(containers)
    given = next((one for one in _list(containers[index].get("env")) if one.get("name") == ADDRESS_ENV), None)
    address = _address(pod, cache) if given is None else given.get("value")
    operations = []
    if address == SIDECAR_ADDRESS and SIDECAR not in _names(pod):
        operations.append(_add("/spec/containers/-", _sidecar(pod, cache, image)))
    at = f"/spec/containers/{index}"
    if given is None:
        operations.append(_append(containers[index], at, "env", {"name": ADDRESS_ENV, "value": address}))
    settings = {"prefix": CONFIG_PREFIX, "configMapRef": {"name": config, "optional": True}}
    if config and not any(_same_source(one, settings) for one in _list(containers[index].get("envFrom"))):
        operations.append(_append(containers[index], at, "envFrom", settings))
    if address and pod["metadata"]["annotations"].get(INJECTED) != address:
        operations.append(_add(f"/metadata/annotations/{escaped(INJECTED)}", address))
    return operations


# -- what is added -------------------------------------------------------------------------------------------


def _address(pod: Pod, cache: CacheConfig) -> str:
    if cache.topology == "sidecar":
        return SIDECAR_ADDRESS
    service = _mapping(pod["metadata"].get("labels")).get(SERVICE_LABEL)
    if not service:
        raise UsageError(
            "it is not known whose cache the pod shares",
            rule=f"topology per-service needs the label {SERVICE_LABEL}, which KServe sets",
        )
    return f"{service}-cache:{PORT}"


def _sidecar(pod: Pod, cache: CacheConfig, image: str) -> dict[str, Any]:
    """Requests are limits: any quota and any LimitRange ratio holds, and a Guaranteed pod stays one."""
    _refuse_pod(pod)
    _refuse_resources(cache)
    amounts = {"cpu": f"{cache.requests.cpu_milli}m", "memory": str(cache.requests.memory_bytes)}
    return {
        "name": SIDECAR,
        "image": image,
        "args": server_arguments(cache),
        "resources": {"requests": amounts, "limits": dict(amounts)},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsGroup": USER,
            "runAsNonRoot": True,
            "runAsUser": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def server_arguments(cache: CacheConfig) -> list[str]:
    """The redis.conf as arguments; the images of Valkey and of Redis start their server when the first begins with -.

    >>> server_arguments(CacheConfig(max_bytes=1000))[:6]
    ['--bind', '127.0.0.1', '--port', '6379', '--maxmemory', '1000']
    """
    arguments = ["--bind", "127.0.0.1", "--port", str(PORT)]
    for line in redis_config(cache):
        name, *values = line.split(" ")
        arguments += [f"--{name}", *("" if value == '""' else value for value in values)]
    return arguments


def _refuse_resources(cache: CacheConfig) -> None:
    memory, kept = cache.requests.memory_bytes, max_memory(cache)
    if cache.requests.cpu_milli <= 0 or memory <= 0:
        raise UsageError(
            "the cache's sidecar has no cpu or no memory",
            value=f"cpu {cache.requests.cpu_milli}m, memory {memory}",
            rule="cpu and memory are above 0: under a quota every container says what it takes",
        )
    if memory - kept < LEAST_HEADROOM_BYTES:
        raise UsageError(
            "the cache's sidecar would run out of memory",
            value=f"memory {memory}, of which {kept} for entries",
            rule=f"the server needs {LEAST_HEADROOM_BYTES} bytes beside its entries: raise memory or lower maxBytes",
        )


def _refuse_pod(pod: Pod) -> None:
    spec = pod["spec"]
    if spec.get("hostNetwork"):
        raise UsageError(
            "the pod is on its node's network", rule="there, 127.0.0.1 is shared: use topology per-service"
        )
    if spec.get("restartPolicy") in ("Never", "OnFailure"):
        raise UsageError("the pod is meant to end", rule="a sidecar would keep it running: use topology per-service")
    ports = [port.get("containerPort") for one in _containers(pod) for port in _list(one.get("ports"))]
    if PORT in ports:
        raise UsageError(f"the pod listens on port {PORT} itself", rule="containers of a pod share their ports")


# -- what is there -------------------------------------------------------------------------------------------


def _containers(pod: Pod) -> Sequence[Mapping[str, Any]]:
    containers = _mapping(pod.get("spec")).get("containers")
    if not isinstance(containers, list) or not containers or not all(_is_container(one) for one in containers):
        raise UsageError("this is no pod", rule="spec.containers is a list of containers with names")
    return containers


def _is_container(one: object) -> bool:
    return isinstance(one, Mapping) and isinstance(one.get("name"), str)


def _transformer(containers: Sequence[Mapping[str, Any]]) -> int:
    """Index of the container that asks the cache: KServe's own, else the first that isn't the platform's."""
    names = [one["name"] for one in containers]
    if KSERVE_CONTAINER in names:
        return names.index(KSERVE_CONTAINER)
    return next((i for i, name in enumerate(names) if name not in _PLATFORM_CONTAINERS), 0)


def _names(pod: Pod) -> set[object]:
    return {one.get("name") for kind in ("containers", "initContainers") for one in _list(pod["spec"].get(kind))}


def _same_source(one: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    name = _mapping(one.get("configMapRef")).get("name")
    return bool(one.get("prefix") == settings["prefix"] and name == settings["configMapRef"]["name"])


def _append(container: Mapping[str, Any], at: str, field: str, value: object) -> Operation:
    """At the end of a list that may not be there yet."""
    return _add(f"{at}/{field}/-", value) if _list(container.get(field)) else _add(f"{at}/{field}", [value])


def _add(path: str, value: object) -> Operation:
    return {"op": "add", "path": path, "value": value}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Mapping[str, Any]]:
    """A list of mappings; whatever else stands there, which no API server would send, counts as an empty one."""
    return value if isinstance(value, list) and all(isinstance(one, Mapping) for one in value) else []
