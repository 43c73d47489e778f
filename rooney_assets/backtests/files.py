"""The folder of a backtest: a table of trades and a page, written whole, never over another run's.

Belongs here: names and writing. Does not belong here: what the page says (`page`).
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from rooney_assets.backtests.page import page_of
from rooney_assets.backtests.run import Done, Wanted
from rooney_assets.lake import durable
from rooney_core.errors import InvalidSetting, RefusedError
from rooney_core.strategies import params_json

TRADES, PAGE = "trades.parquet", "report.html"


def default_folder(wanted: Wanted) -> Path:
    """reports/<symbol>_<variant>_<from>_<to>, with a digest where parameters or costs are not the
    default ones."""
    parts = [wanted.symbol, wanted.variant.name, str(wanted.first or "begin"), str(wanted.end)]
    if wanted.params != wanted.variant.default_params or wanted.costs_times != 1.0:
        chosen = f"{params_json(wanted.params)} {wanted.costs_times}"
        parts.append(hashlib.sha256(chosen.encode()).hexdigest()[:8])
    return Path("reports") / "_".join(parts)


@contextmanager
def prepared(folder: Path) -> Iterator[None]:
    """A folder that files can be made in, before anything is run; gone again if none was made.

    Raises InvalidSetting where there can be no such folder.
    """
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise InvalidSetting(
                f"--out {folder} cannot be a folder that is written to: {error}. Name another one."
            ) from error
        yield
    finally:
        for one in made:
            with suppress(OSError):
                one.rmdir()


def write(done: Done, folder: Path, *, overwrite: bool) -> dict[str, Path]:
    """Write trades and page; the paths by name. The same run again changes nothing.

    Both are whole before either takes its place. Raises RefusedError where another run's files are,
    unless `overwrite`, and where the disk refuses.
    """
    files = _files(done)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder), ExitStack() as stack:
            durable.remove_orphans(folder)
            others = [name for name, data in files.items() if _differs(folder / name, data)]
            if others and not overwrite:
                raise RefusedError(
                    f"{folder} holds another run's {' and '.join(others)} (other options, data or "
                    "code). Name another folder with --out, or allow it with --overwrite."
                )
            ready = {name: stack.enter_context(durable.temporary_name(folder)) for name in files}
            for name, path in ready.items():
                path.write_bytes(files[name])
            for name, path in ready.items():
                os.replace(path, folder / name)
    except OSError as error:
        raise RefusedError(
            f"{folder} cannot be written: {error}. Name another folder with --out."
        ) from error
    return {name: folder / name for name in files}


def _files(done: Done) -> Mapping[str, bytes]:
    table = io.BytesIO()
    done.result.trades.write_parquet(table)
    return {TRADES: table.getvalue(), PAGE: page_of(done).encode()}


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One writer at a time: trades and page in a folder are of one run."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        # Not every file system can lock a folder; then each file is whole all the same.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _differs(path: Path, data: bytes) -> bool:
    return path.exists() and path.read_bytes() != data
