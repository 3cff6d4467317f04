"""What a response cache is asked for, and whether an answer in it is still the model's answer.

Scalar functions in numba's subset: the simulated data plane compiles them, and a real transformer can call them.
The key may hold the model's version or not: with it, a new model starts with an empty cache (the cold cutover,
I01); without it, the cache stays warm and answers with the old model's predictions (I27).
"""

from __future__ import annotations

_MODEL_SHIFT = 40  # keys below 2^40, models above: one integer names both


def cache_key(key: int, model: int, key_includes_model: bool) -> int:
    """The key under which an answer is stored.

    >>> cache_key(7, 3, False), cache_key(7, 3, True) == cache_key(7, 4, True)
    (7, False)
    """
    if key_includes_model:
        return key + ((model + 1) << _MODEL_SHIFT)
    return key


def is_stale(stored_model: int, model_now: int) -> bool:
    """Would the model that serves now have been another than the one whose answer is stored?"""
    return stored_model != model_now


def stores(status: int) -> bool:
    """Only good answers are kept: an error must not be repeated from the cache."""
    return status == 200
