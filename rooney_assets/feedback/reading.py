"""Rows of a landed journal as frames, joined to what the lake holds already.

Belongs here: reading, and joining without losing or changing what is on record. Does not belong
here: what the columns are (`schemas`), or the copy (`landing`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import polars as pl

from rooney_assets.feedback.landing import Landed
from rooney_assets.feedback.schemas import RUNS_SCHEMA, Stored
from rooney_core.errors import RefusedError

_COUNTS: Final = {
    "n_decisions": "SELECT count(*) FROM decisions WHERE run_id = :run",
    "n_orders": "SELECT count(*) FROM orders WHERE run_id = :run",
    "n_order_events": "SELECT count(*) FROM order_events JOIN orders USING (order_id) "
    "WHERE run_id = :run",
    "n_fills": "SELECT count(*) FROM fills WHERE run_id = :run",
    "n_reported_fills": "SELECT count(*) FROM fills WHERE run_id = :run AND source = 'reported'",
    "n_live_trades": "SELECT count(*) FROM trades WHERE run_id = :run",
    "n_events": "SELECT count(*) FROM events WHERE run_id = :run",
    "n_emergency_stops": "SELECT count(*) FROM events WHERE run_id = :run "
    "AND code = 'EMERGENCY_STOP'",
    "last_bar_end": "SELECT max(bar_end_us) FROM decisions WHERE run_id = :run",
}
_SINCE_SCHEMA_4: Final = frozenset({"n_order_events", "n_reported_fills"})
_OLD: Final = 3
_SINCE: Final = (
    "WITH since AS MATERIALIZED (SELECT json_extract(value, '$[0]') AS run_id, "
    "json_extract(value, '$[1]') AS from_us FROM json_each(:since))"
)
_NOT_BEFORE: Final = "from_us IS NULL OR bar_end_us >= from_us"


@dataclass(frozen=True)
class Joined:
    """What is on record with what is new. `contradicted`: rows of a settled table that the journal
    tells otherwise than the lake has them; the lake's stay, and these say how they differ now."""

    table: pl.DataFrame
    n_new: int
    contradicted: pl.DataFrame


class Reader:
    """A landed journal that is open for reading."""

    def __init__(self, connection: sqlite3.Connection, schema: int) -> None:
        self._connection = connection
        self._schema = schema

    def runs(self) -> pl.DataFrame:
        """RUNS_SCHEMA, in the order in which they were started."""
        table = "rehearsals" if self._schema == _OLD else "runs"
        stored = self._rows(f"SELECT * FROM {table} ORDER BY started_at, rowid")
        rows = [self._run(one) for one in stored]
        return pl.DataFrame(rows, schema=_as_stored(RUNS_SCHEMA)).cast(pl.Schema(RUNS_SCHEMA))

    def _run(self, row: dict[str, Any]) -> dict[str, Any]:
        counts: dict[str, Any] = {}
        for name, sql in _COUNTS.items():
            if self._schema == _OLD and name in _SINCE_SCHEMA_4:
                counts[name] = 0
            else:
                (counts[name],) = self._connection.execute(sql, {"run": row["run_id"]}).fetchone()
        days = {
            name: None if row[name] is None else datetime.fromisoformat(row[name]).date()
            for name in ("first_session", "last_session")
        }
        return {
            **{name: row[name] for name in ("run_id", "release_id", "rebalance_month", "status")},
            **counts,
            **days,
            "mode": row.get("mode", "replay"),
            "trader_code_version": row["code_version"],
            "symbols": json.loads(row["symbols"]),
            "started_at": _microseconds(row["started_at"]),
        }

    def rows_of(self, stored: Stored, since: Iterable[tuple[str, int]] = ()) -> pl.DataFrame:
        """A table in the lake's schema, in order of its key.

        `since`: (run_id, microseconds): of these runs only rows from that `bar_end` on.
        """
        here = {row["name"] for row in self._rows(f"PRAGMA table_info({stored.table})")}
        columns = ", ".join(f"{_found(stored, one, here)} AS {one}" for one in stored.schema)
        sql, arguments = f"SELECT {columns} FROM {stored.table}", {}
        if cursors := list(since):
            # A table of its own: a condition per run would end at a thousand of them.
            sql = f"{_SINCE} {sql} LEFT JOIN since USING (run_id) WHERE {_NOT_BEFORE}"
            arguments = {"since": json.dumps(cursors)}
        rows = self._rows(sql, arguments) if here else []
        table = pl.DataFrame(rows, schema=_as_stored(stored.schema), infer_schema_length=None)
        days = [name for name, dtype in stored.schema.items() if isinstance(dtype, pl.Date)]
        table = table.with_columns(pl.col(name).str.to_date() for name in days)
        return table.cast(pl.Schema(stored.schema)).sort(stored.key)

    def runs_with_more(self, stored: Stored, table: pl.DataFrame) -> set[str]:
        """Runs of which the journal has more rows than `table` (`run_id`)."""
        sql = f"SELECT run_id, count(*) AS n FROM {stored.table} GROUP BY run_id"
        known = dict(table["run_id"].value_counts().iter_rows())
        return {row["run_id"] for row in self._rows(sql) if row["n"] > known.get(row["run_id"], 0)}

    def _rows(self, sql: str, arguments: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        return [dict(row) for row in self._connection.execute(sql, arguments or {})]


@contextmanager
def opened(landed: Landed) -> Iterator[Reader]:
    """The landed journal. Raises RefusedError when its tables are not a trader's."""
    uri = f"{landed.path.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            yield Reader(connection, landed.schema)
    except sqlite3.Error as error:
        raise RefusedError(
            f"{landed.path} has schema {landed.schema}, and is not as a trader writes that: "
            f"{error}. Run the factory and the trader of one version."
        ) from None


def join(known: pl.DataFrame | None, found: pl.DataFrame, stored: Stored) -> Joined:
    """What is on record with what the journal holds; nothing on record is ever lost.

    A settled row stays as it is on record; of any other the journal has the last word.
    """
    nothing = found.clear()
    if known is None:
        return Joined(found, found.height, nothing)
    keys = [*stored.key]
    fresh = found.join(known, on=keys, how="anti", nulls_equal=True)
    again = found.join(known, on=keys, how="semi", nulls_equal=True).sort(keys)
    before = known.join(found, on=keys, how="semi", nulls_equal=True).sort(keys)
    differs = _differs(before, again, keys)
    kept = known
    if not stored.is_settled:
        untouched = known.join(again, on=keys, how="anti", nulls_equal=True)
        kept = pl.concat([untouched, again])
    table = pl.concat([kept, fresh]).sort(keys)
    return Joined(table, fresh.height, again.filter(differs) if stored.is_settled else nothing)


def _differs(before: pl.DataFrame, again: pl.DataFrame, keys: list[str]) -> pl.Series:
    """Whether a row is another one; both in the same order."""
    values = [name for name in again.columns if name not in keys]
    differs = pl.Series([False] * again.height, dtype=pl.Boolean)
    for name in values:
        differs = differs | again[name].ne_missing(before[name])
    return differs


def _found(stored: Stored, column: str, here: set[str]) -> str:
    name = stored.stored_name(column)
    return name if name in here else stored.instead.get(column, "NULL")


def _as_stored(schema: Any) -> dict[str, Any]:
    """The types in which the journal keeps these columns."""
    return {
        name: pl.Int64()
        if isinstance(dtype, pl.Datetime)
        else (pl.String() if isinstance(dtype, pl.Date) and name == "session" else dtype)
        for name, dtype in schema.items()
    }


def _microseconds(text: str | None) -> int | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return int(moment.timestamp() * 1_000_000)
