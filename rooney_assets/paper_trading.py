"""Lets the real trader trade a candidate on paper, as a process of its own, and reads its journal.

Belongs here: the scratch lake that the trader is shown, its process, and what it wrote down. Does
not belong here: judging it (`rooney_core.gates.paper`). The trader is never imported: it is the
same `rooney-live` that a server runs, and knows its release from two files.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from rooney_assets.lake import Lake, ManifestFacts
from rooney_core.decision.batch import DECISIONS_SCHEMA
from rooney_core.decision.replay import TRADES_SCHEMA
from rooney_core.errors import RefusedError
from rooney_core.gates.paper import POSITIONS_SCHEMA

TIMEOUT_S: Final = 1800
"""After this the trader is stopped, and the stop counts as one of its own."""

_TOLD: Final = 2000
_PASSED_ON: Final = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "NUMBA_CACHE_DIR")
_THREADS: Final = ("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "NUMBA_NUM_THREADS")

_DECISIONS: Final = """
    SELECT symbol, bar_end_us AS bar_end, code, action, side, probability, session
    FROM decisions ORDER BY bar_end_us, symbol
"""
_TRADES: Final = """
    SELECT symbol, signal_time_us AS signal_time, entry_time_us AS entry_time,
           exit_time_us AS exit_time, side, entry_price, exit_price, exit_reason, net_profit_usd
    FROM trades ORDER BY entry_time_us, symbol
"""
_POSITIONS: Final = """
    SELECT orders.symbol, orders.side, orders.size, fills.filled_at_us AS entry_time,
           fills.price AS entry_price, fills.commission_usd AS entry_commission_usd,
           trades.exit_time_us AS exit_time, trades.exit_price, trades.exit_reason,
           trades.net_profit_usd
    FROM fills JOIN orders USING (order_id)
    LEFT JOIN trades ON trades.entry_order_id = fills.order_id
    WHERE orders.intent = 'enter' AND fills.source = 'expected'
    ORDER BY fills.filled_at_us, orders.symbol
"""
_RUN: Final = "SELECT run_id, code_version, status FROM runs"
_EVENTS: Final = "SELECT code, message FROM events ORDER BY at_us, symbol, code"
EMERGENCY_STOP: Final = "EMERGENCY_STOP"


@dataclass(frozen=True)
class PaperTrading:
    """What the trader did. `decisions`: DECISIONS_SCHEMA and `session`; `trades`: TRADES_SCHEMA;
    `positions`: POSITIONS_SCHEMA, open ones too; `events`: (code, message).

    `n_unexplained`: differences to the batch path by the trader's own count, None where it gave no
    answer. `stops`: why it stopped by itself, or had to be stopped, a line each.
    """

    run_id: str
    trader_code_version: str
    decisions: pl.DataFrame
    trades: pl.DataFrame
    positions: pl.DataFrame
    n_unexplained: int | None
    stops: tuple[str, ...]


def trade_on_paper(
    config: pl.DataFrame,
    models: pl.DataFrame,
    bars: Path,
    n_sessions: int,
    scratch: Path,
    timeout_s: float = TIMEOUT_S,
) -> PaperTrading:
    """Show the trader a release and let it rehearse the last `n_sessions` of the bars below `bars`.

    `config`, `models`: the two tables of a release, whole. `bars`: a lake, only read. `scratch`: a
    folder for temporary files, which are gone afterwards. Raises RefusedError when the trader
    refuses to begin, with its words: then nothing was traded, well or badly.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="paper-") as folder:
        lake, state = Path(folder) / "lake", Path(folder) / "state"
        _release_into(Lake(lake), config, models)
        asked = ["rehearse", "--sessions", str(n_sessions), "--json"]
        places = ["--lake", str(lake), "--bars", str(bars), "--state", str(state)]
        ended = _run([*asked, *places], timeout_s)
        journal = state / "rehearsal" / "live" / "journal.sqlite"
        if not journal.is_file():
            raise RefusedError(f"The trader refused to begin on paper: {ended.told}")
        with _opened(journal) as connection:
            return _read(connection, ended)


@dataclass(frozen=True)
class _Ended:
    """How the process ended: its report, None without a whole one, and the end of its errors."""

    report: Mapping[str, Any] | None
    told: str


def _release_into(lake: Lake, config: pl.DataFrame, models: pl.DataFrame) -> None:
    facts = ManifestFacts(run_id="paper", code_version="", git_commit="")
    lake.write("production_model", None, models, facts)
    lake.write("production_config", None, config, facts)


def _run(arguments: list[str], timeout_s: float) -> _Ended:
    """Run the trader with nothing of the environment but what Python needs: no key, no setting."""
    known = {name: os.environ[name] for name in (*_PASSED_ON, *_THREADS) if name in os.environ}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "rooney_live.cli", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=known,
            cwd=Path(__file__).resolve().parent.parent,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        return _Ended(None, f"it did not end within {timeout_s:g} seconds and was stopped")
    told = done.stderr.strip()[-_TOLD:] or f"it ended with exit code {done.returncode}"
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        report = None
    return _Ended(report, told)


@contextmanager
def _opened(journal: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(journal)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def _read(connection: sqlite3.Connection, ended: _Ended) -> PaperTrading:
    runs = _rows(connection, _RUN)
    if not runs:
        raise RefusedError(f"The trader refused to begin on paper: {ended.told}")
    stops = [one["message"] for one in _rows(connection, _EVENTS) if one["code"] == EMERGENCY_STOP]
    if ended.report is None and not stops:
        stops = [ended.told]
    with_session = {**DECISIONS_SCHEMA, "session": pl.String()}
    return PaperTrading(
        run_id=runs[-1]["run_id"],
        trader_code_version=runs[-1]["code_version"],
        decisions=_frame(_rows(connection, _DECISIONS), with_session).with_columns(
            pl.col("session").str.to_date()
        ),
        trades=_frame(_rows(connection, _TRADES), TRADES_SCHEMA),
        positions=_frame(_rows(connection, _POSITIONS), POSITIONS_SCHEMA),
        n_unexplained=None if ended.report is None else ended.report["parity"]["n_unexplained"],
        stops=tuple(stops),
    )


def _rows(connection: sqlite3.Connection, sql: str) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(sql)]


def _frame(rows: list[dict[str, Any]], schema: Mapping[str, Any]) -> pl.DataFrame:
    """Rows of the journal, whose times are microseconds, with the types of a schema."""
    times = [name for name, dtype in schema.items() if isinstance(dtype, pl.Datetime)]
    stored = dict(schema) | dict.fromkeys(times, pl.Int64())
    return pl.DataFrame(rows, schema=stored).cast(pl.Schema(schema))
