"""What the factory keeps of a search: every configuration, every return, every fold, no future."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest
from factory_market import ES, NQ, continuous, factory, here, searched, sessions

from rooney_assets.assets.factory import best_strategy, strategy_ranking
from rooney_assets.factory_tables import carried_on, returns_matrix, search_trials
from rooney_assets.graph.columns import describe
from rooney_assets.graph.declaration import Made
from rooney_assets.lake import Lake, ManifestFacts
from rooney_core.backtest import CostModel, run_backtest
from rooney_core.backtest.ranking import RankingCriteria
from rooney_core.errors import NotEnoughData
from rooney_core.strategies import VARIANTS
from rooney_core.strategies.peers import PeerSessions
from rooney_core.validation.overfitting import probability_of_backtest_overfitting
from rooney_core.validation.windows import SPLITS

LUCK = "luck: every configuration's Sharpe"
FACTS = ManifestFacts(run_id="r", code_version="c", git_commit="g")
# What outside checks read, by the architecture document.
CONTRACT = (
    *("symbol", "variant", "params", "annual_sharpe", "n_trades", "trades_per_year"),
    *("max_drawdown", "win_rate", "profit_factor", "net_profit_usd", "walk_forward_sharpe"),
    "is_robust",
)


def in_train(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("session") <= SPLITS.train_end)


def test_every_configuration_has_a_row_and_a_place() -> None:
    table = factory().results.table
    assert set(CONTRACT) <= set(table.columns)
    wanted = sum(len(one.grid()) for one in VARIANTS.values())
    assert table.height == wanted >= 2500
    assert table["trial"].to_list() == list(range(1, wanted + 1))
    assert table.select("variant", "params").n_unique() == wanted


def test_nothing_after_the_train_window_changes_anything() -> None:
    told = factory().results
    cut = searched(in_train(continuous(ES)), {NQ: in_train(sessions(NQ))})
    assert cut.table.equals(told.table)
    assert cut.beside["returns"].equals(told.beside["returns"])
    assert told.beside["returns"]["session"].max() == date(2018, 12, 31)
    assert continuous(ES)["session"].max() > date(2019, 2, 1)  # type: ignore[operator]


def test_rolls_after_the_train_window_change_nothing() -> None:
    """They move every adjusted price before them by one constant, here ones no float64 holds."""
    told = factory().results
    bars, peer = (
        frame.with_columns(pl.col("adjustment") + constant)
        for frame, constant in ((continuous(ES), 1.37), (sessions(NQ), -9.59))
    )
    changed = searched(bars, {NQ: peer})
    assert changed.table.equals(told.table)
    assert changed.beside["returns"].equals(told.beside["returns"])
    assert changed.beside["folds"].equals(told.beside["folds"])


def test_a_symbol_without_a_train_window_is_refused_in_words() -> None:
    late = continuous(ES).filter(pl.col("session") > SPLITS.train_end)
    with pytest.raises(NotEnoughData, match="no bar up to 2018-12-31"):
        searched(late, {})


def test_what_is_undefined_never_leads_an_ordered_answer(tmp_path: Path) -> None:
    made = factory()
    lake = Lake(tmp_path / "lake")
    lake.write("strategy_results", ("symbol", ES), made.results.table, FACTS)
    lake.write("strategy_ranking", ("symbol", ES), made.ranking.table, FACTS)
    traded = made.results.table.filter(pl.col("n_trades") > 0)["annual_sharpe"]
    best = max(one for one in traded.to_list() if one is not None)
    assert made.results.table["n_trades"].min() == 0
    for table in ("strategy_results", "strategy_ranking"):
        asked = f"select annual_sharpe from {table} order by annual_sharpe desc limit 1"
        assert lake.query(asked)["annual_sharpe"][0] == best
        assert lake.query(f"select max(annual_sharpe) as m from {table}")["m"][0] == best


@pytest.mark.parametrize("name", ["ibs_filtered", "meanrev_double_sevens", "spread_index_pair"])
def test_the_kept_returns_are_those_of_a_single_backtest(name: str) -> None:
    """Kept by `trial`, whichever the order; the engine with its tables is the other route."""
    told = factory().results
    rows = told.table.filter(pl.col("variant") == name)
    row = rows.row(rows.height // 2, named=True)
    instrument = here().instrument
    peers = {NQ: PeerSessions.from_session_bars(in_train(sessions(NQ)))}
    variant = VARIANTS[name]
    params = variant.parse_params(row["params"])
    bars = in_train(continuous(ES))
    alone = run_backtest(bars, variant, params, CostModel.of(instrument), instrument, peers)
    kept = returns_matrix(told.beside["returns"])[:, row["trial"] - 1]
    assert told.beside["returns"]["session"].to_list() == alone.daily_returns["session"].to_list()
    exact = alone.daily_returns["daily_return"].to_numpy()
    assert np.allclose(kept, exact, rtol=1e-6, atol=1e-12)
    assert row["n_trades"] == alone.trades.height


def test_returns_survive_the_lake_in_little_room(tmp_path: Path) -> None:
    told = factory().results
    lake = Lake(tmp_path / "lake")
    lake.write("strategy_results", ("symbol", ES), told.table, FACTS, beside=told.beside)
    again = lake.beside("strategy_results", ("symbol", ES))
    assert np.array_equal(returns_matrix(again["returns"]), returns_matrix(told.beside["returns"]))
    as_list = told.beside["returns"].with_columns(pl.col("daily_returns").cast(pl.List(pl.Float32)))
    assert np.array_equal(returns_matrix(as_list), returns_matrix(told.beside["returns"]))
    (file,) = (tmp_path / "lake").rglob("returns.parquet")
    assert file.stat().st_size < 2_000_000
    asked = lake.query(
        "select avg(r) / stddev(r) * sqrt(252) as sharpe from "
        "(select daily_returns[7] as r from strategy_results_returns)"
    )
    told_sharpe = told.table.filter(pl.col("trial") == 7)["annual_sharpe"][0]
    assert asked["sharpe"][0] == pytest.approx(told_sharpe, rel=1e-5)


def test_the_search_as_a_whole_is_judged_on_all_returns() -> None:
    told = factory().results
    matrix = returns_matrix(told.beside["returns"]).astype(np.float64)
    assert told.table["pbo"].unique().to_list() == [probability_of_backtest_overfitting(matrix).pbo]
    assert told.notes["configurations"] == told.table.height
    assert told.notes["last session used"] == date(2018, 12, 31)
    assert told.notes["its logits"]["splits"] == 12_870
    assert "average linkage" in told.notes["effective trials are"]
    trials = search_trials(told.table)
    assert trials.n_raw == told.table.height
    assert trials.n_effective == told.notes["effective trials"] == told.table["cluster"].max()
    # A configuration that never trades is a trial, and in no cluster.
    flat = told.table.filter(pl.col("n_trades") == 0)
    assert set(flat["cluster"]) <= {0}


def test_folds_name_what_was_chosen_before_each_year() -> None:
    told = factory().results
    folds = told.beside["folds"]
    assert set(folds["year"]) == {2017, 2018}
    assert folds.select("variant").n_unique() == len(VARIANTS)
    row = folds.filter(pl.col("variant") == "ibs_filtered", pl.col("year") == 2018).row(
        0, named=True
    )
    returns = told.beside["returns"]
    before, within = (returns["session"] < date(2018, 1, 1)), returns["session"] >= date(2018, 1, 1)
    rows = told.table.filter(pl.col("variant") == "ibs_filtered")
    matrix = returns_matrix(returns)[:, rows["trial"].to_numpy() - 1].astype(np.float64)
    past = matrix[before.to_numpy()]
    best = int(np.argmax(past.mean(axis=0) / past.std(axis=0)))
    assert row["params"] == rows["params"][best]
    year = matrix[within.to_numpy(), best]
    expected = year.mean() / year.std(ddof=1) * np.sqrt(252)
    assert row["annual_sharpe"] == pytest.approx(expected, rel=1e-5)


def test_without_its_partner_a_pair_rule_has_no_signal_and_nothing_else_changes() -> None:
    told, alone = factory().results.table, searched(continuous(ES), {}).table
    pairs = pl.col("variant").is_in([n for n, one in VARIANTS.items() if one.peers != "none"])
    assert alone.filter(pairs)["n_trades"].max() == 0
    assert told.filter(pairs)["n_trades"].max() > 0  # type: ignore[operator]
    compared = ("variant", "params", "annual_sharpe", "n_trades", "net_profit_usd")
    assert alone.filter(~pairs).select(compared).equals(told.filter(~pairs).select(compared))


def test_the_ranking_counts_every_configuration_of_the_search() -> None:
    results, ranking = factory().results.table, factory().ranking.table
    assert ranking.columns[:2] == ["rank", "symbol"]
    assert ranking.height == len(VARIANTS)
    assert ranking["n_trials_raw"].unique().to_list() == [results.height]
    assert ranking["pbo"].unique().to_list() == results["pbo"].unique().to_list()
    wanted = {"deflated_sharpe_z", "deflated_sharpe_prob", "sharpe_at_double_costs"}
    assert wanted | {"sharpe_at_five_costs", "refused_because"} <= set(ranking.columns)


@pytest.mark.parametrize(("least", "carried"), [(-100.0, "winner"), (100.0, "candidate")])
def test_the_best_goes_on_either_way_and_is_marked(least: float, carried: str) -> None:
    criteria = RankingCriteria(
        min_annual_sharpe=least,
        min_trades_per_year=0,
        max_trades_per_year=10_000,
        max_drawdown=1,
        must_be_robust=False,
    )
    results = factory().results.table
    where = here("strategy_ranking")
    changed = type(where)(**{**vars(where), "params": criteria})
    ranking = strategy_ranking.body(changed, results)
    assert isinstance(ranking, Made)
    best = best_strategy.body(here("best_strategy"), ranking.table)
    assert isinstance(best, Made)
    row = best.table.row(0, named=True)
    assert row["carried_as"] == carried
    assert (row["refused_because"] == "") == (carried == "winner")
    able = results.filter(pl.col("n_trades") >= 150)["annual_sharpe"]
    assert row["annual_sharpe"] == able.fill_nan(None).max()


def test_a_variant_with_too_few_trades_is_passed_over() -> None:
    ranking = factory().ranking.table
    names = ranking["variant"].to_list()

    def chosen(*trades: int) -> str:
        counts = pl.Series([*trades, *[0] * (ranking.height - len(trades))])
        table = ranking.with_columns(n_trades=counts).drop("is_carried_on")
        row = table.with_columns(carried_on(table)).filter(pl.col("is_carried_on"))
        assert row.height == 1
        return str(row["variant"][0])

    assert chosen(150, 9_000) == names[0]
    assert chosen(149, 20, 150, 9_000) == names[2]
    assert chosen(149, 20) == names[0]


def test_every_column_has_a_meaning() -> None:
    made = factory()
    tables = [
        made.results.table,
        made.ranking.table,
        made.best.table,
        *made.results.beside.values(),
    ]
    silent = {name for table in tables for name in table.columns if describe(name) is None}
    assert not silent


def test_pictures_are_whole_small_and_show_every_variant() -> None:
    pictures = factory().results.pictures
    assert len(pictures) == 4
    for name, drawn in pictures.items():
        assert isinstance(drawn, str), name
        root = ElementTree.fromstring(drawn)
        assert not [one for one in root.iter() if "script" in one.tag]
        assert len(drawn) < 200_000, name
    for name in ("parameter maps", "walk-forward by year"):
        words = {one.text for one in ElementTree.fromstring(str(pictures[name])).iter()}
        assert set(VARIANTS) <= words


def test_the_line_of_the_worthless_counts_as_many_as_there_are() -> None:
    sharpes = factory().results.table["annual_sharpe"].drop_nulls()
    drawn = ElementTree.fromstring(str(factory().results.pictures[LUCK]))
    (line,) = [one for one in drawn.iter() if one.tag.endswith("polyline")]
    points = np.array([one.split(",") for one in line.get("points", "").split()], float)
    bars = [one for one in drawn.iter() if one.tag.endswith("rect")][1:]
    # The same unit of area: a bar's height stands for a bin as wide as its place.
    widths = {float(one.get("width", 0)) / 0.9 for one in bars}
    floor = points[:, 1].max()
    area = float(np.trapezoid(floor - points[:, 1], points[:, 0])) / max(widths)
    of_bars = sum(float(one.get("height", 0)) for one in bars)
    assert area == pytest.approx(of_bars, rel=0.03)
    assert len(sharpes) > 2500
    # Four years of a Sharpe of 0: its standard error is about a half, and the line is that wide.
    top = points[:, 1].min()
    wide = np.ptp(points[floor - points[:, 1] > 0.6065 * (floor - top), 0]) / max(widths) * 0.1
    assert wide == pytest.approx(2 * 0.5, abs=0.1)


def test_params_are_json_that_the_variant_understands() -> None:
    for variant, params in factory().ranking.table.select("variant", "params").iter_rows():
        assert VARIANTS[variant].parse_params(json.loads(params)) is not None
