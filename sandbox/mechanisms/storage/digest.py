"""The digest of a model: one SHA-256 over all that its folder holds.

Comes in: each file's name (relative, with slashes) and its SHA-256; goes out: `sha256:` and 64 hex digits. Called by
whoever registers, downloads, verifies or serves a model. The rule, so that anyone can recompute it:

    one file    the file's own digest                              sha256sum model.onnx
    else        the digest of what sha256sum prints for all        find * -type f | LC_ALL=C sort |
                files, in the order of their names' bytes            xargs sha256sum | sha256sum

So a byte, a name, a file more or less and contents that changed places all give another digest. The record of the model
(`RECORD`), which carries the digest, is not part of it. Reading the files is left to the caller: nothing here does I/O.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from sandbox.errors import UsageError

RECORD = ".model.json"
PREFIX = "sha256:"

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NAME = re.compile(r"[^\x00-\x1f\x7f\\]+")  # what sha256sum prints without escapes


def is_digest(text: object) -> bool:
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def check_name(name: str) -> str:
    """The name itself, if a file of a model may have it: it must stay below the model's folder wherever it lands."""
    segments = name.split("/")
    if not _NAME.fullmatch(name) or any(segment in ("", ".", "..") for segment in segments) or name == RECORD:
        raise UsageError(
            "a file of a model can't have this name",
            value=name,
            rule=f"a path below the model's folder, without . .. \\ or control characters, and not {RECORD}",
        )
    return name


def model_digest(files: Mapping[str, str]) -> str:
    """The digest of the files' digests by name.

    >>> empty = "sha256:" + "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    >>> model_digest({"weights.bin": empty}) == empty
    True
    >>> model_digest({"a": empty, "b": empty})[:16]
    'sha256:f87e14d51'
    """
    if not files:
        raise UsageError("a model without a file has no digest", rule="at least one file")
    if len(files) == 1:
        return next(iter(files.values()))
    lines = (
        f"{digest.removeprefix(PREFIX)}  {name}\n".encode() for name, digest in sorted(files.items(), key=_name_bytes)
    )
    return PREFIX + hashlib.sha256(b"".join(lines)).hexdigest()


def _name_bytes(item: tuple[str, str]) -> bytes:
    return item[0].encode()
