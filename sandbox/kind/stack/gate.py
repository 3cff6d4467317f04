"""Waits until a component is ready, or says what it still waited for.

Comes in: a component, a Kube, a clock; goes out: nothing, or NotReady with the last evidence. While the API server
itself fails to answer, that is what is waited for: a cluster that has just come up does so for moments.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sandbox.errors import WorldError
from sandbox.kind.stack.component import Component, Kube, Waiting

PAUSE_S = 0.7


class Clock(Protocol):
    """What passes while one waits."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class WallClock:
    """The real one."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class NotReady(WorldError):
    """A component's time ran out."""

    def __init__(self, component: Component, waiting: Sequence[Waiting], seconds: float) -> None:
        super().__init__(
            f"{component.name} is not ready after {seconds:.0f} s",
            value="; ".join(str(one) for one in waiting),
            rule=f"ready within {component.limit_s:.0f} s",
            next_step="sandbox up (it goes on here), or sandbox down",
        )
        self.waiting = tuple(waiting)


Seen = Callable[[Sequence[Waiting]], None]


def install(component: Component, kube: Kube, clock: Clock, seen: Seen) -> None:
    """Install it; again while the API server or a webhook of an earlier component is not there yet."""
    end = clock.now() + component.limit_s
    while True:
        try:
            return component.install(kube)
        except WorldError as error:
            if clock.now() >= end:
                raise
            seen([_refused(error)])
            clock.sleep(PAUSE_S)


def pass_gate(component: Component, kube: Kube, clock: Clock, seen: Seen) -> None:
    """Return once it waits for nothing; `seen` is told of each look."""
    start = clock.now()
    while True:
        try:
            waiting = component.waiting(kube)
        except WorldError as error:
            waiting = [_refused(error)]
        if not waiting:
            return
        seen(waiting)
        if clock.now() - start >= component.limit_s:
            raise NotReady(component, waiting, clock.now() - start)
        clock.sleep(PAUSE_S)


def _refused(error: WorldError) -> Waiting:
    said = str(error.value).strip().splitlines()
    return Waiting("the API server", f"{error.what}: {said[-1] if said else ''}")
