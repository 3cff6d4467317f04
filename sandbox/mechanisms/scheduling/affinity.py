"""Which nodes a pod wants: its node selector and its required node affinity.

Comes in: the name and labels of a node, what a pod demands of them; goes out: yes or no. Called by placement.py.
The selector's labels must all be on the node, and of the affinity's terms one must hold; within a term everything
must. A term without any expression holds nowhere.

Mirrors kubernetes/kubernetes (v1.34.2) staging/src/k8s.io/component-helpers/scheduling/corev1/nodeaffinity/
nodeaffinity.go and apimachinery pkg/labels/selector.go. Leaves out: preferred terms (they only score), pod affinity,
topology spread.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sandbox.manifests.objects import NodeTerm, Requirement

REASON = "node(s) didn't match Pod's node affinity/selector"
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")

Labels = Mapping[str, str]


def wants(name: str, labels: Labels, selector: Labels, terms: Iterable[NodeTerm] | None) -> bool:
    """Whether a node is one of those a pod may run on. terms None: no affinity is required.

    >>> wants("n1", {"gpu": "a100"}, {"gpu": "a100"}, None), wants("n1", {}, {"gpu": "a100"}, None)
    (True, False)
    """
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    return terms is None or any(_holds(name, labels, term) for term in terms)


def _holds(name: str, labels: Labels, term: NodeTerm) -> bool:
    if not term.labels_match and not term.name_match:
        return False
    named = {"metadata.name": name}
    return all(_meets(labels, one) for one in term.labels_match) and all(_meets(named, one) for one in term.name_match)


def _meets(labels: Labels, wanted: Requirement) -> bool:
    if any(_LABEL_VALUE.fullmatch(value) is None for value in wanted.values):
        return False
    found = labels.get(wanted.key)
    match wanted.operator:
        case "In":
            return found in wanted.values
        case "NotIn":
            return found not in wanted.values  # a node without the label is as good as one with another value
        case "Exists":
            return found is not None
        case "DoesNotExist":
            return found is None
        case _:
            return _compares(found, wanted)


def _compares(found: str | None, wanted: Requirement) -> bool:
    """Gt and Lt: label and value as whole numbers."""
    try:
        mine, bound = int(found or ""), int(wanted.values[0])
    except ValueError:
        return False
    return mine > bound if wanted.operator == "Gt" else mine < bound
