"""Reads a journal: what a world wrote, as arrays, records and marks.

Comes in: a folder as `schema.py` describes it, complete or cut off anywhere (a killed run: the last row or line
may be half there, meta.json may still say "running"); goes out: lazily read rows and records to `run.py`,
`window.py` and the reports.

Leaves out: interpretation; `window.py` turns rows into measured values.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sandbox.errors import Location, UsageError
from sandbox.journal.schema import COUNT, GAUGE, HIST, SCHEMA_VERSION, RecordKind, Role, Series, What
from sandbox.journal.writer import (
    COUNTS,
    ENDINGS,
    GAUGES,
    HISTS,
    META,
    RECORDS,
    RUNNING,
    Rows,
    combined_digest,
    file_hashes,
)

Record = Mapping[str, Any]  # one line of records.jsonl: t_s, kind and what the kind brings

_NEXT = "play the scenario again with `sandbox run NAME --out DIR` and give one of the folders in DIR"


class Journal:
    """The record of one run. Everything is read on first use and kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.meta: Record = _read_meta(self.folder)

    @classmethod
    def open(cls, folder: Path | str) -> Self:
        """The journal in `folder`; UsageError if there is none."""
        return cls(Path(folder))

    @property
    def ended(self) -> str:
        """completed, interrupted, failed, or running (still at it, or killed)."""
        return str(self.meta.get("ended", RUNNING))

    @property
    def totals(self) -> Record:
        """What the world summed up at the end."""
        totals: Record = self.meta.get("totals", {})
        return totals

    @cached_property
    def digest(self) -> str:
        """What identifies the run: equal for the same scenario, seed and version. From the files of a killed run."""
        stated = str(self.meta.get("digest", ""))
        return stated if stated and self.ended in ENDINGS else self.digest_of_files()

    def digest_of_files(self) -> str:
        """The digest computed afresh; differs from `digest` only if somebody changed the files."""
        return combined_digest(self.series, file_hashes(self.folder))

    # -- rows ------------------------------------------------------------------------------------------------

    @cached_property
    def series(self) -> tuple[Series, ...]:
        """The series table; the index is the rows' `series` column."""
        return tuple(_series(row, self.folder) for row in self.meta.get("series", []))

    @cached_property
    def counts(self) -> Rows:
        """All COUNT rows, by second."""
        return _rows(self.folder / COUNTS, COUNT)

    @cached_property
    def asked(self) -> frozenset[int]:
        """The entry series that requests of clients arrived at."""
        entries = frozenset(index for index, one in enumerate(self.series) if one.role is Role.ENTRY)
        found = self.counts["series"][of_series(self.counts, entries) & (self.counts["what"] == What.ARRIVED)]
        return frozenset(np.unique(found).tolist())

    @cached_property
    def hist(self) -> Rows:
        """All HIST rows, by second."""
        return _rows(self.folder / HISTS, HIST)

    @cached_property
    def gauges(self) -> Rows:
        """All GAUGE rows, by second."""
        return _rows(self.folder / GAUGES, GAUGE)

    @cached_property
    def duration_s(self) -> float:
        """How long the run was: as planned (meta's duration_s) if it completed, else as far as its rows go."""
        planned = self.meta.get("duration_s")
        if planned is not None and self.ended == "completed":
            return float(planned)
        ends = [int(rows["second"][-1]) + 1 for rows in (self.counts, self.hist, self.gauges) if len(rows)]
        played = float(max(ends, default=0))
        return played if planned is None else min(played, float(planned))

    # -- records ---------------------------------------------------------------------------------------------

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """All records in the order written."""
        return tuple(_read_records(self.folder / RECORDS))

    @cached_property
    def _by_kind(self) -> dict[str, tuple[Record, ...]]:
        kinds: dict[str, list[Record]] = {}
        for record in self.records:
            kinds.setdefault(str(record["kind"]), []).append(record)
        return {kind: tuple(some) for kind, some in kinds.items()}

    def of_kind(self, kind: RecordKind) -> tuple[Record, ...]:
        """The records of one kind."""
        return self._by_kind.get(kind.value, ())

    @property
    def decisions(self) -> tuple[Record, ...]:
        return self.of_kind(RecordKind.DECISION)

    @property
    def events(self) -> tuple[Record, ...]:
        return self.of_kind(RecordKind.EVENT)

    @property
    def pods(self) -> tuple[Record, ...]:
        return self.of_kind(RecordKind.POD)

    @property
    def notes(self) -> tuple[Record, ...]:
        return self.of_kind(RecordKind.NOTE)

    @cached_property
    def marks(self) -> dict[str, float]:
        """When each named instant was; the first one if a name occurs twice."""
        marks: dict[str, float] = {}
        for record in self.of_kind(RecordKind.MARK):
            marks.setdefault(str(record["name"]), float(record["t_s"]))
        return marks


def between(rows: Rows, start_s: int, end_s: int) -> Rows:
    """The rows of seconds start_s .. end_s - 1, without reading the others."""
    seconds = rows["second"]
    return rows[bisect_left(seconds, start_s) : bisect_left(seconds, end_s)]


def of_series(rows: Rows, series: frozenset[int]) -> NDArray[np.bool_]:
    """Which of the rows belong to one of the series."""
    wanted: NDArray[np.bool_] = np.zeros(1 << 16, dtype=np.bool_)
    wanted[list(series)] = True
    return np.asarray(wanted[rows["series"]])


def _rows(path: Path, dtype: np.dtype[np.void]) -> Rows:
    """The whole rows of a file, mapped; sorted in memory only if a world wrote them out of order."""
    count = path.stat().st_size // dtype.itemsize if path.exists() else 0
    if not count:
        return np.empty(0, dtype)
    rows: Rows = np.memmap(path, dtype, "r", shape=(count,)).view(np.ndarray)
    seconds = rows["second"]
    if bool(np.all(seconds[1:] >= seconds[:-1])):
        return rows
    return np.asarray(rows[np.argsort(seconds, kind="stable")])


def _read_meta(folder: Path) -> Record:
    if not folder.is_dir():
        raise UsageError("there is no such folder to read a journal from", value=str(folder), next_step=_NEXT)
    path = folder / META
    if not path.exists():
        if any((folder / name).exists() for name in (RECORDS, COUNTS, GAUGES)):
            return {}  # rows without names: readable, but nothing can be asked by name
        raise UsageError(
            "this folder holds no journal", where=Location(str(folder)), rule=f"a journal has a {META}", next_step=_NEXT
        )
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{META} is not JSON: {error}", where=Location(str(path)), next_step=_NEXT) from error
    if not isinstance(meta, dict) or "schema" not in meta:
        raise UsageError("this is not the meta.json of a journal", where=Location(str(path)), next_step=_NEXT)
    if meta["schema"] != SCHEMA_VERSION:
        raise UsageError(
            "the journal has another schema version",
            where=Location(str(path)),
            value=meta["schema"],
            rule=f"this version reads {SCHEMA_VERSION}",
            next_step=_NEXT,
        )
    return meta


def _series(row: Any, folder: Path) -> Series:
    try:
        known = {one.name: row[one.name] for one in fields(Series)}
        return Series(**{**known, "role": Role(known["role"])})
    except (KeyError, TypeError, ValueError) as error:
        where = Location(str(folder / META))
        raise UsageError("a series of the journal cannot be read", where=where, value=row, next_step=_NEXT) from error


def _read_records(path: Path) -> list[Record]:
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]  # what follows the last line end was cut off
    return [_record(line, number, path) for number, line in enumerate(lines, 1)]


def _record(line: bytes, number: int, path: Path) -> Record:
    try:
        record = json.loads(line)
        if isinstance(record, dict) and "kind" in record and "t_s" in record:
            return record
    except ValueError:
        pass  # said below, with the place
    raise UsageError(
        "a line of the journal is no record",
        where=Location(str(path), number),
        value=line[:80].decode(errors="replace"),
        rule="one JSON object a line, with t_s and kind",
        next_step=_NEXT,
    )
