"""What to ask of a store for a file of which some bytes may be here already.

Comes in: the bytes here and the bytes registered; goes out: the offset to ask from, or None if nothing is missing.
Called by the downloader before each request. More bytes than registered can't be a beginning of the file: they are
dropped. Whether those that are here are right is only known at the end, when the digest of the whole is.
"""

from __future__ import annotations


def offset_to_ask(have_bytes: int, registered_bytes: int) -> int | None:
    """Where the next request for the file starts.

    >>> [offset_to_ask(have, 10) for have in (0, 4, 10, 11)]
    [0, 4, None, 0]
    """
    if have_bytes == registered_bytes:
        return None
    return have_bytes if have_bytes < registered_bytes else 0
