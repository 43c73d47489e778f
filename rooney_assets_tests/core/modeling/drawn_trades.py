"""Training sets drawn by a seeded generator, with or without something to learn. No assertions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

N_FEATURES = 6
NAMES = tuple(f"f{i}" for i in range(N_FEATURES))
FIRST_DAY = datetime(2014, 1, 6, 14, tzinfo=UTC)
VALIDATION_STARTS = date(2019, 1, 1)


def training_set(seed: int, edge: float = 0.0, n: int = 900, unknown: float = 0.05) -> pl.DataFrame:
    """n trades over 2014 to 2020, every other day or so, each five hours long.

    A trade returns noise of sd 0.4 %, plus `edge` of that sd where f0 > 0 and minus it elsewhere.
    A share `unknown` of the features is null.
    """
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, N_FEATURES))
    returns = 0.004 * (rng.normal(size=n) + edge * np.sign(features[:, 0]))
    features[rng.random(features.shape) < unknown] = np.nan
    start = [FIRST_DAY + timedelta(days=int(2550 * i / n)) for i in range(n)]
    table = pl.DataFrame(
        {
            "symbol": ["SIM_T"] * n,
            "label_start": start,
            "label_end": [one + timedelta(hours=5) for one in start],
            "exit_session": [one.date() for one in start],
            "net_profit_usd": 50_000.0 * returns,
            "costs_usd": np.full(n, 5.0),
            "return": returns,
            "held_sessions": [[one.date()] for one in start],
            "held_pnl_usd": [[50_000.0 * one] for one in returns],
            "held_return": [[one] for one in returns],
            "meta_label": (returns > 0).astype(np.int8),
            "uniqueness_weight": rng.uniform(0.5, 1.0, n),
        }
    ).with_columns(pl.col("label_start", "label_end").dt.cast_time_unit("us"))
    is_train = pl.col("exit_session") < VALIDATION_STARTS
    split = pl.when(is_train).then(pl.lit("train")).otherwise(pl.lit("validation"))
    columns = pl.DataFrame(features, schema=list(NAMES)).fill_nan(None)
    return table.with_columns(split.alias("split")).hstack(columns)
