"""Quotas, roles and policies from YAML: what is read, what is refused, what is told."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sandbox.errors import UsageError
from sandbox.manifests.objects import Deployment, Node, NodeTerm, Requirement
from sandbox.manifests.reader import Manifests, Text, read_manifests
from sandbox.manifests.tenancy import (
    AccessRule,
    AuthorizationPolicy,
    ClusterRole,
    ClusterRoleBinding,
    LimitRange,
    LimitRangeItem,
    Operation,
    PeerAuthentication,
    PolicyRule,
    ResourceQuota,
    Role,
    RoleBinding,
    ServiceAccount,
    Source,
    Subject,
)

GIB = 1 << 30


def read(text: str) -> Manifests:
    return read_manifests(Text(text, "m.yaml"))


def one(api: str, kind: str, rest: str) -> object:
    return read(f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: x, namespace: shop}}\n{rest}").objects[0]


def quota(rest: str) -> ResourceQuota:
    found = one("v1", "ResourceQuota", rest)
    assert isinstance(found, ResourceQuota)
    return found


def policy(rest: str, kind: str = "AuthorizationPolicy") -> AuthorizationPolicy:
    found = one("security.istio.io/v1", kind, rest)
    assert isinstance(found, AuthorizationPolicy)
    return found


# ---- quotas


def test_a_quota_is_read_in_millicores_bytes_and_whole_units() -> None:
    found = quota('spec: {hard: {requests.cpu: "1.5", limits.memory: 2Gi, pods: "10", requests.nvidia.com/gpu: 4}}')

    assert found.key == ("ResourceQuota", "shop", "x")
    assert found.hard == {
        "requests.cpu": 1500,
        "limits.memory": 2 * GIB,
        "pods": 10,
        "requests.nvidia.com/gpu": 4,
    }


def test_scopes_come_as_words_and_as_a_selector() -> None:
    found = quota(
        """spec:
  hard: {pods: 1}
  scopes: [NotTerminating]
  scopeSelector:
    matchExpressions:
      - {scopeName: PriorityClass, operator: In, values: [high, low]}
      - {scopeName: PriorityClass, operator: DoesNotExist}
      - {scopeName: BestEffort, operator: Exists}
"""
    )

    assert found.scopes == ("NotTerminating", "PriorityClass in [high,low]", "PriorityClass not in []", "BestEffort")


def test_a_limit_range_is_read_item_by_item() -> None:
    found = one(
        "v1",
        "LimitRange",
        """spec:
  limits:
    - {type: Container, min: {cpu: 10m}, defaultRequest: {cpu: 50m}, default: {cpu: 100m}, max: {cpu: "1"}}
    - {type: Pod, maxLimitRequestRatio: {memory: "1.5"}}
""",
    )
    assert isinstance(found, LimitRange)

    assert found.items == (
        LimitRangeItem(
            type="Container", min={"cpu": 10}, default_request={"cpu": 50}, default={"cpu": 100}, max={"cpu": 1000}
        ),
        LimitRangeItem(type="Pod", max_limit_request_ratio={"memory": Fraction(3, 2)}),
    )


@pytest.mark.parametrize(
    ("kind", "spec", "message"),
    [
        ("ResourceQuota", "spec: {hard: {cpu: -1}}", "is negative"),
        ("ResourceQuota", "spec: {hard: {cpu: much}}", "is not a quantity"),
        ("ResourceQuota", "spec: {scopes: [Sometimes]}", "is no scope"),
        (
            "ResourceQuota",
            "spec: {scopeSelector: {matchExpressions: [{scopeName: BestEffort, operator: In, values: [a]}]}}",
            "asks for values",
        ),
        ("LimitRange", "spec: {limits: [{type: Pod, default: {cpu: 1}}]}", "has defaults"),
        ("LimitRange", "spec: {limits: [{type: Container, min: {cpu: 2}, max: {cpu: 1}}]}", "min of cpu is above max"),
        ("LimitRange", "spec: {limits: [{type: Pod, maxLimitRequestRatio: {cpu: 500m}}]}", "a ratio below 1"),
        ("LimitRange", "spec: {limits: [{max: {cpu: 1}}]}", "type is missing"),
    ],
)
def test_what_the_api_server_refuses_is_refused(kind: str, spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        one("v1", kind, spec)

    assert refused.value.where is not None
    assert refused.value.where.file == "m.yaml"


def test_an_item_of_a_type_that_has_no_effect_is_told() -> None:
    claims = "apiVersion: v1\nkind: LimitRange\nmetadata: {name: x}\n"

    notes = read(claims + "spec: {limits: [{type: PersistentVolumeClaim, max: {storage: 5Gi}}]}").notes

    assert notes == ("m.yaml:4:17: LimitRange: type PersistentVolumeClaim is not modelled",)


# ---- access to the API


def test_roles_and_bindings_are_read() -> None:
    rule = "rules: [{apiGroups: [''], resources: [pods], verbs: [get, list], resourceNames: [a]}]"
    rules = (PolicyRule(api_groups=("",), resources=("pods",), verbs=("get", "list"), resource_names=("a",)),)
    subjects = "subjects: [{kind: ServiceAccount, name: default, namespace: a}, {kind: Group, name: g}]"
    who = (Subject(kind="ServiceAccount", name="default", namespace="a"), Subject(kind="Group", name="g"))
    api = "rbac.authorization.k8s.io/v1"

    role, cluster_role = one(api, "Role", rule), one(api, "ClusterRole", rule)
    bound = one(api, "RoleBinding", f"roleRef: {{kind: ClusterRole, name: edit}}\n{subjects}")
    everywhere = one(api, "ClusterRoleBinding", f"roleRef: {{kind: ClusterRole, name: view}}\n{subjects}")
    account = one("v1", "ServiceAccount", "secrets: [{name: store}]")

    assert isinstance(role, Role)
    assert isinstance(cluster_role, ClusterRole)
    assert isinstance(bound, RoleBinding)
    assert isinstance(everywhere, ClusterRoleBinding)
    assert isinstance(account, ServiceAccount)
    assert (role.rules, cluster_role.rules) == (rules, rules)
    assert (bound.role_kind, bound.role_name, bound.subjects) == ("ClusterRole", "edit", who)
    assert (everywhere.role_name, everywhere.subjects) == ("view", who)
    assert cluster_role.key == ("ClusterRole", "default", "x")
    assert account.secrets == ("store",)


@pytest.mark.parametrize(
    ("kind", "rest", "message"),
    [
        ("Role", "rules: [{apiGroups: [''], resources: [pods]}]", "has no verbs"),
        ("Role", "rules: [{resources: [pods], verbs: [get]}]", "names no resources"),
        ("RoleBinding", "subjects: []", "roleRef is missing"),
        ("ClusterRoleBinding", "roleRef: {kind: Role, name: r}", "is not known"),
        ("RoleBinding", "roleRef: {kind: Role, name: r}\nsubjects: [{kind: Robot, name: r}]", "is not known"),
        (
            "RoleBinding",
            "roleRef: {kind: Role, name: r}\nsubjects: [{kind: ServiceAccount, name: r}]",
            "namespace is missing",
        ),
    ],
)
def test_a_role_or_binding_that_says_too_little_is_refused(kind: str, rest: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        one("rbac.authorization.k8s.io/v1", kind, rest)


# ---- access by traffic


def test_a_policy_is_read_with_all_that_is_asked_of_a_request() -> None:
    found = policy(
        """spec:
  action: DENY
  selector: {matchLabels: {app: ranker}}
  rules:
    - from: [{source: {namespaces: [a], notPrincipals: ["*"]}}]
      to: [{operation: {hosts: [h], methods: [GET], notPaths: [/healthz]}}]
    - {}
"""
    )

    assert (found.action, found.selector) == ("DENY", {"app": "ranker"})
    assert found.rules == (
        AccessRule(
            sources=(Source(namespaces=("a",), not_principals=("*",)),),
            operations=(Operation(hosts=("h",), methods=("GET",), not_paths=("/healthz",)),),
        ),
        AccessRule(),
    )


def test_a_policy_without_a_spec_allows_nothing() -> None:
    found = policy("")

    assert (found.action, found.rules) == ("ALLOW", ())


@pytest.mark.parametrize(
    ("rule", "unmet"),
    [
        ("{when: [{key: 'request.headers[user]', values: [alice]}]}", True),
        ("{from: [{source: {requestPrincipals: ['*']}}]}", True),
        ("{to: [{operation: {ports: ['8080']}}]}", True),
        ("{from: [{source: {ipBlocks: [10.0.0.0/8]}}, {source: {namespaces: [a]}}]}", False),
        ("{from: [{source: {notRequestPrincipals: ['*'], namespaces: [a]}}]}", False),
    ],
)
def test_a_rule_on_what_no_request_carries_matches_nothing_and_is_told(rule: str, unmet: bool) -> None:
    text = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: x}\n"
    manifests = read(f"{text}spec: {{rules: [{rule}]}}")
    found = manifests.objects[0]
    assert isinstance(found, AuthorizationPolicy)

    assert found.rules[0].unmet is unmet
    assert bool(manifests.notes) is ("not" not in rule)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("{action: DENY}", "denies nothing"),
        ("{action: FORBID}", "is not known"),
        ("{action: CUSTOM}", "provider is missing"),
        ("{rules: [{from: [{source: {}}]}]}", "asks for nothing"),
        ("{rules: [{to: [{operation: {methods: []}}]}]}", "asks for nothing"),
        ("{rules: [{from: [{}]}]}", "source is missing"),
    ],
)
def test_a_policy_that_istio_refuses_is_refused(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        policy(f"spec: {spec}")


def test_a_custom_policy_is_told_to_have_no_effect() -> None:
    text = "apiVersion: security.istio.io/v1beta1\nkind: AuthorizationPolicy\nmetadata: {name: x}\n"

    (note,) = read(f"{text}spec: {{action: CUSTOM, provider: {{name: p}}, rules: [{{}}]}}").notes

    assert "action CUSTOM is not modelled" in note


def test_a_peer_authentication_is_read_and_kept() -> None:
    found = one("security.istio.io/v1", "PeerAuthentication", "spec: {mtls: {mode: STRICT}}")
    assert isinstance(found, PeerAuthentication)

    assert found.mode == "STRICT"


# ---- pods and nodes


def deployment(pod: str) -> Deployment:
    found = one(
        "apps/v1",
        "Deployment",
        "spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {POD}}}".replace(
            "POD", f"containers: [{{name: c, image: i}}], {pod}"
        ),
    )
    assert isinstance(found, Deployment)
    return found


def required(terms: str) -> str:
    """The field affinity of a pod that requires these terms."""
    node = f"{{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: {terms}}}}}"
    return f"affinity: {{nodeAffinity: {node}}}"


def test_required_node_affinity_is_read() -> None:
    labels = "matchExpressions: [{key: gpu, operator: In, values: [a100]}]"
    names = "matchFields: [{key: metadata.name, operator: NotIn, values: [n1]}]"

    pod = deployment(f"serviceAccountName: loader, {required(f'[{{{labels}, {names}}}]')}").template

    assert pod.service_account == "loader"
    assert pod.node_terms == (
        NodeTerm(
            labels_match=(Requirement(key="gpu", operator="In", values=("a100",)),),
            name_match=(Requirement(key="metadata.name", operator="NotIn", values=("n1",)),),
        ),
    )
    assert deployment("affinity: {nodeAffinity: {}}").template.node_terms is None


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("{key: gpu, operator: In, values: []}", "has 0 values"),
        ("{key: gpu, operator: Gt, values: ['1', '2']}", "has 2 values"),
        ("{key: gpu, operator: Exists, values: ['1']}", "has 1 values"),
        ("{key: gpu, operator: Near}", "is not known"),
    ],
)
def test_an_operator_takes_as_many_values_as_upstream_says(expression: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        deployment(required(f"[{{matchExpressions: [{expression}]}}]"))


def test_required_node_affinity_without_terms_is_refused() -> None:
    with pytest.raises(UsageError, match="is empty"):
        deployment(
            "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: []}}}"
        )


@pytest.mark.parametrize(("pods", "most"), [("", 110), (', pods: "20"', 20)])
def test_a_node_says_how_many_pods_it_takes(pods: str, most: int) -> None:
    found = one("v1", "Node", f"status: {{allocatable: {{cpu: 1{pods}}}}}")
    assert isinstance(found, Node)

    assert found.max_pods == most


def test_half_a_pod_is_no_number_of_pods() -> None:
    with pytest.raises(UsageError, match="is no number of pods"):
        one("v1", "Node", "status: {allocatable: {cpu: 1, pods: 500m}}")
