"""Which model an object belongs to, for a store's counters.

Comes in: an object's bucket and key and the models known by then; goes out: the model's name, s3://BUCKET/PREFIX. A
model is known once its record (`RECORD`) has been written or read. An object of none counts for the folder it is in.
"""

from __future__ import annotations

from collections.abc import Container

from sandbox.mechanisms.storage.digest import RECORD


def owner(bucket: str, key: str, known: Container[str]) -> str:
    """The innermost known model around the object, else its folder.

    >>> owner("models", "ranker/v2/variables/0.bin", {"s3://models/ranker/v2"})
    's3://models/ranker/v2'
    >>> owner("models", "log/day-1.jsonl", set())
    's3://models/log'
    """
    folder = f"s3://{bucket}/{key}".rpartition("/")[0]
    around = folder
    while around != f"s3://{bucket}":
        if around in known:
            return around
        around = around.rpartition("/")[0]
    return folder


def announced(bucket: str, key: str) -> str | None:
    """The model that a record's key makes known.

    >>> announced("models", "ranker/v2/.model.json")
    's3://models/ranker/v2'
    """
    prefix, _, name = key.rpartition("/")
    return f"s3://{bucket}/{prefix}" if name == RECORD and prefix else None
