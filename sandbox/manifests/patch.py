"""JSON merge patch (RFC 7386): what `kubectl patch --type merge` does to an object.

Comes in: a plain document and a patch; goes out: a new document, both inputs untouched. The result is read again
by `reader.parse_object`, so that a patch meets the same rules as a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merge_patch(document: Any, patch: Any) -> Any:
    """The document with the patch applied: mappings merge, null removes, all else replaces.

    >>> merge_patch({"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": [3]}})
    {'a': {'c': 2, 'd': [3]}}
    """
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(document) if isinstance(document, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged
