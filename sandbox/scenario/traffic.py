"""The traffic of a scenario: who asks for what, how often.

Comes in: what a scenario file writes (`traffic.poisson(rate=150, to="ranker")`); goes out: `Traffic`, a sum of
flows that `resolve.py` turns into `model.Flow`s of one form (full or short). Everything is checked here, where
it was written.

Leaves out: reading traces (`trace.py`), sampling (each world does its own, from the same streams).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sandbox.errors import Location, UsageError
from sandbox.profiles import Distribution
from sandbox.scenario.durations import Duration, seconds
from sandbox.scenario.model import Arrivals, ClientSide, Flow, Keys, Trace
from sandbox.scenario.origin import written_at

_SOURCE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-.a-z0-9]*[a-z0-9])?")
# Requests are played one by one, and those inside at a time are held in memory: beyond these it would only run out.
MAX_RATE_PER_S = 10_000_000
MAX_USERS = 1 << 20  # of one flow; the kernel numbers them in 20 bits
MAX_KEYS = 100_000_000
_DIURNAL_KNOTS = 48  # linear pieces of one period: within 0.3 % of the cosine


@dataclass(frozen=True, slots=True)
class RateCurve:
    """A rate over time: knots (t_s, requests/s), linear between them, the last one holds; or repeated each period."""

    knots: tuple[tuple[float, float], ...]
    period_s: float = 0.0

    @property
    def peak(self) -> float:
        return max(rate for _, rate in self.knots)

    def scaled(self, in_time: float, in_rate: float) -> RateCurve:
        """Stretched in time and in value."""
        return RateCurve(tuple((t * in_time, rate * in_rate) for t, rate in self.knots), self.period_s * in_time)

    def over(self, duration_s: float) -> tuple[tuple[float, float], ...]:
        """The knots that a run of this length needs."""
        if not self.period_s:
            return self.knots
        repeats = math.ceil(duration_s / self.period_s)
        later = [(n * self.period_s + t, rate) for n in range(repeats) for t, rate in self.knots[1:]]
        return (self.knots[0], *later)


Rate = float | Sequence[tuple[Duration, float]] | RateCurve


@dataclass(frozen=True, slots=True)
class FlowSpec:
    """One flow as written: what does not depend on the form, and its rate curve."""

    flow: Flow
    curve: RateCurve | None = None
    trace_file: str = ""
    at: Location | None = None


@dataclass(frozen=True, slots=True)
class Traffic:
    """All flows of a scenario; traffic adds up with +."""

    flows: tuple[FlowSpec, ...] = ()

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(self.flows + other.flows)


# -- rates ---------------------------------------------------------------------------------------------------


def ramp(start: float, end: float, *, over: Duration, after: Duration = 0) -> RateCurve:
    """A rate that goes from `start` to `end` within `over`, beginning `after`; then it holds.

    >>> ramp(0, 1500, over="15m").knots
    ((0.0, 0.0), (900.0, 1500.0))
    """
    begin, length = seconds(after, "after"), seconds(over, "over", positive=True)
    knots = [(begin, _rate(start)), (begin + length, _rate(end))]
    return RateCurve(tuple(knots if begin == 0 else [(0.0, _rate(start)), *knots]))


def diurnal(*, mean: float, amplitude: float, period: Duration = "24h") -> RateCurve:
    """A day: lowest at 0, highest after half a period. `amplitude` is the swing as a share of the mean, 0 to 1.

    >>> curve = diurnal(mean=100, amplitude=0.5)
    >>> curve.knots[0], curve.knots[24]
    ((0.0, 50.0), (43200.0, 150.0))
    """
    if not 0 <= amplitude <= 1:
        raise UsageError(
            "amplitude must be a share of the mean", where=written_at(), value=amplitude, rule="from 0 to 1"
        )
    period_s, mean = seconds(period, "period", positive=True), _rate(mean)
    steps = [n / _DIURNAL_KNOTS for n in range(_DIURNAL_KNOTS + 1)]
    # rounded, so that a libm's last bit cannot reach a journal
    waves = [round(math.cos(2 * math.pi * step), 9) for step in steps]
    knots = tuple((step * period_s, mean * (1 - amplitude * wave)) for step, wave in zip(steps, waves, strict=True))
    return RateCurve(knots, period_s)


def _rate(value: object) -> float:
    number = _number(value, "rate")
    if number < 0:
        raise UsageError("a rate cannot be negative", where=written_at(), value=value, rule="requests per second, >= 0")
    check_rate(number, written_at(), value)
    return number


def check_rate(number: float, where: Location, value: object) -> None:
    """Refuse a rate that only uses up the memory."""
    if number > MAX_RATE_PER_S:
        what, rule = "more requests a second than can be played", f"at most {MAX_RATE_PER_S:,} requests a second"
        raise UsageError(what, where=where, value=value, rule=rule, next_step="play a share of them")


def check_users(count: int, where: Location) -> None:
    """Refuse no user, and more than can be told apart."""
    if count < 1:
        what, rule = "there must be at least one user", "1 or more"
        raise UsageError(what, where=where, value=count, rule=rule)
    if count > MAX_USERS:
        rule = f"at most {MAX_USERS:,} users"
        raise UsageError("too many users", where=where, value=count, rule=rule, next_step="let fewer think less")


def _number(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UsageError(f"{what} must be a finite number", where=written_at(), value=value)
    return float(value)


def _curve(rate: Rate) -> RateCurve:
    if isinstance(rate, RateCurve):
        return rate
    if not isinstance(rate, Sequence) or isinstance(rate, str):
        return RateCurve(((0.0, _rate(rate)),))
    try:
        knots = [(seconds(t, "time of a rate"), _rate(value)) for t, value in rate]
    except (TypeError, ValueError):
        raise UsageError("a rate is a number or a list of (time, rate)", where=written_at(), value=rate) from None
    times = [t for t, _ in knots]
    if not knots or times != sorted(set(times)):
        raise UsageError(
            "the knots of a rate must rise in time", where=written_at(), value=rate, rule="[(time, rate), …], sorted"
        )
    # before the first knot its rate holds
    return RateCurve(tuple(knots if times[0] == 0 else [(0.0, knots[0][1]), *knots]))


# -- keys and clients ----------------------------------------------------------------------------------------


def zipf(n: int, s: float) -> Keys:
    """Keys of falling popularity: rank k of n with probability proportional to k^-s.

    >>> zipf(200_000, s=0.6)
    Keys(n=200000, s=0.6)
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise UsageError("there must be at least one key", where=written_at(), value=n)
    if n > MAX_KEYS:
        raise UsageError("too many keys", where=written_at(), value=n, rule=f"at most {MAX_KEYS:,} different keys")
    if _number(s, "s") < 0:
        raise UsageError("Zipf's exponent cannot be negative", where=written_at(), value=s, rule="0 is uniform")
    return Keys(n=n, s=float(s))


def uniform(n: int) -> Keys:
    """n keys, all equally popular.

    >>> uniform(10)
    Keys(n=10, s=0.0)
    """
    return zipf(n, 0.0)


def client_side(*, clients: int, discovery: Duration) -> ClientSide:
    """Clients that pick a server themselves, from a list they refresh every `discovery`.

    >>> client_side(clients=20, discovery="30s")
    ClientSide(clients=20, discovery_s=30.0)
    """
    if isinstance(clients, bool) or not isinstance(clients, int) or clients < 1:
        raise UsageError("there must be at least one client", where=written_at(), value=clients)
    return ClientSide(clients=clients, discovery_s=seconds(discovery, "discovery", positive=True))


# -- flows ---------------------------------------------------------------------------------------------------


def poisson(
    rate: Rate,
    *,
    to: str,
    keys: Keys | None = None,
    via: ClientSide | None = None,
    name: str = "",
    source: str = "",
) -> Traffic:
    """Open loop, exponential gaps: many clients that do not know of each other.

    source: the "namespace/service-account" of the pod that asks; without it, clients come in through the gateway.

    >>> poisson(rate=150, to="ranker", keys=zipf(1000, s=0.6)).flows[0].curve.peak
    150.0
    """
    return _open(Arrivals.POISSON, rate, to, keys, via, name, source)


def constant(
    rate: Rate,
    *,
    to: str,
    keys: Keys | None = None,
    via: ClientSide | None = None,
    name: str = "",
    source: str = "",
) -> Traffic:
    """Open loop, even gaps.

    >>> constant(rate=10, to="ranker").flows[0].flow.arrivals.value
    'constant'
    """
    return _open(Arrivals.CONSTANT, rate, to, keys, via, name, source)


def users(
    count: int,
    *,
    to: str,
    think: Duration | Distribution = "1s",
    keys: Keys | None = None,
    via: ClientSide | None = None,
    name: str = "",
    source: str = "",
) -> Traffic:
    """Closed loop: each user waits for the answer, thinks (exponentially, `think` on average), and asks again.

    >>> users(20, think="1s", to="ranker").flows[0].flow.users
    20
    """
    if isinstance(count, bool) or not isinstance(count, int):
        raise UsageError("there must be at least one user", where=written_at(), value=count)
    check_users(count, written_at())
    if not isinstance(think, Distribution):
        think = Distribution("exponential", {"mean": seconds(think, "think", positive=True)})
    flow = Flow(to=to, arrivals=Arrivals.USERS, users=count, think=think, keys=keys, client_side=via, name=name)
    return _one(replace(flow, source=source))


def replay(
    file: str,
    *,
    to: str,
    keys: Keys | None = None,
    via: ClientSide | None = None,
    name: str = "",
    source: str = "",
) -> Traffic:
    """A recorded trace: a CSV with a `timestamp` column (see `trace.py`). Its own keys, if any, win over `keys`.

    >>> replay("trace.csv", to="ranker").flows[0].trace_file
    'trace.csv'
    """
    flow = Flow(to=to, arrivals=Arrivals.TRACE, keys=keys, client_side=via, name=name, source=source)
    return _one(flow, trace_file=file)


def _open(
    arrivals: Arrivals, rate: Rate, to: str, keys: Keys | None, via: ClientSide | None, name: str, source: str
) -> Traffic:
    flow = Flow(to=to, arrivals=arrivals, keys=keys, client_side=via, name=name, source=source)
    return _one(flow, _curve(rate))


def _one(flow: Flow, curve: RateCurve | None = None, trace_file: str = "") -> Traffic:
    wanted: tuple[tuple[str, Any, type], ...] = (
        ("keys", flow.keys, Keys),
        ("via", flow.client_side, ClientSide),
    )
    for what, given, kind in wanted:
        if given is not None and not isinstance(given, kind):
            makers = {"keys": "traffic.zipf(n, s=…) or traffic.uniform(n)", "via": "traffic.client_side(clients=…)"}
            raise UsageError(f"{what} is not what it should be", where=written_at(), value=given, rule=makers[what])
    if not isinstance(flow.to, str) or not flow.to:
        raise UsageError("a flow needs a target", where=written_at(), value=flow.to, rule='to="NAME"')
    if not isinstance(flow.source, str) or (flow.source and _SOURCE.fullmatch(flow.source) is None):
        rule = 'source="NAMESPACE/SERVICE-ACCOUNT", such as "tenant-a/default"'
        raise UsageError("a flow comes from a pod's service account", where=written_at(), value=flow.source, rule=rule)
    return Traffic((FlowSpec(flow, curve, trace_file, written_at()),))


# -- one form ------------------------------------------------------------------------------------------------


def resolved(
    spec: FlowSpec, duration_s: float, *, in_time: float, in_rate: float, keys: int | None, trace: Trace | None
) -> Flow:
    """The flow of one form: rates and times scaled, the number of keys replaced, the trace read."""
    flow = spec.flow
    if keys is not None and flow.keys is not None:
        flow = replace(flow, keys=replace(flow.keys, n=keys))
    if spec.curve is not None:
        flow = replace(flow, rate=spec.curve.scaled(in_time, in_rate).over(duration_s))
    return replace(flow, trace=trace)
