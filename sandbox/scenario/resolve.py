"""Turns what was written (`api.Scenario`) into what worlds play (`model.Variant`), in the full or the short form.

Comes in: a Scenario, its folder and the form; goes out: variants whose files are read and validated, with times
and rates of the form. Called by the loader (and the `runs` fixture), so that nothing is played before everything
was read. What is refused here: files that are missing or wrong, two marks of one name, steps after the end,
targets and hosts that no manifest has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from sandbox.errors import Location, UsageError
from sandbox.manifests.objects import InferenceService, KnativeService, Object, Service, VirtualService
from sandbox.manifests.patch import merge_patch
from sandbox.manifests.platform_config import PlatformConfig
from sandbox.manifests.reader import parse_object
from sandbox.scenario.api import Moment, Scenario, suggestion
from sandbox.scenario.durations import seconds
from sandbox.scenario.files import Files
from sandbox.scenario.model import Action, Flow, Form, Keys, Step, Trace, Variant
from sandbox.scenario.targets import KINDS, Key, keys_of, kinds_of
from sandbox.scenario.trace import read_trace
from sandbox.scenario.traffic import FlowSpec, resolved


@dataclass(frozen=True, slots=True)
class _Scale:
    """What a form does to times, rates and the rest."""

    form: Form
    duration_s: float
    in_time: float
    in_rate: float
    users: int | None
    keys: int | None


def variant_of(scenario: Scenario, files: Files, *, scenario_name: str, name: str, form: Form) -> Variant:
    """One variant in one form, with everything read."""
    short: Mapping[str, Any] = scenario.short if form is Form.SHORT else {}
    scale = _scale(scenario, short, form)
    objects, platform = _start(scenario, files, short)
    steps = _steps(scenario, files, scale, platform)
    _rehearse(objects, steps, scenario, partial(parse_object, platform=platform, admission=files.admission))
    flows = tuple(_flow(spec, files, scale) for spec in scenario.traffic.flows)
    _check_hosts(scenario.traffic.flows, flows, [*objects, *(one for step in steps for one in step.objects)])
    return Variant(
        scenario=scenario_name,
        name=name,
        objects=objects,
        flows=flows,
        steps=steps,
        duration_s=scale.duration_s,
        profiles=files.profiles(scenario.profile, scenario.written),
        form=form,
        params={key: float(value) for key, value in {**scenario.params, **short.get("params", {})}.items()},
        settle=scenario.settle,
    )


def _scale(scenario: Scenario, short: Mapping[str, Any], form: Form) -> _Scale:
    full_s = seconds(scenario.duration)
    duration_s = seconds(short["duration"]) if "duration" in short else full_s
    peak = max((spec.curve.peak for spec in scenario.traffic.flows if spec.curve), default=0.0)
    if "rate" in short and not peak:
        raise UsageError("short['rate'] scales nothing", where=scenario.written, rule="no flow has a rate above zero")
    in_rate = short["rate"] / peak if "rate" in short else 1.0
    return _Scale(form, duration_s, duration_s / full_s, in_rate, short.get("users"), short.get("keys"))


def _start(scenario: Scenario, files: Files, short: Mapping[str, Any]) -> tuple[tuple[Object, ...], PlatformConfig]:
    """What is applied at 0 s, config first. Objects of the short form replace those of the same kind and name."""
    first = files.read([*scenario.config, *scenario.manifests], scenario.written, first_deploy=True)
    names = [*short.get("config", ()), *short.get("manifests", ())]
    if not names:
        return first.objects, first.platform
    extra = files.read(names, scenario.written, platform=first.platform, first_deploy=True)
    objects = {one.key: one for one in first.objects}
    # new ConfigMaps and nodes go first: what comes after is deployed under them
    new = {one.key: one for one in extra.objects if one.kind in ("ConfigMap", "Node") and one.key not in objects}
    merged = {**new, **objects, **{one.key: one for one in extra.objects}}
    return tuple(merged.values()), extra.platform


# -- steps ---------------------------------------------------------------------------------------------------


def _steps(scenario: Scenario, files: Files, scale: _Scale, platform: PlatformConfig) -> tuple[Step, ...]:
    steps = [_step(moment, files, scale, platform) for moment in scenario.steps]
    marks: dict[str, Step] = {}
    for moment, step in zip(scenario.steps, steps, strict=True):
        if step.at_s > scale.duration_s:
            rule = f"the {scale.form.value} form ends at {scale.duration_s:g} s"
            raise UsageError(
                "a step after the end of the run", where=moment.written, value=f"{step.at_s:g} s", rule=rule
            )
        if step.mark and step.mark in marks and marks[step.mark].at_s != step.at_s:
            rule = f"the first is at {marks[step.mark].at_s:g} s ({marks[step.mark].source})"
            raise UsageError(f"two instants are marked {step.mark!r}", where=moment.written, rule=rule)
        marks.setdefault(step.mark, step)
    return tuple(sorted(steps, key=lambda step: step.at_s))


def _step(moment: Moment, files: Files, scale: _Scale, platform: PlatformConfig) -> Step:
    own = moment.short_s if scale.form is Form.SHORT else None
    return Step(
        at_s=moment.at_s * scale.in_time if own is None else own,
        action=moment.action,
        mark=moment.mark,
        objects=files.read(moment.files, moment.written, platform=platform).objects,
        target=moment.target,
        patch=moment.patched,
        replicas=moment.replicas,
        fault=moment.fault_name,
        count=moment.count,
        as_user=moment.as_user,
        # without the folder: the text reaches the journal, whose bytes must not depend on where it was played
        source=f"{Path(moment.written.file).name}:{moment.written.line}" if moment.written else "",
    )


_Cluster = dict[Key, Object]


def _rehearse(
    objects: Iterable[Object], steps: Iterable[Step], scenario: Scenario, parse: Callable[..., Object]
) -> None:
    """Every target must exist by then, and every patch make a valid object; steps are in time order."""
    cluster: _Cluster = {one.key: one for one in objects}
    where = {moment.target: moment.written for moment in scenario.steps}
    for step in steps:
        cluster |= {one.key: one for one in step.objects}
        if step.target:
            _rehearse_target(step, cluster, parse, where.get(step.target))


def _rehearse_target(step: Step, cluster: _Cluster, parse: Callable[..., Object], where: Location | None) -> None:
    kinds = kinds_of(step.target)
    if kinds is None:
        word = step.target.split("/")[0]
        rule = f"{suggestion(word.lower(), list(KINDS))}known: {', '.join(KINDS)}"
        raise UsageError(f"there is no kind {word!r}", where=where, value=step.target, rule=rule)
    if step.action is Action.SCALE and kinds != ("Deployment",):
        rule = "only a Deployment is scaled by hand; patch minReplicas of the others"
        raise UsageError("this cannot be scaled", where=where, value=step.target, rule=rule)
    if not kinds and step.action is Action.FAULT:
        return  # revisions and pods come to be while it is played
    # Also for GET: to somebody without rights, an object that is not there looks as one that is.
    found = next((key for key in keys_of(step.target) if key in cluster), None)
    if found is None:
        names = sorted(_named(key) for key in cluster if key[0] in kinds)
        rule = (
            f"{suggestion(step.target.split('/')[1], names)}by then there is {', '.join(names) or 'none of this kind'}"
        )
        raise UsageError(f"there is no {step.target}", where=where, value=step.target, rule=rule)
    if step.action is Action.PATCH:
        cluster[found] = parse(merge_patch(cluster[found].raw, step.patch), where or step.source)
    elif step.action is Action.DELETE:
        del cluster[found]


def _named(key: Key) -> str:
    return key[2] if key[1] == "default" else f"{key[2]}.{key[1]}"


# -- flows ---------------------------------------------------------------------------------------------------


def _flow(spec: FlowSpec, files: Files, scale: _Scale) -> Flow:
    trace = _trace(spec, files) if spec.trace_file else None
    flow = resolved(spec, scale.duration_s, in_time=scale.in_time, in_rate=scale.in_rate, keys=scale.keys, trace=trace)
    if trace is not None and trace.key is not None and flow.keys is not None:
        files.notes.append(f"{trace.source}: the trace's own keys are used, not {_words(flow.keys)}")
    if scale.users is not None and flow.users:
        flow = replace(flow, users=scale.users)
    return flow


def _words(keys: Keys) -> str:
    return f"Zipf keys (n={keys.n}, s={keys.s:g})"


def _trace(spec: FlowSpec, files: Files) -> Trace:
    trace, unused = read_trace(files.path(spec.trace_file, spec.at))
    note = f"{spec.trace_file}: columns not used: {', '.join(unused)}"
    if unused and note not in files.notes:
        files.notes.append(note)
    return trace


def _check_hosts(specs: Iterable[FlowSpec], flows: Iterable[Flow], objects: Iterable[Object]) -> None:
    """A flow asks for something that exists by some time of the run."""
    names = set(hosts_of(objects))
    for spec, flow in zip(specs, flows, strict=True):
        wanted = {flow.to, *(flow.trace.route if flow.trace and flow.trace.route else ())}
        for host in sorted(wanted):
            if host.split(".")[0] not in names and host not in names:
                rule = f"{suggestion(host, sorted(names))}the manifests have {', '.join(sorted(names)) or 'no service'}"
                raise UsageError(f"traffic goes to {host!r}, which nobody serves", where=spec.at, value=host, rule=rule)


def hosts_of(objects: Iterable[Object]) -> list[str]:
    """What traffic can be sent to."""
    hosts: list[str] = []
    for one in objects:
        if isinstance(one, InferenceService | KnativeService | Service):
            hosts.append(one.metadata.name)
        elif isinstance(one, VirtualService):
            hosts.extend([one.metadata.name, *one.hosts, *(host.split(".")[0] for host in one.hosts)])
    return hosts
