"""Cache keys: cold cutover or stale answers, depending on the model's version being in the key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sandbox.mechanisms.caching.keys import cache_key, fits, is_stale, looks, stores, text_key

KEYS = st.integers(0, (1 << 40) - 1)
MODELS = st.integers(0, 1 << 20)
FEW_KEYS = st.integers(0, 3)
FEW_MODELS = st.integers(0, 2)
SCOPES = st.text("abc:", min_size=1, max_size=3)


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


def digest_of(model: int) -> str:
    return f"sha256:{model:064x}"


@given(FEW_KEYS, FEW_MODELS, st.booleans(), FEW_KEYS, FEW_MODELS, st.booleans())
def test_the_text_form_says_the_same_as_the_kernels_about_every_two_questions(
    key: int, model: int, versioned: bool, other_key: int, other_model: int, other_versioned: bool
) -> None:
    same_text = text_key("s", str(key), digest_of(model), versioned) == text_key(
        "s", str(other_key), digest_of(other_model), other_versioned
    )

    assert same_text == (cache_key(key, model, versioned) == cache_key(other_key, other_model, other_versioned))


@given(st.tuples(SCOPES, st.text(max_size=8)), st.tuples(SCOPES, st.text(max_size=8)), FEW_MODELS, st.booleans())
def test_no_text_of_a_key_leads_into_another_service_or_model(
    one: tuple[str, str], other: tuple[str, str], model: int, versioned: bool
) -> None:
    """Not even one with slashes, or with a digest in it."""
    digest = digest_of(model)

    assert (text_key(*one, digest, versioned) == text_key(*other, digest, versioned)) == (one == other)
    assert text_key(*one, digest, versioned) != text_key(*other, digest, not versioned)


def test_only_good_answers_are_kept() -> None:
    assert [status for status in (200, 500, 502, 503, 504) if stores(status)] == [200]


def test_a_request_that_pre_processing_refused_does_not_meet_the_cache() -> None:
    asked = [(status, has) for status in (200, 400, 413) for has in (True, False) if looks(status, has)]

    assert asked == [(200, True)]


def test_an_answer_larger_than_the_cache_is_not_kept() -> None:
    assert [size for size in (0, 9, 10, 11) if fits(size, 10)] == [0, 9, 10]
