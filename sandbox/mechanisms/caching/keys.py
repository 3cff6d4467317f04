"""What a response cache is asked for, when, what it keeps, and whether an answer in it is still the model's answer.

Scalar functions in numba's subset: the simulated data plane compiles them, the real transformer
(`fixtures/transformer`) calls them. Only the form of a key differs between the two: an integer in the kernel
(`cache_key`), a text in Redis (`text_key`). The rule is one, and the tests hold the two forms to each other: two
questions share an answer in one world exactly if they do in the other.

The key may hold the model's version or not: with it, a new model starts with an empty cache (the cold cutover,
I01); without it, the cache stays warm and answers with the old model's predictions (I27).
"""

from __future__ import annotations

from typing import TypeVar

Model = TypeVar("Model", int, str)  # a number in the kernel, a digest in Redis

_MODEL_SHIFT = 40  # keys below 2^40, models above: one integer names both
ANY_MODEL = "any"  # stands where the digest would; no digest is called so


def cache_key(key: int, model: int, key_includes_model: bool) -> int:
    """The key under which an answer is stored.

    >>> cache_key(7, 3, False), cache_key(7, 3, True) == cache_key(7, 4, True)
    (7, False)
    """
    if key_includes_model:
        return key + ((model + 1) << _MODEL_SHIFT)
    return key


def text_key(scope: str, key: str, model: str, key_includes_model: bool) -> str:
    """The same key as Redis gets it: scope/model/key.

    `scope` keeps services apart that share a Redis (B35). It and the model have no slash, and the key comes last, so
    no two questions have one text.

    >>> text_key("ranker:v1", "user-7", "sha256:ab", False), text_key("ranker:v1", "user-7", "sha256:ab", True)
    ('ranker:v1/any/user-7', 'ranker:v1/sha256:ab/user-7')
    """
    return f"{scope}/{model if key_includes_model else ANY_MODEL}/{key}"


def looks(status: int, has_cache: bool) -> bool:
    """Is the cache asked? Only for a request whose pre-processing went well."""
    return has_cache and status == 200


def is_stale(stored_model: Model, model_now: Model) -> bool:
    """Would the model that serves now have been another than the one whose answer is stored?"""
    return stored_model != model_now


def stores(status: int) -> bool:
    """Only good answers are kept: an error must not be repeated from the cache."""
    return status == 200


def fits(size_bytes: int, max_bytes: int) -> bool:
    """An answer larger than the whole cache is not kept: it would evict all others, and then itself."""
    return size_bytes <= max_bytes
