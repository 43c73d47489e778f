"""What the trader wrote down of a decision, an order or a fill: its journal, only read.

Belongs here: finding rows by the ids that people see. Does not belong here: what the trader's
codes mean, or taking the journal into the lake. Nothing of the trader is imported: a column that a
journal does not have is left out, so that journals of other versions are told of as well.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from rooney_core.errors import LakeError

Row = Mapping[str, Any]
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
JOURNALS: Final = (("live", "journal.sqlite"), ("rehearsal", "live", "journal.sqlite"))
"""Below ROONEY_STATE: where the trader, and its rehearsals, write."""

ASKED: Final = re.compile(
    r"(?:(?P<run>[0-9A-Za-z_-]{6,}):)?"
    r"(?P<symbol>[A-Za-z0-9][A-Za-z0-9_]*):"
    r"(?P<time>\d{10,}|\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})?)"
    r"(?::(?P<intent>[a-z][a-z0-9_.:-]*))?"
)
"""`[RUN:]SYMBOL:BAR_END[:INTENT]`; the end of the bar in microseconds since 1970 UTC, or ISO. An
intent may have its origin behind it, as `exit:flatten`."""
FILL: Final = "fill"

_RUNS: Final = ("runs", "rehearsals")
_OF_AN_ORDER: Final = (
    ("events", "order_events", ("order_id",)),
    ("fills", "fills", ("order_id",)),
    ("trades", "trades", ("entry_order_id", "exit_order_id")),
)


@dataclass(frozen=True)
class Asked:
    """A decision, or with an `intent` an order of it. `bar_end_us`: microseconds since 1970 UTC."""

    symbol: str
    bar_end_us: int
    intent: str | None = None
    run: str | None = None

    @property
    def id(self) -> str:
        """As an order is named: SYMBOL:BAR_END_US:intent."""
        told = f"{self.symbol}:{self.bar_end_us}"
        return told if self.intent is None else f"{told}:{self.intent}"


@dataclass(frozen=True)
class Written:
    """What one journal has of one bar: the decision, the run that made it, its orders.

    Each order has lists `events`, `fills` and `trades` with the rows about it.
    """

    journal: Path
    run: Row
    decision: Row | None
    orders: tuple[Row, ...]

    @property
    def release_id(self) -> str | None:
        """The release that decided."""
        named = (one.get("release_id") for one in (self.decision or {}, *self.orders, self.run))
        return next((str(one) for one in named if one), None)


def parse(text: str) -> Asked | None:
    """What a text asks for; None when it is no name of a decision or an order."""
    found = ASKED.fullmatch(text.strip())
    if found is None:
        return None
    time, intent = found["time"], found["intent"]
    if time.isdigit():
        moment = int(time)
    else:
        parsed = datetime.fromisoformat(time)
        zoned = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        moment = (zoned - EPOCH) // timedelta(microseconds=1)
    # A fill is named by its order, or by its bar alone.
    order = None if intent in (None, FILL) else intent.removesuffix(f":{FILL}")
    return Asked(found["symbol"], moment, order, found["run"])


def places(state: Path, *named: Path) -> tuple[Path, ...]:
    """The journals that are there: those that are named, the trader's, its rehearsals'."""
    wanted = [*named, *(state.joinpath(*parts) for parts in JOURNALS)]
    return tuple(dict.fromkeys(one for one in wanted if one.is_file()))


def find(journals: Iterable[Path], asked: Asked) -> list[Written]:
    """What each journal has of a bar, the newest run first; empty when none knows it.

    Raises LakeError for a file that is no journal.
    """
    found: list[Written] = []
    for path in journals:
        with _opened(path) as connection:
            found += _written(connection, path, asked)
    return sorted(found, key=lambda one: str(one.run.get("started_at", "")), reverse=True)


def nearest(journals: Iterable[Path], asked: Asked, most: int = 3) -> list[str]:
    """Ids of the decisions of the symbol whose bars ended closest to what was asked for."""
    near: list[tuple[int, str]] = []
    for path in journals:
        with _opened(path) as connection:
            for row in _rows(connection, "decisions", {"symbol": asked.symbol}):
                end = int(row["bar_end_us"])
                near.append((abs(end - asked.bar_end_us), f"{asked.symbol}:{end}"))
    return list(dict.fromkeys(name for _, name in sorted(near)))[:most]


def _written(connection: sqlite3.Connection, path: Path, asked: Asked) -> list[Written]:
    of_bar = {"symbol": asked.symbol, "bar_end_us": asked.bar_end_us}
    decisions = _rows(connection, "decisions", of_bar)
    orders = [_with_rest(connection, one) for one in _orders(connection, asked)]
    runs = {str(one.get("run_id", "")) for one in (*decisions, *orders)}
    found = []
    for run in runs:
        if asked.run is not None and not run.startswith(asked.run):
            continue
        own = tuple(one for one in orders if str(one.get("run_id", run)) == run)
        if asked.intent is not None and not own:
            continue
        decided = [one for one in decisions if str(one.get("run_id", "")) == run]
        row = _run(connection, run)
        found.append(Written(path, row, decided[0] if decided else None, own))
    return found


def _orders(connection: sqlite3.Connection, asked: Asked) -> list[Row]:
    """Orders of the bar; with an intent, those alone. An id may have its run in front."""
    columns = _columns(connection, "orders")
    if "order_id" not in columns:
        return []
    # An underscore is a wildcard of LIKE, and part of many symbols.
    ends = f"{asked.symbol}:{asked.bar_end_us}:{asked.intent or ''}".replace("_", "\\_")
    pattern = ends if asked.intent else f"{ends}%"
    sql = (
        "SELECT * FROM orders WHERE order_id LIKE ? ESCAPE '\\' OR order_id LIKE ? ESCAPE '\\' "
        "ORDER BY order_id"
    )
    return [dict(row) for row in connection.execute(sql, (pattern, f"%:{pattern}"))]


def _with_rest(connection: sqlite3.Connection, order: Row) -> Row:
    rest: dict[str, list[Row]] = {}
    for name, table, columns in _OF_AN_ORDER:
        rest[name] = [
            row
            for column in columns
            for row in _rows(connection, table, {column: order["order_id"]})
        ]
    return {**order, **rest}


def _run(connection: sqlite3.Connection, run_id: str) -> Row:
    for table in _RUNS:
        rows = _rows(connection, table, {"run_id": run_id})
        if rows:
            return rows[0]
    return {"run_id": run_id}


def _rows(connection: sqlite3.Connection, table: str, where: Mapping[str, Any]) -> list[Row]:
    """Rows with these values; none where the table or one of the columns does not exist."""
    if not where.keys() <= _columns(connection, table):
        return []
    asked = " AND ".join(f"{name} = ?" for name in where)
    # Names are this module's own words, never the user's.
    sql = f"SELECT * FROM {table} WHERE {asked}"
    return [dict(row) for row in connection.execute(sql, tuple(where.values()))]


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {str(row["name"]) for row in connection.execute(f"PRAGMA table_info({table})")}


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            yield connection
    except sqlite3.Error as error:
        raise LakeError(
            f"{path} cannot be read as the trader's journal: {error}. ROONEY_STATE must name the "
            "folder that the trader writes to, or a copy of it."
        ) from None
