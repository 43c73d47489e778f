"""The real trader's record held to the replay; each tampering is seen and put down to its cause."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import yaml
from live_lake import CL, ES, FACTS, N_SESSIONS, ROOT, SIZES, LiveLake, live_lake, report_fills
from small_release import Parts, universe

from rooney_assets.feedback.followed import of_mode
from rooney_assets.graph.declaration import Made
from rooney_core.market.instruments import Universe
from rooney_live.journal_schema import SCHEMA_VERSION

SCHEMA_OF_REPORTS = 4
reports = pytest.mark.skipif(
    SCHEMA_VERSION < SCHEMA_OF_REPORTS, reason="this trader's journal has no reported fills"
)


def parity(live: LiveLake, symbol: str) -> Made:
    live.ingest()
    return live.make("parity_report", symbol)


def by_cause(made: Made) -> dict[str, float]:
    """Differences by cause with their USD."""
    table = made.beside["differences"].group_by("cause").agg(pl.col("difference_usd").sum())
    return dict(table.sort("cause").iter_rows())


def is_explained(live: LiveLake, made: Made, symbol: str) -> bool:
    return live.look("parity_report", "no_difference_is_unexplained", made, symbol).passed


@pytest.mark.parametrize("symbol", [ES, CL])
def test_the_real_trader_s_days_have_no_difference(live: LiveLake, symbol: str) -> None:
    made = parity(live, symbol)
    assert made.table["session"].n_unique() == N_SESSIONS
    assert made.beside["differences"].is_empty()
    trades = live.lake.read("live_trades", None).filter(pl.col("symbol") == symbol)
    assert made.table["live_pnl_usd"].sum() == pytest.approx(trades["net_profit_usd"].sum())
    assert trades.height > 0
    assert is_explained(live, made, symbol)
    for check in ("causes_add_up", "every_run_was_replayed", "live_profit_is_the_record_s"):
        assert live.look("parity_report", check, made, symbol).passed, check
    assert made.beside["runs"]["is_replayed"].all()


def _entry(live: LiveLake, symbol: str = ES) -> str:
    with live.writing() as journal:
        row = journal.execute(
            "SELECT entry_order_id FROM trades WHERE symbol = ? ORDER BY entry_time_us LIMIT 1",
            (symbol,),
        ).fetchone()
    return str(row[0])


def _at(live: LiveLake, order: str) -> int:
    with live.writing() as journal:
        row = journal.execute(
            "SELECT decided_at_us FROM orders WHERE order_id = ?", (order,)
        ).fetchone()
    return int(row[0])


def _other_code(live: LiveLake) -> None:
    """A decision that nothing on record explains."""
    with live.writing() as journal:
        journal.execute(
            "UPDATE decisions SET code = 'ENTER', action = 'enter' WHERE symbol = ? AND "
            "code = 'NO_SIGNAL' AND bar_end_us = (SELECT max(bar_end_us) FROM decisions "
            "WHERE symbol = ? AND code = 'NO_SIGNAL')",
            (ES, ES),
        )


def _other_profit(live: LiveLake) -> None:
    with live.writing() as journal:
        journal.execute(
            "UPDATE trades SET net_profit_usd = net_profit_usd + 50 WHERE entry_order_id = ?",
            (_entry(live),),
        )


def _other_probability(live: LiveLake) -> None:
    with live.writing() as journal:
        journal.execute(
            "UPDATE decisions SET probability = probability + 0.01 WHERE symbol = ? AND "
            "bar_end_us = ?",
            (ES, _at(live, _entry(live))),
        )


def _other_close(live: LiveLake) -> None:
    """The bar was another one when it was decided on, and so was the decision."""
    with live.writing() as journal:
        journal.execute(
            "UPDATE decisions SET close = close + 1, probability = probability + 0.01 "
            "WHERE symbol = ? AND bar_end_us = ?",
            (ES, _at(live, _entry(live))),
        )


def _other_feature(live: LiveLake) -> None:
    moment = _at(live, _entry(live))
    with live.writing() as journal:
        row = journal.execute(
            "SELECT features FROM decisions WHERE symbol = ? AND bar_end_us = ?", (ES, moment)
        ).fetchone()
        shown = json.loads(row[0])
        name = next(one for one, value in shown.items() if value is not None)
        shown[name] += 0.5
        journal.execute(
            "UPDATE decisions SET features = ?, probability = probability + 0.01 "
            "WHERE symbol = ? AND bar_end_us = ?",
            (json.dumps(shown), ES, moment),
        )


def _other_size(live: LiveLake) -> None:
    with live.writing() as journal:
        journal.execute(
            "UPDATE trades SET size = 1, commission_usd = commission_usd / 2, "
            "net_profit_usd = net_profit_usd / 2 WHERE entry_order_id = ?",
            (_entry(live),),
        )


@pytest.mark.parametrize(
    ("tamper", "cause"),
    [
        (_other_code, "unexplained"),
        (_other_profit, "unexplained"),
        (_other_probability, "unexplained"),
        (_other_close, "data"),
        (_other_feature, "data"),
        (_other_size, "sizing"),
    ],
)
def test_what_was_changed_is_found_and_named(
    live: LiveLake, tamper: Callable[[LiveLake], None], cause: str
) -> None:
    tamper(live)
    made = parity(live, ES)
    assert set(by_cause(made)) == {cause}
    assert is_explained(live, made, ES) == (cause != "unexplained")
    found = live.look("parity_report", "no_difference_is_unexplained", made, ES)
    if cause == "unexplained":
        assert found.sample is not None
        assert found.sample.height == made.table["n_unexplained"].sum()


def test_decided_by_other_code_is_the_model_s_or_the_signal_s(live: LiveLake) -> None:
    _other_probability(live)
    _other_code(live)
    table = "runs" if SCHEMA_VERSION >= SCHEMA_OF_REPORTS else "rehearsals"
    with live.writing() as journal:
        journal.execute(f"UPDATE {table} SET code_version = 'anothercode'")
    made = parity(live, ES)
    assert set(by_cause(made)) == {"model", "signal"}
    assert is_explained(live, made, ES)


def test_bars_that_were_revised_since_are_data_with_their_dollars(live: LiveLake) -> None:
    """The lake's bar of an entry is moved: its trade is worth another amount now."""
    live.ingest()
    trade = live.lake.read("live_trades", None).filter(pl.col("symbol") == ES).row(0, named=True)
    bars = live.lake.read("continuous_bars", ("symbol", ES))
    moved = pl.col("bar_start") == trade["entry_time"]
    shift = [
        pl.when(moved).then(pl.col(name) + 3.0).otherwise(name).alias(name)
        for name in ("open", "high", "low", "close")
    ]
    live.lake.write("continuous_bars", ("symbol", ES), bars.with_columns(shift), FACTS)
    made = parity(live, ES)
    assert set(by_cause(made)) == {"data"}
    assert by_cause(made)["data"] != 0.0
    assert is_explained(live, made, ES)
    assert live.look("parity_report", "live_profit_is_the_record_s", made, ES).passed


@pytest.mark.parametrize("leg", ["entry", "exit"])
def test_an_open_that_was_revised_since_is_data_with_its_dollars(live: LiveLake, leg: str) -> None:
    """The open alone is moved, inside the bar: no close, no feature and no decision changes."""
    live.ingest()
    trades = live.lake.read("live_trades", None).filter(
        (pl.col("symbol") == ES) & pl.col("exit_reason").is_in(["SIGNAL", "TIME"])
    )
    trade, one = trades.row(0, named=True), universe()[ES]
    bars = live.lake.read("continuous_bars", ("symbol", ES))
    place = pl.col("bar_start") == trade[f"{leg}_time"]
    moved = pl.when(place).then(pl.col("open") + one.tick_size)
    revised = bars.with_columns(moved.otherwise("open").alias("open")).with_columns(
        pl.max_horizontal("open", "high").alias("high")
    )
    live.lake.write("continuous_bars", ("symbol", ES), revised, FACTS)
    made = parity(live, ES)
    # Live bought, or sold, a tick below what the bar opens at now.
    worth = trade["side"] * one.tick_size * one.multiplier * trade["size"]
    assert by_cause(made) == {"data": pytest.approx(worth if leg == "entry" else -worth)}
    (difference,) = made.beside["differences"].to_dicts()
    assert "when the paper account filled there, now" in difference["proof"]
    assert is_explained(live, made, ES)


def test_a_price_that_only_the_trade_has_stays_unexplained(live: LiveLake) -> None:
    """The paper account's fill and the lake's bar agree, so that no vendor is to blame."""
    with live.writing() as journal:
        journal.execute(
            "UPDATE trades SET entry_price = entry_price + 1, net_profit_usd = net_profit_usd - "
            "side * size * ? WHERE entry_order_id = ?",
            (universe()[ES].multiplier, _entry(live)),
        )
    made = parity(live, ES)
    assert set(by_cause(made)) == {"unexplained"}
    assert not is_explained(live, made, ES)


def test_a_bar_that_never_reached_the_trader_is_data(live: LiveLake) -> None:
    with live.writing() as journal:
        journal.execute(
            "DELETE FROM decisions WHERE symbol = ? AND bar_end_us = (SELECT bar_end_us FROM "
            "decisions WHERE symbol = ? AND code = 'NO_SIGNAL' ORDER BY bar_end_us LIMIT 1)",
            (ES, ES),
        )
    assert set(by_cause(parity(live, ES))) == {"data"}


def test_a_release_that_the_lake_does_not_hold_is_told(live: LiveLake, parts: Parts) -> None:
    folder = live.lake.root / "production_config"
    shutil.rmtree(folder)
    made = parity(live, ES)
    assert made.table.is_empty()
    (run,) = made.beside["runs"].to_dicts()
    assert not run["is_replayed"]
    assert "holds no release" in run["why_not"]
    assert not live.look("parity_report", "every_run_was_replayed", made, ES).passed


@reports
def test_the_broker_s_fills_are_explained_and_learnt_from(live: LiveLake) -> None:
    """Every fill a tick worse than expected, at 1.75 USD: what it cost is told to the cent."""
    live = live.with_limits(min_fills=4, refresh_fills=2)
    live.ingest()
    report_fills(live, 1.0, 1.75)
    made = parity(live, ES)
    one = universe()[ES]
    trades = live.lake.read("live_trades", None).filter(pl.col("symbol") == ES)
    contracts = trades["size"].sum()
    found = by_cause(made)
    assert found["fill"] == pytest.approx(-2.0 * contracts * one.tick_size * one.multiplier)
    extra = 1.75 - one.commission_per_contract_usd
    assert found["cost"] == pytest.approx(-2.0 * contracts * extra)
    assert set(found) == {"fill", "cost"}
    assert is_explained(live, made, ES)
    assert live.look("parity_report", "live_profit_is_the_record_s", made, ES).passed
    net = trades["reported_net_profit_usd"].sum()
    assert made.table["live_pnl_usd"].sum() == pytest.approx(net)
    cost = live.make("cost_model", ES)
    row = cost.table.row(0, named=True)
    # Half a tick was assumed, and a tick came on top; nothing varies.
    assert (row["cost_basis"], row["slippage_ticks"]) == ("own_fills", 1.5)
    assert row["commission_per_contract_usd"] == 1.75
    assert cost.beside["fills"].height == 2 * trades.height
    assert row["n_fills_used"] == 2 * trades.height


@reports
def test_a_flatten_that_the_paper_account_knows_nothing_of(live: LiveLake) -> None:
    """A person left the first position early, at a price of his own: timing, to the cent."""
    live.ingest()
    trades = live.lake.read("live_trades", None).filter(pl.col("symbol") == ES)
    trade = trades.sort("entry_time").row(0, named=True)
    one, early = (
        universe()[ES],
        trade["entry_time"] + (trade["exit_time"] - trade["entry_time"]) / 2,
    )
    at_us, name = int(early.timestamp() * 1_000_000), f"{ES}:1:exit:flatten"
    price = trade["exit_price"] - trade["side"] * 7 * one.tick_size
    fee = one.commission_per_contract_usd * trade["size"]
    run, side, size = (trade[key] for key in ("run_id", "side", "size"))
    into_fills = (
        "INSERT INTO fills (order_id, source, run_id, symbol, filled_at_us, price, size, "
        "commission_usd) VALUES (?, 'reported', ?, ?, ?, ?, ?, ?)"
    )
    entered_us = int(trade["entry_time"].timestamp() * 1_000_000)
    with live.writing() as journal:
        journal.execute(
            "INSERT INTO orders (order_id, run_id, symbol, decided_at_us, intent, side, size, "
            "reason, kind, origin, state) VALUES (?, ?, ?, ?, 'exit', ?, ?, 'FLATTEN', 'market', "
            "'flatten', 'ACKED')",
            (name, run, ES, at_us, side, size),
        )
        entry = (trade["entry_order_id"], run, ES, entered_us, trade["entry_price"], size, fee)
        journal.execute(into_fills, entry)
        journal.execute(into_fills, (name, run, ES, at_us, price, size, fee))
    made = parity(live, ES)
    assert by_cause(made) == {"timing": pytest.approx(-7 * one.tick_size * one.multiplier * size)}
    told = live.lake.read("live_trades", None).filter(
        pl.col("entry_order_id") == trade["entry_order_id"]
    )
    assert told["exit_fill_order_id"].to_list() == [name]
    assert told["reported_exit_price"].to_list() == [price]
    assert live.look("parity_report", "live_profit_is_the_record_s", made, ES).passed


def test_rehearsed_fills_say_nothing_of_a_real_market(live: LiveLake) -> None:
    live.ingest()
    fills, runs = (live.lake.read(name, None) for name in ("live_fills", "live_runs"))
    assert of_mode(fills, runs, universe()[ES]).height > 0
    shipped = Universe.parse(yaml.safe_load((ROOT / "universe.yaml").read_text()), "shipped")
    real = shipped["ES"]
    assert not real.is_simulated
    of_real = fills.with_columns(symbol=pl.lit("ES"))
    assert of_mode(of_real, runs, real).is_empty()
    traded = runs.with_columns(mode=pl.lit("live"))
    assert of_mode(of_real, traded, real).height == fills.height


def test_live_performance_beside_its_model_s_evaluation(live: LiveLake, parts: Parts) -> None:
    live.ingest()
    live.make("cost_model", ES)
    version = parts.models[ES]["model_version"][0]
    profits = [100.0, -90.0] * 50

    def judged(model: str) -> pl.DataFrame:
        return pl.DataFrame(
            {"symbol": [ES], "model_version": [model], "test_trade_profits_usd": [profits]}
        )

    live.lake.write("model_evaluation", ("symbol", ES), judged(version), FACTS)
    known = live.make("live_performance", ES)
    row = known.table.row(0, named=True)
    trades = live.lake.read("live_trades", None).filter(pl.col("symbol") == ES)
    assert row["n_trades"] == trades.height
    assert row["model_version"] == version
    assert row["expected_win_rate"] == 0.5
    assert row["win_rate"] == pytest.approx((trades["net_profit_usd"] > 0).mean())
    assert row["avg_profit_usd"] == pytest.approx((trades["net_profit_usd"] / SIZES[ES]).mean())
    assert row["live_status"] in ("too_few", "as_expected", "worse")
    # A challenger was evaluated since: what was traded is still held to its own evaluation.
    live.lake.write("model_evaluation", ("symbol", ES), judged("another"), FACTS)
    assert live.make("live_performance", ES).table.equals(known.table)


def test_nothing_was_traded(parts: Parts, tmp_path: Path) -> None:
    live = live_lake(parts, tmp_path)
    live.ingest()
    live.make("cost_model", ES)
    empty = pl.DataFrame(
        {"symbol": [ES], "model_version": ["m"], "test_trade_profits_usd": [[1.0, -1.0]]}
    )
    live.lake.write("model_evaluation", ("symbol", ES), empty, FACTS)
    made = live.make("live_performance", ES)
    row = made.table.row(0, named=True)
    assert (row["live_status"], row["n_trades"], row["win_rate"]) == ("no_trades", 0, None)
    for check in ("is_as_expected", "expectation_is_known"):
        assert live.look("live_performance", check, made, ES).passed
