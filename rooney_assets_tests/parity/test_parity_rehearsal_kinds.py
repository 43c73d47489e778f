"""The trader's journal against the batch for nights, orders, targets, trails, peers and rolls.

Releases are put together here without training: a model that hides no difference decides on some
symbols, and on the others every entry is taken.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
import yaml
from odd_variants import ODD, PEER
from small_release import CHECKOUT, write
from test_parity_decisions import FoldedModel

from rooney_core.backtest import CostModel
from rooney_core.decision import DecisionBundle, batch_decisions, filtered_trades
from rooney_core.features import FeedNames, Feeds, feature_names
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Universe
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import session_bars
from rooney_core.market.simulation import SimulatedMarket, simulate_bars
from rooney_core.release import ProductionConfig, Release, ReleaseRow
from rooney_core.strategies import VARIANTS
from rooney_core.strategies.peers import PeerSessions
from rooney_live.journal import Journal
from rooney_live.rehearsal.rehearse import rehearse

MARKET = SimulatedMarket(first_session=date(2019, 1, 2), last_session=date(2020, 12, 31))
N_SESSIONS = 80
REFERENCES = ("SIM_ZN",)
TRADED = ("SIM_ES", "SIM_NQ", "SIM_RTY", "SIM_CL", "SIM_GC", "SIM_SI")
CATALOGUE = {
    "SIM_ES": ("spread_index_pair", {"window_sessions": 20, "enter_beyond": 1.0}),
    "SIM_NQ": ("spread_group_ibs", {}),
    "SIM_RTY": ("breakout_volatility", {}),
    "SIM_CL": ("gap_down_fade", {}),
    "SIM_GC": ("ibs_daily", {}),
    "SIM_SI": ("trend_sma_fast", {}),
}
DRAWN = dict(zip(TRADED, reversed(ODD), strict=True))
HELD = {"IN_POSITION", "EXIT_PENDING", "VETOED_TRADE_OPEN"}


def universe() -> Universe:
    """The simulated symbols, and a peer that nobody trades here."""
    shipped = Universe.parse(yaml.safe_load((CHECKOUT / "universe.yaml").read_text()), "shipped")
    named = {one.symbol: one for one in shipped.instruments}
    hours = tuple(1.0 + hour % 3 for hour in range(24))
    traded = [named[one].model_copy(update={"slippage_by_hour": hours}) for one in TRADED]
    peer = named["SIM_NQ"].model_copy(update={"symbol": PEER, "partner": None})
    return Universe(instruments=(*traded, peer, *(named[one] for one in REFERENCES)))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Bars of everything, in memory and as a lake."""
    known, lake = universe(), tmp_path_factory.mktemp("lake")
    bars = {}
    for one in known.instruments:
        raw = simulate_bars(one, MARKET)
        bars[one.symbol] = stitch(raw, find_rolls(raw, one), one)
        folder = f"symbol={one.symbol}/current.parquet"
        write(bars[one.symbol], lake / "continuous_bars" / folder)
        write(session_bars(bars[one.symbol], one), lake / "session_bars" / folder)
    return SimpleNamespace(universe=known, bars=bars, lake=lake)


def strategy(kind, symbol):
    if kind == "catalogue":
        name, params = CATALOGUE[symbol]
        return VARIANTS[name], VARIANTS[name].parse_params(params)
    variant = ODD[DRAWN[symbol]]
    return variant, variant.parse_params({"window": 30})


def bundle_of(kind, symbol, known):
    variant, params = strategy(kind, symbol)
    with_model = symbol in ("SIM_NQ", "SIM_RTY", "SIM_GC")
    peers = known.peers_of(symbol) if variant.peers != "none" else ()
    names = FeedNames.of(known, symbol)
    return DecisionBundle(
        instrument=known[symbol],
        variant=variant,
        params=params,
        costs=CostModel.of(known[symbol]),
        model=FoldedModel(feature_names(names)) if with_model else None,
        threshold=0.5 if with_model else 0.0,
        feed_names=names,
        peer_symbols=peers if kind == "catalogue" else (PEER,),
    )


def release_of(kind, known):
    bundles = {symbol: bundle_of(kind, symbol, known) for symbol in TRADED}
    rows = [
        ReleaseRow(
            symbol=symbol,
            size=1 + index % 2 if symbol in bundles else 0,
            reason="because",
            peers=bundles[symbol].peer_symbols if symbol in bundles else (),
            daily_symbols=FeedNames.of(known, symbol).daily,
            hourly_symbols=FeedNames.of(known, symbol).hourly,
            partner=FeedNames.of(known, symbol).partner,
            commission_per_contract_usd=known[symbol].commission_per_contract_usd,
            slippage_ticks=known[symbol].slippage_ticks,
            instrument=known[symbol],
        )
        for index, symbol in enumerate((*TRADED, PEER))
    ]
    config = ProductionConfig(
        release_id=kind,
        rebalance_month="2021-01",
        production_model_version="none",
        max_positions=20,
        reference_symbols=REFERENCES,
        reference_instruments=tuple(known[one] for one in REFERENCES),
        data_through=MARKET.last_session,
        is_simulated=True,
        approved_until=MARKET.last_session,
        mandate_version="of-a-test",
        rows=tuple(rows),
    )
    return Release(config, bundles)


@pytest.fixture(scope="module", params=["catalogue", "drawn"])
def rehearsed(request, world, tmp_path_factory):
    """The release and what the journal has of its rehearsal, by table."""
    release = release_of(request.param, world.universe)
    path = tmp_path_factory.mktemp("state") / "journal.sqlite"
    with Journal.open(path) as journal:
        report = rehearse(release, world.lake, journal, N_SESSIONS, simulated=None)
        tables = {
            name: journal.query(f"SELECT * FROM {name}")
            for name in ("decisions", "orders", "fills", "trades", "events")
        }
    return SimpleNamespace(
        kind=request.param,
        release=release,
        report=report,
        **tables,
    )


def in_batch(world, bundle):
    """(decisions, trades, trades without a veto) of the whole history at once."""
    symbol = bundle.instrument.symbol
    bars = BarArrays.from_frame(world.bars[symbol], bundle.instrument)

    def sessions_of(one):
        return session_bars(world.bars[one], world.universe[one])

    names = bundle.feed_names
    days = {one: sessions_of(one) for one in names.symbols}
    feeds = Feeds.from_tables(names, world.bars, days)
    peers = {one: PeerSessions.from_session_bars(sessions_of(one)) for one in bundle.peer_symbols}
    every = replace(bundle, model=None, threshold=0.0)
    return (
        batch_decisions(bars, bundle, feeds, peers),
        filtered_trades(bars, bundle, feeds, peers),
        filtered_trades(bars, every, feeds, peers),
    )


def first_live(world, rehearsed, symbol):
    first = date.fromisoformat(rehearsed.report.sessions[0])
    return world.bars[symbol].filter(pl.col("session") >= first)["bar_end"][0]


def test_the_trader_s_own_answer_finds_no_difference(rehearsed):
    """Nights, orders, targets, trails, peers and rolls, and what was held from before."""
    parity = rehearsed.report.parity
    assert parity["n_unexplained"] == 0, parity["differences"]
    assert parity["n_decisions"] == len(rehearsed.decisions)
    assert parity["n_trades"] == len(rehearsed.trades) > 0


@pytest.mark.parametrize("symbol", TRADED)
def test_every_decision_and_trade_is_the_batch_one(world, rehearsed, symbol):
    bundle = rehearsed.release.bundles[symbol]
    decisions, trades, every = in_batch(world, bundle)
    start = first_live(world, rehearsed, symbol)
    # The trade that was open when the first bar came is the strategy's, and not the account's.
    before = every.filter((pl.col("signal_time") < start) & (pl.col("exit_time") >= start))
    inherited = before["exit_time"].max() or start
    rows = [one for one in rehearsed.decisions if one["symbol"] == symbol]
    names = ("bar_end_us", "code", "action", "side", "probability")
    recorded = {row["bar_end_us"]: tuple(row[name] for name in names) for row in rows}
    expected = {
        row[0]: row
        for row in decisions.filter(pl.col("bar_end") >= start)
        .select(pl.col("bar_end").dt.timestamp("us"), *names[1:])
        .iter_rows()
    }
    assert recorded.keys() == expected.keys()
    limit = int(inherited.timestamp()) * 1_000_000
    for moment, row in expected.items():
        if moment > limit or not before.height:
            assert recorded[moment] == row
        elif row[1] in HELD:
            assert recorded[moment][1:3] == ("VETOED_TRADE_OPEN", "none")
    own = [one for one in rehearsed.trades if one["symbol"] == symbol]
    theirs = trades.filter(pl.col("signal_time") >= start)
    assert [trade_facts(one) for one in own] == batch_facts(theirs)
    size = rehearsed.release.sizes[symbol]
    assert [one["net_profit_usd"] for one in own] == pytest.approx(
        (theirs["net_profit_usd"] * size).to_list(), abs=1e-6
    )
    assert len(own) > 0


def trade_facts(one):
    times = (one["signal_time_us"], one["entry_time_us"], one["exit_time_us"])
    return (
        *times,
        one["side"],
        one["entry_price"],
        one["exit_price"],
        one["exit_reason"],
        one["rolls"],
    )


def batch_facts(trades):
    return list(
        trades.select(
            *(pl.col(f"{one}_time").dt.timestamp("us") for one in ("signal", "entry", "exit")),
            pl.col("side").cast(pl.Int64),
            "entry_price",
            "exit_price",
            "exit_reason",
            "rolls",
        ).iter_rows()
    )


def test_the_run_has_seen_what_it_is_about(rehearsed):
    reasons = {one["exit_reason"] for one in rehearsed.trades}
    kinds = {one["kind"] for one in rehearsed.orders}
    assert any(one["symbol"] == "SIM_NQ" for one in rehearsed.trades)
    if rehearsed.kind == "drawn":
        assert reasons >= {"SIGNAL", "TIME", "STOP", "TARGET", "TRAIL", "FLAT_TIME"}
        assert kinds == {"market", "stop", "limit"}
        assert {one["code"] for one in rehearsed.events} >= {"ENTRY_LAPSED"}
    else:
        assert any(one["rolls"] for one in rehearsed.trades)
        assert reasons >= {"SIGNAL", "TIME", "TARGET"}
        assert kinds >= {"market", "stop"}


def test_every_action_is_an_order_and_says_what_it_asks_for(rehearsed):
    given = {(one["symbol"], one["decided_at_us"], one["intent"]) for one in rehearsed.orders}
    wanted = {
        (one["symbol"], one["bar_end_us"], one["action"])
        for one in rehearsed.decisions
        if one["action"] == "enter"
    }
    assert wanted == {one for one in given if one[2] == "enter"}
    for one in rehearsed.orders:
        has_level = one["intent"] == "enter" and one["kind"] != "market"
        assert (one["level"] is not None) == has_level
    filled = {one["order_id"] for one in rehearsed.fills}
    bought = [one for one in rehearsed.orders if one["intent"] == "enter"]
    assert {one["exit_order_id"] for one in rehearsed.trades} <= filled
    end = {one["symbol"]: one["bar_end_us"] for one in rehearsed.decisions}
    waiting = sum(one["decided_at_us"] == end[one["symbol"]] for one in bought)
    n_filled = sum(one["order_id"] in filled for one in bought)
    held = len(rehearsed.report.open_positions) - waiting
    assert n_filled == len(rehearsed.trades) + held


def test_a_position_from_before_is_left_alone_and_noted(rehearsed):
    noted = {one["symbol"] for one in rehearsed.events if one["code"] == "HELD_FROM_BEFORE"}
    assert noted, "some strategy held when the first bar came"
    for symbol in noted:
        first = next(one for one in rehearsed.decisions if one["symbol"] == symbol)
        assert not first["code"].startswith(("IN_", "EXIT_", "ENTRY_"))


def test_a_rehearsal_again_is_the_same(world, rehearsed, tmp_path: Path):
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        first = rehearse(rehearsed.release, world.lake, journal, 5, simulated=None)
        again = rehearse(rehearsed.release, world.lake, journal, 5, simulated=None)
    assert first.run_id == again.run_id
    assert again.n_new_decisions == 0
