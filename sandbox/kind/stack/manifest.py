"""Splits a bundle's manifest into what can be applied at once, as text.

Comes in: a stream of YAML documents; goes out: the resource definitions, and the rest. `kubectl apply` of the whole
stream fails for objects whose kind the same stream defines, so those who apply it need the two apart. The documents
are not parsed: Istio's alone would take seconds, and nothing in them is changed.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

_BETWEEN = re.compile(r"^---[ \t]*$", re.MULTILINE)
_DEFINITION = re.compile(r"^kind: CustomResourceDefinition$", re.MULTILINE)
_KIND = re.compile(r"^kind:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A stream in two halves."""

    definitions: str  # CustomResourceDefinitions
    objects: str  # everything else, in the stream's order


def split(text: str) -> Manifest:
    documents = [one.strip("\n") for one in _BETWEEN.split(text) if _KIND.search(one)]
    return Manifest(
        definitions=_joined([one for one in documents if _DEFINITION.search(one)]),
        objects=_joined([one for one in documents if not _DEFINITION.search(one)]),
    )


def read(path: Path) -> Manifest:
    return split(path.read_text(encoding="utf-8"))


def digest(*texts: str) -> str:
    """A short digest of all that a component installs."""
    whole = hashlib.sha256()
    for text in texts:
        whole.update(f"{len(text)}:{text}".encode())
    return whole.hexdigest()[:16]


def _joined(documents: list[str]) -> str:
    return "\n---\n".join(documents) + "\n" if documents else ""
