"""How models and the platform behave where a manifest can't say. See distribution.py and profile.py."""

from sandbox.profiles.distribution import Distribution, constant, parse_distribution
from sandbox.profiles.profile import (
    FACTS,
    ModelProfile,
    PlatformProfile,
    ProfileBook,
    Work,
    default_book,
    default_profile,
    transformer_profile,
)

__all__ = [
    "FACTS",
    "Distribution",
    "ModelProfile",
    "PlatformProfile",
    "ProfileBook",
    "Work",
    "constant",
    "default_book",
    "default_profile",
    "parse_distribution",
    "transformer_profile",
]
