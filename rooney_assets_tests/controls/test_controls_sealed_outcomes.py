"""Nobody but the evaluation counts what came of trades in the sealed years: the sweep, and drift.

Bars are open to everybody, so who has them and counts trades knows the outcomes without any look.
"""

from __future__ import annotations

import ast
import importlib
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from planted_market import INSTRUMENT, NAMES, SETTINGS, null_sample, null_table, trained

import rooney_assets.assets  # noqa: F401  (importing it fills the registries)
from rooney_assets.assets.drift import drift_report
from rooney_assets.feedback import schemas
from rooney_assets.graph.declaration import ASSETS, Asset, Here, Made
from rooney_assets.lake import Lake, seal
from rooney_assets.ledger import with_searches
from rooney_core.features import PRIOR_TRADE_FEATURES
from rooney_core.gates.drift import DriftLimits
from rooney_core.gates.drift.distances import population_stability_index
from rooney_core.gates.promises import CALIBRATION_SCHEMA
from rooney_core.market.instruments import Universe
from rooney_core.market.sessions import session_bars
from rooney_core.modeling.rows import feature_matrix

COUNTING = ("backtest", "labeling", "decision", "portfolio", "release", "strategies")
"""Rooms of `rooney_core` by which bars become trades."""

MAY_COUNT = {
    "strategy_results": "searches the train window, and no later bar",
    "training_set": "seals what came of test trades before anybody reads it",
    "stress_report": "bars of the validation window and before; of the test, published days",
    "paper_report": "the real trader's run of a finished release, on record with it",
    "parity_report": "days that were traded live, beside their own record",
}
READERS = {
    "rooney_assets/assets/models.py": "model_evaluation",
    "rooney_assets/backtests/run.py": "rooney backtest --spend-holdout-look",
}
ROOT = Path(__file__).resolve().parents[2]
LIMITS = DriftLimits(recent_sessions=504)
QUIET_SESSIONS = 126
"""So many sessions lie behind the newest signal: what came of it and of others is in them."""


def counts(asset: Asset) -> bool:
    """Whether its declared rooms, or what its module imports, can make trades."""
    rooms = {one.removeprefix("rooney_core.").partition(".")[0] for one in asset.rooms}
    source = Path(str(importlib.import_module(asset.body.__module__).__file__))
    tree = ast.parse(source.read_text(encoding="utf-8"))
    imported = (one.module for one in ast.walk(tree) if isinstance(one, ast.ImportFrom))
    core = {str(one).split(".")[1] for one in imported if str(one).startswith("rooney_core.")}
    return bool((rooms | core) & set(COUNTING))


def test_who_has_bars_and_counts_trades_is_known_with_a_reason() -> None:
    with_bars = [one for one in ASSETS.values() if "continuous_bars" in one.inputs]
    assert {one.name for one in with_bars if counts(one)} == set(MAY_COUNT)


def test_the_sealed_window_has_two_readers() -> None:
    names = {"open_test_window", "open_test_bars"}
    found = set()
    for path in (ROOT / "rooney_assets").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if names & {one.attr for one in ast.walk(tree) if isinstance(one, ast.Attribute)}:
            found.add(path.relative_to(ROOT).as_posix())
    assert found == set(READERS)


@pytest.fixture(scope="module")
def model() -> pl.DataFrame:
    made = trained(null_sample(1), SETTINGS.model_copy(update={"n_random_trials": 1}))
    return with_searches(made.model.to_row(INSTRUMENT.symbol), made)


@pytest.fixture(scope="module")
def visible() -> pl.DataFrame:
    """The training set as everybody sees it; its newest signal is half a year old."""
    table, _ = seal(null_sample(1).table)
    last = null_sample(1).sessions.sort()[-QUIET_SESSIONS]
    return table.filter(pl.col("label_start").dt.date() < last)


def judged(version: str, **told: object) -> pl.DataFrame:
    """What is read of an evaluation."""
    row = {"model_version": version, **dict.fromkeys(CALIBRATION_SCHEMA), **told}
    return pl.DataFrame([row], schema={"model_version": pl.String, **CALIBRATION_SCHEMA})


def report(
    folder: Path,
    bars: pl.DataFrame,
    visible: pl.DataFrame,
    model: pl.DataFrame,
    evaluation: pl.DataFrame,
) -> Made:
    """The asset on these bars; nothing was traded live."""
    symbol = INSTRUMENT.symbol
    here = Here(
        asset="drift_report",
        partition=symbol,
        universe=Universe(instruments=(INSTRUMENT,)),
        source=None,  # type: ignore[arg-type]
        lake=Lake(folder),
        params=LIMITS,
        run_id="r",
        code_version="c",
        state_folder=None,
        input_versions={},
    )
    trades = {**schemas.TRADES_SCHEMA, "reported_net_profit_usd": pl.Float64, "mode": pl.String}
    made = drift_report.body(
        here,
        {symbol: bars},
        {symbol: session_bars(bars, INSTRUMENT)},
        visible,
        model,
        evaluation,
        pl.DataFrame(schema={**trades, "release_id": pl.String}),
        pl.DataFrame(schema=schemas.DECISIONS_SCHEMA),
        pl.DataFrame(schema=schemas.RUNS_SCHEMA),
    )
    assert isinstance(made, Made)
    return made


def mirrored(bars: pl.DataFrame, chosen: pl.Expr) -> pl.DataFrame:
    """The bars, of which the chosen ones rise where they fell: other trades, other outcomes."""
    level = 2.0 * bars["close"].mean()  # type: ignore[operator]
    other = {"open": "open", "high": "low", "low": "high", "close": "close"}
    return bars.with_columns(
        pl.when(chosen).then(level - pl.col(of)).otherwise(pl.col(name)).alias(name)
        for name, of in other.items()
    )


def test_drift_is_the_same_whatever_came_of_the_newest_signals(tmp_path, visible, model) -> None:
    bars, unknown = null_table(1), judged("another")
    last = visible["label_start"].max()
    known = report(tmp_path, bars, visible, model, unknown)
    row = known.table.row(0, named=True)
    assert (row["n_recent_trades"] >= 30, row["note"]) == (True, "")
    after = report(tmp_path, mirrored(bars, pl.col("bar_end") > last), visible, model, unknown)
    assert after.table.equals(known.table)
    assert after.beside["features"].equals(known.beside["features"])
    # Were the signals' own bars others, it would not be the same.
    before = report(tmp_path, mirrored(bars, pl.col("bar_end") <= last), visible, model, unknown)
    assert not before.beside["features"].equals(known.beside["features"])


def test_drift_compares_the_values_that_the_sealed_rows_hold(tmp_path, visible, model) -> None:
    """Features made of bars at the visible moments are those of the sealed rows."""
    features = report(tmp_path, null_table(1), visible, model, judged("x")).beside["features"]
    hidden = null_sample(1).test.join(visible, on="label_start", how="semi")
    newest = null_sample(1).sessions.sort()[-LIMITS.recent_sessions]
    recent = hidden.filter(pl.col("label_start").dt.date() >= newest)
    train = visible.filter(pl.col("split") == "train")
    names = features["feature"].to_list()
    assert set(names) == set(NAMES) - {one.name for one in PRIOR_TRADE_FEATURES}
    pairs = zip(feature_matrix(train, names).T, feature_matrix(recent, names).T, strict=True)
    expected = [population_stability_index(*one) for one in pairs]
    assert features["psi"].to_list() == pytest.approx(expected)


def test_wins_are_told_by_the_evaluation_of_this_model_alone(tmp_path, visible, model) -> None:
    version = model["model_version"][0]
    told = {
        "calibration_first_session": date(2023, 1, 2),
        "calibration_last_session": date(2023, 6, 30),
        "calibration_trades": 80,
        "promised_win_rate": 0.6,
        "recent_win_rate": 0.4,
        "calibration_z": -3.65,
    }
    made = report(tmp_path, null_table(1), visible, model, judged(version, **told))
    row = made.table.row(0, named=True)
    assert {name: row[name] for name in told} == told
    assert (row["calibration_of"], row["has_calibration_drift"]) == ("evaluation", True)
    for evaluation in (judged("another", **told), judged(version)[["model_version"]]):
        made = report(tmp_path, null_table(1), visible, model, evaluation)
        row = made.table.row(0, named=True)
        assert row["calibration_of"] is None
        assert row["calibration_note"].startswith("outcomes are known of 0 of the model's")
