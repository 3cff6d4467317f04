"""What a good manifest becomes: objects with the defaults of the webhooks, and warnings about what has no effect."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from sandbox.errors import Location, UsageError
from sandbox.manifests.admission import Refusal
from sandbox.manifests.objects import (
    ConfigMap,
    Deployment,
    InferenceService,
    KnativeService,
    Node,
    Object,
    Probe,
    Resources,
    Secret,
    Service,
    Taint,
    TrafficTarget,
    Unknown,
    VirtualService,
    WeightedDestination,
)
from sandbox.manifests.patch import merge_patch
from sandbox.manifests.reader import Manifests, Text, parse_object, read_manifests

GIB = 1024**3


def read(text: str, **options: bool) -> Manifests:
    return read_manifests(Text(text, "m.yaml"), **options)


def isvc(text: str) -> InferenceService:
    (one,) = read(text).objects
    assert isinstance(one, InferenceService)
    return one


RANKER = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: ranker
  namespace: shop
  annotations:
    serving.knative.dev/rollout-duration: "60s"
spec:
  predictor:
    minReplicas: 2
    maxReplicas: 20
    scaleTarget: 150
    scaleMetric: rps
    containerConcurrency: 4
    timeout: 20
    canaryTrafficPercent: 10
    enableServiceLinks: false
    annotations: {autoscaling.knative.dev/window: 30s}
    model:
      modelFormat: {name: onnx, version: "1"}
      runtime: triton
      storageUri: s3://models/ranker/v1
      resources:
        limits: {nvidia.com/gpu: 1}
  transformer:
    containers:
    - image: features:3
      name: whatever
      env: [{name: A, value: b}]
      resources:
        requests: {cpu: 500m, memory: 1Gi}
        limits: {cpu: 1, memory: 1Gi}
"""


def test_an_inference_service_gets_kserves_defaults() -> None:
    one = isvc(RANKER)
    predictor, transformer = one.predictor, one.transformer
    assert transformer is not None
    (model,), (own,) = predictor.pod.containers, transformer.pod.containers

    assert one.key == ("InferenceService", "shop", "ranker")
    assert one.at == Location("m.yaml", 1, 1)
    assert one.raw["spec"]["predictor"]["scaleTarget"] == 150
    assert (predictor.min_replicas, predictor.max_replicas) == (2, 20)
    assert (predictor.scale_target, predictor.scale_metric) == (150, "rps")
    assert (predictor.container_concurrency, predictor.timeout_s) == (4, 20)
    assert predictor.canary_traffic_percent == 10
    assert (predictor.model_format, predictor.runtime, predictor.protocol_version) == ("onnx", "triton", "v1")
    assert predictor.pod.storage_uri == "s3://models/ranker/v1"
    assert predictor.pod.annotations == {"autoscaling.knative.dev/window": "30s"}
    assert model.name == "kserve-container"
    assert model.requests == Resources(cpu_milli=1000, memory_bytes=2 * GIB, extended={"nvidia.com/gpu": 1})
    assert model.limits == model.requests
    assert (transformer.min_replicas, transformer.max_replicas) == (1, 0)
    assert own.name == "kserve-container"
    assert own.env == {"A": "b"}
    assert own.requests == Resources(cpu_milli=500, memory_bytes=GIB)
    assert own.limits == Resources(cpu_milli=1000, memory_bytes=GIB)


def test_an_unmodelled_field_is_accepted_and_listed_once() -> None:
    twice = RANKER + "---\n" + RANKER.replace("name: ranker", "name: other", 1)

    notes = read(twice).notes

    assert notes == ("m.yaml:17:5: InferenceService: spec.predictor.enableServiceLinks is not modelled",)


def test_a_field_that_looks_like_a_modelled_one_is_listed_with_the_one_that_may_be_meant() -> None:
    notes = read(RANKER.replace("    minReplicas", "    minReplica")).notes

    assert "spec.predictor.minReplica is not modelled (did you mean minReplicas?)" in notes[0]


def test_a_canary_percent_on_a_first_deploy_is_accepted_and_the_real_effect_told() -> None:
    told = [str(one) for one in read(RANKER, first_deploy=True).warnings if "canary" in str(one)]

    assert told == [
        "m.yaml:16:5: InferenceService ranker: canaryTrafficPercent 10 of the predictor is ignored until a revision "
        "has been rolled out: this deploy gets 100 %"
    ]


def test_a_canary_percent_on_a_later_deploy_is_nothing_to_tell() -> None:
    assert not [note for note in read(RANKER).notes if "canary" in note]


@pytest.mark.parametrize(
    ("key", "protocol"), [("sklearn", "v1"), ("onnx", "v2"), ("tensorflow", "v1"), ("triton", "v2")]
)
def test_the_old_framework_keys_are_models_of_that_format(key: str, protocol: str) -> None:
    predictor = isvc(
        RANKER.replace('    model:\n      modelFormat: {name: onnx, version: "1"}\n', f"    {key}:\n")
    ).predictor

    assert (predictor.model_format, predictor.protocol_version) == (key, protocol)


HEAD = "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: a}\n"


def test_a_custom_predictor_takes_its_model_from_the_environment() -> None:
    predictor = isvc(
        HEAD + "spec: {predictor: {containers: [{image: x, env: [{name: STORAGE_URI, value: gs://m/x}]}]}}\n"
    ).predictor

    assert predictor.pod.storage_uri == "gs://m/x"
    assert predictor.model_format == ""
    assert predictor.pod.containers[0].requests == Resources(cpu_milli=1000, memory_bytes=2 * GIB)


def test_storage_by_key_and_path_stands_for_one_uri() -> None:
    predictor = isvc(HEAD + "spec: {predictor: {onnx: {storage: {key: store, path: models/x}}}}\n").predictor

    assert predictor.pod.storage_uri == "s3://store/models/x"


def test_zero_replicas_are_kept() -> None:
    assert isvc(HEAD + "spec: {predictor: {minReplicas: 0, onnx: {}}}\n").predictor.min_replicas == 0


STANDARD = HEAD.replace("{name: a}", "{name: a, annotations: {serving.kserve.io/deploymentMode: RawDeployment}}")


def test_standard_mode_takes_canaries_cpu_targets_and_node_selectors() -> None:
    one = isvc(
        STANDARD + "spec:\n  predictor: {onnx: {}, nodeSelector: {gpu: a100}, scaleMetric: cpu, scaleTarget: 60}\n"
        "  canary: [{predictor: {name: v2, minReplicas: 3, onnx: {}}, trafficPercent: 20}]\n"
    )
    (canary,) = one.canaries

    assert one.deployment_mode == "Standard"
    assert one.predictor.pod.node_selector == {"gpu": "a100"}
    assert (one.predictor.scale_metric, one.predictor.scale_target) == ("cpu", 60)
    assert one.predictor.pod.termination_grace_s == 30.0
    assert (canary.name, canary.traffic_percent, canary.min_replicas) == ("v2", 20, 3)
    assert canary.component.own_name == "v2"


@pytest.mark.parametrize(
    ("canaries", "message"),
    [
        ("{predictor: {onnx: {}}, trafficPercent: 1}", "predictor.name is missing"),
        ("{predictor: {name: v, onnx: {}}}", "trafficPercent is missing"),
        ("{predictor: {name: A, onnx: {}}, trafficPercent: 1}", "is not a predictor's name"),
        (
            "{predictor: {name: v, onnx: {}}, trafficPercent: 60}, "
            "{predictor: {name: w, onnx: {}}, trafficPercent: 60}",
            "spec.canary adds up to 120 %",
        ),
        (
            "{predictor: {name: v, onnx: {}}, trafficPercent: 1}, {predictor: {name: v, onnx: {}}, trafficPercent: 1}",
            "spec.canary[1] has a name that is taken",
        ),
    ],
)
def test_canaries_that_cannot_be_are_refused(canaries: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(f"{STANDARD}spec: {{predictor: {{onnx: {{}}}}, canary: [{canaries}]}}\n")

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("annotation", "fields", "message"),
    [
        ("serving.kserve.io/autoscalerClass: keda", "scaleMetric: cpu", "is not supported with KEDA"),
        ("serving.kserve.io/autoscalerClass: hpa", "scaleTarget: 120", "is not a percentage"),
        ("serving.kserve.io/autoscalerClass: hpa", "scaleMetric: rps", "the HPA scales on cpu or memory"),
    ],
)
def test_standard_mode_has_the_hpas_rules(annotation: str, fields: str, message: str) -> None:
    head = STANDARD.replace("RawDeployment}", f"RawDeployment, {annotation}}}")

    with pytest.raises(UsageError) as caught:
        read(f"{head}spec: {{predictor: {{onnx: {{}}, {fields}}}}}\n")

    assert message in str(caught.value)


KSVC = """\
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: web}
spec:
  template:
    metadata:
      name: web-v2
      annotations: {autoscaling.knative.dev/target: "10"}
    spec:
      containerConcurrency: 5
      timeoutSeconds: 30
      containers:
      - image: web:2
        ports: [{containerPort: 8080}]
        readinessProbe: {httpGet: {path: /}, initialDelaySeconds: 3}
  traffic:
  - {revisionName: web-v1, percent: 90, tag: old}
  - {latestRevision: true, percent: 10}
"""


def test_a_knative_service_keeps_template_and_traffic() -> None:
    (one,) = read(KSVC).objects
    assert isinstance(one, KnativeService)

    assert one.key == ("KnativeService", "default", "web")
    assert one.template.name == "web-v2"
    assert one.template.annotations == {"autoscaling.knative.dev/target": "10"}
    assert one.template.pod.annotations == one.template.annotations
    assert (one.template.container_concurrency, one.template.timeout_s) == (5, 30)
    assert one.template.pod.containers[0].name == "user-container"
    assert one.template.pod.containers[0].readiness == Probe(initial_delay_s=3.0, period_s=0.0)
    assert one.traffic == (
        TrafficTarget(revision_name="web-v1", percent=90, tag="old"),
        TrafficTarget(latest_revision=True, percent=10),
    )


def test_knative_and_core_services_of_one_name_are_two_objects() -> None:
    text = KSVC + "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}}\n"

    one, other = read(text).objects

    assert isinstance(one, KnativeService)
    assert isinstance(other, Service)
    assert other.selector == {"app": "web"}


FEATURES = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config-features, namespace: knative-serving}\n"
    "data: {kubernetes.podspec-nodeselector: Enabled, kubernetes.podspec-tolerations: allowed}\n"
)
SELECTING = (
    HEAD + "spec: {predictor: {onnx: {}, nodeSelector: {gpu: a}, tolerations: [{key: gpu, operator: Exists}]}}\n"
)


def test_a_feature_flag_of_the_same_read_lets_a_node_selector_through() -> None:
    one = read(SELECTING + "---\n" + FEATURES).objects[0]
    assert isinstance(one, InferenceService)

    assert one.predictor.pod.node_selector == {"gpu": "a"}
    assert one.predictor.pod.tolerations == ({"key": "gpu", "operator": "Exists"},)


def test_a_feature_flag_read_earlier_lets_a_node_selector_through() -> None:
    platform = read(FEATURES).platform

    assert read_manifests(Text(SELECTING), platform=platform).objects[0].metadata.name == "a"


def test_config_defaults_move_the_limits_of_the_same_read() -> None:
    config = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config-defaults}\n"
        'data: {max-revision-timeout-seconds: "3600", revision-cpu-request: 400m, revision-memory-limit: 1Gi}\n---\n'
    )

    one = read(config + KSVC.replace("timeoutSeconds: 30", "timeoutSeconds: 1800")).objects[1]
    assert isinstance(one, KnativeService)

    assert one.template.timeout_s == 1800
    assert one.template.pod.containers[0].requests == Resources(cpu_milli=400)
    assert one.template.pod.containers[0].limits == Resources(memory_bytes=GIB)


def test_a_second_container_needs_its_flag() -> None:
    features = FEATURES.replace("{kubernetes.podspec-nodeselector: Enabled", "{multi-container: Disabled")
    two = KSVC.replace("  traffic:", "      - {image: side, name: side}\n  traffic:")

    assert len(read(two).objects) == 1
    with pytest.raises(UsageError, match="is a second container"):
        read(features + "---\n" + two)


OTHERS = """\
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: store}
  spec:
    replicas: 3
    selector: {matchLabels: {app: store}}
    template:
      metadata: {labels: {app: store, creationTimestamp: "x"}}
      spec: {containers: [{name: minio, image: minio}], terminationGracePeriodSeconds: 5}
- apiVersion: v1
  kind: Secret
  metadata: {name: key}
  data: {password: aHVudGVyMg==}
  stringData: {user: hunter}
- apiVersion: v1
  kind: Node
  metadata: {name: gpu-1, labels: {gpu: a100}}
  spec: {taints: [{key: gpu, value: "yes", effect: NoSchedule}], unschedulable: true}
  status: {capacity: {cpu: "99"}, allocatable: {cpu: 16, memory: 64Gi, nvidia.com/gpu: "4", pods: "110"}}
- apiVersion: v1
  kind: Namespace
  metadata: {name: shop}
- apiVersion: networking.istio.io/v1alpha3
  kind: VirtualService
  metadata: {name: ranker}
  spec:
    hosts: [ranker.example.com]
    http:
    - route:
      - {destination: {host: blue}, weight: 90}
      - {destination: {host: green}, weight: 10}
"""


def test_what_appears_beside_is_read_too() -> None:
    deployment, secret, node, namespace, virtual = read(OTHERS).objects
    assert isinstance(deployment, Deployment)
    assert isinstance(secret, Secret)
    assert isinstance(node, Node)
    assert isinstance(virtual, VirtualService)

    assert (deployment.replicas, deployment.selector) == (3, {"app": "store"})
    assert deployment.template.termination_grace_s == 5.0
    assert deployment.at == Location("m.yaml", 4, 3)
    assert node.allocatable == Resources(cpu_milli=16_000, memory_bytes=64 * GIB, extended={"nvidia.com/gpu": 4})
    assert node.taints == (Taint(key="gpu", value="yes", effect="NoSchedule"),)
    assert node.unschedulable
    assert namespace.key == ("Namespace", "default", "shop")
    assert virtual.hosts == ("ranker.example.com",)
    assert virtual.destinations == (
        WeightedDestination(host="blue", weight=90),
        WeightedDestination(host="green", weight=10),
    )
    assert read(OTHERS).notes == ()


def test_values_of_secrets_are_not_kept() -> None:
    secret = read(OTHERS).objects[1]
    assert isinstance(secret, Secret)

    assert secret.keys == ("password", "user")
    assert "hunter" not in repr(secret)
    assert "aHVudGVyMg" not in repr(secret)


def test_a_single_destination_needs_no_weight() -> None:
    text = (
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v}\n"
        "spec: {hosts: [a], http: [{route: [{destination: {host: b, port: {number: 80}}}]}, {name: second}]}\n"
    )
    manifests = read(text)
    (one,) = manifests.objects
    assert isinstance(one, VirtualService)

    assert one.destinations == (WeightedDestination(host="b", weight=100),)
    assert manifests.notes == ("m.yaml:4:84: VirtualService: only the first http route is modelled",)


def test_an_unknown_kind_is_accepted_with_a_warning() -> None:
    manifests = read("apiVersion: serving.kserve.io/v1alpha1\nkind: InferenceGraph\nmetadata: {name: g}\nspec: {}\n")
    (one,) = manifests.objects
    assert isinstance(one, Unknown)

    assert one.key == ("InferenceGraph", "default", "g")
    assert manifests.notes == (
        "m.yaml:1:1: serving.kserve.io/v1alpha1 InferenceGraph g is a kind the sandbox does not know: no effect",
    )


def test_a_known_kind_of_another_version_is_told_apart() -> None:
    (note,) = read("apiVersion: apps/v1beta1\nkind: Deployment\nmetadata: {name: d}\n").notes

    assert "apps/v1beta1 Deployment d is a kind the sandbox does not know (known: apps/v1): no effect" in note


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("Configuration", "{template: {spec: {containers: [{image: x}]}}}"),
        ("Route", "{traffic: [{configurationName: c, percent: 100}]}"),
        ("Revision", "{containers: [{image: x}]}"),
    ],
)
def test_the_parts_of_a_knative_service_are_known_but_not_acted_on(kind: str, spec: str) -> None:
    manifests = read(f"apiVersion: serving.knative.dev/v1\nkind: {kind}\nmetadata: {{name: c}}\nspec: {spec}\n")

    assert manifests.objects[0].key == (kind, "default", "c")
    assert f"{kind} c is known but not acted on" in manifests.notes[0]


@pytest.mark.parametrize(
    "traffic",
    ["{percent: 100}", "{configurationName: c, revisionName: r, percent: 100}"],
)
def test_a_route_needs_one_target_per_line(traffic: str) -> None:
    text = f"apiVersion: serving.knative.dev/v1\nkind: Route\nmetadata: {{name: c}}\nspec: {{traffic: [{traffic}]}}\n"

    with pytest.raises(UsageError, match=r"spec.traffic\[0\] has (no target|two targets)"):
        read(text)


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    for name in ("b.yml", "a.yaml", "c.json"):
        (tmp_path / name).write_text(f'{{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {{"name": "{name}"}}}}')
    (tmp_path / "README.md").write_text("not: [a manifest")

    objects = read_manifests(tmp_path).objects

    assert [one.metadata.name for one in objects] == ["a.yaml", "b.yml", "c.json"]


def test_two_files_with_one_object_are_refused_naming_both(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")

    with pytest.raises(UsageError) as caught:
        read_manifests(tmp_path)

    assert str(caught.value).startswith(f"{tmp_path / 'b.yaml'}:1:1: two objects are called ConfigMap x")
    assert f"the first is at {tmp_path / 'a.yaml'}:1:1" in str(caught.value)


def test_anchors_and_merge_keys_are_expanded() -> None:
    text = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: &l {x: one, z: two}}\ndata: {<<: *l, z: three}\n"
    )
    (one,) = read(text).objects
    assert isinstance(one, ConfigMap)

    assert one.data == {"z": "three", "x": "one"}


def _no_odd_windows(one: Object) -> Iterable[Refusal]:
    if isinstance(one, InferenceService) and one.predictor.pod.annotations:
        path = ("spec", "predictor", "annotations", "autoscaling.knative.dev/window")
        yield Refusal(path=path, what="window is refused", rule="6s to 1h", value="30s")


def test_a_refusal_of_the_callers_gets_file_line_and_column() -> None:
    with pytest.raises(UsageError) as caught:
        read_manifests(Text(RANKER, "m.yaml"), admission=[_no_odd_windows])

    assert str(caught.value) == (
        "m.yaml:18:51: InferenceService ranker: window is refused\n  value: 30s\n  rule:  6s to 1h"
    )


def test_a_refusal_of_the_callers_meets_patched_objects_too() -> None:
    with pytest.raises(UsageError, match=r"here\.py:7: InferenceService ranker: window is refused"):
        parse_object(isvc(RANKER).raw, Location("here.py", 7), admission=[_no_odd_windows])


def test_any_value_of_an_object_can_be_located() -> None:
    manifests = read(RANKER)
    (one,) = manifests.objects

    assert manifests.locate(one, "spec", "transformer", "containers", 0, "env", 0, "name") == Location("m.yaml", 29, 20)
    assert manifests.locate(one, "spec", "nowhere", "else") == Location("m.yaml", 9, 3)
    assert Manifests((one,)).locate(one, "spec") == Location("m.yaml", 1, 1)


def test_a_patched_object_is_read_as_a_file_would_be() -> None:
    patch = {"spec": {"predictor": {"canaryTrafficPercent": 50, "scaleTarget": None}, "transformer": None}}

    one = parse_object(merge_patch(isvc(RANKER).raw, patch), Location("scenario.py", 12))
    assert isinstance(one, InferenceService)

    assert one.predictor.canary_traffic_percent == 50
    assert one.predictor.scale_target is None
    assert one.transformer is None
    assert one.at == Location("scenario.py", 12)


def test_a_merge_patch_leaves_its_inputs_alone() -> None:
    document = {"a": {"b": 1}, "c": [1]}

    assert merge_patch(document, {"a": None, "c": {"d": {"e": None, "f": 2}}}) == {"c": {"d": {"f": 2}}}
    assert merge_patch(document, 5) == 5
    assert document == {"a": {"b": 1}, "c": [1]}


def test_a_fraction_of_a_byte_is_told() -> None:
    notes = read(KSVC.replace("ports: [{containerPort: 8080}]", "resources: {limits: {memory: 512m}}")).notes

    assert "is a fraction of a byte (512m): is the suffix M or Mi meant, not m?" in notes[0]
