"""The one evaluation: what each window earned, flat days included, deflated and judged."""

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.stats import kurtosis, norm, skew

from rooney_core.gates.evaluation import EVALUATION_SCHEMA, Trials, evaluate
from rooney_core.gates.report import verdict_of
from rooney_core.modeling.meta_model import MetaModel
from rooney_core.modeling.settings import TuningSettings
from rooney_core.modeling.training import train_meta_model
from rooney_core.validation.lift import sharpe_lift

NAMES = ("f0", "f1")
KNOWN = ["train", "validation"]
WEEKDAYS = pl.date_range(date(2015, 1, 1), date(2024, 12, 31), eager=True)
SESSIONS = WEEKDAYS.filter(WEEKDAYS.dt.weekday() <= 5)
TRIALS = Trials(300, 0.0004)


def trades(seed: int, edge: float, n: int = 1200) -> pl.DataFrame:
    """n trades from 2015 to 2024; f0 tells winners where `edge` > 0."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 2))
    returns = 0.004 * (rng.normal(size=n) + edge * np.sign(features[:, 0]))
    days = [SESSIONS[int(i * len(SESSIONS) / n)] for i in range(n)]
    start = [datetime(one.year, one.month, one.day, 14, tzinfo=UTC) for one in days]
    table = pl.DataFrame(
        {
            "symbol": ["SIM_T"] * n,
            "label_start": start,
            "label_end": [one + timedelta(hours=3) for one in start],
            "exit_session": days,
            "held_sessions": [[one] for one in days],
            "held_pnl_usd": [[60_000.0 * one] for one in returns],
            "held_return": [[one] for one in returns],
            "net_profit_usd": 60_000.0 * returns,
            "costs_usd": np.full(n, 5.0),
            "return": returns,
            "meta_label": (returns > 0).astype(np.int8),
            "uniqueness_weight": np.ones(n),
            "f0": features[:, 0],
            "f1": features[:, 1],
        }
    )
    year = pl.col("exit_session").dt.year()
    split = pl.when(year < 2019).then(pl.lit("train")).when(year < 2021)
    return table.with_columns(
        split.then(pl.lit("validation")).otherwise(pl.lit("test")).alias("split")
    )


def evaluated(
    table: pl.DataFrame, trials: Trials = TRIALS, windows: str = "three_way"
) -> tuple[pl.DataFrame, MetaModel]:
    known, test = (
        table.filter(one) for one in (pl.col("split") != "test", pl.col("split") == "test")
    )
    few = {"n_random_trials": 1, "n_bayesian_trials": 0, "n_search_trees": 10, "n_trees": 20}
    settings = TuningSettings(**few, windows=windows)
    model = train_meta_model(known, NAMES, settings, sessions=SESSIONS).model
    return evaluate(model.to_row("SIM_T"), known, test, SESSIONS, trials), model


@pytest.fixture(scope="module")
def strong() -> tuple[pl.DataFrame, MetaModel]:
    return evaluated(trades(1, edge=0.6))


def daily(table: pl.DataFrame, first: date, last: date) -> np.ndarray:
    booked: dict[date, float] = {}
    for day, value in table.select("exit_session", "return").iter_rows():
        booked[day] = booked.get(day, 0.0) + value
    return np.array([booked.get(day, 0.0) for day in SESSIONS if first <= day <= last])


def taken(model: MetaModel, table: pl.DataFrame) -> pl.DataFrame:
    said = model.probability(table.select(NAMES).to_numpy())
    return table.filter(pl.Series(said >= model.threshold))


def test_sharpes_per_window_are_of_daily_returns_with_flat_days(strong) -> None:
    table, model = strong
    row = table.row(0, named=True)
    edges = {
        "train": (date(2015, 1, 1), date(2018, 12, 31)),
        "validation": (date(2019, 1, 1), date(2020, 12, 31)),
        "test": (date(2021, 1, 1), date(2024, 12, 31)),
    }
    for window, (first, last) in edges.items():
        chosen = taken(model, trades(1, 0.6).filter(pl.col("split") == window))
        returns = daily(chosen, first, last)
        expected = returns.mean() / returns.std(ddof=1) * math.sqrt(252)
        assert row[f"{window}_sharpe"] == pytest.approx(expected, rel=1e-9)
    assert row["test_n_obs"] == len(returns)
    assert row["unfiltered_test_sharpe"] < row["test_sharpe"]


def test_the_lift_is_over_all_the_trades_of_the_same_days(strong) -> None:
    table, model = strong
    row = table.row(0, named=True)
    test = trades(1, 0.6).filter(pl.col("split") == "test")
    edges = (date(2021, 1, 1), date(2024, 12, 31))
    filtered, unfiltered = (daily(one, *edges) for one in (taken(model, test), test))
    sharpes = [one.mean() / one.std(ddof=1) * math.sqrt(252) for one in (filtered, unfiltered)]
    assert row["unfiltered_test_sharpe"] == pytest.approx(sharpes[1])
    assert row["lift_sharpe"] == pytest.approx(sharpes[0] - sharpes[1])
    expected = sharpe_lift(filtered, unfiltered)
    interval = (row["lift_sharpe_low"], row["lift_sharpe_high"], row["lift_block_days"])
    assert interval == pytest.approx((expected.low, expected.high, expected.block_length))
    assert 0 < row["lift_sharpe_low"] < row["lift_sharpe"] < row["lift_sharpe_high"]
    profits = test["net_profit_usd"].to_numpy()
    assert row["unfiltered_test_trades"] == test.height > row["test_trades"]
    assert row["unfiltered_test_win_rate"] == pytest.approx((profits > 0).mean())
    assert row["unfiltered_test_avg_profit_usd"] == pytest.approx(profits.mean())


def test_a_filter_that_takes_every_trade_is_warned_of_as_no_lift(strong) -> None:
    _, model = strong
    table = trades(1, edge=0.6)
    known, test = (table.filter(pl.col("split").is_in(one)) for one in (KNOWN, ["test"]))
    everything = replace(model, threshold=0.0)
    found = evaluate(everything.to_row("SIM_T"), known, test, SESSIONS, TRIALS)
    row = found.row(0, named=True)
    assert (row["lift_sharpe"], row["lift_sharpe_low"]) == (0.0, 0.0)
    assert "no_lift" in [one["code"] for one in row["warnings"]]
    # Judged again from the stored row, as the gates do.
    assert "no_lift" in [one.code for one in verdict_of(found).reasons]
    before = found.drop("lift_sharpe", "lift_sharpe_low", "lift_sharpe_high")
    assert "no_lift" not in [one.code for one in verdict_of(before).reasons]
    assert "no_lift" not in [one.code for one in verdict_of(strong[0]).reasons]


def test_a_session_beyond_the_calendar_counts_on_both_sides(strong) -> None:
    """A trade on a Saturday that the model leaves out is a flat day of the filtered strategy."""
    known = trades(1, 0.6)
    _, model = strong
    test = known.filter(pl.col("split") == "test")
    saturday = date(2022, 1, 8)
    refused = test.filter(~pl.Series(model.probability(test.select(NAMES).to_numpy()) >= 0.4))
    odd = refused.head(1).with_columns(
        held_sessions=pl.Series([[saturday]]), exit_session=pl.lit(saturday)
    )
    table = evaluate(model.to_row("SIM_T"), known, pl.concat([test, odd]), SESSIONS, TRIALS)
    row = table.row(0, named=True)
    assert row["lift_sharpe"] == pytest.approx(row["test_sharpe"] - row["unfiltered_test_sharpe"])
    assert row["lift_sharpe_low"] < row["lift_sharpe"]


def test_a_two_way_split_is_told_and_warned_of() -> None:
    row = evaluated(trades(1, edge=0.6), windows="two_way")[0].row(0, named=True)
    assert row["windows"] == "two_way"
    assert "two_way_split" in [one["code"] for one in row["warnings"]]
    # A warning fails nothing.
    assert row["verdict"] == "pass"


def test_three_windows_are_told_and_not_warned_of(strong) -> None:
    row = strong[0].row(0, named=True)
    assert row["windows"] == "three_way"
    assert row["warnings"] == []


def test_deflation_uses_the_counts_it_was_given(strong) -> None:
    table, model = strong
    row = table.row(0, named=True)
    chosen = taken(model, trades(1, 0.6).filter(pl.col("split") == "test"))
    returns = daily(chosen, date(2021, 1, 1), date(2024, 12, 31))
    sharpe = returns.mean() / returns.std(ddof=1)
    euler = 0.5772156649015329
    best = (1 - euler) * norm.ppf(1 - 1 / 300) + euler * norm.ppf(1 - 1 / (300 * math.e))
    hurdle = 0.02 * best
    g3, g4 = skew(returns), kurtosis(returns, fisher=False)
    spread = math.sqrt(1 - g3 * sharpe + (g4 - 1) / 4 * sharpe**2)
    z = (sharpe - hurdle) * math.sqrt(len(returns) - 1) / spread
    assert row["deflated_sharpe_z"] == pytest.approx(z, rel=1e-6)
    assert row["deflated_sharpe_prob"] == pytest.approx(norm.cdf(z), rel=1e-6)
    assert row["sr0_annual"] == pytest.approx(hurdle * math.sqrt(252), rel=1e-6)
    assert (row["skewness"], row["kurtosis"]) == pytest.approx((g3, g4))
    assert row["n_trials_raw"] == 300
    assert row["n_trials_effective"] is None


def test_trades_of_the_test_window(strong) -> None:
    table, model = strong
    row = table.row(0, named=True)
    chosen = taken(model, trades(1, 0.6).filter(pl.col("split") == "test"))
    profits = chosen["net_profit_usd"].to_list()
    assert row["test_trades"] == len(profits)
    assert row["test_win_rate"] == pytest.approx(sum(p > 0 for p in profits) / len(profits))
    assert row["test_avg_profit_usd"] == pytest.approx(sum(profits) / len(profits))
    assert sum(row["test_daily_pnl_usd"]) == pytest.approx(sum(profits))
    assert len(row["test_sessions"]) == row["test_n_obs"] == len(row["test_daily_return"])


def test_calibration_is_of_all_trades_of_the_newest_half_year(strong) -> None:
    table, model = strong
    row = table.row(0, named=True)
    newest = SESSIONS[-126:]
    test = trades(1, 0.6).filter(pl.col("split") == "test")
    recent = test.filter(pl.col("exit_session") >= newest[0])
    promised = model.probability(recent.select(NAMES).to_numpy())
    won = recent["meta_label"].to_numpy()
    assert 20 < recent.height < test.height
    days = (row["calibration_first_session"], row["calibration_last_session"])
    assert days == (newest[0], newest[-1])
    assert row["calibration_trades"] == recent.height
    rates = (row["promised_win_rate"], row["recent_win_rate"])
    assert rates == pytest.approx((promised.mean(), won.mean()))
    error = math.sqrt((promised * (1 - promised)).sum())
    assert row["calibration_z"] == pytest.approx((won.sum() - promised.sum()) / error)


def test_a_real_edge_passes_and_is_named(strong) -> None:
    table, model = strong
    row = table.row(0, named=True)
    assert table.schema == pl.Schema(EVALUATION_SCHEMA)
    assert (row["verdict"], row["significant"]) == ("pass", True)
    assert [one["code"] for one in row["reasons"]] == ["passed"]
    assert row["model_version"] == model.to_row("SIM_T")["model_version"][0]
    assert row["symbol"] == "SIM_T"


def test_noise_fails_with_reasons() -> None:
    row = evaluated(trades(2, edge=0.0))[0].row(0, named=True)
    assert row["verdict"] == "fail"
    assert not row["significant"]
    assert "test_sharpe_too_low" in [one["code"] for one in row["reasons"]]


def test_more_trials_deflate_more(strong) -> None:
    more = evaluated(trades(1, edge=0.6), Trials(30_000, 0.0004))[0]
    assert more["deflated_sharpe_z"][0] < strong[0]["deflated_sharpe_z"][0]


def test_a_test_window_without_a_trade_fails_with_nulls() -> None:
    table = trades(1, edge=0.6).filter(pl.col("split") != "test")
    row = evaluated(table)[0].row(0, named=True)
    assert row["verdict"] == "fail"
    assert row["test_trades"] == 0
    assert row["test_sharpe"] is row["test_win_rate"] is row["deflated_sharpe_z"] is None
    assert row["lift_sharpe"] is row["lift_sharpe_low"] is row["lift_sharpe_high"] is None
    assert len(row["test_sessions"]) > 1000


def test_an_unknown_variance_of_trials_fails_rather_than_passes() -> None:
    row = evaluated(trades(1, edge=0.6), Trials(300, math.nan))[0].row(0, named=True)
    assert row["verdict"] == "fail"
    assert row["deflated_sharpe_z"] is None
