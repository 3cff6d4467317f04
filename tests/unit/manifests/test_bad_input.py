"""Every refusal of a manifest names its place, the value and the rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.errors import UsageError
from sandbox.manifests.reader import Text, parse_object, read_manifests

ISVC = "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: a}\n"
MODEL = "model: {modelFormat: {name: onnx}, storageUri: s3://m/x}"
KSVC = "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: a}\n"
TEMPLATE = "template: {spec: {containers: [{image: x}]}}"
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"

CACHED = (
    "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: a, annotations: "
    '{sandbox.dev/transformer-cache: "true", sandbox.dev/transformer-cache-config: c}}\n'
    f"spec: {{predictor: {{{MODEL}}}, transformer: {{containers: [{{image: x}}]}}}}\n"
)


def predictor(fields: str, model: str = MODEL) -> str:
    return f"{ISVC}spec: {{predictor: {{{fields}, {model}}}}}\n"


def container(fields: str) -> str:
    return f"{KSVC}spec: {{template: {{spec: {{containers: [{{image: x, {fields}}}]}}}}}}\n"


def traffic(targets: str) -> str:
    return f"{KSVC}spec: {{{TEMPLATE}, traffic: [{targets}]}}\n"


def revision(fields: str) -> str:
    return f"{KSVC}spec: {{template: {{spec: {{{fields}, containers: [{{image: x}}]}}}}}}\n"


def refusal(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        read_manifests(Text(text, "m.yaml"))
    return str(caught.value)


CASES = {
    "tab": (
        f"{ISVC}spec:\n\tpredictor: {{}}\n",
        "m.yaml:5:1: not YAML: found character '\\t' that cannot start any token",
        "YAML is indented with spaces, never with tabs",
    ),
    "unclosed bracket": (f"{ISVC}spec: [1, 2\n", "m.yaml:5:1: not YAML: expected ',' or ']'", "the file must be YAML"),
    "control character": ("a: \x01\n", "m.yaml:1:4: not YAML: a character that YAML does not allow (U+0001)", "YAML"),
    "nothing": ("", "m.yaml: there is no object in this file", "apiVersion, kind and metadata.name"),
    "only comments": ("# nothing\n---\n", "m.yaml: there is no object in this file", "at least one object"),
    "text": ("hello\n", "m.yaml:1:1: this is not an object\n  value: hello", "a mapping with apiVersion"),
    "no kind": (
        "apiVersion: v1\nknd: Service\n",
        "m.yaml:1:1: manifest: kind is missing",
        "every object says its kind",
    ),
    "no name": ("apiVersion: v1\nkind: Service\nmetadata: {}\n", "m.yaml:3:11: Service: metadata.name is missing", ""),
    "key twice": (
        "kind: Service\napiVersion: v1\nkind: Secret\n",
        "m.yaml:3:1: the key 'kind' is written twice",
        "the first is at m.yaml:1:1",
    ),
    "unknown alias": ("a: *b\n", "m.yaml:1:4: there is no anchor &b before this alias", "anchored before"),
    "alias of itself": ("a: &a [*a]\n", "m.yaml:1:8: the anchor &a contains itself", "come to an end"),
    "deep": ("[" * 150 + "]" * 150, "m.yaml:1:101: nested too deep", "at most 100 levels"),
    "infinite number": ("a: .inf\n", "m.yaml:1:4: this number cannot be sent", "JSON has neither"),
    "merge of text": ("a: {<<: x}\n", "m.yaml:1:9: a merge key needs a mapping", "takes an alias of a mapping"),
    "null key": ("? ~\n: 1\n", "m.yaml:1:3: this cannot be a key", "keys of a mapping are text"),
    "false tag": ("a: !!int x\n", "m.yaml:1:4: this is not a !!int", "the tag says"),
    "not base64": ("a: !!binary x\n", "m.yaml:1:4: !!binary needs base64", ""),
    "unquoted annotation": (
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  annotations: {min-scale: 1}\n",
        "m.yaml:5:28: Service: metadata.annotations[min-scale] must be text, found the number 1",
        'quote it: "1"',
    ),
    "unquoted yes": (
        f"{CONFIG_MAP}data: {{debug: yes}}\n",
        "m.yaml:4:15: ConfigMap: data[debug] must be text, found true",
        'quote it: "yes"',
    ),
    "name": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: A_b}\n",
        "m.yaml:3:18: ConfigMap: metadata.name is not a name of this kind\n  value: A_b",
        "a DNS-1123 subdomain",
    ),
    "namespace": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: X}\n",
        "m.yaml:3:32: ConfigMap: metadata.namespace is not a namespace",
        "a DNS-1123 label",
    ),
    "InferenceService name": (
        ISVC.replace("name: a", "name: 2nd"),
        "m.yaml:3:18: InferenceService: metadata.name is not a name",
        "starting with a letter",
    ),
    "long name": (
        ISVC.replace("name: a", "name: " + "a" * 60) + f"spec: {{predictor: {{{MODEL}}}}}\n",
        "m.yaml:3:18: InferenceService: metadata.name is too long",
        "at most 51 characters",
    ),
    "wrong type": (
        predictor("minReplicas: many"),
        "m.yaml:4:33: InferenceService: spec.predictor.minReplicas must be a whole number, found the text 'many'",
        "value: many",
    ),
    "number in quotes": (
        predictor('minReplicas: "2"'),
        "spec.predictor.minReplicas must be a whole number, found the text '2'",
        "write it without quotes",
    ),
    "fraction": (predictor("minReplicas: 1.5"), "must be a whole number, found the number 1.5", ""),
    "list for mapping": (f"{ISVC}spec: []\n", "m.yaml:4:7: InferenceService: spec must be a mapping, found a list", ""),
    "mapping for list": (traffic("1"), "m.yaml:4:64: Service: spec.traffic[0] must be a mapping, found the number", ""),
    "text for list": (
        container("env: x"),
        "m.yaml:4:55: Service: spec.template.spec.containers[0].env must be a list",
        "",
    ),
    "min over max": (
        predictor("minReplicas: 5, maxReplicas: 2"),
        "m.yaml:4:33: InferenceService: spec.predictor.minReplicas contradicts: minReplicas 5 is greater than",
        "minReplicas cannot be greater than maxReplicas",
    ),
    "negative replicas": (
        predictor("minReplicas: -1"),
        "m.yaml:4:33: InferenceService: spec.predictor.minReplicas is out of range\n  value: -1",
        "at least 0",
    ),
    "huge replicas": (predictor("maxReplicas: 3000000000"), "spec.predictor.maxReplicas is out of range", ""),
    "percent 130": (
        predictor("canaryTrafficPercent: 130"),
        "m.yaml:4:42: InferenceService: spec.predictor.canaryTrafficPercent is out of range\n  value: 130",
        "KServe does not check it: Knative refuses the traffic block",
    ),
    "concurrency": (
        predictor("containerConcurrency: 1001"),
        "spec.predictor.containerConcurrency is out of range\n  value: 1001",
        "from 0 to 1000",
    ),
    "time-out": (predictor("timeout: 601"), "spec.predictor.timeout is out of range\n  value: 601", "from 0 to 600"),
    "metric": (
        predictor("scaleMetric: memry"),
        "spec.predictor.scaleMetric is not known (did you mean memory?)",
        "one of concurrency, cpu, memory, rps",
    ),
    "metric of another autoscaler": (
        predictor("scaleMetric: cpu"),
        "spec.predictor.scaleMetric is not a metric of this autoscaler",
        "the Knative Pod Autoscaler scales on concurrency or rps",
    ),
    "target": (predictor("scaleTarget: 0"), "spec.predictor.scaleTarget is too small", "at least 1"),
    "no implementation": (
        f"{ISVC}spec: {{predictor: {{minReplicas: 1}}}}\n",
        "m.yaml:4:19: InferenceService: spec.predictor has no implementation",
        "exactly one of model, containers or a framework key",
    ),
    "two implementations": (
        predictor("sklearn: {storageUri: s3://x}"),
        "spec.predictor has more than one implementation\n  value: model, sklearn",
        "keep one of model, sklearn",
    ),
    "no model format": (predictor("minReplicas: 1", "model: {storageUri: s3://x}"), "modelFormat is missing", ""),
    "protocol": (predictor("minReplicas: 1", "onnx: {protocolVersion: v3}"), "protocolVersion is not known", "v1, v2"),
    "name of a model": (predictor("minReplicas: 1", "onnx: {name: x}"), "onnx.name is not allowed here", "remove it"),
    "storage twice": (
        predictor("minReplicas: 1", "onnx: {storageUri: s3://x, storage: {key: k, path: p}}"),
        "storageUri and storage are both set",
        "one of storageUri and storage",
    ),
    "transformer without containers": (
        f"{ISVC}spec: {{predictor: {{{MODEL}}}, transformer: {{minReplicas: 1}}}}\n",
        "spec.transformer.containers is missing",
        "containers of its own",
    ),
    "container without image": (
        f"{ISVC}spec: {{predictor: {{containers: [{{name: x}}]}}}}\n",
        "spec.predictor.containers[0] has no image",
        "every container has an image",
    ),
    "empty containers": (f"{ISVC}spec: {{predictor: {{containers: []}}}}\n", "spec.predictor.containers is empty", ""),
    "deployment mode": (
        ISVC.replace("{name: a}", "{name: a, annotations: {serving.kserve.io/deploymentMode: Raw}}"),
        "annotations[serving.kserve.io/deploymentMode] is not known",
        "one of Knative, ModelMesh, RawDeployment, Serverless, Standard",
    ),
    "strategy": (predictor("deploymentStrategy: {type: Recreate}"), "deploymentStrategy needs Standard mode", ""),
    "canary list in Knative mode": (
        f"{ISVC}spec: {{predictor: {{{MODEL}}}, canary: []}}\n",
        "spec.canary needs Standard mode",
        "canaryTrafficPercent",
    ),
    "node selector": (
        predictor("nodeSelector: {gpu: a100}"),
        "m.yaml:4:34: InferenceService: spec.predictor.nodeSelector is refused by Knative",
        "config-features (namespace knative-serving) with kubernetes.podspec-nodeselector: enabled",
    ),
    "tolerations": (
        revision("tolerations: [{operator: Exists}]"),
        "spec.template.spec.tolerations is refused by Knative",
        "kubernetes.podspec-tolerations",
    ),
    "quantity": (
        container("resources: {requests: {memory: 2GiB}}"),
        "m.yaml:4:81: Service: spec.template.spec.containers[0].resources.requests.memory is not a quantity",
        "Ki Mi Gi",
    ),
    "quantity of the wrong type": (
        container("resources: {requests: {cpu: true}}"),
        "requests.cpu must be a quantity such as 500m, 2 or 2Gi, found true",
        "",
    ),
    "request above limit": (
        container("resources: {requests: {cpu: 2}, limits: {cpu: 500m}}"),
        "m.yaml:4:78: Service: spec.template.spec.containers[0].resources.requests.cpu is above its limit\n  value: 2",
        "the request is at most the limit (0.5)",
    ),
    "limit below KServe's default request": (
        predictor("minReplicas: 1", "onnx: {resources: {limits: {cpu: 500m}}}"),
        "limits.cpu makes the request exceed the limit: KServe's default cpu request is 1",
        "give both requests.cpu and limits.cpu",
    ),
    "request above KServe's default limit": (
        predictor("minReplicas: 1", "onnx: {resources: {requests: {memory: 4Gi}}}"),
        "requests.memory makes the request exceed the limit: KServe's default memory limit is 2147483648",
        "give both requests.memory and limits.memory",
    ),
    "negative resource": (container("resources: {limits: {cpu: -1}}"), "limits.cpu is negative", "0 or more"),
    "half a GPU": (
        container("resources: {limits: {nvidia.com/gpu: 0.5}}"),
        "nvidia.com/gpu] is not whole",
        "fractions",
    ),
    "GPU without limit": (container("resources: {requests: {nvidia.com/gpu: 1}}"), "has no limit", "add limits"),
    "GPU request below limit": (
        container("resources: {requests: {nvidia.com/gpu: 1}, limits: {nvidia.com/gpu: 2}}"),
        "requests[nvidia.com/gpu] differs from its limit",
        "cannot be overcommitted",
    ),
    "environment value": (
        container("env: [{name: A, value: 1}]"),
        "m.yaml:4:73: Service: spec.template.spec.containers[0].env[0].value must be text, found the number 1",
        'quote it: "1"',
    ),
    "container name": (container("name: A"), "containers[0].name is not a container's name", "a DNS-1123 label"),
    "containers of one name": (
        f"{KSVC}spec: {{template: {{spec: {{containers: [{{image: x, name: b}}, {{image: z, name: b}}]}}}}}}\n",
        "containers[1] has the name of another container\n  value: b",
        "different names",
    ),
    "template without containers": (f"{KSVC}spec: {{template: {{spec: {{}}}}}}\n", "containers is missing", ""),
    "empty template": (f"{KSVC}spec: {{template: {{spec: {{containers: []}}}}}}\n", "containers is empty", ""),
    "percents that don't add up": (
        traffic("{latestRevision: true, percent: 60}, {revisionName: a-1, percent: 60}"),
        "m.yaml:4:63: Service: spec.traffic adds up to 120\n  value: 60 + 60 = 120",
        "the percents of a traffic block add up to 100",
    ),
    "percent of a target": (traffic("{percent: 101}"), "spec.traffic[0].percent is out of range", "from 0 to 100"),
    "revision and latest": (
        traffic("{latestRevision: true, revisionName: a-1, percent: 100}"),
        "spec.traffic[0] sets latestRevision true with a revisionName",
        "exactly one of revisionName",
    ),
    "neither revision nor latest": (
        traffic("{latestRevision: false, percent: 100}"),
        "spec.traffic[0] sets latestRevision false without a revisionName",
        "exactly one of revisionName",
    ),
    "configuration of another": (
        traffic("{configurationName: b, percent: 100}"),
        "spec.traffic[0].configurationName does not belong here",
        "its own Configuration only",
    ),
    "revision name in traffic": (
        traffic("{revisionName: A!, percent: 100}"),
        "revisionName is not a revision's name",
        "",
    ),
    "tag": (traffic("{percent: 100, tag: 2x}"), "m.yaml:4:84: Service: spec.traffic[0].tag is not a tag", "DNS-1035"),
    "tag twice": (
        traffic("{percent: 100, tag: x}, {revisionName: a-1, tag: x}"),
        "m.yaml:4:113: Service: spec.traffic[1].tag is used twice\n  value: x",
        "the first is at m.yaml:4:84",
    ),
    "url": (traffic("{percent: 100, url: http://x}"), "spec.traffic[0].url is written by Knative", "remove it"),
    "revision name": (
        f"{KSVC}spec: {{template: {{metadata: {{name: v2}}, spec: {{containers: [{{image: x}}]}}}}}}\n",
        "m.yaml:4:36: Service: spec.template.metadata.name does not start with the Service's name",
        "name it a-v2",
    ),
    "revision time-out": (revision("timeoutSeconds: 700"), "timeoutSeconds is out of range\n  value: 700", "to 600"),
    "start time-out": (
        revision("timeoutSeconds: 10, responseStartTimeoutSeconds: 20"),
        "responseStartTimeoutSeconds is too long",
        "at most timeoutSeconds (10)",
    ),
    "misplaced annotation": (
        KSVC.replace("{name: a}", '{name: a, annotations: {autoscaling.knative.dev/min-scale: "1"}}'),
        "m.yaml:3:70: Service: metadata.annotations[autoscaling.knative.dev/min-scale] is in the wrong place",
        "move it to spec.template.metadata.annotations",
    ),
    "rollout duration": (
        KSVC.replace("{name: a}", "{name: a, annotations: {serving.knative.dev/rollout-duration: 10}}"),
        "rollout-duration] must be text, found the number 10",
        'quote it: "10"',
    ),
    "rollout duration without unit": (
        KSVC.replace("{name: a}", '{name: a, annotations: {serving.knative.dev/rollout-duration: "10"}}'),
        "rollout-duration] is not a duration",
        "whole seconds",
    ),
    "rollout duration of half a second": (
        KSVC.replace("{name: a}", '{name: a, annotations: {serving.knative.dev/rollout-duration: "500ms"}}'),
        "rollout-duration] is not whole seconds",
        "such as 90s or 10m",
    ),
    "selector that misses": (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  selector: {matchLabels: {app: b}}\n"
        "  template: {metadata: {labels: {app: a}}, spec: {containers: [{image: x}]}}\n",
        "m.yaml:5:13: Deployment: spec.selector does not match the template's labels",
        "are among spec.template.metadata.labels",
    ),
    "no selector": (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  selector: {}\n"
        "  template: {spec: {containers: [{image: x}]}}\n",
        "m.yaml:5:13: Deployment: spec.selector is empty",
        "add selector.matchLabels",
    ),
    "node without capacity": (
        "apiVersion: v1\nkind: Node\nmetadata: {name: node}\nspec: {}\n",
        "m.yaml:1:1: Node: status is missing",
        "status.allocatable",
    ),
    "taint": (
        "apiVersion: v1\nkind: Node\nmetadata: {name: node}\nstatus: {capacity: {cpu: 1}}\n"
        "spec: {taints: [{key: gpu, effect: NoScheduling}]}\n",
        "m.yaml:5:36: Node: spec.taints[0].effect is not known (did you mean NoSchedule?)",
        "NoExecute",
    ),
    "VirtualService without weights": (
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v}\n"
        "spec: {hosts: [a], http: [{route: [{destination: {host: a}}, {destination: {host: b}}]}]}\n",
        "m.yaml:4:35: VirtualService: spec.http[0].route has no weight",
        "weight above 0",
    ),
    "negative weight": (
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v}\n"
        "spec: {hosts: [a], http: [{route: [{weight: -1, destination: {host: a}}]}]}\n",
        "route[0].weight is out of range",
        "at least 0",
    ),
    "two objects of one name": (
        f"{CONFIG_MAP}---\n{CONFIG_MAP}",
        "m.yaml:5:1: two objects are called ConfigMap a in namespace default",
        "the first is at m.yaml:1:1",
    ),
    "config-defaults": (
        CONFIG_MAP.replace("name: a", "name: config-defaults") + 'data:\n  revision-timeout-seconds: "900"\n',
        "m.yaml:5:29: ConfigMap config-defaults: revision-timeout-seconds is refused\n  value: 900",
        "at most max-revision-timeout-seconds (600), got 900",
    ),
    "cache config": (
        CACHED + '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {maxEntrys: "5"}\n',
        "m.yaml:9:19: ConfigMap c: maxEntrys is not known (did you mean maxEntries?)",
        "keyIncludesVersion",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_bad_manifest_is_refused_with_place_value_and_rule(name: str) -> None:
    text, head, further = CASES[name]

    message = refusal(text)

    assert head in message
    assert further in message
    assert message.startswith("m.yaml")


def test_percents_that_go_to_an_unknown_place_name_both_numbers() -> None:
    message = refusal(traffic("{percent: 30}, {revisionName: a-1, percent: 30}"))

    assert "value: 30 + 30 = 60" in message


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdef", "bcdefg", strict=True)
)


def test_aliases_that_expand_without_end_are_refused_where_they_pass_the_limit() -> None:
    message = refusal(BOMB)

    assert message.startswith("m.yaml:6:11: aliases expand to too many nodes\n  value: *e")
    assert "at most 200000 nodes" in message


def test_a_chain_of_aliases_cannot_nest_deeper_than_brackets_could() -> None:
    chain = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 150))

    assert "nested too deep" in refusal(chain)


def test_random_bytes_are_refused_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "noise.yaml"
    path.write_bytes(b"apiVersion: v1\nkind: \xff\xfe\n")

    with pytest.raises(UsageError) as caught:
        read_manifests(path)

    assert str(caught.value).startswith(f"{path}:2:7: the file is not UTF-8 text\n  value: byte 0xff")


def test_a_file_of_50_megabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(50 * 1024 * 1024)

    with pytest.raises(UsageError) as caught:
        read_manifests(path)

    assert str(caught.value).startswith(f"{path}: the file is too large\n  value: 52428800 bytes")


def test_an_absent_file_is_refused_with_the_one_that_may_be_meant(tmp_path: Path) -> None:
    (tmp_path / "ranker.yaml").write_text(CONFIG_MAP)

    with pytest.raises(UsageError) as caught:
        read_manifests(tmp_path / "rankr.yaml")

    assert f"{tmp_path / 'rankr.yaml'}: there is no such file (did you mean ranker.yaml?)" in str(caught.value)


def test_a_folder_without_manifests_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the folder holds no manifest"):
        read_manifests(tmp_path)


def test_a_path_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(UsageError, match="the file cannot be read"):
        read_manifests("a\0b.yaml")


def test_a_patched_object_is_refused_with_the_path_of_the_value() -> None:
    document = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "a"},
        "spec": {"predictor": {"minReplicas": "two", "onnx": {"storageUri": "s3://m/x"}}},
    }

    with pytest.raises(UsageError) as caught:
        parse_object(document)

    expected = "patch in scenario file: InferenceService: spec.predictor.minReplicas must be a whole number"
    assert str(caught.value).startswith(expected)


def test_a_patch_with_a_value_that_no_manifest_can_hold_is_refused() -> None:
    with pytest.raises(UsageError, match="no value that a manifest can hold"):
        parse_object({"apiVersion": "v1", "kind": {1, 2}})
