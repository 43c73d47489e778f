"""The curve and the month as assets: what is published is drawn, and nothing of it selects."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from planted_market import (
    FIRST,
    FREE,
    INSTRUMENT,
    LAST,
    Sample,
    planted_sample,
    trained,
)

from rooney_assets.assets.portfolio import equity_curve, portfolio_config
from rooney_assets.checks.portfolio import (
    days_are_what_was_published,
    every_symbol_has_a_reason,
    limits_are_kept,
    sizes_fit_the_cash,
    turnover_is_limited,
    volatility_is_the_target,
)
from rooney_assets.graph.declaration import ASSETS, Here, Made
from rooney_assets.graph.plan import basis_of
from rooney_assets.lake import Lake, ManifestFacts, promotions, seal
from rooney_assets.ledger import with_searches
from rooney_assets.mandate import SelectionLimits
from rooney_core.errors import RefusedError
from rooney_core.gates.evaluation import Trials, evaluate
from rooney_core.gates.stress import empty_report
from rooney_core.gates.stress.report import STRESS_SCHEMA
from rooney_core.market.instruments import Universe
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import session_bars
from rooney_core.market.simulation import SimulatedMarket, simulate_bars
from rooney_core.portfolio.settings import PortfolioLimits
from rooney_core.validation.sharpe import annual_sharpe

SYMBOL = INSTRUMENT.symbol
UNIVERSE = Universe(instruments=(INSTRUMENT,))
FACTS = ManifestFacts(run_id="r", code_version="c", git_commit="g")
LIMITS = SelectionLimits()
MONTH = "2026-01"


def here(lake: Lake, asset: str, key: str, params: object, **more: object) -> Here:
    return Here(
        asset=asset,
        partition=key,
        universe=UNIVERSE,
        source=None,
        lake=lake,
        params=params,
        run_id="r",
        code_version="c",
        state_folder=None,
        input_versions={},
        **more,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def made() -> SimpleNamespace:
    """A market whose early entries win, its model, its evaluation, and what is drawn of them."""
    sample: Sample = planted_sample(1, "session_progress", lambda part: part < 0.5, 0.002)
    model = trained(sample)
    row = model.model.to_row(SYMBOL)
    evaluation = evaluate(
        row, sample.known, sample.test, sample.sessions, Trials(10, 1 / len(sample.sessions))
    )
    market = SimulatedMarket(seed=1, first_session=FIRST, last_session=LAST)
    raw = simulate_bars(INSTRUMENT, market)
    bars = session_bars(stitch(raw, find_rolls(raw, INSTRUMENT), INSTRUMENT), INSTRUMENT)
    visible, _ = seal(sample.table)
    found = SimpleNamespace(
        sample=sample,
        model=model.model,
        meta_model=with_searches(row, model),
        model_evaluation=evaluation,
        training_set=visible,
        session_bars=bars,
    )
    found.curve = equity_curve.body(
        here(Lake("nowhere"), "equity_curve", SYMBOL, PortfolioLimits()),
        found.training_set,
        found.meta_model,
        found.model_evaluation,
        found.session_bars,
    )
    return found


def survived(made: SimpleNamespace) -> pl.DataFrame:
    """A stress report that passes gate 2."""
    n = LIMITS.stress.n_scenarios
    row = {
        "symbol": SYMBOL,
        "model_version": made.model_evaluation["model_version"][0],
        "net_profit_usd": 1_000.0,
        "annual_sharpe": 1.0,
        "max_drawdown": -0.05,
        "worst_loss": -0.02,
    }
    return pl.DataFrame([row] * n, schema=STRESS_SCHEMA)


def month(
    made: SimpleNamespace, lake: Lake, key: str = MONTH, limits: object = LIMITS, **other: object
) -> Made:
    """The body of portfolio_config on these tables, some replaced."""
    tables = {
        "equity_curve": made.curve.table,
        "model_evaluation": made.model_evaluation,
        "meta_model": made.meta_model,
        "training_set": made.training_set,
        "stress_report": survived(made),
        **other,
    }
    by_symbol = {name: {} if one is None else {SYMBOL: one} for name, one in tables.items()}
    return portfolio_config.body(here(lake, "portfolio_config", key, limits), **by_symbol)


def code(found: Made) -> str:
    (row,) = found.beside["reasons"].to_dicts()
    return row["code"]


def test_the_days_of_all_windows_are_the_taken_trades_day_by_day(made) -> None:
    table, sample = made.curve.table, made.sample
    probability = made.model.probability(sample.table.select(made.model.features).to_numpy())
    taken = sample.table.filter(pl.Series(probability >= made.model.threshold))
    booked = dict.fromkeys(table["session"].to_list(), 0.0)
    for days, earned in taken.select("held_sessions", "held_pnl_usd").iter_rows():
        for day, one in zip(days, earned, strict=True):
            booked[day] += one
    assert table["daily_pnl_usd"].to_list() == pytest.approx(list(booked.values()), abs=1e-6)
    every = sample.table["net_profit_usd"].sum()
    assert table["unfiltered_daily_pnl_usd"].sum() == pytest.approx(every)
    assert set(table["window"]) == {"train", "validation", "test"}
    assert set(made.curve.beside) == {"benchmarks", "years", "regimes"}


def test_nothing_sealed_was_needed_for_it(made) -> None:
    """The training set that the curve was drawn from has no outcome of a test row."""
    hidden = made.training_set.filter(pl.col("split") == "test")
    assert hidden.height > 0
    assert hidden["held_pnl_usd"].null_count() == hidden.height
    assert made.curve.table.filter(pl.col("window") == "test")["daily_pnl_usd"].abs().sum() > 0


def test_the_check_refuses_test_days_that_nobody_published(made, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.write("model_evaluation", ("symbol", SYMBOL), made.model_evaluation, FACTS)
    place = here(lake, "equity_curve", SYMBOL, PortfolioLimits())
    table = made.curve.table
    assert days_are_what_was_published.look(table, place).passed
    improved = pl.when(pl.col("window") == "test").then(pl.col("daily_pnl_usd").abs())
    forged = table.with_columns(improved.otherwise("daily_pnl_usd").alias("daily_pnl_usd"))
    assert not days_are_what_was_published.look(forged, place).passed
    assert not days_are_what_was_published.look(table.reverse(), place).passed


def test_a_model_that_was_not_evaluated_has_no_curve(made) -> None:
    other = made.model_evaluation.with_columns(pl.lit("another").alias("model_version"))
    place = here(Lake("nowhere"), "equity_curve", SYMBOL, PortfolioLimits())
    with pytest.raises(RefusedError, match="another"):
        equity_curve.body(place, made.training_set, made.meta_model, other, made.session_bars)


def test_a_symbol_that_passed_everything_is_traded(made, tmp_path: Path) -> None:
    found = month(made, Lake(tmp_path))
    (row,) = found.table.to_dicts()
    curve = made.curve.table.filter(pl.col("window") == "validation")
    assert row["sharpe"] == pytest.approx(annual_sharpe(curve["daily_return"].to_numpy()))
    assert row["contract_value_usd"] == made.curve.table["contract_value_usd"][-1]
    own = curve["daily_return"].std() * 252**0.5 * row["contract_value_usd"]
    margin = 0.1 * row["contract_value_usd"]
    assert row["size"] == min(int(0.15 * 250_000 / own), int(125_000 / margin))
    place = here(Lake(tmp_path), "portfolio_config", MONTH, LIMITS, beside=found.beside)
    for check in (
        limits_are_kept,
        sizes_fit_the_cash,
        volatility_is_the_target,
        turnover_is_limited,
        every_symbol_has_a_reason,
    ):
        assert check.look(found.table, place).passed, check.name
    assert found.notes["against the month before"] == f"+ {SYMBOL}"


def test_test_days_choose_nobody(made, tmp_path: Path) -> None:
    """Other test days, that pass the gates as well, leave every row as it was."""
    curve = made.curve.table
    known, tested = (
        curve.filter(one) for one in (pl.col("window") != "test", pl.col("window") == "test")
    )
    days = ("daily_pnl_usd", "daily_return")
    turned = tested.with_columns(pl.col(days).reverse() * 1.5)
    found = month(made, Lake(tmp_path), equity_curve=pl.concat([known, turned]))
    expected = month(made, Lake(tmp_path))
    assert found.table.equals(expected.table)
    assert all(found.beside[name].equals(one) for name, one in expected.beside.items())


def test_a_dearer_contract_is_held_in_smaller_numbers(made, tmp_path: Path) -> None:
    dear = made.curve.table.with_columns(pl.col("contract_value_usd") * 2.0)
    before, after = month(made, Lake(tmp_path)), month(made, Lake(tmp_path), equity_curve=dear)
    assert after.table["size"][0] <= before.table["size"][0] / 2
    assert after.table["sharpe"].equals(before.table["sharpe"])


def test_only_prices_from_before_the_month_count(made, tmp_path: Path) -> None:
    begins = date(2023, 6, 1)
    later = pl.when(pl.col("session") >= begins).then(9e9).otherwise("contract_value_usd")
    curve = made.curve.table.with_columns(later.alias("contract_value_usd"))
    found = month(made, Lake(tmp_path), key="2023-06", equity_curve=curve)
    last = made.curve.table.filter(pl.col("session") < begins)["contract_value_usd"][-1]
    assert found.table["contract_value_usd"].to_list() == [last]
    assert code(month(made, Lake(tmp_path), key="2010-01")) == "no_price"


def test_who_is_stopped_is_told_by_whom(made, tmp_path: Path) -> None:
    lake, evaluation, curve = Lake(tmp_path), made.model_evaluation, made.curve.table
    weak = evaluation.with_columns(pl.lit(0.2).alias("test_sharpe"))
    assert code(month(made, lake, model_evaluation=weak)) == "verdict_failed"
    other = made.meta_model.with_columns(pl.lit("another").alias("model_version"))
    assert code(month(made, lake, meta_model=other)) == "other_model"
    assert code(month(made, lake, equity_curve=None)) == "other_model"
    assert code(month(made, lake, model_evaluation=None)) == "not_evaluated"
    lost = pl.when(pl.col("window") == "test").then(-900.0).otherwise("daily_pnl_usd")
    losing = curve.with_columns(lost.alias("daily_pnl_usd"))
    assert code(month(made, lake, equity_curve=losing)) == "backtest_gate_failed"
    assert code(month(made, lake, stress_report=None)) == "stress_gate_failed"
    assert code(month(made, lake, stress_report=empty_report())) == "stress_gate_failed"
    sunk = survived(made).with_columns(pl.lit(-0.95).alias("worst_loss"))
    assert code(month(made, lake, stress_report=sunk)) == "stress_gate_failed"
    stale = survived(made).with_columns(pl.lit("another").alias("model_version"))
    assert code(month(made, lake, stress_report=stale)) == "other_model"


def test_an_override_lets_in_and_is_told_until_it_ends(made, tmp_path: Path) -> None:
    lake = Lake(tmp_path)

    def override(gate: str, until: date) -> None:
        facts = {"symbol": SYMBOL, "gate": gate, "until": until}
        promotions.append(lake, promotions.Event.OVERRIDDEN, who="me", reason="a test", **facts)

    last = made.curve.table["session"][-1]
    weak = {"stress_report": empty_report()}
    override("stress", last - timedelta(days=1))
    assert code(month(made, lake, **weak)) == "stress_gate_failed"
    override("stress", last)
    found = month(made, lake, **weak)
    assert code(found) == "chosen"
    assert (
        f"OVERRIDE stress gate until {last} by me: a test" in found.beside["reasons"]["reason"][0]
    )
    # Another gate than the one that is overridden still stops it.
    failed = made.model_evaluation.with_columns(pl.lit(0.2).alias("test_sharpe"))
    assert code(month(made, lake, model_evaluation=failed, **weak)) == "verdict_failed"


def test_the_mandate_decides_and_no_default_of_code(made, tmp_path: Path) -> None:
    strict = LIMITS.model_copy(
        update={"verdict": LIMITS.verdict.model_copy(update={"min_test_sharpe": 99.0})}
    )
    assert code(month(made, Lake(tmp_path), limits=strict)) == "verdict_failed"
    picky = LIMITS.model_copy(update={"portfolio": PortfolioLimits(min_sharpe=10.0)})
    found = month(made, Lake(tmp_path), limits=picky)
    assert code(found) == "sharpe_below_minimum"
    assert found.table.height == 0


def test_the_month_before_is_read_and_makes_the_next_one_stale(made, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    asset, source = ASSETS["portfolio_config"], SimpleNamespace(fingerprint=lambda one: "f")

    def basis(key: str) -> dict[str, object]:
        return dict(basis_of(asset, key, UNIVERSE, source, lake, LIMITS).config)

    assert basis("2026-02")["month before"] == {}
    held = month(made, lake).table.with_columns(size=pl.lit(1, pl.Int64))
    lake.write("portfolio_config", ("rebalance_month", MONTH), held, FACTS)
    now = basis("2026-02")["month before"]
    assert list(now) == [MONTH]
    slow = LIMITS.model_copy(update={"portfolio": PortfolioLimits(max_size_increase=1)})
    following = month(made, lake, key="2026-02", limits=slow)
    assert following.table["size"].to_list() == [2]
    assert following.notes["against the month before"] == f"~ {SYMBOL} 1 -> 2"
    place = here(lake, "portfolio_config", "2026-02", slow, beside=following.beside)
    assert turnover_is_limited.look(following.table, place).passed
    larger = following.table.with_columns(size=pl.lit(3, pl.Int64))
    assert not turnover_is_limited.look(larger, place).passed
    lake.write("portfolio_config", ("rebalance_month", MONTH), held.head(0), FACTS)
    assert basis("2026-02")["month before"] != now
    assert basis(MONTH)["month before"] == {}


def test_costs_that_were_paid_are_in_the_curve(made) -> None:
    """This market is free of costs; the column says so, and does not guess."""
    assert FREE.commission_per_contract_usd == 0.0
    assert np.allclose(made.curve.table["daily_costs_usd"].to_numpy(), 0.0)
