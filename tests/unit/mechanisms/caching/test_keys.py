"""Cache keys: cold cutover or stale answers, depending on the model's version being in the key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sandbox.mechanisms.caching.keys import cache_key, is_stale, stores

KEYS = st.integers(0, (1 << 40) - 1)
MODELS = st.integers(0, 1 << 20)


@given(KEYS, MODELS, MODELS)
def test_without_the_model_in_the_key_a_new_model_finds_the_old_ones_answers(key: int, old: int, new: int) -> None:
    assert cache_key(key, old, False) == cache_key(key, new, False)
    assert is_stale(old, new) == (old != new)


@given(st.tuples(KEYS, MODELS), st.tuples(KEYS, MODELS))
def test_with_the_model_in_the_key_two_questions_share_an_answer_only_if_they_are_the_same(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    assert (cache_key(*one, True) == cache_key(*other, True)) == (one == other)


@given(KEYS, KEYS, MODELS)
def test_keys_with_and_without_a_model_never_meet(key: int, other: int, model: int) -> None:
    assert cache_key(key, model, True) != cache_key(other, model, False)


def test_only_good_answers_are_kept() -> None:
    assert [status for status in (200, 500, 502, 503, 504) if stores(status)] == [200]
