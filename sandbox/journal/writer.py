"""Writes a journal while a run is played: rows and records in, five files out (see `schema.py`).

Comes in: numpy rows (COUNT, HIST, GAUGE) and records, from any world, from the first second on; goes out: the
journal's folder. Rows are copied at once, so a caller may reuse its arrays; they are buffered and go to disk
every _FLUSH_BYTES or _FLUSH_S simulated seconds, whichever is first, so memory does not grow with the run and a
killed one loses at most a window. meta.json is there from the start (ended = "running") and names each series
before the first row of it reaches the disk.

The digest covers what the run was (series, records, rows), not where and when: meta.json is not part of it.

Leaves out: fsync (a crash of the machine may lose more than a window), several writers to one folder.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from sandbox.errors import InternalError
from sandbox.journal.schema import COUNT, GAUGE, HIST, SCHEMA_VERSION, RecordKind, Series

Rows = NDArray[np.void]

META, RECORDS, COUNTS, HISTS, GAUGES = "meta.json", "records.jsonl", "counts.bin", "hist.bin", "gauges.bin"
RUNNING = "running"
ENDINGS = ("completed", "interrupted", "failed")
_OWN_KEYS = frozenset({"schema", "series", "ended", "digest", "totals"})
_FLUSH_BYTES = 1 << 20
_FLUSH_S = 60
_READ_BYTES = 1 << 22


class JournalWriter:
    """One run's journal in the making; also a context manager that says how the run ended.

    Leaving the block closes as "completed", or as "interrupted" on Ctrl-C and "failed" on any other exception,
    unless `close` was called before.
    """

    def __init__(self, folder: Path, meta: Mapping[str, object]) -> None:
        taken = _OWN_KEYS & meta.keys()
        if taken:
            raise InternalError("the journal writes these keys of meta.json itself", value=sorted(taken))
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._meta = dict(meta)
        self._indices: dict[Series, int] = {}
        self._ended = ""
        self._flushed_s = 0
        _write_meta(folder, self._document(RUNNING, 0))  # first, so that leftovers of an older run are never believed
        self._named = 0  # how many series the meta.json on disk knows
        self._records = _Appender(folder / RECORDS)
        self._counts = _Appender(folder / COUNTS)
        self._hist = _Appender(folder / HISTS)
        self._gauges = _Appender(folder / GAUGES)
        self._files = (self._records, self._counts, self._hist, self._gauges)

    def series(self, series: Series) -> int:
        """The index of a series; the same one each time it is asked for."""
        return self._indices.setdefault(series, len(self._indices))

    def counts(self, rows: Rows) -> None:
        """Append COUNT rows."""
        self._append(self._counts, rows, COUNT)

    def hist(self, rows: Rows) -> None:
        """Append HIST rows."""
        self._append(self._hist, rows, HIST)

    def gauges(self, rows: Rows) -> None:
        """Append GAUGE rows."""
        self._append(self._gauges, rows, GAUGE)

    def record(self, t_s: float, kind: RecordKind, **fields: object) -> None:
        """Append one record. Numbers must be finite; numpy's scalars and enums are written as plain values."""
        line = canonical_json({"t_s": float(t_s), "kind": kind.value, **fields})
        if self._records.append(line.encode() + b"\n") or t_s >= self._flushed_s + _FLUSH_S:
            self._flush_at(t_s)

    def flush(self) -> None:
        """Bring all that was appended to disk."""
        if len(self._indices) > self._named:
            _write_meta(self.folder, self._document(RUNNING, 0))
            self._named = len(self._indices)
        for file in self._files:
            file.flush()

    def close(self, ended: str, **totals: object) -> None:
        """Write what is left and the final meta.json; `ended` is one of ENDINGS. Only the first call counts."""
        if self._ended:
            return
        if ended not in ENDINGS:
            raise InternalError("a run ends in one of three ways", value=ended, rule=", ".join(ENDINGS))
        self._ended = ended
        self.flush()
        for file in self._files:
            file.close()
        # An exception may have come between a write and its digest: then the files themselves are asked.
        hashes = [file.hexdigest for file in self._files] if ended == "completed" else file_hashes(self.folder)
        document = self._document(ended, totals)
        document["digest"] = combined_digest(tuple(self._indices), hashes)
        _write_meta(self.folder, document)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close("completed")
        else:
            self.close("interrupted" if issubclass(kind, KeyboardInterrupt) else "failed")

    def _append(self, file: _Appender, rows: Rows, dtype: np.dtype[np.void]) -> None:
        if rows.dtype is not dtype and rows.dtype != dtype:
            raise InternalError("rows of the wrong type for this file", value=str(rows.dtype), rule=str(dtype))
        if not len(rows):
            return
        second = int(rows["second"][-1])
        if file.append(rows.tobytes()) or second >= self._flushed_s + _FLUSH_S:
            self._flush_at(second)

    def _flush_at(self, t_s: float) -> None:
        self._flushed_s = max(self._flushed_s, int(t_s))
        self.flush()

    def _document(self, ended: str, totals: object) -> dict[str, object]:
        return {
            **self._meta,
            "schema": SCHEMA_VERSION,
            "series": series_table(tuple(self._indices)),
            "ended": ended,
            "digest": "",
            "totals": totals or {},
        }


class _Appender:
    """One file that only grows: buffer, bytes on disk, running hash."""

    __slots__ = ("_bytes", "_chunks", "_file", "_hash")

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("wb", buffering=0)
        self._chunks: list[bytes] = []
        self._bytes = 0
        self._hash = hashlib.sha256()

    def append(self, chunk: bytes) -> bool:
        """Keep the chunk; True when it is time to flush."""
        self._chunks.append(chunk)
        self._bytes += len(chunk)
        return self._bytes >= _FLUSH_BYTES

    def flush(self) -> None:
        if not self._chunks:
            return
        block, self._chunks, self._bytes = b"".join(self._chunks), [], 0
        self._hash.update(block)
        left = memoryview(block)
        while left:  # an unbuffered file may take less than it is given
            left = left[self._file.write(left) :]

    def close(self) -> None:
        self._file.close()

    @property
    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def canonical_json(value: object) -> str:
    """The one way to write a value: sorted keys, no spaces, shortest floats.

    >>> canonical_json({"b": 0.1, "a": [1, None]})
    '{"a":[1,null],"b":0.1}'
    """
    try:
        return _ENCODE(value)
    except (TypeError, ValueError) as error:
        raise InternalError(f"this cannot be written to a journal: {error}", value=value) from error


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} is no JSON value")


_ENCODE: Callable[[object], str] = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain
).encode


def series_table(series: tuple[Series, ...]) -> list[dict[str, object]]:
    """The series as meta.json has them; a row's index is the `series` column."""
    return [{**asdict(one), "role": one.role.value} for one in series]


def combined_digest(series: tuple[Series, ...], hashes: list[str]) -> str:
    """The journal's digest from the series table and the hashes of records, counts, hist and gauges."""
    return hashlib.sha256("\n".join([canonical_json(series_table(series)), *hashes]).encode()).hexdigest()


def file_hashes(folder: Path) -> list[str]:
    """Hashes of records, counts, hist and gauges as they are on disk: whole rows and lines only."""
    lines = _hash_lines(folder / RECORDS)
    sizes = ((COUNTS, COUNT), (HISTS, HIST), (GAUGES, GAUGE))
    return [lines, *(_hash_rows(folder / name, dtype.itemsize) for name, dtype in sizes)]


def _hash_lines(path: Path) -> str:
    running = hashlib.sha256()
    if path.exists():
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    running.update(line)
    return running.hexdigest()


def _hash_rows(path: Path, row_bytes: int) -> str:
    running = hashlib.sha256()
    left = path.stat().st_size // row_bytes * row_bytes if path.exists() else 0
    if left:
        with path.open("rb") as file:
            while left and (block := file.read(min(_READ_BYTES, left))):
                running.update(block)
                left -= len(block)
    return running.hexdigest()


def _write_meta(folder: Path, document: Mapping[str, object]) -> None:
    """Replace meta.json as a whole: a reader sees the old one or the new one, never half of it."""
    fresh = folder / f"{META}.new"
    try:
        text = json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise InternalError(f"meta.json cannot hold this: {error}", value=document) from error
    fresh.write_text(text + "\n", encoding="utf-8")
    os.replace(fresh, folder / META)
