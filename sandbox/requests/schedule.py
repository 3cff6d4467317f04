"""The open-loop requests of a variant, one by one: instant, key and number, exactly as the simulated world has them.

Comes in: the flows of a variant and the seed; goes out: `Request`s in order of time. Real load generators send them;
the simulated world draws the same ones inside its kernel, from the same streams by the same functions
(sandbox/mechanisms/traffic, sandbox/mechanisms/serving/draws.py), and tests/unit/requests holds both to each other.

Leaves out: closed-loop users, whose instants depend on the answers, and client-side balancing.
"""

from __future__ import annotations

import functools
import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from sandbox.errors import UsageError
from sandbox.mechanisms.serving.draws import Cells, mix64, quantile_cells, sample, stream
from sandbox.mechanisms.traffic.keys import alias_draw, fill_alias
from sandbox.mechanisms.traffic.rates import arrivals_within, time_for
from sandbox.scenario.model import Arrivals, Flow, Keys

Ints = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

NS = 1_000_000_000
ENDLESS_NS = float(1 << 62)
UNIT_EXPONENTIAL_GRID = 2.0**-26


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request of flow number `flow`. `number` counts within the flow: draws are made by it."""

    at_ns: int  # from the start of the run
    flow: int
    number: int
    to: str
    key: int | None = None
    service_ns: int | None = None  # the model's own time, where a trace prescribes it

    @property
    def at_s(self) -> float:
        return self.at_ns / NS


def requests_of(flows: Sequence[Flow], seed: int, duration_s: float) -> Iterator[Request]:
    """The requests that come before `duration_s`, in order of time; ties in the order of the flows."""
    until_ns = round(duration_s * NS)
    return heapq.merge(
        *(_of_flow(flow, number, seed, until_ns) for number, flow in enumerate(flows)),
        key=lambda request: (request.at_ns, request.flow),
    )


def _of_flow(flow: Flow, number: int, seed: int, until_ns: int) -> Iterator[Request]:
    if flow.arrivals is Arrivals.USERS:
        raise UsageError(
            f"the users of {flow.to} cannot be scheduled: each waits for an answer before asking again",
            rule="an open loop: poisson, constant or a trace",
        )
    if flow.arrivals is Arrivals.TRACE:
        yield from _of_trace(flow, number, until_ns)
        return
    keys = _keys(flow, number, seed)
    for index, at_ns in enumerate(_instants(flow, number, seed)):
        if at_ns >= until_ns:
            return
        yield Request(at_ns=at_ns, flow=number, number=index, to=flow.to, key=keys(index))


def stream_name(flow: Flow, number: int) -> str:
    """The name under which a flow's random streams are derived: flow/NAME/NUMBER."""
    return f"flow/{flow.name or flow.to}/{number}"


# -- instants --------------------------------------------------------------------------------------------------


def _instants(flow: Flow, number: int, seed: int) -> Iterator[int]:
    gaps = stream(seed, f"{stream_name(flow, number)}/gap")
    table = unit_exponential() if flow.arrivals is Arrivals.POISSON else None
    rows = iter(segments(flow.rate, 0))
    start, length, base, slope = next(rows)
    position = 0.0
    index = 0
    while True:
        amount = 1.0 if table is None else sample(table, 0, mix64(gaps, index))
        while True:
            rate = base + slope * position
            area = arrivals_within(rate, slope, length - position)
            if amount < area:
                break
            amount -= area
            row = next(rows, None)
            if row is None:
                return
            start, length, base, slope = row
            position = 0.0
        position += time_for(amount, rate, slope)
        yield int(start + position)
        index += 1


def segments(knots: Sequence[tuple[float, float]], start_ns: int) -> list[tuple[float, float, float, float]]:
    """Rate knots (s, 1/s) as segments (start ns, length ns, rate 1/ns, slope 1/ns²); the last one never ends."""
    rows = []
    for (t0, r0), (t1, r1) in pairwise(knots):
        length = (t1 - t0) * NS
        if length > 0:
            rows.append((start_ns + t0 * NS, length, r0 / NS, (r1 - r0) / NS / length))
    t_last, r_last = knots[-1]
    rows.append((start_ns + t_last * NS, ENDLESS_NS, r_last / NS, 0.0))
    return rows


@functools.cache
def unit_exponential() -> Cells:
    """The quantile table of the exponential distribution with mean 1, made once."""
    return tuple(quantile_cells(lambda u: -math.log1p(-u), UNIT_EXPONENTIAL_GRID))


def _of_trace(flow: Flow, number: int, until_ns: int) -> Iterator[Request]:
    trace = flow.trace
    assert trace is not None
    for index, at_ns in enumerate(trace.t_ns.tolist()):
        if at_ns >= until_ns:
            return
        yield Request(
            at_ns=at_ns,
            flow=number,
            number=index,
            to=flow.to if trace.route is None else trace.route[index],
            key=None if trace.key is None else int(trace.key[index]),
            service_ns=None if trace.service_ns is None else int(trace.service_ns[index]),
        )


# -- keys ------------------------------------------------------------------------------------------------------


def _keys(flow: Flow, number: int, seed: int) -> Callable[[int], int | None]:
    keys = flow.keys
    if keys is None:
        return lambda index: None
    bits = stream(seed, f"{stream_name(flow, number)}/key")
    table = alias_table(zipf_weights(keys)).tolist()
    return lambda index: alias_draw(table, 0, keys.n, mix64(bits, index))


def zipf_weights(keys: Keys) -> Reals:
    """Weight of each rank, k^-s, rounded so that no C library's last digit shows."""
    weights = np.arange(1, keys.n + 1, dtype=np.float64) ** -keys.s
    rounded: Reals = np.round(weights * 2.0**40) / 2.0**40
    return rounded


def alias_table(weights: Reals, fill: Callable[[Reals, Ints, Ints], None] = fill_alias) -> Ints:
    """Walker's alias table of some weights (mechanisms/traffic/keys.py); `fill` may be a compiled form."""
    scaled = weights * (len(weights) / weights.sum())
    packed = np.empty(len(weights), dtype=np.int64)
    fill(scaled, np.empty(len(weights), dtype=np.int64), packed)
    return packed
