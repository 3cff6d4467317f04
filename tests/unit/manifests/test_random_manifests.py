"""Whatever stands in a manifest: it is read, or refused with a UsageError that names the file. Nothing else."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.errors import UsageError
from sandbox.manifests.reader import parse_object, read_manifests


def _only_usage_errors(read: bytes | str, folder: Path) -> None:
    path = folder / "m.yaml"
    path.write_bytes(read if isinstance(read, bytes) else read.encode("utf-8", "surrogatepass"))
    message = str(path)
    try:
        read_manifests(path)
    except UsageError as error:
        message = str(error)

    assert message.startswith(str(path))


LONG = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@LONG
@given(data=st.binary(max_size=200))
def test_random_bytes_give_nothing_but_usage_errors(data: bytes, tmp_path: Path) -> None:
    _only_usage_errors(data, tmp_path)


@LONG
@given(text=st.text(st.sampled_from("ab01:-?[]{}&*!|>'\"%@`#, \n\t<~.é\u2028\x00\ufeff"), max_size=60))
def test_random_yaml_like_text_gives_nothing_but_usage_errors(text: str, tmp_path: Path) -> None:
    _only_usage_errors(text, tmp_path)


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-5, 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=5),
        st.sampled_from(["1", "2Gi", "true", "v1", "NoSchedule"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)
FIELDS = [
    "spec",
    "spec.predictor",
    "spec.predictor.containers",
    "spec.predictor.model",
    "spec.predictor.model.resources",
    "spec.predictor.model.env",
    "spec.predictor.model.storage",
    "spec.predictor.model.readinessProbe",
    "spec.predictor.minReplicas",
    "spec.predictor.tolerations",
    "spec.predictor.name",
    "spec.canary",
    "spec.transformer",
    "spec.template",
    "spec.template.spec.containers",
    "spec.traffic",
    "spec.hosts",
    "spec.http",
    "spec.selector",
    "spec.taints",
    "status",
    "data",
    "metadata",
    "metadata.annotations",
    "metadata.labels",
]
KINDS = [
    ("serving.kserve.io/v1beta1", "InferenceService"),
    ("serving.knative.dev/v1", "Service"),
    ("serving.knative.dev/v1", "Route"),
    ("serving.knative.dev/v1", "Configuration"),
    ("apps/v1", "Deployment"),
    ("v1", "Service"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Node"),
    ("v1", "Namespace"),
    ("v1", "ServiceAccount"),
    ("v1", "ResourceQuota"),
    ("v1", "LimitRange"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("security.istio.io/v1", "AuthorizationPolicy"),
    ("security.istio.io/v1", "PeerAuthentication"),
    ("v1", "List"),
    ("networking.istio.io/v1", "VirtualService"),
    ("example.com/v1", "Widget"),
]


@LONG
@given(kind=st.sampled_from(KINDS), changes=st.lists(st.tuples(st.sampled_from(FIELDS), VALUES), max_size=3))
def test_random_values_in_known_fields_give_nothing_but_usage_errors(
    kind: tuple[str, str], changes: list[tuple[str, object]]
) -> None:
    document: dict[str, object] = {
        "apiVersion": kind[0],
        "kind": kind[1],
        "metadata": {"name": "a", "annotations": {"serving.kserve.io/deploymentMode": "Standard"}},
        "spec": {
            "predictor": {"model": {"modelFormat": {"name": "onnx"}}},
            "template": {"spec": {"containers": [{"image": "x"}]}},
            "selector": {},
            "hosts": ["a"],
        },
        "status": {"allocatable": {"cpu": "1"}},
        "items": [],
    }
    for path, value in changes:
        *parents, last = path.split(".")
        at = document
        for name in parents:
            inner = at.get(name)
            if not isinstance(inner, dict):
                inner = at[name] = {}
            at = inner
        at[last] = value

    try:
        name, message = parse_object(document).metadata.name, ""
    except UsageError as error:
        name, message = "", str(error)

    assert name or message.startswith("patch in scenario file")
