"""Reads a recorded trace: a CSV whose header names its columns, in any case.

    timestamp    seconds, or ISO ("2023-11-16 18:17:03.9799600"); sorted
    service_ms   optional: the model's own time, without queueing
    key          optional: what a cache would look up
    route        optional: the name of the target

Comes in: the path; goes out: `model.Trace` (numpy columns) and the names of the columns that were not used. The
first ISO or epoch timestamp is second 0 of the run; small numbers are seconds of the run themselves. The public
Azure LLM inference traces (columns TIMESTAMP, ContextTokens, GeneratedTokens) are read as they are.

Every refusal names file, line and column. Leaves out: time zones other than one common to the file.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.errors import Location, UsageError
from sandbox.scenario.model import Trace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

_KNOWN = ("timestamp", "service_ms", "key", "route")
_EPOCH_S = 1e8  # a number beyond (March 1973) is a date, not a second of a run
_ZONE = re.compile(r"(Z|[+-]\d\d:?\d\d)$")
_RULE = "the header names the columns: timestamp (seconds or ISO), optionally service_ms, key, route"
_EMPTY = "check that the file was written and is the one that was meant"


def read_trace(path: Path | str) -> tuple[Trace, tuple[str, ...]]:
    """The trace in a file, and its columns that nobody uses."""
    path = Path(path)
    header, rows = _rows(path)
    names = [name.strip().lower().lstrip("\ufeff") for name in header]
    if "timestamp" not in names:
        raise UsageError(
            "the trace has no timestamp column",
            where=Location(str(path), 1, 1),
            value=",".join(header),
            rule=_RULE,
            next_step="name the column that holds the time: timestamp",
        )
    twice = [name for name in _KNOWN if names.count(name) > 1]
    if twice:
        where, next_step = Location(str(path), 1, 1), "rename one of them"
        raise UsageError(
            f"the trace has two columns {twice[0]}",
            where=where,
            value=",".join(header),
            rule=_RULE,
            next_step=next_step,
        )
    if not rows:
        what = "the trace is empty: a header and no request"
        raise UsageError(what, where=Location(str(path), 1), rule="a row for each request", next_step=_EMPTY)
    columns = _Columns(path, len(header), names, rows)
    t_ns = columns.timestamps()
    trace = Trace(
        t_ns=t_ns,
        service_ns=columns.service() if "service_ms" in names else None,
        key=columns.keys() if "key" in names else None,
        route=tuple(columns.texts("route")) if "route" in names else None,
        source=str(path),
    )
    return trace, tuple(name for name, low in zip(header, names, strict=True) if low not in _KNOWN)


def _rows(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except FileNotFoundError:
        what, next_step = "there is no such trace", "check the spelling and the folder"
        raise UsageError(what, where=Location(str(path)), rule=_RULE, next_step=next_step) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"the trace cannot be read: {error}", where=Location(str(path)), rule=_RULE) from None
    if not rows:
        raise UsageError("the trace is empty", where=Location(str(path)), rule=_RULE, next_step=_EMPTY)
    return rows[0], rows[1:]


class _Columns:
    """The rows of one file, column by column. Whole columns are converted at once; a refusal is looked up after."""

    def __init__(self, path: Path, width: int, names: list[str], rows: list[list[str]]) -> None:
        self.path, self.names, self.rows = path, names, rows
        for index, row in enumerate(rows):
            if len(row) != width:
                where = Location(str(path), self.line_of(index))
                raise UsageError(f"a row with {len(row)} fields", where=where, value=row, rule=f"{width} as the header")

    def texts(self, name: str) -> list[str]:
        column = self.names.index(name)
        return [row[column] for row in self.rows]

    def timestamps(self) -> Integers:
        """Nanoseconds from the start of the run."""
        import numpy as np

        texts = self.texts("timestamp")
        if _is_number(texts[0]):
            numbers = self.numbers("timestamp")
            start = numbers[0] if numbers[0] >= _EPOCH_S else 0.0
            t_ns = np.rint((numbers - start) * 1e9).astype(np.int64)
        else:
            instants = self._instants(texts)
            t_ns = (instants - instants[0]).astype(np.int64)
        back = np.flatnonzero(np.diff(t_ns) < 0)
        if len(back):
            rule = f"sorted by timestamp; the row before has {texts[int(back[0])]}"
            next_step = "sort the rows by time, the header stays first"
            raise self.refusal("the trace is not sorted", "timestamp", int(back[0]) + 1, rule, next_step)
        return np.asarray(t_ns)

    def _instants(self, texts: list[str]) -> Any:
        import numpy as np

        zone = _ZONE.search(texts[0])
        suffix = zone.group() if zone and ":" in texts[0] else ""
        if suffix and not all(text.endswith(suffix) for text in texts):
            odd = next(i for i, text in enumerate(texts) if not text.endswith(suffix))
            rule = f"all end in {suffix}, as the first"
            raise self.refusal("a timestamp in another time zone", "timestamp", odd, rule)
        bare = [text[: -len(suffix)].strip() for text in texts] if suffix else [text.strip() for text in texts]
        try:
            instants = np.array(bare, dtype="datetime64[ns]")
        except ValueError:
            odd = next(i for i, text in enumerate(bare) if not _is_instant(text))
            raise self.refusal("not a timestamp", "timestamp", odd, "seconds or ISO, as the first row") from None
        missing = np.flatnonzero(np.isnat(instants))
        if len(missing):
            raise self.refusal("not a timestamp", "timestamp", int(missing[0]), "seconds or ISO, as the first row")
        return instants

    def service(self) -> Integers:
        import numpy as np

        return np.rint(self.numbers("service_ms") * 1e6).astype(np.int64)

    def keys(self) -> Integers:
        """Whole numbers as they are; with any other text, each distinct one is numbered by first appearance."""
        import numpy as np

        texts = self.texts("key")
        try:
            return np.array([int(text) for text in texts], dtype=np.int64)
        except (ValueError, OverflowError):
            numbers: dict[str, int] = {}
            return np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)

    def numbers(self, name: str) -> Floats:
        """A column of finite numbers, none negative."""
        import numpy as np

        texts = self.texts(name)
        try:
            values = np.array(texts, dtype=np.float64)
        except ValueError:
            odd = next(i for i, text in enumerate(texts) if not _is_number(text))
            raise self.refusal("not a number", name, odd, "a number, zero or more") from None
        odds = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
        if len(odds):
            what = "a negative number" if values[odds[0]] < 0 else "not a finite number"
            raise self.refusal(what, name, int(odds[0]), "a number, zero or more")
        return values

    def refusal(
        self, what: str, name: str, index: int, rule: str, next_step: str = "correct this row, or leave it out"
    ) -> UsageError:
        row, column = self.rows[index], self.names.index(name)
        start = sum(len(field) + 1 for field in row[:column]) + 1
        where = Location(str(self.path), self.line_of(index), start)
        return UsageError(f"{name}: {what}", where=where, value=row[column], rule=rule, next_step=next_step)

    def line_of(self, index: int) -> int:
        """The line of a row; read again, since empty lines and quoted line breaks shift it."""
        with self.path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            wanted = (reader.line_num for row in reader if row)
            return [line for _, line in zip(range(index + 2), wanted, strict=False)][-1]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_instant(text: str) -> bool:
    import numpy as np

    try:
        return not np.isnat(np.datetime64(text, "ns"))
    except ValueError:
        return False
