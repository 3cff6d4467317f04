"""The record of a registered model: which files it has, and their digests. The object `.model.json` beside them.

    {"digest": "sha256:…", "model": "ranker", "files": {"weights.bin": {"sha256": "…", "bytes": 1048576}}}

Comes in: the text of a record, from a store that may hold anything; goes out: a `Record` that is consistent in itself
(its digest is that of its files), or a UsageError. Written by uploads and the pipeline, read by downloads and servers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.errors import UsageError
from sandbox.mechanisms.storage.digest import PREFIX, check_name, is_digest, model_digest

MOST_BYTES = 4 * 1024 * 1024  # of a record's text: some 30,000 files


@dataclass(frozen=True, slots=True)
class RegisteredFile:
    name: str
    digest: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Record:
    """Files in the order of their names' bytes."""

    model: str
    files: tuple[RegisteredFile, ...]

    @property
    def digest(self) -> str:
        return model_digest({one.name: one.digest for one in self.files})

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self.files)


def record_of(model: str, files: Mapping[str, tuple[str, int]]) -> Record:
    """The record of files given as name → (digest, bytes)."""
    ordered = sorted(files.items(), key=lambda item: item[0].encode())
    return Record(model, tuple(RegisteredFile(check_name(name), *facts) for name, facts in ordered))


def write_record(record: Record) -> str:
    files = {one.name: {"sha256": one.digest.removeprefix(PREFIX), "bytes": one.bytes} for one in record.files}
    return json.dumps({"digest": record.digest, "model": record.model, "files": files}, indent=1) + "\n"


def read_record(text: str | bytes) -> Record:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _refused("it is no JSON", str(error)) from None
    files = given.get("files") if isinstance(given, dict) else None
    if not isinstance(files, dict) or not files:
        raise _refused("it names no files", '{"digest": …, "files": {NAME: {"sha256": …, "bytes": …}}}')
    record = record_of(str(given.get("model", "")), {name: _facts(name, facts) for name, facts in files.items()})
    if given.get("digest") != record.digest:
        raise _refused(f"it says {given.get('digest')}, its files make {record.digest}", "its digest is its files'")
    return record


def _facts(name: str, facts: object) -> tuple[str, int]:
    given = facts if isinstance(facts, dict) else {}
    digest, size = f"{PREFIX}{given.get('sha256')}", given.get("bytes")
    if not is_digest(digest) or not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise _refused(f"it says of {name!r} {facts!r}", "64 lower-case hex digits as sha256, and a count of bytes")
    return digest, size


def _refused(what: str, rule: str) -> UsageError:
    return UsageError("the record of the model can't be used", value=what, rule=rule)
