"""How a model and a platform behave where a manifest can't say: service times, start-up stages, sizes.

Read by the simulated world and by the model servers under fixtures/, so: standard library only, no numpy, no YAML
(profile files are read by sandbox/manifests/profile_file.py). `ProfileBook.of` picks the profile of a component by
what its manifest says. Every default that a user meets without a profile file stands here, in `default_profile`,
`transformer_profile` and the fields of `PlatformProfile`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase

from sandbox.profiles.distribution import Distribution, constant

FACTS = ("name", "component", "storageUri", "image", "modelFormat")
MIB = 1024 * 1024


class Work(Enum):
    """What a worker does for the service time."""

    SLEEP = "sleep"  # waits, as for a GPU or another service: neighbours don't feel it
    BURN = "burn"  # uses that much CPU time, so it takes longer where CPU is scarce


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProfile:
    """How one component's container behaves."""

    service_time: Distribution
    workers: int = 0  # requests the container works on at once; 0 = no limit. The others wait inside it
    work: Work = Work.SLEEP  # real servers only: in the simulated world a pod is never short of CPU
    batch_speedup: float = 1.0  # n instances in one request take service_time × (1 + (n − 1)/batch_speedup)
    failure_rate: float = 0.0  # share of requests answered 500
    startup: Distribution | None = None  # creation to Ready as a whole; replaces all modelled stages
    image_bytes: int = 0
    model_bytes: int = 0  # what the storage initializer downloads
    load: Distribution | None = None  # from the container's start to its readiness probe succeeding
    memory_bytes: int = 0
    response_bytes: int = 1024  # size of a cached answer
    cache_time: Distribution | None = None  # one look-up in the response cache (transformers)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformProfile:
    """What the platform takes for its own part, seconds and bytes per second."""

    scheduling_s: float = 0.1
    container_start_s: float = 0.5
    image_bytes_per_s: float = 100e6  # per node
    store_bytes_per_s: float = 1e9  # shared by all downloads at a time
    gateway_hop_s: float = 0.001
    activator_hop_s: float = 0.001
    activators: int = 1  # pods of the activator Deployment of Knative
    endpoint_delay_s: float = 0.1  # pod Ready (or gone) until gateways and activators know


@dataclass(frozen=True, slots=True)
class ProfileBook:
    """All profiles of a run. `rules`: (facts that must match, profile), first match wins; else `default`."""

    default: ModelProfile
    rules: tuple[tuple[Mapping[str, str], ModelProfile], ...] = ()
    platform: PlatformProfile = field(default_factory=PlatformProfile)

    def of(self, facts: Mapping[str, str]) -> ModelProfile:
        """The profile of a component. Facts: name, component, storageUri, image, modelFormat; * stands for anything.

        >>> fast = default_profile()
        >>> book = ProfileBook(fast, (({"storageUri": "s3://m/*"}, transformer_profile()),))
        >>> book.of({"storageUri": "s3://other/x"}) is fast
        True
        """
        for wanted, profile in self.rules:
            if all(fnmatchcase(facts.get(name, ""), pattern) for name, pattern in wanted.items()):
                return profile
        return self.default


def default_profile() -> ModelProfile:
    """A model of which nothing is known: 100 ms, any number at once, a cold start of some seconds."""
    return ModelProfile(
        service_time=Distribution("lognormal", {"median": 0.1, "sigma": 0.5}),
        image_bytes=500 * MIB,
        model_bytes=500 * MIB,
        load=constant(2.0),
    )


def transformer_profile() -> ModelProfile:
    """A transformer of which nothing is known: it works for 2 ms, looks a key up in 1 ms, loads nothing."""
    return ModelProfile(
        service_time=constant(0.002),
        image_bytes=200 * MIB,
        load=constant(0.5),
        cache_time=constant(0.001),
    )


def default_book(model: ModelProfile | None = None, platform: PlatformProfile | None = None) -> ProfileBook:
    """What holds without a profile file; `model` in place of `default_profile()` for everything but transformers."""
    rules = (({"component": "transformer"}, transformer_profile()),)
    return ProfileBook(model or default_profile(), rules, platform or PlatformProfile())
