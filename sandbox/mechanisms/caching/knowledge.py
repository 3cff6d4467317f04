"""Which model serves now: how far a transformer trusts what it last heard.

The predictor says its model's digest with every answer. A transformer that answers from its cache hears nothing, so
it asks from time to time. Comes in: the age of the knowledge and the interval between questions; goes out: what to
do before a look-up. The real transformer (`fixtures/transformer`) calls it; in the simulated world the model is
known, because the revision is drawn before the cache is asked.

Without requests nobody asks: a transformer that did would keep its predictor from scaling to zero.
"""

from __future__ import annotations

from enum import Enum

TRUSTED_INTERVALS = 2


class Trust(Enum):
    """What to do with what is known."""

    USE = "use"  # fresh
    USE_AND_ASK = "use and ask"  # old enough to ask again, without making the request wait for it
    ASK_FIRST = "ask first"  # unknown, or so old that a key made of it may be the old model's


def trust(age_s: float | None, interval_s: float, key_includes_model: bool) -> Trust:
    """How far to trust knowledge of this age; None = nothing was heard yet.

    With the version in its key the cache is only as right as this knowledge, so a request waits for it after two
    intervals of silence: an answer of the old model is served for so long at most. Without the version the knowledge
    only counts stale answers, and nobody waits.

    >>> trust(0.5, 1.0, True), trust(1.5, 1.0, True), trust(2.0, 1.0, True)
    (<Trust.USE: 'use'>, <Trust.USE_AND_ASK: 'use and ask'>, <Trust.ASK_FIRST: 'ask first'>)
    """
    if age_s is not None and age_s < interval_s:
        return Trust.USE
    if key_includes_model and (age_s is None or age_s >= TRUSTED_INTERVALS * interval_s):
        return Trust.ASK_FIRST
    return Trust.USE_AND_ASK
