"""JSON patch (RFC 6902), as far as mutating webhooks use it here: add and replace.

Comes in: a document and a list of operations; goes out: a new document, both inputs untouched. The simulated world's
admission applies the injector's patch with it (sandbox/sim/admission.py), as the API server does in a cluster.

Left out: remove, move, copy and test, which no mutation of ours writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from sandbox.errors import InternalError

Operation = dict[str, Any]


def apply_patch(document: Any, operations: Sequence[Mapping[str, Any]]) -> Any:
    """The document after all operations, one after another.

    >>> apply_patch({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 2}, {"op": "add", "path": "/b~1c", "value": 3}])
    {'a': [1, 2], 'b/c': 3}
    """
    patched = deepcopy(document)
    for operation in operations:
        *parents, last = [_unescaped(step) for step in str(operation["path"]).split("/")[1:]]
        holder = patched
        for step in parents:
            holder = holder[int(step)] if isinstance(holder, list) else holder[step]
        _write(holder, last, operation["op"], deepcopy(operation["value"]))
    return patched


def escaped(key: str) -> str:
    """A key as a step of a path.

    >>> escaped("sandbox.dev/a~b")
    'sandbox.dev~1a~0b'
    """
    return key.replace("~", "~0").replace("/", "~1")


def _unescaped(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")


def _write(holder: Any, last: str, kind: str, value: Any) -> None:
    if kind not in ("add", "replace"):
        raise InternalError(f"a JSON patch says {kind!r}", rule="add or replace")
    if isinstance(holder, list) and kind == "add":
        holder.insert(len(holder) if last == "-" else int(last), value)
    elif isinstance(holder, list):
        holder[int(last)] = value
    else:
        holder[last] = value
