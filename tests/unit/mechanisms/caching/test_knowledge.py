"""How far a transformer trusts what it last heard about the model."""

from __future__ import annotations

import pytest

from sandbox.mechanisms.caching.knowledge import Trust, trust


@pytest.mark.parametrize(
    "age_s, versioned, expected",
    [
        (None, True, Trust.ASK_FIRST),
        (0.0, True, Trust.USE),
        (0.99, True, Trust.USE),
        (1.0, True, Trust.USE_AND_ASK),
        (1.99, True, Trust.USE_AND_ASK),
        (2.0, True, Trust.ASK_FIRST),
        (3600.0, True, Trust.ASK_FIRST),
        (None, False, Trust.USE_AND_ASK),
        (0.99, False, Trust.USE),
        (3600.0, False, Trust.USE_AND_ASK),
    ],
)
def test_only_a_versioned_key_waits_for_news(age_s: float | None, versioned: bool, expected: Trust) -> None:
    assert trust(age_s, 1.0, versioned) == expected
