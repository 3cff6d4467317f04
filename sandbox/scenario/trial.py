"""A variant without a scenario file: what `sandbox try` plays, from objects and what the command line says.

Comes in: objects as the reader gives them, a profile book, `Flags`; goes out: a `Trial` with the variant, and in
sentences what was assumed and what a person may not expect. Nothing is read here (the verb does that), nothing is
played. Refuses with the flag that is at fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sandbox.errors import Location, UsageError
from sandbox.manifests.objects import InferenceService, KnativeService, Object, Service
from sandbox.profiles import Distribution, ProfileBook, default_book, parse_distribution
from sandbox.scenario.api import suggestion
from sandbox.scenario.durations import seconds
from sandbox.scenario.model import Arrivals, Flow, Keys, Trace, Variant
from sandbox.scenario.resolve import hosts_of
from sandbox.scenario.traffic import check_rate, check_users, ramp, zipf

DEFAULT_DURATION = "10m"
DEFAULT_THINK = "1s"
_RATE_RULE = "requests per second: a number (150), or a ramp over the whole time (0..1500)"
_LOAD_RULE = "exactly one of --rate 150, --rate 0..1500, --trace FILE, --users 20"
_TRANSFORMER = {"component": "transformer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What the command line says, as it says it. None: not given."""

    rate: str | None = None
    trace: Trace | None = None  # read already
    users: int | None = None
    think: str | None = None
    duration: str | None = None
    service_time: str | None = None
    startup: str | None = None
    to: str | None = None
    keys: int | None = None
    zipf: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What to play, and what to say about it."""

    variant: Variant
    target: str
    load: str
    assumptions: tuple[str, ...]
    notes: tuple[str, ...]


def trial_of(objects: Sequence[Object], flags: Flags, profiles: ProfileBook | None, where: Location) -> Trial:
    """The trial that the flags ask for. `profiles` None: no profile file; `where`: the manifests, for messages."""
    target = _target(objects, flags.to, where)
    _check_load(flags)
    _check_routes(objects, flags.trace)
    duration_s = _duration_s(flags)
    flow, load = _flow(flags, target, duration_s)
    book = profiles_of(flags, profiles)
    variant = Variant(
        scenario="try",
        name=target.split(".")[0],
        objects=tuple(objects),
        flows=(flow,),
        steps=(),
        duration_s=duration_s,
        profiles=book,
    )
    assumptions = tuple(_assumptions(objects, flags, profiles, book))
    notes = tuple(_trace_notes(flags, duration_s))
    return Trial(variant=variant, target=target, load=load, assumptions=assumptions, notes=notes)


# -- target --------------------------------------------------------------------------------------------------


def _target(objects: Sequence[Object], to: str | None, where: Location) -> str:
    candidates = _candidates(objects)
    if to is not None:
        known = {*hosts_of(objects), *candidates}
        if to not in known and to.split(".")[0] not in hosts_of(objects):
            rule = f"{suggestion(to, sorted(known))}the manifests have {', '.join(sorted(known)) or 'no service'}"
            what, next_step = "nobody answers to that name", "name one of these"
            raise UsageError(what, where=Location("--to"), value=to, rule=rule, next_step=next_step)
        meant = [one for one in candidates if one.split(".")[0] == to]
        return meant[0] if len(meant) == 1 else to  # the namespace may be left out where it is clear
    if not candidates:
        raise UsageError(
            "there is nothing here to send requests to",
            where=where,
            value=", ".join(f"{one.key[0]} {one.metadata.name}" for one in objects) or "no object at all",
            rule="an InferenceService, a Knative Service, or a Service with the Deployment behind it",
            next_step="add one to the manifests, e.g. a v1 Service whose selector matches the Deployment's pods",
        )
    if len(candidates) > 1:
        raise UsageError(
            f"there are {len(candidates)} services that requests could go to",
            where=where,
            value=", ".join(candidates),
            rule="one must be meant",
            next_step=f"say which: --to {candidates[0]}",
        )
    return candidates[0]


def _candidates(objects: Iterable[Object]) -> list[str]:
    """Who could be meant without --to; plain Services only where nothing else is there."""
    objects = list(objects)
    serving: list[Object] = [one for one in objects if isinstance(one, InferenceService | KnativeService)]
    found = serving or [one for one in objects if isinstance(one, Service)]
    return [_name(one) for one in found]


def _name(one: Object) -> str:
    metadata = one.metadata
    return metadata.name if metadata.namespace == "default" else f"{metadata.name}.{metadata.namespace}"


def _check_routes(objects: Sequence[Object], trace: Trace | None) -> None:
    known = set(hosts_of(objects))
    for route in dict.fromkeys(trace.route or ()) if trace is not None else ():
        if route not in known and route.split(".")[0] not in known:
            assert trace is not None
            rule = f"{suggestion(route, sorted(known))}the manifests have {', '.join(sorted(known))}"
            what = "the trace sends requests to a service that is not there"
            next_step = "add it to the manifests, or leave its rows out"
            raise UsageError(what, where=Location(trace.source), value=route, rule=rule, next_step=next_step)


# -- load ----------------------------------------------------------------------------------------------------


def _check_load(flags: Flags) -> None:
    given = [
        name
        for name, value in (("--rate", flags.rate), ("--trace", flags.trace), ("--users", flags.users))
        if value is not None
    ]
    if len(given) != 1:
        what = f"{' and '.join(given)} exclude each other" if given else "no load is given"
        raise UsageError(what, rule=_LOAD_RULE, next_step="sandbox try --help")
    if flags.think is not None and flags.users is None:
        raise UsageError("--think says how long users think, and there are none", rule="--users 20 --think 1s")
    if flags.zipf is not None and flags.keys is None:
        raise UsageError("--zipf needs to know how many keys there are", rule="--keys 200000 --zipf 0.6")


def _duration_s(flags: Flags) -> float:
    if flags.duration is None and flags.trace is not None:
        return float(int(flags.trace.t_ns[-1]) // 1_000_000_000 + 1)
    with _blamed("--for"):
        return seconds(flags.duration or DEFAULT_DURATION, "the time to play", positive=True)


def _flow(flags: Flags, target: str, duration_s: float) -> tuple[Flow, str]:
    """The one flow, and the load in words."""
    keys = _keys(flags)
    span = f"for {duration_s:g} s"
    if flags.trace is not None:
        trace = flags.trace
        flow = Flow(to=target, arrivals=Arrivals.TRACE, trace=trace, keys=keys)
        return flow, f"{len(trace.t_ns):,} requests of {trace.source} {span}"
    if flags.users is not None:
        check_users(flags.users, Location("--users"))
        with _blamed("--think"):
            think_s = seconds(flags.think or DEFAULT_THINK, "the time to think", positive=True)
        think = Distribution("exponential", {"mean": think_s})
        flow = Flow(to=target, arrivals=Arrivals.USERS, users=flags.users, think=think, keys=keys)
        return flow, f"{flags.users:,} users who think {think_s:g} s between requests, {span}"
    assert flags.rate is not None
    knots = rate_knots(flags.rate, duration_s)
    words = f"{knots[0][1]:g}" if len(knots) == 1 else f"{knots[0][1]:g} rising to {knots[1][1]:g}"
    if len(knots) == 2 and knots[0][1] > knots[1][1]:
        words = words.replace("rising", "falling")
    return Flow(to=target, arrivals=Arrivals.POISSON, rate=knots, keys=keys), f"{words} requests/s {span}"


def rate_knots(text: str, duration_s: float) -> tuple[tuple[float, float], ...]:
    """Knots of a rate: a number, or a ramp over the whole run.

    >>> rate_knots("150", 600), rate_knots("0..1500", 600)
    (((0.0, 150.0),), ((0.0, 0.0), (600.0, 1500.0)))
    """
    parts = text.split("..")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or not all(abs(number) < float("inf") for number in numbers):
        where = Location("--rate")
        raise UsageError("not a rate", where=where, value=text, rule=_RATE_RULE, next_step="--rate 150")
    if min(numbers) < 0:
        what, where = "a rate cannot be negative", Location("--rate")
        raise UsageError(what, where=where, value=text, rule=_RATE_RULE, next_step="--rate 150")
    check_rate(max(numbers), Location("--rate"), text)
    if len(numbers) == 1:
        return ((0.0, numbers[0]),)
    return ramp(numbers[0], numbers[1], over=duration_s).knots


def _keys(flags: Flags) -> Keys | None:
    if flags.keys is None:
        return None
    with _blamed("--keys" if flags.keys < 1 else "--zipf"):
        return zipf(flags.keys, flags.zipf or 0.0)


# -- profiles ------------------------------------------------------------------------------------------------


def profiles_of(flags: Flags, given: ProfileBook | None) -> ProfileBook:
    """The profile book: the file's or the stated default, with the flags over it.

    --service-time is the model's: a transformer keeps its own. --startup is every pod's.
    """
    book = given or default_book()
    if flags.service_time is not None:
        time = parse_distribution(flags.service_time, "the service time", Location("--service-time"))
        own = () if any(_is_transformer(facts) for facts, _ in book.rules) else ((_TRANSFORMER, book.of(_TRANSFORMER)),)
        rules = tuple(
            (facts, profile if _is_transformer(facts) else replace(profile, service_time=time))
            for facts, profile in (*own, *book.rules)
        )
        book = replace(book, default=replace(book.default, service_time=time), rules=rules)
    if flags.startup is not None:
        startup = parse_distribution(flags.startup, "the start-up time", Location("--startup"))
        rules = tuple((facts, replace(profile, startup=startup)) for facts, profile in book.rules)
        book = replace(book, default=replace(book.default, startup=startup), rules=rules)
    return book


def _is_transformer(facts: Mapping[str, str]) -> bool:
    return facts.get("component") == _TRANSFORMER["component"]


# -- words ---------------------------------------------------------------------------------------------------


def _assumptions(
    objects: Sequence[Object], flags: Flags, profiles: ProfileBook | None, book: ProfileBook
) -> Iterator[str]:
    """What nobody said, and what was taken instead."""
    timed = flags.trace is not None and flags.trace.service_ns is not None
    if profiles is None and flags.service_time is None and not timed:
        yield f"service time {book.default.service_time} (--service-time, --profile)"
    if profiles is None and any(isinstance(one, InferenceService) and one.transformer for one in objects):
        yield f"transformer's own time {book.of(_TRANSFORMER).service_time} (--profile)"
    if profiles is None and flags.startup is None:
        model, platform = book.default, book.platform
        stages = {"scheduling": platform.scheduling_s, "container start": platform.container_start_s}
        stages["image pull"] = model.image_bytes / platform.image_bytes_per_s
        stages["model load"] = model.load.mean_s if model.load is not None else 0.0
        words = ", ".join(f"{name} {takes_s:.3g} s" for name, takes_s in stages.items())
        download = f", download of {model.model_bytes / 1e6:,.0f} MB" if model.model_bytes else ""
        yield f"start-up in stages: {words}{download} (--startup, --profile)"
    if flags.rate is not None:
        yield "Poisson arrivals"
    if flags.users is not None and flags.think is None:
        yield f"users think {DEFAULT_THINK} on average, exponentially (--think)"
    if flags.duration is None:
        yield f"time {'of the whole trace' if flags.trace is not None else DEFAULT_DURATION} (--for)"


def _trace_notes(flags: Flags, duration_s: float) -> Iterator[str]:
    trace = flags.trace
    if trace is None:
        return
    late = int((trace.t_ns >= duration_s * 1e9).sum())
    if late:
        yield f"{trace.source}: {late:,} of {len(trace.t_ns):,} requests come after --for {flags.duration}; not played"
    if trace.key is not None and flags.keys is not None:
        yield f"{trace.source}: the trace's own keys are used, not --keys {flags.keys}"


@contextmanager
def _blamed(flag: str) -> Iterator[None]:
    """Refusals inside name the flag: there is no file and line to a command line."""
    try:
        yield
    except UsageError as error:
        error.where = Location(flag)
        error.next_step = error.next_step or "sandbox try --help"
        raise
