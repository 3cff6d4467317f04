"""Tells people on stderr that something still goes on, once it took longer than two seconds.

A thread writes, since a world plays a variant in one call. On a terminal one line is rewritten; elsewhere (a CI
log) there is a line every ten seconds.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_QUIET_S = 2.0


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Show `what` and the seconds while the block runs."""
    done = threading.Event()
    thread = threading.Thread(target=_tell, args=(what, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _tell(what: str, done: threading.Event) -> None:
    start = time.monotonic()
    alone = sys.stderr.isatty()
    if done.wait(_QUIET_S):
        return
    while True:
        text = f"{what} … {time.monotonic() - start:.0f} s"
        print(f"\r{text}" if alone else text, end="" if alone else "\n", file=sys.stderr, flush=True)
        if done.wait(1.0 if alone else 10.0):
            break
    if alone:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
