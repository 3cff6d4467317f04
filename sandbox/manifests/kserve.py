"""serving.kserve.io/v1beta1 InferenceService: predictor, transformer and canaries.

Comes in: a document; goes out: an `InferenceService` with the defaults of KServe's mutating webhook, checked as its
validating webhook and the one of Knative, which meets the same values a moment later, check it. Mirrors
kserve/kserve (v0.20) pkg/apis/serving/v1beta1/{component,predictor,inference_service_defaults,
inference_service_validation}.go.

KServe itself does not look at canaryTrafficPercent or the upper bound of containerConcurrency and timeout: Knative
does, when the Service that KServe writes arrives. Here they are refused at once, and the message says whose rule it is.

Leaves out: explainer, logger, batcher, worker specs, autoScaling: noted as not modelled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sandbox.errors import Location
from sandbox.manifests.fields import INT32_MAX, Field, Fields
from sandbox.manifests.knative import container_concurrency, refuse_flagged, revision_timeout
from sandbox.manifests.metadata import decode_metadata
from sandbox.manifests.names import RULES, is_name
from sandbox.manifests.objects import CanaryPredictor, Component, Container, InferenceService, Json, Metadata
from sandbox.manifests.platform_config import PlatformConfig
from sandbox.manifests.pods import decode_container, decode_containers, decode_pod

CONTAINER = "kserve-container"
DEPLOYMENT_MODE = "serving.kserve.io/deploymentMode"
AUTOSCALER_CLASS = "serving.kserve.io/autoscalerClass"
KNATIVE_CLASS = "autoscaling.knative.dev/class"
STORAGE_URI_ENV = "STORAGE_URI"

# config map inferenceservice-config, inferenceService.resource: what a container gets that does not say.
DEFAULT_RESOURCES: Mapping[str, str] = {"cpu": "1", "memory": "2Gi"}
MODES = {
    "Knative": "Knative",
    "Serverless": "Knative",  # the old names are still accepted
    "Standard": "Standard",
    "RawDeployment": "Standard",
    "ModelMesh": "ModelMesh",
}
FRAMEWORKS = (
    "huggingface",
    "lightgbm",
    "onnx",
    "paddle",
    "pmml",
    "pytorch",
    "sklearn",
    "tensorflow",
    "triton",
    "xgboost",
)
_V2_BY_DEFAULT = ("onnx", "triton", "huggingface")
_PROTOCOLS = ("v1", "v2", "grpc-v1", "grpc-v2")
_LONGEST_HOST = 63  # <name>-predictor names a Knative Service, which is a DNS label


def decode_inference_service(document: Fields, raw: Json, at: Location, platform: PlatformConfig) -> InferenceService:
    """serving.kserve.io/v1beta1 InferenceService."""
    metadata = decode_metadata(document, "DNS-1035 label")
    mode = _mode(document)
    spec = document.need("spec").mapping()
    reader = _Reader(mode, metadata, platform)
    predictor = reader.predictor(spec.need("predictor"))
    transformer = spec.field("transformer")
    service = InferenceService(
        metadata=metadata,
        raw=raw,
        at=at,
        predictor=predictor,
        transformer=reader.transformer(transformer) if transformer is not None else None,
        canaries=reader.canaries(spec.field("canary"), predictor),
        deployment_mode=mode,
    )
    spec.rest()
    document.skip("apiVersion", "kind", "status")
    document.rest()
    _check_length(document, metadata, mode)
    return service


def _mode(document: Fields) -> str:
    annotations = document.need("metadata").mapping().mapping("annotations")
    if annotations is None:
        return "Knative"
    annotations.one_of(AUTOSCALER_CLASS, ("hpa", "keda", "external", "none"), "hpa")
    return MODES[annotations.one_of(DEPLOYMENT_MODE, tuple(MODES), "Knative")]


def _check_length(document: Fields, metadata: Metadata, mode: str) -> None:
    longest = _LONGEST_HOST - len("-transformer")
    if mode == "Knative" and len(metadata.name) > longest:
        name = document.need("metadata").mapping().need("name")
        raise name.refuse(
            "is too long", f"{metadata.name}-transformer must be a DNS label: the name has at most {longest} characters"
        )


class _Reader:
    """What all components of one InferenceService are read by."""

    def __init__(self, mode: str, metadata: Metadata, platform: PlatformConfig) -> None:
        self.mode = mode
        self.annotations = metadata.annotations
        self.platform = platform

    def predictor(self, field: Field) -> Component:
        """A model, or containers of one's own."""
        fields = field.mapping()
        given = [name for name in ("model", *FRAMEWORKS) if fields.field(name) is not None]
        if fields.field("containers") is not None:
            given.append("containers")
        if len(given) != 1:
            raise field.refuse(
                f"has {'no' if not given else 'more than one'} implementation",
                f"exactly one of model, containers or a framework key ({', '.join(FRAMEWORKS)})",
                "add a model: with modelFormat and storageUri" if not given else f"keep one of {', '.join(given)}",
                value=", ".join(given) or ", ".join(fields.nodes),
            )
        if given == ["containers"]:
            return self._custom(fields, "predictor")
        return self._model(fields, given[0])

    def transformer(self, field: Field) -> Component:
        """Always containers of one's own."""
        fields = field.mapping()
        fields.need("containers", "a transformer runs containers of its own")
        return self._custom(fields, "transformer")

    def canaries(self, field: Field | None, stable: Component) -> tuple[CanaryPredictor, ...]:
        """spec.canary: Standard mode only, at most 100 % together, names of their own."""
        if field is None:
            return ()
        if self.mode != "Standard":
            raise field.refuse(
                "needs Standard mode",
                "spec.canary works in Standard mode only; in Knative mode use spec.predictor.canaryTrafficPercent",
                f"annotate the InferenceService with {DEPLOYMENT_MODE}: Standard",
            )
        found: list[CanaryPredictor] = []
        for one in field.items():
            canary = self._canary(one, stable)
            if canary.name in (stable.own_name, *(other.name for other in found)):
                raise one.refuse(
                    "has a name that is taken", "each canary has a predictor.name of its own", value=canary.name
                )
            found.append(canary)
        total = sum(canary.traffic_percent for canary in found)
        if total > 100:
            raise field.refuse(
                f"adds up to {total} %", "the canaries' trafficPercent add up to at most 100", value=total
            )
        return tuple(found)

    def _canary(self, one: Field, stable: Component) -> CanaryPredictor:
        fields = one.mapping()
        predictor = fields.need("predictor")
        name = predictor.mapping().need("name", "a canary's predictor.name names its Deployment")
        component = self.predictor(predictor)
        percent = fields.need("trafficPercent").integer(0, 100)
        minimum = predictor.mapping().integer("minReplicas", 0, INT32_MAX)
        fields.rest()
        return CanaryPredictor(name=name.text(), component=component, traffic_percent=percent, min_replicas=minimum)

    # -- the forms of a component

    def _model(self, fields: Fields, key: str) -> Component:
        model = fields.need(key).mapping()
        model_format, protocol = self._format(model, key)
        storage_uri = _storage_uri(model)
        runtime = model.text("runtime")
        name = model.field("name")
        if name is not None and name.text():
            raise name.refuse("is not allowed here", "KServe names the container of a model itself", "remove it")
        container = decode_container(model, CONTAINER, resources=DEFAULT_RESOURCES)
        extra = decode_containers(fields, "containers", CONTAINER)
        component = self._component(fields, "predictor", (container, *extra), storage_uri)
        return replace(component, model_format=model_format, protocol_version=protocol, runtime=runtime)

    def _format(self, model: Fields, key: str) -> tuple[str, str]:
        if key == "model":
            declared = model.need("modelFormat", "a model has a modelFormat with a name").mapping()
            name = declared.need("name", "modelFormat has a name, such as onnx or sklearn").text()
            declared.text("version")
            declared.rest()
        else:
            name = key
            model.text("runtimeVersion")
        default = "v2" if name == "triton" or (key in _V2_BY_DEFAULT) else "v1"
        return name, model.one_of("protocolVersion", _PROTOCOLS, default)

    def _custom(self, fields: Fields, name: str) -> Component:
        listed = fields.need("containers")
        if not listed.items():
            raise listed.refuse("is empty", f"a {name} runs at least one container")
        containers = decode_containers(fields, "containers", CONTAINER, resources=DEFAULT_RESOURCES)
        for one, container in zip(listed.items(), containers, strict=True):
            if not container.image:
                raise one.refuse("has no image", "every container has an image", "add image:")
        if len(containers) == 1 or name == "transformer":
            # KServe renames it whatever it was called.
            containers = (replace(containers[0], name=CONTAINER), *containers[1:])
        return self._component(fields, name, containers, containers[0].env.get(STORAGE_URI_ENV, ""))

    def _component(self, fields: Fields, name: str, containers: tuple[Container, ...], storage_uri: str) -> Component:
        if self.mode == "Knative":
            refuse_flagged(fields, self.platform)
        minimum, maximum = self._replicas(fields)
        timeout_s = self._timeout(fields)
        component = Component(
            name=name,
            pod=decode_pod(
                fields,
                containers=containers,
                labels=fields.strings("labels"),
                annotations=fields.strings("annotations"),
                storage_uri=storage_uri,
                grace_s=30.0 if self.mode == "Standard" else float(timeout_s or self.platform.revision_timeout_s),
            ),
            min_replicas=minimum,
            max_replicas=maximum,
            scale_target=self._scale_target(fields),
            scale_metric=self._scale_metric(fields),
            container_concurrency=container_concurrency(fields, self.platform),
            canary_traffic_percent=_canary_percent(fields),
            timeout_s=timeout_s,
            own_name=self._own_name(fields),
        )
        self._refuse_strategy(fields)
        fields.rest()
        return component

    def _replicas(self, fields: Fields) -> tuple[int, int]:
        rule = "a whole number of at least 0"
        minimum = fields.integer("minReplicas", 0, INT32_MAX, rule)
        maximum = fields.integer("maxReplicas", 0, INT32_MAX, f"{rule}; 0 = no limit") or 0
        least = 1 if minimum is None else minimum
        if maximum and least > maximum:
            at = fields.need("minReplicas" if minimum is not None else "maxReplicas")
            note = "" if minimum is not None else " (minReplicas is 1 by default)"
            raise at.refuse(
                f"contradicts: minReplicas {least} is greater than maxReplicas {maximum}",
                f"minReplicas cannot be greater than maxReplicas{note}",
                "raise maxReplicas or lower minReplicas",
                value=f"minReplicas {least}, maxReplicas {maximum}",
            )
        return least, maximum

    def _timeout(self, fields: Fields) -> int | None:
        if self.mode == "Knative":
            return revision_timeout(fields, "timeout", self.platform)
        return fields.integer("timeout", 0, INT32_MAX) or None

    @property
    def _hpa(self) -> bool:
        return self.mode == "Standard" or self.annotations.get(KNATIVE_CLASS, "").startswith("hpa.")

    def _scale_metric(self, fields: Fields) -> str | None:
        found = fields.field("scaleMetric")
        if found is None:
            return None
        metric = fields.one_of("scaleMetric", ("concurrency", "rps", "cpu", "memory"), "")
        if self.annotations.get(AUTOSCALER_CLASS) == "keda":
            raise found.refuse(
                "is not supported with KEDA", "with the class keda, metrics stand in autoScaling.metrics"
            )
        allowed = ("cpu", "memory") if self._hpa else ("concurrency", "rps")
        if metric not in allowed:
            scaler = "the HPA" if self._hpa else "the Knative Pod Autoscaler"
            raise found.refuse("is not a metric of this autoscaler", f"{scaler} scales on {' or '.join(allowed)}")
        return metric

    def _scale_target(self, fields: Fields) -> int | None:
        found = fields.field("scaleTarget")
        if found is None:
            return None
        metric = fields.text("scaleMetric", "cpu" if self._hpa else "concurrency")
        target = found.integer(-INT32_MAX, INT32_MAX)
        if self._hpa and metric == "cpu" and not 1 <= target <= 100:
            raise found.refuse("is not a percentage", "a cpu target is a utilisation from 1 to 100")
        if target < 1:
            raise found.refuse("is too small", f"a target of {metric} per pod is at least 1")
        return target

    def _own_name(self, fields: Fields) -> str:
        name = fields.field("name")
        if name is None or not name.text():
            return ""
        if not is_name(name.text(), "DNS-1035 label"):
            raise name.refuse("is not a predictor's name", RULES["DNS-1035 label"])
        return name.text()

    def _refuse_strategy(self, fields: Fields) -> None:
        if self.mode != "Knative" or "deploymentStrategy" not in fields.nodes:
            return
        strategy = fields.field("deploymentStrategy")
        if strategy is not None:
            raise strategy.refuse(
                "needs Standard mode", "Knative rolls revisions out itself", f"annotate {DEPLOYMENT_MODE}: Standard"
            )


def _canary_percent(fields: Fields) -> int | None:
    rule = (
        "a whole number from 0 to 100. KServe does not check it: Knative refuses the traffic block that KServe "
        "writes from it, so the roll-out stops there (and on a first deploy it is ignored)"
    )
    return fields.integer("canaryTrafficPercent", 0, 100, rule)


def _storage_uri(model: Fields) -> str:
    uri, storage = model.field("storageUri"), model.mapping("storage")
    if storage is None:
        return "" if uri is None else uri.text()
    if uri is not None:
        raise uri.refuse(
            "and storage are both set", "one of storageUri and storage{key, path}", "remove one of the two"
        )
    key, path = storage.text("key"), storage.text("path")
    parameters = storage.strings("parameters")
    storage.rest()
    # The bucket stands in the secret under the key; the key stands for it, so that two models stay two.
    scheme = parameters.get("type", "s3")
    return f"{scheme}://{parameters.get('bucket', key or 'storage-config')}/{path}"
