"""What a decision or an order of the trader is explained by: what he wrote down, and his release.

Belongs here: joining the journal's rows with the release and the bar that they name. Does not
belong here: reading a journal (`journals`), or ids of anything else (`ids`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl

from rooney_assets.explain import journals
from rooney_assets.explain.ids import Found, Kind, Where, releases_of, spelt
from rooney_assets.explain.journals import EPOCH, Asked, Row, Written
from rooney_assets.explain.steps import label_of
from rooney_assets.lake import Lake
from rooney_core.errors import UnknownName

BARS: Final = "continuous_bars"
BAR_COLUMNS: Final = ("contract", "bar_start", "bar_end", "open", "high", "low", "close", "volume")
LIVE_TABLES: Final = {
    "runs": "live_runs",
    "decisions": "live_decisions",
    "orders": "live_orders",
    "fills": "live_fills",
    "trades": "live_trades",
}
"""Where the lake keeps what it took from the trader's journal."""


def found_moment(where: Where, asked: Asked) -> Found:
    """A decision, or an order with its fills, and the release and the bar behind it.

    Raises UnknownName, with the nearest moments, when nobody wrote of it.
    """
    symbol = spelt(where, asked.symbol) or asked.symbol
    wanted = Asked(symbol, asked.bar_end_us, asked.intent, asked.run)
    written = journals.find(where.journals, wanted) or _in_lake(where.lake, wanted)
    if not written:
        raise _not_written(where, wanted)
    newest, notes = written[0], []
    if len(written) > 1:
        others = ", ".join(f"{one.run.get('run_id')}:{wanted.id}" for one in written[1:])
        notes.append(f"the newest run is told; ask for another one by its name: {others}")
    facts: dict[str, Any] = {
        "bar_end": moment_of(wanted.bar_end_us),
        "written_in": str(newest.journal),
        "run": newest.run,
        "decision": newest.decision,
        "orders": list(newest.orders),
    }
    inputs = dict(_release_behind(where.lake, newest, facts, notes))
    inputs |= _bar_behind(where.lake, wanted, newest, facts, notes)
    kind = Kind.DECISION if asked.intent is None else Kind.ORDER
    return Found(kind, wanted.id, inputs, facts, tuple(notes))


def moment_of(microseconds: int) -> datetime:
    """The time of so many microseconds since 1970 UTC."""
    return EPOCH + timedelta(microseconds=microseconds)


def _release_behind(
    lake: Lake, written: Written, facts: dict[str, Any], notes: list[str]
) -> Mapping[str, str]:
    """The release that decided, where this lake has it."""
    named = written.release_id
    hits = [] if named is None else releases_of(lake, named)
    if not hits:
        notes.append(f"release {named or '(none)'} is not in this lake: its lineage is not known")
        return {}
    facts["release"] = {"id": named, **hits[0].facts}
    return hits[0].inputs


def _bar_behind(
    lake: Lake, asked: Asked, written: Written, facts: dict[str, Any], notes: list[str]
) -> Mapping[str, str]:
    """The bar that was decided on, as the lake has it now; a close that differs is noted."""
    partition = ("symbol", asked.symbol)
    if lake.version(BARS, partition) is None:
        notes.append(f"the lake has no bars of {asked.symbol}")
        return {}
    table, version = lake.read_versioned(BARS, partition)
    rows = table.filter(pl.col("bar_end") == moment_of(asked.bar_end_us))
    if rows.is_empty():
        notes.append(f"{BARS}[{asked.symbol}] has no bar that ended then")
        return {}
    bar = rows.select(one for one in BAR_COLUMNS if one in rows.columns).row(0, named=True)
    facts["bar"] = bar
    close = (written.decision or {}).get("close")
    if close is not None and close != bar["close"]:
        notes.append(f"the trader saw a close of {close:.10g}; the lake has {bar['close']:.10g}")
    return {label_of(BARS, asked.symbol): version}


def _in_lake(lake: Lake, asked: Asked) -> list[Written]:
    """What the lake took from journals of before; empty where it has none of it."""
    end = moment_of(asked.bar_end_us)
    decisions = _rows(lake, "decisions", (pl.col("symbol") == asked.symbol) & _at("bar_end", end))
    ends = f"{asked.symbol}:{asked.bar_end_us}:{asked.intent or ''}"
    named = pl.col("order_id").str.contains(f"(^|:){ends}{'$' if asked.intent else ''}")
    orders = [_with_rest(lake, one) for one in _rows(lake, "orders", named)]
    found = []
    for run in dict.fromkeys(str(one["run_id"]) for one in (*decisions, *orders)):
        own = tuple(one for one in orders if str(one["run_id"]) == run)
        if (asked.run is not None and not run.startswith(asked.run)) or (asked.intent and not own):
            continue
        rows = _rows(lake, "runs", pl.col("run_id") == run)
        decided = next((one for one in decisions if str(one["run_id"]) == run), None)
        place = lake.root / LIVE_TABLES["decisions"]
        found.append(Written(Path(place), rows[0] if rows else {"run_id": run}, decided, own))
    return sorted(found, key=lambda one: str(one.run.get("started_at", "")), reverse=True)


def _at(name: str, moment: datetime) -> pl.Expr:
    return pl.col(name) == pl.lit(moment, pl.Datetime("us", "UTC"))


def _with_rest(lake: Lake, order: Row) -> Row:
    own = str(order["order_id"])
    ends = pl.any_horizontal(pl.col("entry_order_id") == own, pl.col("exit_order_id") == own)
    rest = {
        "fills": _rows(lake, "fills", pl.col("order_id") == own),
        "trades": _rows(lake, "trades", ends),
    }
    return {**order, **rest}


def _rows(lake: Lake, kind: str, where: pl.Expr) -> list[Row]:
    name = LIVE_TABLES[kind]
    if lake.version(name, None) is None:
        return []
    return lake.read(name, None).filter(where).to_dicts()


def _not_written(where: Where, asked: Asked) -> UnknownName:
    if not where.journals and where.lake.version(LIVE_TABLES["decisions"], None) is None:
        return UnknownName(
            f"No journal of the trader is here to look {asked.id} up in. Set ROONEY_STATE to the "
            "trader's folder, or ROONEY_LIVE_JOURNAL to its journal, or run `rooney-live rehearse`."
        )
    near = ", ".join(journals.nearest(where.journals, asked)) or f"nothing of {asked.symbol}"
    told = ", ".join(str(one) for one in where.journals) or "the lake's live_decisions"
    return UnknownName(f"{asked.id} is not in {told}. Nearest there: {near}.")
