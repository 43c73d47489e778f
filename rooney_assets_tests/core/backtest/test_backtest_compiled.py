"""Machine code on disk is no older than any file that it was made of."""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core.registry import CPUDispatcher

import rooney_core

ROOT = Path(rooney_core.__file__).resolve().parents[1]
INNER = "from numba import njit\n\n@njit(cache=True)\ndef inner():\n    return {}\n"
OUTER = "from {} import {}\nfrom inner import inner\n\n@{}\ndef outer():\n    return inner()\n"
ASK = "from {0} import outer; print(outer(), sum(outer.stats.cache_hits.values()))"


def ask(folder: Path, module: str) -> list[int]:
    """What `outer` says in a process of its own, and how often its machine code was on disk."""
    where = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    where.pop("NUMBA_CACHE_DIR", None)
    told = subprocess.run(
        [sys.executable, "-c", ASK.format(module)],
        cwd=folder,
        env=where,
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(one) for one in told.stdout.split()]


def test_a_change_of_what_is_called_from_another_file_is_compiled_anew(tmp_path):
    (tmp_path / "inner.py").write_text(INNER.format(1))
    ours = OUTER.format("rooney_core.backtest.compiled", "njit_across_files", "njit_across_files")
    (tmp_path / "ours.py").write_text(ours)
    (tmp_path / "plain.py").write_text(OUTER.format("numba", "njit", "njit(cache=True)"))
    assert ask(tmp_path, "ours") == [1, 0]
    assert ask(tmp_path, "ours") == [1, 1]
    assert ask(tmp_path, "plain") == [1, 0]
    (tmp_path / "inner.py").write_text(INNER.format(2))
    assert ask(tmp_path, "ours") == [2, 0]
    assert ask(tmp_path, "plain") == [1, 1], "numba has learnt it: `njit_across_files` can go"


def compiled_functions() -> dict[str, CPUDispatcher]:
    names = [one.name for one in pkgutil.walk_packages(rooney_core.__path__, "rooney_core.")]
    members = {f"{name}.{key}": value for name in names for key, value in in_module(name).items()}
    return {name: one for name, one in members.items() if isinstance(one, CPUDispatcher)}


def in_module(name: str) -> dict[str, object]:
    return vars(importlib.import_module(name))


@pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="nothing is compiled")
def test_every_file_that_calls_compiled_code_of_another_declares_it():
    everywhere = compiled_functions()
    files_that_call = set()
    for name, one in everywhere.items():
        module = name.rpartition(".")[0]
        if one.py_func.__module__ != module:
            files_that_call.add(module)
    assert "rooney_core.backtest.play" in files_that_call
    careless = [
        name
        for name, one in everywhere.items()
        if one.py_func.__module__ in files_that_call
        and not isinstance(one._cache._cache_file._source_stamp, tuple)
    ]
    assert careless == []
