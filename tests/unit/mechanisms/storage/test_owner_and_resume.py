"""Which model an object counts for, and what is left to ask for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.mechanisms.storage.owner import announced, owner
from sandbox.mechanisms.storage.resume import offset_to_ask

KNOWN = {"s3://models/ranker/v2", "s3://models/ranker"}


@pytest.mark.parametrize(
    "key, expected",
    [
        ("ranker/v2/weights.bin", "s3://models/ranker/v2"),
        ("ranker/v2/deep/er/weights.bin", "s3://models/ranker/v2"),
        ("ranker/v3/weights.bin", "s3://models/ranker"),
        ("rankers/weights.bin", "s3://models/rankers"),
        ("weights.bin", "s3://models"),
    ],
)
def test_an_object_counts_for_the_innermost_known_model_else_for_its_folder(key: str, expected: str) -> None:
    assert owner("models", key, KNOWN) == expected


def test_a_bucket_is_no_model_of_another_bucket() -> None:
    assert owner("other", "ranker/v2/weights.bin", KNOWN) == "s3://other/ranker/v2"


@pytest.mark.parametrize(
    "key, expected",
    [
        ("ranker/v2/.model.json", "s3://models/ranker/v2"),
        (".model.json", None),
        ("ranker/model.json", None),
        ("ranker/.model.json/x", None),
    ],
)
def test_a_record_announces_the_model_around_it(key: str, expected: str | None) -> None:
    assert announced("models", key) == expected


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_asking_from_the_offset_gives_exactly_what_is_missing(have: int, registered: int) -> None:
    offset = offset_to_ask(have, registered)

    if offset is None:
        assert have == registered
    else:
        assert 0 <= offset < registered or registered == offset == 0
        assert offset in (0, have)
        assert (offset == have) == (have < registered)
