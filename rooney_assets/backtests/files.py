"""The folder of a backtest: a table of trades and a page, written whole, never over another run's.

Belongs here: names and writing. Does not belong here: what the page says (`page`).
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from pathlib import Path

from rooney_assets.backtests.page import page_of
from rooney_assets.backtests.run import Done, Wanted
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


def require_folder(folder: Path) -> None:
    """Create the folder. Raises InvalidSetting where that cannot be: before anything is run."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidSetting(f"--out {folder} cannot be a folder: {error}.") from error


def write(done: Done, folder: Path, *, overwrite: bool) -> dict[str, Path]:
    """Write trades and page; the paths by name. The same run again changes nothing.

    Raises RefusedError where another run's files are, unless `overwrite`.
    """
    files = _files(done)
    others = [name for name, data in files.items() if _differs(folder / name, data)]
    if others and not overwrite:
        raise RefusedError(
            f"{folder} holds another run's {' and '.join(others)} (other options, data or code). "
            "Name another folder with --out, or allow it with --overwrite."
        )
    try:
        for name, data in files.items():
            temporary = folder / f".{name}.{os.getpid()}.tmp"
            temporary.write_bytes(data)
            os.replace(temporary, folder / name)
    except OSError as error:
        raise RefusedError(f"{folder} cannot be written: {error}.") from error
    return {name: folder / name for name in files}


def _files(done: Done) -> Mapping[str, bytes]:
    table = io.BytesIO()
    done.result.trades.write_parquet(table)
    return {TRADES: table.getvalue(), PAGE: page_of(done).encode()}


def _differs(path: Path, data: bytes) -> bool:
    return path.exists() and path.read_bytes() != data
