"""Activators of a revision: whether they are in the path, how many, which, and what each may pass on.

Pure functions; the control plane calls them when it reconciles a ServerlessService and when endpoints change.
Mirrors knative/serving pkg/reconciler/autoscaling/kpa/kpa.go (mode, number), pkg/activator/net/throttler.go (pods and
capacity of one activator), knative/pkg hash (subset) and pkg/autoscaler/scaling/multiscaler.go (sign of the excess
burst capacity). Leaves out quarantine of pods and routing policies (mechanisms/routing).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from enum import Enum
from math import ceil

MIN_ACTIVATORS = 2
UNKNOWN_INDEX = -1  # this activator is not among the revision's
MAX_CAPACITY = (1 << 31) - 1

_RING = 2048  # positions on the hash ring
_FNV_OFFSET = 0xCBF29CE484222325
_FNV_PRIME = 0x100000001B3


class SksMode(Enum):
    """Where the revision's public service points."""

    SERVE = "Serve"  # to the pods
    PROXY = "Proxy"  # to the activators


def sks_mode(want: int, excess_burst_capacity: float, inactive: bool = False) -> SksMode:
    """`want` is the scale just applied (-1 unknown), `inactive` the PodAutoscaler's Active=False.

    >>> sks_mode(3, 0), sks_mode(2, -11), sks_mode(-1, 0, inactive=True)
    (<SksMode.SERVE: 'Serve'>, <SksMode.PROXY: 'Proxy'>, <SksMode.PROXY: 'Proxy'>)
    """
    if want == 0 or excess_burst_capacity < 0 or (want < 0 and inactive):
        return SksMode.PROXY
    return SksMode.SERVE


def initial_excess_burst_capacity(initial_scale: int, total: float, target_burst_capacity: float) -> int:
    """Excess burst capacity of a revision before its first decision."""
    if target_burst_capacity in (-1, 0):
        return int(target_burst_capacity)
    return int(initial_scale * total - target_burst_capacity)


def same_sign(a: float, b: float) -> bool:
    """Whether a change from a to b leaves the path as it is; 0 counts as positive."""
    return (a < 0) == (b < 0)


def activators_needed(ready_pods: int, total: float, target_burst_capacity: float, activator_capacity: float) -> int:
    """Activators for a revision whose pods take `total` each.

    >>> activators_needed(5, 100, -1, 100)
    5
    """
    if target_burst_capacity == 0:
        return MIN_ACTIVATORS
    to_cover = ready_pods * total + max(target_burst_capacity, 0)
    return max(MIN_ACTIVATORS, ceil(to_cover / activator_capacity))


def choose_subset(addresses: Sequence[str], count: int, name: str) -> tuple[str, ...]:
    """`count` of the addresses for the service `name`, spread by a hash ring and stable when addresses come and go.

    The walk is the upstream one (start and step from the name's hash); the subset is not promised to be the same
    as a real cluster's for the same names, only as even.
    """
    if count >= len(addresses):
        return tuple(sorted(addresses))
    places: dict[int, str] = {}
    for address in sorted(addresses):
        place = _fnv(name + address) % _RING
        while place in places:
            place = (place + 1) % _RING
        places[place] = address
    ring = sorted(places)
    angle = _fnv(name + "start") % _RING
    step = _fnv(name + "step") % _RING
    chosen: list[str] = []
    while len(chosen) < count:
        at = bisect_left(ring, angle)
        while (address := places[ring[at % len(ring)]]) in chosen:
            at += 1
        chosen.append(address)
        angle = (angle + step) % _RING
    return tuple(sorted(chosen))


def _fnv(text: str) -> int:
    """FNV-1a, 64 bit."""
    value = _FNV_OFFSET
    for byte in text.encode():
        value = (value ^ byte) * _FNV_PRIME & 0xFFFFFFFFFFFFFFFF
    return value


def infer_index(addresses: Sequence[str], own: str) -> int:
    """Position of the own address in the sorted list, or UNKNOWN_INDEX."""
    return sorted(addresses).index(own) if own in addresses else UNKNOWN_INDEX


def pick_indices(pods: int, index: int, activators: int) -> tuple[int, int, int]:
    """(begin, end, remnants): activator `index` takes pods [begin, end); `remnants` pods at the tail are left over.

    >>> pick_indices(10, 1, 3)
    (3, 6, 1)
    """
    if activators > pods:
        begin = index % pods
        return begin, begin + 1, 0
    each, remnants = divmod(pods, activators)
    return index * each, (index + 1) * each, remnants


def assign_slice(pods: Sequence[str], index: int, activators: int, container_concurrency: int = 1) -> list[str]:
    """The pods (sorted by address) that activator `index` sends to.

    Without a concurrency limit (0), alone or not knowing its place, an activator uses all pods.
    """
    if container_concurrency == 0 or index == UNKNOWN_INDEX or activators <= 1 or len(pods) <= 1:
        return list(pods)
    begin, end, remnants = pick_indices(len(pods), index, activators)
    left_over = pods[len(pods) - remnants :]
    return [*pods[begin:end], *left_over[index : index + 1]]


def activator_capacity(
    container_concurrency: int, assigned_pods: int, ready_backends: int = 0, activators: int = 1
) -> int:
    """Requests one activator lets through to a revision at once.

    With `assigned_pods` the activator addresses pods itself; with none it goes through the cluster IP to
    `ready_backends` pods, which all activators share. Without a concurrency limit: 1 is open, 0 is closed.
    """
    if container_concurrency == 0:
        return 1 if assigned_pods > 0 or ready_backends > 0 else 0
    if assigned_pods > 0:
        return min(container_concurrency * assigned_pods, MAX_CAPACITY)
    shared = container_concurrency * ready_backends
    return min(max(1, shared // max(1, activators)), MAX_CAPACITY) if shared > 0 else 0
