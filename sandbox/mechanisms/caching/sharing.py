"""Single flight: which of several requests for one key asks the predictor, and who takes its answer.

The first to miss leads, the others follow and share its answer. The real transformer (`fixtures/transformer`)
calls these; the simulated transformer has no single flight, so each of its misses is a call of its own.
"""

from __future__ import annotations

from enum import Enum

from sandbox.mechanisms.caching.keys import stores


class Role(Enum):
    """What a request that missed does."""

    LEAD = "lead"  # ask, and let others share
    FOLLOW = "follow"  # wait for the one that asks already
    ALONE = "alone"  # ask, and share with nobody


def is_open(looked_s: float, stored_s: float | None) -> bool:
    """May a request still follow a flight? looked_s: when it began its look-up; stored_s: when the answer was stored.

    Until then everybody may. Later only who looked before: the cache may have told such a one "miss" and then have got
    the answer, and the call would be made twice. Who looks later and misses has an answer that aged or was evicted.

    >>> is_open(5.0, None), is_open(5.0, 6.0), is_open(6.0, 6.0)
    (True, True, False)
    """
    return stored_s is None or looked_s < stored_s


def role(in_flight: bool, flights: int, most_flights: int) -> Role:
    """in_flight: somebody asks for this key already. flights: how many keys are asked for now.

    The table of flights is bounded: with a full one a request isn't refused, only not shared.
    """
    if in_flight:
        return Role.FOLLOW
    return Role.LEAD if flights < most_flights else Role.ALONE


def is_shared(status: int, failed_before: int) -> bool:
    """Does a follower take the leader's answer? failed_before: how many leaders of this request failed already.

    What may be stored may be shared. One failure is not everybody's (a leader may have met the one pod that is dying):
    the follower leads or follows once more. The second is, or else a crowd whose predictor is down would ask it one
    by one; so a crowd makes two calls at most, and nobody waits for more than two.

    >>> is_shared(200, 0), is_shared(503, 0), is_shared(503, 1)
    (True, False, True)
    """
    return stores(status) or failed_before > 0
