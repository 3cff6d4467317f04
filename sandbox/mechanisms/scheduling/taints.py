"""Which nodes keep a pod away: taints that it does not tolerate.

Comes in: the taints of a node, the tolerations of a pod; goes out: yes or no. Called by placement.py. Only NoSchedule
and NoExecute keep a pod away; PreferNoSchedule would lower a node's score. A cordoned node is one with a taint of its
own.

Mirrors kubernetes/kubernetes (v1.34.2) pkg/scheduler/framework/plugins/{tainttoleration,nodeunschedulable} and
staging/src/k8s.io/api/core/v1/toleration.go. Leaves out: the operators Gt and Lt (behind a feature gate), eviction
of running pods by NoExecute.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sandbox.manifests.objects import Taint

REASON = "node(s) had untolerated taint(s)"
CORDONED_REASON = "node(s) were unschedulable"
CORDONED = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")
_KEEP_AWAY = ("NoSchedule", "NoExecute")

Toleration = Mapping[str, str]


def kept_away(taints: Iterable[Taint], tolerations: Iterable[Toleration]) -> bool:
    """Whether one of the taints keeps the pod away.

    >>> gpu = Taint(key="nvidia.com/gpu", value="present")
    >>> kept_away([gpu], []), kept_away([gpu], [{"key": "nvidia.com/gpu", "operator": "Exists"}])
    (True, False)
    """
    given = tuple(tolerations)
    return any(taint.effect in _KEEP_AWAY and not any(tolerates(one, taint) for one in given) for taint in taints)


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """An empty effect means any, and an empty key with Exists means any taint."""
    if toleration.get("effect", "") not in ("", taint.effect):
        return False
    key = toleration.get("key", "")
    if toleration.get("operator", "Equal") == "Exists":
        return key in ("", taint.key)
    return key == taint.key and toleration.get("value", "") == taint.value
