"""Makes the parts of a bundle: only those that changed, several at a time, and so that a killed build goes on.

Comes in: recipes and a Layout, from the catalogue or a test; goes out: the lock file with every part, or an error
that names what failed and its log. A part counts as there when its lock entry has today's key and its file has the
recorded size (`verify` hashes; a build that hashed gigabytes to find that there is nothing to do would be no use).

A part is made in a folder of its own under work/, hashed, renamed into place, and then entered in the lock. Killed
anywhere between, the next build sweeps work/ and makes that part again, no other. When a recipe fails, the ones that
need it wait for the next build and all others go on, since what they make stays; a full disk stops everything.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sandbox.errors import EnvironmentNotReady, InternalError
from sandbox.kind.bundle.holding import held
from sandbox.kind.bundle.layout import Layout
from sandbox.kind.bundle.lock import Lock, read_lock, write_lock
from sandbox.kind.bundle.part import Category, Part
from sandbox.kind.bundle.recipe import Recipe
from sandbox.kind.bundle.workplace import Children, CommandFailed, Workplace

_HEARTBEAT_S = 5.0
_FULL = "no space left on device"  # strerror(ENOSPC): C programs begin it with a capital, Go programs do not


class Watch(Protocol):
    """Who is told how the build goes; called from the building thread only."""

    def planned(self, total: int) -> None: ...
    def kept(self, part: Part) -> None: ...
    def started(self, recipe: Recipe) -> None: ...
    def made(self, part: Part) -> None: ...
    def failed(self, recipe: Recipe, error: Exception, log: Path) -> None: ...
    def waiting(self, running: Sequence[tuple[str, float]]) -> None: ...


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did."""

    lock: Lock
    made: tuple[str, ...]
    kept: tuple[str, ...]
    seconds: float


def build(recipes: Sequence[Recipe], layout: Layout, *, jobs: int, watch: Watch) -> Built:
    """Bring the bundle up to date with its recipes; raises EnvironmentNotReady when a part could not be made."""
    start = time.monotonic()
    order = _ordered(recipes)
    with _writable(layout), held(layout.build_lock):
        shutil.rmtree(layout.work, ignore_errors=True)
        layout.work.mkdir(parents=True)
        run = _Run(order, layout, jobs, watch)
        run.play()
        shutil.rmtree(layout.work, ignore_errors=True)
    return Built(run.lock, tuple(run.made), tuple(run.kept), time.monotonic() - start)


class _Run:
    """One build: what is done, running, failed."""

    def __init__(self, recipes: Sequence[Recipe], layout: Layout, jobs: int, watch: Watch) -> None:
        self.layout = layout
        self.watch = watch
        self.jobs = jobs
        self.waiting = {recipe.id: recipe for recipe in recipes}
        self.running: dict[Future[Part], tuple[Recipe, float]] = {}
        self.failures: dict[str, Path] = {}
        self.made: list[str] = []
        self.kept: list[str] = []
        self.current: dict[str, Part] = {}  # the parts that are up to date
        self.children = Children()
        before = read_lock(layout.lock_file) or Lock()
        wanted = tuple(recipe.id for recipe in recipes if recipe.category is not Category.INGREDIENT)
        known = {name: part for name, part in before.parts.items() if name in self.waiting}
        self.lock = Lock(made_by="build", wanted=wanted, parts=known)

    def play(self) -> None:
        self.watch.planned(len(self.waiting))
        write_lock(self.layout.lock_file, self.lock)
        with ThreadPoolExecutor(self.jobs, thread_name_prefix="bundle") as pool:
            try:
                while self._start(pool) or self.running:
                    self._collect()
            except BaseException:
                self.children.end_all()
                raise
        if self.failures:
            raise _failed(self.failures, sorted(self.waiting))

    def _start(self, pool: ThreadPoolExecutor) -> bool:
        """Keep what is up to date, start what can be started; was anything done?"""
        moved = False
        for recipe in list(self.waiting.values()):
            if any(name not in self.current for name in recipe.inputs):
                continue
            if self._is_current(recipe):
                del self.waiting[recipe.id]
                self._have(self.lock.parts[recipe.id], self.kept)
                self.watch.kept(self.lock.parts[recipe.id])
                moved = True
            elif len(self.running) < self.jobs and not self._lane_taken(recipe):
                del self.waiting[recipe.id]
                self.watch.started(recipe)
                task = pool.submit(
                    _make, recipe, recipe.key(self.current), self.layout, self._inputs(recipe), self.children
                )
                self.running[task] = (recipe, time.monotonic())
                moved = True
        return moved

    def _collect(self) -> None:
        done, _ = wait(self.running, timeout=_HEARTBEAT_S, return_when=FIRST_COMPLETED)
        if not done and self.running:
            now = time.monotonic()
            self.watch.waiting([(recipe.id, now - since) for recipe, since in self.running.values()])
        for task in done:
            recipe, _ = self.running.pop(task)
            error = task.exception()
            if error is None:
                part = task.result()
                self._have(part, self.made)
                self.lock = self.lock.having(part)
                write_lock(self.layout.lock_file, self.lock)
                self.watch.made(part)
            else:
                self._lost(recipe, error)

    def _lost(self, recipe: Recipe, error: BaseException) -> None:
        log = self.layout.log(recipe.id)
        if not isinstance(error, (CommandFailed, OSError, EnvironmentNotReady)):
            raise InternalError(f"the recipe of {recipe.id} went wrong: {error!r}", value=str(log)) from error
        if _is_full(error):
            raise _disk_full(self.layout, recipe, error) from error
        self.failures[recipe.id] = log
        self.watch.failed(recipe, error, log)

    def _have(self, part: Part, how: list[str]) -> None:
        self.current[part.id] = part
        how.append(part.id)

    def _is_current(self, recipe: Recipe) -> bool:
        part = self.lock.parts.get(recipe.id)
        if part is None or part.key != recipe.key(self.current):
            return False
        file = self.layout.file(part.file)
        return file.is_file() and file.stat().st_size == part.bytes

    def _lane_taken(self, recipe: Recipe) -> bool:
        return bool(recipe.lane) and any(recipe.lane == other.lane for other, _ in self.running.values())

    def _inputs(self, recipe: Recipe) -> dict[str, Path]:
        return {name: self.layout.file(self.current[name].file) for name in recipe.inputs}


# -- one part ------------------------------------------------------------------------------------------------


def _make(recipe: Recipe, key: str, layout: Layout, inputs: dict[str, Path], children: Children) -> Part:
    """Make one part and move it into place. Runs in a thread of the pool."""
    start = time.monotonic()
    log = layout.log(recipe.id)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    folder = Path(tempfile.mkdtemp(dir=layout.work, prefix=f"{recipe.category.value}-{recipe.name}-"))
    try:
        place = Workplace(folder, folder / "output", log, inputs, children)
        recipe.make(place)
        size, digest = _flushed(place.output)
        final = layout.file(recipe.file)
        final.parent.mkdir(parents=True, exist_ok=True)
        place.output.replace(final)
    except BaseException as error:
        with log.open("a", encoding="utf-8") as stream:
            stream.write(f"not made: {error}\n")
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Part(
        id=recipe.id,
        file=recipe.file,
        version=place.notes.get("version", recipe.version),
        source=recipe.source,
        sha256=digest,
        bytes=size,
        key=key,
        tags=recipe.tags,
        image_id=place.notes.get("image_id", ""),
        seconds=round(time.monotonic() - start, 1),
    )


def _flushed(output: Path) -> tuple[int, str]:
    """Size and digest of a finished file that a power cut would not take back."""
    with output.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        os.fsync(stream.fileno())
    return output.stat().st_size, digest


# -- order ---------------------------------------------------------------------------------------------------


def _ordered(recipes: Sequence[Recipe]) -> list[Recipe]:
    """Recipes after what they need; those that most depend on, directly or not, first."""
    by_id = {recipe.id: recipe for recipe in recipes}
    if len(by_id) != len(recipes):
        raise InternalError("two recipes make the same part", value=sorted(recipe.id for recipe in recipes))
    done: dict[str, Recipe] = {}
    left = dict(by_id)
    while left:
        ready = [recipe for recipe in left.values() if all(name in done for name in recipe.inputs)]
        if not ready:
            unknown = sorted({name for recipe in left.values() for name in recipe.inputs if name not in by_id})
            raise InternalError("recipes need each other, or a part that none makes", value=unknown or sorted(left))
        for recipe in ready:
            done[recipe.id] = left.pop(recipe.id)
    return list(done.values())


# -- what goes wrong -----------------------------------------------------------------------------------------


@contextmanager
def _writable(layout: Layout) -> Iterator[None]:
    try:
        layout.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentNotReady(
            f"the bundle's folder cannot be made: {error.strerror}", value=str(layout.root), next_step="--dir ANOTHER"
        ) from None
    try:
        yield
    except OSError as error:  # the lock file itself
        if error.errno != errno.ENOSPC:
            raise
        raise _disk_full(layout, None, error) from error


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.ENOSPC
    return isinstance(error, CommandFailed) and _FULL in error.tail.lower()


def _disk_full(layout: Layout, recipe: Recipe | None, error: BaseException) -> EnvironmentNotReady:
    free = shutil.disk_usage(layout.root).free / 1e9
    doing = f" while {recipe.id} was made" if recipe else ""
    return EnvironmentNotReady(
        f"the disk is full{doing}",
        value=f"{layout.root} has {free:.1f} GB free",
        rule="what is finished is kept; the temporary files of this build are gone",
        next_step="free some space (or --dir on another disk) and run the same command again: it goes on from here",
    )


def _failed(failures: dict[str, Path], not_tried: Sequence[str]) -> EnvironmentNotReady:
    named = ", ".join(sorted(failures))
    waiting = f"; {len(not_tried)} more need them" if not_tried else ""
    logs = " ".join(str(log) for _, log in sorted(failures.items()))
    return EnvironmentNotReady(
        f"{len(failures)} of the bundle's parts could not be made: {named}{waiting}",
        value=logs,
        rule="everything else is done and kept",
        next_step="read the log, then run the same command again: it goes on from here",
    )
