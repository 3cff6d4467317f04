"""How the data plane's functions are compiled: numba with a cache on disk, or plain Python with the same results.

    jit        compiled into its callers: the stages of a request's path, draws, heap, mechanisms
    jit_apart  compiled as a function of its own, for what is large and reached seldom
    jit_outer  called from Python; its machine code is kept on disk

A function marked with the first two has two forms. Compiled code gets the compiled one; Python that calls it gets
the plain one, and never waits for a compiler. Without numba, or with SANDBOX_INTERPRET=1, everything is plain.
Marked functions keep to integers, IEEE-exact operations and arrays, so that both forms give the same bits
(tests/unit/sim/test_interpreted.py). They make no arrays, so numba is told to count no references (`_nrt`), which
is a tenth of the time; no wrappers for Python are made for inner functions, which is a fifth of the compiling.

`cells` and `float_cells` make of an array what compiled functions index: its cells one after another, as C sees
them, without shape and without checks. Indexing the array itself would cost a multiplication and a test for
negative numbers every time, and half of the compiling.

The cache folder is named by a digest of every source file that ends up in machine code. numba itself looks only
at the file of the outermost function, and would serve stale code after a change to a mechanism it calls.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from sandbox.mechanisms.serving.draws import wrap64

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGE = Path(__file__).resolve().parent.parent
COMPILED_SOURCES = (
    "sim/columns.py",
    "sim/compiled.py",
    "sim/draws.py",
    "sim/heap.py",
    "sim/kernel.py",
    "sim/lru.py",
    "sim/readout.py",
    "sim/state.py",
    "sim/stages/*.py",
    "mechanisms/routing/*.py",
    "mechanisms/caching/*.py",
    "mechanisms/serving/*.py",
    "mechanisms/tenancy/authorization.py",
    "mechanisms/traffic/*.py",
)


def compiled_files() -> Iterator[Path]:
    """All sources that end up in machine code."""
    for pattern in COMPILED_SOURCES:
        yield from sorted(_PACKAGE.glob(pattern))


def source_digest() -> str:
    """Digest of all sources that are compiled, and of the interpreter that compiles them."""
    digest = hashlib.sha256(sys.version.encode())
    for file in compiled_files():
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
    from numba.extending import intrinsic, overload, typeof_impl

    # numba's stubs know less than it has.
    _config: Any = numba.config
    _types: Any = numba.types
    _njit: Any = numba.njit
    COMPILED = not _config.DISABLE_JIT
except ImportError:
    COMPILED = False

if COMPILED:
    # numba reads the folder when a function is decorated; an explicit setting of the user's wins.
    if not os.environ.get("NUMBA_CACHE_DIR"):
        _config.CACHE_DIR = str(cache_folder())

    _INNER = {"error_model": "numpy", "_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}

    class _TwoForms:
        """Called by Python it is the plain function; numba sees the compiled one."""

        def __init__(self, plain: Callable[..., Any], compiled: object) -> None:
            functools.update_wrapper(self, plain)
            self.__wrapped__ = plain
            self.compiled = compiled

        def __call__(self, *arguments: Any) -> Any:
            return self.__wrapped__(*arguments)

    @typeof_impl.register(_TwoForms)
    def _(function: _TwoForms, context: object) -> object:
        return _types.Dispatcher(function.compiled)

    def jit(function: F) -> F:
        """Compile into the callers."""
        return cast(F, _TwoForms(function, _njit(forceinline=True, **_INNER)(function)))

    def jit_apart(function: F) -> F:
        """Compile as a function that compiled code calls."""
        return cast(F, _TwoForms(function, _njit(**_INNER)(function)))

    def jit_outer(function: F) -> F:
        """Compile a function that Python calls, and keep the machine code on disk."""
        return cast(F, _njit(cache=True, error_model="numpy", _nrt=False, no_cfunc_wrapper=True)(function))

    @overload(wrap64, strict=False)
    def _(value: object) -> object:
        """A machine integer wraps around by itself."""
        return lambda value: value

    @intrinsic
    def _first_cell(_: object, array: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return context.make_array(array)(context, builder, arguments[0]).data

        return _types.CPointer(array.dtype)(array), generate

    cells = cast(Callable[[npt.NDArray[np.int64]], list[int]], _first_cell)
    float_cells = cast(Callable[[npt.NDArray[np.float64]], list[float]], _first_cell)


else:

    def jit(function: F) -> F:
        """Leave the function as it is."""
        return function

    jit_outer = jit_apart = jit

    def cells(array: npt.NDArray[np.int64]) -> list[int]:
        return cast(list[int], array.reshape(-1))

    def float_cells(array: npt.NDArray[np.float64]) -> list[float]:
        return cast(list[float], array.reshape(-1))


def is_cached() -> bool:
    """Has this state of the sources been compiled here before?"""
    folder = cache_folder()
    return not COMPILED or (folder.is_dir() and any(folder.rglob("kernel.advance*.nbc")))
