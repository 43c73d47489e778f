"""A portrait of a small trained model, without a lake. No assertions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache

import lightgbm
import numpy as np
import polars as pl
from sklearn.ensemble import RandomForestClassifier

from rooney_assets.model_report.portrait import Portrait, portrait_of
from rooney_core.modeling.boosting_text import trees_only
from rooney_core.modeling.calibration import Calibration, reliability_curve
from rooney_core.modeling.forest import ForestArrays
from rooney_core.modeling.meta_model import MetaModel
from rooney_core.modeling.study import TRIALS_SCHEMA
from rooney_core.modeling.threshold import THRESHOLDS_SCHEMA

NAMES = ("edge", "noise", "rare", "constant")
N_TRAIN, N_VALIDATION = 300, 120
SETS = ('{"depth": 2}', '{"depth": 3}', '{"depth": 4}')


def training_set(seed: int = 1) -> pl.DataFrame:
    """Trades of which `edge` says which win four times in five; `rare` is mostly null."""
    rng = np.random.default_rng(seed)
    n = N_TRAIN + N_VALIDATION
    features = rng.normal(size=(n, len(NAMES)))
    features[:, 3] = 1.0
    features[rng.random(n) < 0.9, 2] = np.nan
    wins = (features[:, 0] > 0) ^ (rng.random(n) < 0.2)
    returns = np.where(wins, 0.004, -0.003)
    first = {"train": datetime(2015, 1, 5, 15, tzinfo=UTC)}
    first["validation"] = datetime(2019, 1, 7, 15, tzinfo=UTC)
    splits = ["train"] * N_TRAIN + ["validation"] * N_VALIDATION
    starts = [first[one] + timedelta(days=at % N_TRAIN) for at, one in enumerate(splits)]
    table = pl.DataFrame(
        {
            "symbol": ["SIM_T"] * n,
            "split": splits,
            "entry_time": starts,
            "label_start": starts,
            "net_profit_usd": 50_000.0 * returns,
            "meta_label": wins.astype(np.int8),
            "held_sessions": [[one.date()] for one in starts],
            "held_pnl_usd": [[50_000.0 * one] for one in returns],
            "held_return": [[one] for one in returns],
        }
    )
    columns = pl.DataFrame(features, schema=list(NAMES)).fill_nan(None)
    return table.hstack(columns).with_columns(
        pl.col("entry_time", "label_start").dt.cast_time_unit("us")
    )


def model_of(table: pl.DataFrame, windows: str = "three_way") -> MetaModel:
    """Twenty trees of each kind, fitted on the train rows."""
    train = table.filter(pl.col("split") == "train")
    features = train.select(NAMES).fill_null(np.nan).to_numpy()
    label = train["meta_label"].to_numpy()
    forest = RandomForestClassifier(20, max_depth=3, random_state=0).fit(features, label)
    settings = {"objective": "binary", "num_leaves": 4, "verbosity": -1, "num_threads": 1}
    data = lightgbm.Dataset(features, label, feature_name=list(NAMES))
    booster = lightgbm.train(settings, data, num_boost_round=20)
    return MetaModel(
        features=NAMES,
        threshold=0.55,
        threshold_reason="chosen by a test",
        lightgbm_text=trees_only(booster.model_to_string()),
        forest=ForestArrays.from_sklearn(forest),
        hyperparameters=SETS[1],
        n_trials=len(SETS),
        cpcv_sharpe_mean=1.5,
        windows=windows,  # type: ignore[arg-type]
        calibration=Calibration(1.2, -0.1),
        reliability=reliability_curve(np.linspace(0.2, 0.8, 60), np.arange(60) % 2 * 1.0),
    )


def trials() -> pl.DataFrame:
    """Three sets: a bad one, the chosen one, and one that was given up."""
    rows = [
        {"trial": 0, "phase": "random", "score": 0.1, "path_sharpes": [0.0, 0.5]},
        {"trial": 1, "phase": "random", "score": 1.1, "path_sharpes": [1.0, 2.0]},
        {"trial": 2, "phase": "bayesian", "score": None, "path_sharpes": [9.0, None]},
    ]
    filled = [
        {
            "state": "pruned" if one["score"] is None else "complete",
            "n_splits": 15,
            "hyperparameters": text,
            "cpcv_sharpe_mean": one["score"],
            "cpcv_sharpe_sd": 0.2,
            "sharpe_per_day": 0.05,
            "n_trades": 100.0,
            "n_obs": 1000,
            **one,
        }
        for one, text in zip(rows, SETS, strict=True)
    ]
    return pl.DataFrame(filled, schema=TRIALS_SCHEMA)


def thresholds() -> pl.DataFrame:
    """Three thresholds, the last without a Sharpe."""
    columns = {
        "threshold": [0.5, 0.55, 0.6],
        "n_trades": [100, 80, 0],
        "annual_sharpe": [1.0, 1.2, np.nan],
        "sharpe_per_day": [0.06, 0.07, np.nan],
        "n_obs": [500, 500, 500],
    }
    return pl.DataFrame(columns, schema=THRESHOLDS_SCHEMA)


def row_of(model: MetaModel) -> pl.DataFrame:
    """A `meta_model` table with its searches."""
    return model.to_row("SIM_T").with_columns(
        pl.Series("trials", [trials().to_struct()]),
        pl.Series("thresholds", [thresholds().to_struct()]),
    )


def sessions() -> pl.Series:
    """Every day from 2015 to 2020."""
    return pl.date_range(date(2015, 1, 1), date(2020, 12, 31), eager=True)


@cache
def portrait(windows: str = "three_way", only: str | None = None) -> Portrait:
    """The portrait; `only` leaves one window's trades."""
    table = training_set()
    model = model_of(table, windows)
    kept = table if only is None else table.filter(pl.col("split") == only)
    return portrait_of(row_of(model), kept, sessions())
