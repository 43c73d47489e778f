"""Compiled functions that call compiled functions of other files, cached without going stale.

Belongs here: what numba's cache does not see. Does not belong here: a kernel.

numba keeps machine code on disk until the function's own file changes. What it calls from another
file is part of that code: after an update of `kernel` alone, `play` would go on trading by the old
rules. What calls across files is declared with `njit_across_files` instead of `njit`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit
from numba.core.registry import CPUDispatcher

Function = TypeVar("Function", bound=Callable[..., object])


def across_files(**options: Any) -> Callable[[Function], Function]:
    """numba's njit with cache=True and these options, for whatever calls across files."""

    def declared(function: Function) -> Function:
        dispatcher = njit(cache=True, **options)(function)
        if isinstance(dispatcher, CPUDispatcher):  # NUMBA_DISABLE_JIT gives the function back
            index = dispatcher._cache._cache_file
            index._source_stamp = (index._source_stamp, *_stamps_of_called(function))
        compiled: Function = dispatcher
        return compiled

    return declared


njit_across_files = across_files(nogil=True)
"""Compiled anew when a file that it calls has changed."""


def _stamps_of_called(function: Function) -> list[object]:
    """Stamps of the compiled functions that its file imports, which hold those of what they call.

    All of the file's imports, as a function may call them by way of another.
    """
    imported = {
        f"{one.py_func.__module__}.{one.py_func.__name__}": one._cache._cache_file._source_stamp
        for one in function.__globals__.values()
        if isinstance(one, CPUDispatcher) and one.py_func.__module__ != function.__module__
    }
    return [imported[name] for name in sorted(imported)]
