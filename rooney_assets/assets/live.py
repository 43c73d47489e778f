"""What the trader wrote down, as tables: its journal, landed in the lake and kept for good."""

from __future__ import annotations

import polars as pl

from rooney_assets.feedback import schemas
from rooney_assets.feedback.landing import Landed, landed
from rooney_assets.feedback.reading import Joined, join, opened
from rooney_assets.feedback.schemas import Stored
from rooney_assets.graph.declaration import Here, Made, Partitioning, lake_asset
from rooney_core.market.instruments import Universe

ROOMS = ("rooney_assets.feedback.landing", "rooney_assets.feedback.reading")
MORE_ROOMS = (*ROOMS, "rooney_assets.feedback.schemas")
GROUP = "live"
JOURNAL = Partitioning.JOURNAL
KINDS = ("sqlite", "polars", "parquet")

FILLS_SHOWN = {
    **schemas.FILLS_SCHEMA,
    "release_id": pl.String(),
    "contract": pl.String(),
    "intent": pl.String(),
    "side": pl.Int64(),
    "order_kind": pl.String(),
    "origin": pl.String(),
    "expected_at": schemas.TIME,
    "expected_price": pl.Float64(),
    "expected_commission_usd": pl.Float64(),
}
REPORTED_COLUMNS = ("reported_entry_price", "reported_exit_price", "reported_net_profit_usd")


@lake_asset(group=GROUP, rooms=MORE_ROOMS, partitioning=JOURNAL, kinds=KINDS)
def live_runs(here: Here) -> Made:
    """The trader's runs, live or rehearsed, with how much is on record of each.

    Of the journal as it was landed (a copy by SQLite's own backup, in the lake's `_live`), and of
    every one that was landed before: a run is never lost. A stretch under one release and one code
    is one run. Empty without a journal. Beside it: `live_runs_events`, `live_runs_controls`.
    """
    known = _known(here)
    found = landed(here.lake)
    if found is None:
        tables = {"events": schemas.EVENTS, "controls": schemas.CONTROLS}
        beside = {name: _empty_or(here, name, of) for name, of in tables.items()}
        runs = pl.DataFrame(schema=schemas.RUNS_SCHEMA) if known is None else known
        return Made(runs, beside=beside, notes={"journal": "none was landed"})
    with opened(found) as journal:
        runs = journal.runs()
        events, controls = (journal.rows_of(one) for one in (schemas.EVENTS, schemas.CONTROLS))
    of_runs = Stored("runs", schemas.RUNS_SCHEMA, ("run_id",), {}, {}, is_settled=False)
    joined = join(known, runs, of_runs)
    beside = {
        "events": join(_beside(here, "events"), events, schemas.EVENTS).table,
        "controls": join(_beside(here, "controls"), controls, schemas.CONTROLS).table,
    }
    notes = {"journal": str(found.path), "schema": found.schema, "runs": joined.table.height}
    return Made(joined.table.sort("started_at", "run_id"), beside=beside, notes=notes)


@lake_asset(group=GROUP, rooms=MORE_ROOMS, partitioning=JOURNAL, kinds=KINDS)
def live_decisions(here: Here, live_runs: pl.DataFrame) -> Made:
    """Every decision that the trader made, with its code, and what the model was shown and said.

    Read from the last known bar of each run on. What is on record is never changed: a journal that
    tells it otherwise is `live_decisions_contradicted`, and a check fails.
    """
    return _ingested(here, schemas.DECISIONS, with_cursor=True)


@lake_asset(group=GROUP, rooms=MORE_ROOMS, partitioning=JOURNAL, kinds=KINDS)
def live_orders(here: Here, live_runs: pl.DataFrame) -> Made:
    """Every order that the trader wanted, with where it stands: the state that it reached last."""
    made = _ingested(here, schemas.ORDERS)
    # A replay's orders leave it to their run to say under which release they were given.
    of_run = live_runs.select("run_id", of_run=pl.col("release_id"))
    named = pl.when(pl.col("release_id") != "").then("release_id").otherwise("of_run")
    table = made.table.join(of_run, on="run_id", how="left", maintain_order="left").with_columns(
        release_id=named
    )
    return Made(table.select(tuple(schemas.ORDERS_SCHEMA)), notes=made.notes)


@lake_asset(group=GROUP, rooms=MORE_ROOMS, partitioning=JOURNAL, kinds=KINDS)
def live_fills(here: Here, live_orders: pl.DataFrame) -> Made:
    """Fills by source: `expected` by the paper account, `reported` by the broker; beside each the
    expectation of the same order, and what order it was."""
    made = _ingested(here, schemas.FILLS)
    told = ("release_id", "contract", "intent", "side", "order_kind", "origin")
    expected = made.table.filter(pl.col("fill_source") == "expected").select(
        "order_id",
        expected_at=pl.col("filled_at"),
        expected_price=pl.col("fill_price"),
        expected_commission_usd=pl.col("fill_commission_usd"),
    )
    table = (
        made.table.select(tuple(schemas.FILLS_SCHEMA))
        .join(live_orders.select("order_id", *told), on="order_id", how="left")
        .join(expected, on="order_id", how="left")
        .select(tuple(FILLS_SHOWN))
        .sort("filled_at", "order_id", "fill_source")
    )
    return Made(table, notes=made.notes)


@lake_asset(group=GROUP, rooms=MORE_ROOMS, partitioning=JOURNAL, kinds=KINDS)
def live_trades(here: Here, live_fills: pl.DataFrame, live_runs: pl.DataFrame) -> Made:
    """Round trips of the paper account, and the same at the broker's prices where both ends were
    reported: the net profit is of what was filled, rolls as the paper account counted them."""
    made = _ingested(here, schemas.TRADES)
    stored = with_exits(made.table.select(tuple(schemas.TRADES_SCHEMA)), live_fills)
    releases = live_runs.select("run_id", "mode", "release_id")
    table = with_reported(stored, live_fills, here.universe).join(
        releases, on="run_id", how="left", maintain_order="left"
    )
    return Made(table.sort("exit_time", "entry_order_id"), beside=made.beside, notes=made.notes)


def with_exits(trades: pl.DataFrame, fills: pl.DataFrame) -> pl.DataFrame:
    """The trades with `exit_fill_order_id`: the order whose reported fill ended each.

    The paper account's own exit where the broker reported that; else the first exit that the
    account knows nothing of (a flatten, the deadline, the monitor) between entry and exit.
    """
    reported = fills.filter(pl.col("fill_source") == "reported")
    known = set(reported["order_id"])
    others = reported.filter((pl.col("intent") == "exit") & pl.col("expected_at").is_null())
    strange, named = others.sort("filled_at").to_dicts(), []
    for trade in trades.sort("entry_time").iter_rows(named=True):
        name = trade["exit_order_id"] if trade["exit_order_id"] in known else None
        if name is None and trade["entry_order_id"] in known:
            within = (
                one
                for one in strange
                if one["symbol"] == trade["symbol"]
                and trade["entry_time"] <= one["filled_at"] <= trade["exit_time"]
            )
            found = next(within, None)
            if found is not None:
                strange.remove(found)
                name = found["order_id"]
        named.append((trade["entry_order_id"], name))
    schema = {"entry_order_id": pl.String, "exit_fill_order_id": pl.String}
    ends = pl.DataFrame(named, schema=schema, orient="row")
    return trades.join(ends, on="entry_order_id", how="left", maintain_order="left")


def with_reported(trades: pl.DataFrame, fills: pl.DataFrame, universe: Universe) -> pl.DataFrame:
    """Trades (with `exit_fill_order_id`) with REPORTED_COLUMNS; null where an end was not
    reported."""
    worth = {one.symbol: one.multiplier for one in universe.instruments}
    table = trades
    for leg in ("entry", "exit"):
        for source, name in (("reported", f"reported_{leg}"), ("expected", f"expected_{leg}")):
            key = "exit_fill_order_id" if name == "reported_exit" else f"{leg}_order_id"
            one = fills.filter(pl.col("fill_source") == source).select(
                pl.col("order_id").alias(key),
                pl.col("fill_price").alias(f"{name}_price"),
                pl.col("size").alias(f"{name}_size"),
                pl.col("fill_commission_usd").alias(f"{name}_commission_usd"),
            )
            table = table.join(one, on=key, how="left", maintain_order="left")
    multiplier = pl.col("symbol").replace_strict(worth, default=None, return_dtype=pl.Float64)
    filled = pl.min_horizontal("reported_entry_size", "reported_exit_size")
    gross = pl.col("side") * multiplier

    def points(of: str) -> pl.Expr:
        ends = (f"{of}_exit_price", f"{of}_entry_price")
        return pl.col(ends[0]) - pl.col(ends[1]) - pl.col("roll_gap")

    paid = {
        of: pl.col(f"{of}_entry_commission_usd") + pl.col(f"{of}_exit_commission_usd")
        for of in ("reported", "expected")
    }
    # What rolls on the way cost is in the paper account's net alone.
    between = pl.col("net_profit_usd") - (
        gross * points("expected") * pl.col("size") - paid["expected"]
    )
    net = gross * points("reported") * filled - paid["reported"] + between * filled / pl.col("size")
    both = (
        pl.col("reported_entry_price").is_not_null() & pl.col("reported_exit_price").is_not_null()
    )
    return table.with_columns(reported_net_profit_usd=pl.when(both).then(net)).select(
        *trades.columns, *REPORTED_COLUMNS
    )


def _ingested(here: Here, stored: Stored, *, with_cursor: bool = False) -> Made:
    """The journal's table joined to what the lake has of it."""
    known = _known(here)
    found = landed(here.lake)
    if found is None:
        table = pl.DataFrame(schema=stored.schema) if known is None else known
        return Made(table, beside={"contradicted": pl.DataFrame(schema=stored.schema)})
    joined = _joined(found, known, stored, with_cursor)
    notes = {"new": joined.n_new, "on record": joined.table.height}
    return Made(joined.table, beside={"contradicted": joined.contradicted}, notes=notes)


def _joined(found: Landed, known: pl.DataFrame | None, stored: Stored, with_cursor: bool) -> Joined:
    since: list[tuple[str, int]] = []
    if with_cursor and known is not None:
        last = known.group_by("run_id").agg(pl.col("bar_end").max().dt.timestamp("us"))
        since = list(last.iter_rows())
    mine = None if known is None else known.select(tuple(stored.schema))
    with opened(found) as journal:
        joined = join(mine, journal.rows_of(stored, since), stored)
        more = journal.runs_with_more(stored, joined.table) if since else set()
        if more:
            # A symbol that fell behind was decided on later than another one's next bar.
            since = [one for one in since if one[0] not in more]
            joined = join(mine, journal.rows_of(stored, since), stored)
    return joined


def _known(here: Here) -> pl.DataFrame | None:
    """What the lake holds of this asset; None before the first time."""
    if here.lake.version(here.asset, None) is None:
        return None
    return here.lake.read(here.asset, None)


def _beside(here: Here, name: str) -> pl.DataFrame | None:
    if here.lake.version(here.asset, None) is None:
        return None
    return here.lake.beside(here.asset, None).get(name)


def _empty_or(here: Here, name: str, stored: Stored) -> pl.DataFrame:
    known = _beside(here, name)
    return pl.DataFrame(schema=stored.schema) if known is None else known
