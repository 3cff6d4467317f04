"""`sandbox bundle export FILE` and `import FILE`: a bundle on a stick, for a machine without any network.

Comes in: a complete bundle and a file name, or such a file; goes out: one tar with the lock file first and then every
part but the ingredients, or a bundle. The name says how it is compressed: `.tar`, `.tar.gz`, `.tar.zst` (by gzip and
zstd, which must be there). An import checks each digest while it unpacks, in a folder beside, and takes a part's place
only when all of it is right: a broken file leaves the bundle that was there as it was.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

from sandbox.errors import EnvironmentNotReady, UsageError
from sandbox.kind.bundle.bundle import Bundle
from sandbox.kind.bundle.holding import held
from sandbox.kind.bundle.layout import Layout
from sandbox.kind.bundle.lock import Lock, read_lock, write_lock
from sandbox.kind.bundle.part import Category, Part

_LOCK = "bundle.lock.json"
_COMPRESSORS = {".tar": (), ".gz": ("gzip", "-1"), ".zst": ("zstd", "-q", "-3", "-T0")}
_CHUNK = 1 << 20


def export(root: Path, file: Path) -> int:
    """Write the bundle in `root` to `file`; the number of parts."""
    bundle = Bundle.open(root)
    parts = {name: part for name, part in bundle.lock.parts.items() if part.category is not Category.INGREDIENT}
    beside = file.with_name(f"{file.name}.new")
    slim = beside.with_name(f"{file.name}.lock")
    compressor = _compressor(file)
    try:
        write_lock(slim, replace(bundle.lock, parts=parts))
        with _compressing(beside, compressor) as stream, tarfile.open(fileobj=stream, mode="w|") as tar:
            tar.add(slim, _LOCK)
            for part in parts.values():
                tar.add(bundle.layout.file(part.file), part.file)
        beside.replace(file)
    except OSError as error:
        raise EnvironmentNotReady(f"the bundle could not be written: {error.strerror}", value=str(file)) from None
    finally:
        for left in (slim, beside):
            with suppress(OSError):
                left.unlink()
    return len(parts)


def bring_in(file: Path, layout: Layout) -> int:
    """Make the bundle in `file` the one in `layout`; the number of parts."""
    if not file.is_file():
        raise UsageError("there is no such file", value=str(file), rule="one that `sandbox bundle export` wrote")
    layout.root.mkdir(parents=True, exist_ok=True)
    with held(layout.build_lock):
        shutil.rmtree(layout.work, ignore_errors=True)
        layout.work.mkdir()
        try:
            lock = _unpacked(file, layout.work)
            for part in lock.parts.values():
                target = layout.file(part.file)
                target.parent.mkdir(parents=True, exist_ok=True)
                (layout.work / part.file).replace(target)
            write_lock(layout.lock_file, lock)
        except OSError as error:
            raise EnvironmentNotReady(
                f"the bundle could not be unpacked: {error.strerror}", value=f"{file} to {layout.root}"
            ) from None
        finally:
            shutil.rmtree(layout.work, ignore_errors=True)
    return len(lock.parts)


# -- writing -------------------------------------------------------------------------------------------------


def _compressor(file: Path) -> tuple[str, ...]:
    known = _COMPRESSORS.get(file.suffix)
    if known is None:
        raise UsageError("the name does not say how to compress", value=str(file), rule="*.tar, *.tar.gz or *.tar.zst")
    if known and shutil.which(known[0]) is None:
        raise EnvironmentNotReady(
            f"{known[0]} is not installed", value=str(file), next_step=f"apt-get install {known[0]}"
        )
    return known


@contextmanager
def _compressing(file: Path, command: tuple[str, ...]) -> Iterator[IO[bytes]]:
    """A stream into `file`, through `command` if there is one."""
    with file.open("wb") as sink:
        if not command:
            yield sink
            return
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=sink) as process:
            assert process.stdin is not None
            yield process.stdin
            process.stdin.close()
            if process.wait() != 0:
                raise OSError(0, f"{command[0]} ended with status {process.returncode}")


# -- reading -------------------------------------------------------------------------------------------------


def _unpacked(file: Path, folder: Path) -> Lock:
    """Every part of `file` in `folder`, each with the digest that the lock says."""
    seen = set()
    try:
        with _decompressing(file, _compressor(file)) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            lock = _lock_of(tar, folder, file)
            parts = {part.file: part for part in lock.parts.values()}
            while (member := tar.next()) is not None:
                part = parts.get(member.name)
                content = tar.extractfile(member) if member.isfile() else None
                if part is None or content is None:
                    raise _broken(file, f"{member.name} is not in its lock file")
                _copy(content, folder / part.file, part, file)
                seen.add(part.file)
    except (tarfile.TarError, EOFError) as error:
        raise _broken(file, str(error) or "it ends too early") from None
    missing = sorted(set(parts) - seen)
    if missing:
        raise _broken(file, f"{missing[0]} is missing" + (f", and {len(missing) - 1} more" if missing[1:] else ""))
    return lock


def _lock_of(tar: tarfile.TarFile, folder: Path, file: Path) -> Lock:
    first = tar.next()
    content = tar.extractfile(first) if first is not None and first.name == _LOCK else None
    if content is None:
        raise _broken(file, f"it does not begin with {_LOCK}")
    (folder / _LOCK).write_bytes(content.read())
    lock = read_lock(folder / _LOCK)
    assert lock is not None
    return lock


def _copy(content: IO[bytes], target: Path, part: Part, file: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with target.open("wb") as stream:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            stream.write(chunk)
    if digest.hexdigest() != part.sha256:
        raise _broken(file, f"{part.file} has sha256 {digest.hexdigest()}, its lock file says {part.sha256}")
    if part.category is Category.BINARY:
        target.chmod(0o755)


@contextmanager
def _decompressing(file: Path, command: tuple[str, ...]) -> Iterator[IO[bytes]]:
    with file.open("rb") as source:
        if not command:
            yield source
            return
        with subprocess.Popen(
            [command[0], "-dc"], stdin=source, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            assert process.stdout is not None
            try:
                yield process.stdout
            finally:
                process.kill()  # after a broken file nobody reads the rest


def _broken(file: Path, why: str) -> EnvironmentNotReady:
    return EnvironmentNotReady(
        f"this is no whole bundle: {why}",
        value=str(file),
        rule="the bundle that was here is as it was",
        next_step="copy the file again, and compare its digest with the original's",
    )
