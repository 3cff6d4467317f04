"""Which pod a request goes to: the activator's, Envoy's and a client-side balancer's policies.

Scalar functions in numba's subset: the simulated data plane compiles these very functions, the conformance
driver calls them as they are. `load[of + pod]` is the number of requests in flight that the chooser itself counts
(several choosers share one array, `of` is where this one's begins); `pods[at : at + n]` are the candidates in their
fixed order; randomness comes in as 64 random bits. A position is counted from `at`.

Upstream: knative/serving pkg/activator/net/lb_policy.go (firstAvailableLBPolicy, roundRobinPolicy,
randomChoice2Policy); Envoy's LEAST_REQUEST with two choices. Leaves out: weights (they are equal in this world),
slow start.
"""

from __future__ import annotations

from collections.abc import Sequence

NO_POD = -1

# Policies as integers, because the data plane's state is integers.
FIRST_AVAILABLE = 0  # the first pod with a free slot
ROUND_ROBIN = 1  # the next pod with a free slot
RANDOM_CHOICE_2 = 2  # the activator's power of two choices: two different pods, a coin decides a tie
LEAST_REQUEST = 3  # Envoy's power of two choices: two draws that may be the same pod, the first wins a tie
RANDOM = 4  # one draw: a client-side balancer

_LOW_31 = (1 << 31) - 1


def activator_policy(container_concurrency: int) -> int:
    """The policy the activator's throttler picks once per revision.

    >>> [activator_policy(cc) for cc in (0, 1, 3, 4)]
    [2, 0, 0, 1]
    """
    if container_concurrency == 0:
        return RANDOM_CHOICE_2
    if container_concurrency <= 3:
        return FIRST_AVAILABLE
    return ROUND_ROBIN


def first_available(load: Sequence[int], of: int, pods: Sequence[int], at: int, n: int, slots: int) -> int:
    """Position of the first pod with fewer than `slots` requests, or NO_POD."""
    for position in range(n):
        if load[of + pods[at + position]] < slots:
            return position
    return NO_POD


def round_robin(load: Sequence[int], of: int, pods: Sequence[int], at: int, n: int, slots: int, start: int) -> int:
    """Position of the first pod with a free slot from `start` on, around the list once, or NO_POD.

    The caller keeps position + 1 as the next start; a start beyond the list begins again at 0.
    """
    if start >= n:
        start = 0
    for step in range(n):
        position = start + step
        if position >= n:
            position -= n
        if load[of + pods[at + position]] < slots:
            return position
    return NO_POD


def random_choice_2(load: Sequence[int], of: int, pods: Sequence[int], at: int, n: int, bits: int) -> int:
    """Position of the less loaded of two different random pods; equal loads: the lowest bit decides."""
    if n <= 1:
        return n - 1
    first = (((bits >> 33) & _LOW_31) * n) >> 31
    second = (((bits >> 2) & _LOW_31) * (n - 1)) >> 31
    if second >= first:
        second += 1
    load_first = load[of + pods[at + first]]
    load_second = load[of + pods[at + second]]
    if load_first < load_second or (load_first == load_second and bits & 1 == 0):
        return first
    return second


def least_request(load: Sequence[int], of: int, pods: Sequence[int], at: int, n: int, bits: int) -> int:
    """Position of the less loaded of two random pods, drawn with repetition; the first drawn wins a tie."""
    if n == 0:
        return NO_POD
    first = (((bits >> 33) & _LOW_31) * n) >> 31
    second = (((bits >> 2) & _LOW_31) * n) >> 31
    if load[of + pods[at + second]] < load[of + pods[at + first]]:
        return second
    return first


def random_pod(n: int, bits: int) -> int:
    """Position of one random pod, or NO_POD where there is none."""
    if n == 0:
        return NO_POD
    return (((bits >> 33) & _LOW_31) * n) >> 31
