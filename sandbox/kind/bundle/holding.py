"""One builder at a time: a lock on a file, gone when its holder is gone, however it went.

Comes in: the path of the lock; goes out: a context. Used by everything that changes a bundle, or the cluster. Leaves
out network file systems: flock(2) is this machine's.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.errors import EnvironmentNotReady


@contextmanager
def held(path: Path, what: str = "this bundle") -> Iterator[None]:
    """Hold `path`, or say who does."""
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise EnvironmentNotReady(
                f"somebody else is changing {what}",
                value=f"process {file.read().strip() or 'unknown'} holds {path}",
                rule="one at a time",
                next_step="wait for it, or end it; then run the same command again",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
