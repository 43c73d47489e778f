"""Compiled functions that call compiled functions of other files, cached without going stale.

Belongs here: what numba's cache does not see. Does not belong here: a kernel.

numba keeps machine code on disk until the function's own file changes. What it calls from another
file is part of that code: after an update of `kernel` alone, `play` would go on trading by the old
rules. What calls across files is declared with `njit_across_files` instead of `njit`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from numba import njit
from numba.core.registry import CPUDispatcher

Function = TypeVar("Function", bound=Callable[..., object])


def njit_across_files(function: Function) -> Function:
    """numba's njit(cache=True, nogil=True), compiled anew when a file that it calls has changed."""
    dispatcher = njit(cache=True, nogil=True)(function)
    if isinstance(dispatcher, CPUDispatcher):  # NUMBA_DISABLE_JIT gives the function back
        index = dispatcher._cache._cache_file
        index._source_stamp = (index._source_stamp, *_stamps_of_called(function))
    declared: Function = dispatcher
    return declared


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
