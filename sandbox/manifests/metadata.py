"""metadata of an object: name, namespace, labels, annotations (k8s.io/apimachinery pkg/apis/meta/v1).

Leaves out: owner references, finalizers, generateName (an object without a name cannot be patched or compared).
"""

from __future__ import annotations

from sandbox.manifests.fields import Fields
from sandbox.manifests.names import RULES, is_name
from sandbox.manifests.objects import Metadata

# What a cluster writes by itself and `kubectl get -o yaml` shows: rightly without effect when applied again.
_WRITTEN_BY_THE_CLUSTER = (
    "creationTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)


def decode_metadata(document: Fields, form: str, *, namespaced: bool = True) -> Metadata:
    """The metadata of a document whose name must have one of the forms of `names.RULES`."""
    fields = document.need("metadata").mapping()
    name = fields.need("name", "every object has metadata.name")
    text = name.text()
    if not is_name(text, form):
        raise name.refuse("is not a name of this kind", RULES[form])
    namespace = fields.field("namespace")
    if namespace is not None and not is_name(namespace.text(), "DNS-1123 label"):
        raise namespace.refuse("is not a namespace", RULES["DNS-1123 label"])
    metadata = Metadata(
        name=text,
        namespace=namespace.text() if namespaced and namespace is not None else "default",
        labels=fields.strings("labels"),
        annotations=fields.strings("annotations"),
    )
    fields.skip(*_WRITTEN_BY_THE_CLUSTER)
    fields.rest()
    return metadata
