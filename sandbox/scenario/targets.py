"""How an object is named, as kubectl does it: "isvc/ranker", "secret/keys.tenant-b".

Comes in: the text of a target; goes out: the keys (kind, namespace, name) of the objects it may mean, the likeliest
first. Called where a timeline is rehearsed (resolve.py) and where a world plays it, so that both mean the same.
A namespace is written behind the name; without one it is `default`.
"""

from __future__ import annotations

from collections.abc import Mapping

Key = tuple[str, str, str]

# kubectl's names and short names → the kinds of our objects, () for what is no object of a manifest.
KINDS: Mapping[str, tuple[str, ...]] = {
    "isvc": ("InferenceService",),
    "inferenceservice": ("InferenceService",),
    "inferenceservices": ("InferenceService",),
    "ksvc": ("KnativeService",),
    "kservice": ("KnativeService",),
    "services.serving.knative.dev": ("KnativeService",),
    "service.serving.knative.dev": ("KnativeService",),
    "svc": ("Service", "KnativeService"),
    "service": ("Service", "KnativeService"),
    "deploy": ("Deployment",),
    "deployment": ("Deployment",),
    "deployments": ("Deployment",),
    "cm": ("ConfigMap",),
    "configmap": ("ConfigMap",),
    "secret": ("Secret",),
    "sa": ("ServiceAccount",),
    "serviceaccount": ("ServiceAccount",),
    "vs": ("VirtualService",),
    "virtualservice": ("VirtualService",),
    "no": ("Node",),
    "node": ("Node",),
    "ns": ("Namespace",),
    "namespace": ("Namespace",),
    "quota": ("ResourceQuota",),
    "resourcequota": ("ResourceQuota",),
    "limits": ("LimitRange",),
    "limitrange": ("LimitRange",),
    "role": ("Role",),
    "rolebinding": ("RoleBinding",),
    "clusterrole": ("ClusterRole",),
    "clusterrolebinding": ("ClusterRoleBinding",),
    "authorizationpolicy": ("AuthorizationPolicy",),
    "peerauthentication": ("PeerAuthentication",),
    "revision": (),
    "pod": (),
    "po": (),
}


def kinds_of(target: str) -> tuple[str, ...] | None:
    """The kinds that a target's first word means; None: there is no such word.

    >>> kinds_of("isvc/ranker"), kinds_of("pod/x"), kinds_of("isvcs/ranker")
    (('InferenceService',), (), None)
    """
    word = target.partition("/")[0].lower()
    return KINDS.get(word, KINDS.get(word.split(".")[0]))


def keys_of(target: str) -> list[Key]:
    """The keys a target may mean. A name may hold dots itself, and then it is not taken apart.

    >>> keys_of("isvc/ranker"), keys_of("secret/keys.tenant-b")[1]
    ([('InferenceService', 'default', 'ranker')], ('Secret', 'tenant-b', 'keys'))
    """
    full = target.partition("/")[2]
    name, dot, namespace = full.rpartition(".")
    found = []
    for kind in kinds_of(target) or ():
        found.append((kind, "default", full))
        if dot:
            found.append((kind, namespace, name))
    return found
