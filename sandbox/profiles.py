"""How a model and a platform behave where a manifest can't say: service times, start-up stages, sizes.

Read by the simulated world and by the model servers under fixtures/, so: standard library and plain YAML only,
no numpy, no pydantic. `ProfileBook.of` picks the profile of a component by what its manifest says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution of seconds: kind (constant, exponential, lognormal, uniform, gamma) and its parameters."""

    kind: str
    params: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProfile:
    """How one component's container behaves."""

    service_time: Distribution
    workers: int = 0  # requests the container works on at once; 0 = no limit. The others wait inside it
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
    endpoint_delay_s: float = 0.1  # pod Ready (or gone) until gateways and activators know


@dataclass(frozen=True, slots=True)
class ProfileBook:
    """All profiles of a run. `rules`: (facts that must match, profile), first match wins; else `default`."""

    default: ModelProfile
    rules: tuple[tuple[Mapping[str, str], ModelProfile], ...] = ()
    platform: PlatformProfile = field(default_factory=PlatformProfile)
