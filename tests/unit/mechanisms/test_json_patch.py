"""The operations that a mutation writes, applied as RFC 6902 says."""

from __future__ import annotations

import pytest

from sandbox.errors import InternalError
from sandbox.mechanisms.json_patch import apply_patch, escaped


def test_add_inserts_into_lists_and_sets_in_objects() -> None:
    document = {"list": [1, 3], "object": {"a": 1}}
    patch = [
        {"op": "add", "path": "/list/1", "value": 2},
        {"op": "add", "path": "/list/-", "value": 4},
        {"op": "add", "path": "/object/a", "value": {"b": []}},
        {"op": "add", "path": "/object/a/b/-", "value": 5},
    ]

    assert apply_patch(document, patch) == {"list": [1, 2, 3, 4], "object": {"a": {"b": [5]}}}
    assert document == {"list": [1, 3], "object": {"a": 1}}


def test_replace_changes_what_is_there() -> None:
    patch = [{"op": "replace", "path": "/list/0", "value": 9}, {"op": "replace", "path": "/list/1/x", "value": 8}]

    assert apply_patch({"list": [1, {"x": 1}]}, patch) == {"list": [9, {"x": 8}]}


def test_the_document_keeps_nothing_of_the_patch() -> None:
    value: list[int] = []
    patched = apply_patch({}, [{"op": "add", "path": "/a", "value": value}])
    value.append(1)

    assert patched == {"a": []}


def test_a_key_with_a_slash_is_a_single_step() -> None:
    patch = [{"op": "add", "path": f"/{escaped('a/b~c')}", "value": 1}]

    assert apply_patch({}, patch) == {"a/b~c": 1}


def test_other_operations_are_a_defect() -> None:
    with pytest.raises(InternalError, match="'remove'"):
        apply_patch({"a": 1}, [{"op": "remove", "path": "/a", "value": None}])
