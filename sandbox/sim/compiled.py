"""How the data plane's functions are compiled: numba with a cache on disk, or plain Python with the same results.

`jit` is numba's `njit` where numba can be imported, otherwise the function itself; SANDBOX_INTERPRET=1 asks for
the plain form. Functions marked with it keep to integers, IEEE-exact operations and arrays, so that both forms
give the same bits (tests/unit/sim/test_interpreted.py).

The cache folder is named by a digest of every source file that ends up in machine code. numba itself looks only
at the file of the outermost function, and would serve stale code after a change to a mechanism it calls.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGE = Path(__file__).resolve().parent.parent
_COMPILED_FOLDERS = ("sim", "mechanisms/routing", "mechanisms/caching")
_MASK = (1 << 64) - 1
_SIGN = 1 << 63


def source_digest() -> str:
    """Digest of all sources that are compiled, and of the interpreter that compiles them."""
    digest = hashlib.sha256(sys.version.encode())
    for folder in _COMPILED_FOLDERS:
        for file in sorted((_PACKAGE / folder).glob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Where compiled code is kept: XDG's cache folder, one subfolder per state of the sources."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "serving-sandbox" / "kernel" / source_digest()


def _wanted() -> bool:
    return os.environ.get("SANDBOX_INTERPRET", "") in ("", "0")


try:
    if not _wanted():
        raise ImportError("the plain form was asked for")
    import numba

    COMPILED = True
except ImportError:
    COMPILED = False

if COMPILED:
    # numba reads the folder when a function is decorated; an explicit setting of the user's wins.
    if not os.environ.get("NUMBA_CACHE_DIR"):
        numba.config.CACHE_DIR = str(cache_folder())  # type: ignore[attr-defined]

    def jit(function: F) -> F:
        """Compile, and inline into the caller."""
        compiled: F = numba.njit(cache=False, forceinline=True, error_model="numpy")(function)
        return compiled

    def jit_outer(function: F) -> F:
        """Compile a function that Python calls, and keep the machine code on disk."""
        compiled: F = numba.njit(cache=True, error_model="numpy")(function)
        return compiled

    @jit
    def wrap64(value: int) -> int:
        """A machine integer wraps around by itself."""
        return value

else:

    def jit(function: F) -> F:
        """Leave the function as it is."""
        return function

    jit_outer = jit

    def wrap64(value: int) -> int:
        """The value as a 64-bit two's complement integer wraps around."""
        value &= _MASK
        return value - (1 << 64) if value & _SIGN else value


def is_cached() -> bool:
    """Has this state of the sources been compiled here before?"""
    folder = cache_folder()
    return not COMPILED or (folder.is_dir() and any(folder.rglob("*.nbc")))
