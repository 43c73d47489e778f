"""A trained model with what figures and words show of it, from its row and its training set.

Belongs here: asking the stored model about rows that everybody may see. Does not belong here:
drawing (`figures`), wording (`words`), or the sealed rows, which are left out whoever hands them
in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_assets.ledger import SEARCHES, model_alone
from rooney_core.features import feature_coverage
from rooney_core.modeling.importance import log_loss, permutation_importance
from rooney_core.modeling.meta_model import MetaModel
from rooney_core.modeling.rows import feature_matrix
from rooney_core.modeling.taken import daily_results, taken_trades
from rooney_core.validation.metrics import win_rate
from rooney_core.validation.sharpe import annual_sharpe
from rooney_core.validation.windows import SPLITS

FloatArray = npt.NDArray[np.float64]

MOST_EXPLAINED: Final = 400
"""Trades whose predictions are explained; more are thinned evenly."""

WINDOWS_SCHEMA: Final[dict[str, Any]] = {
    "window": pl.String,
    "trades": pl.Int64,
    "taken": pl.Int64,
    "annual_sharpe": pl.Float64,
    "unfiltered_sharpe": pl.Float64,
    "win_rate": pl.Float64,
    "unfiltered_win_rate": pl.Float64,
    "log_loss": pl.Float64,
}
"""Train and validation: trades of the strategy, those that the model takes, annual Sharpe of daily
returns with and without the filter, shares of wins, and the log loss of its probabilities."""


@dataclass(frozen=True, eq=False)
class Portrait:
    """One model, and how it does on the windows that anybody may look at.

    `trials`, `thresholds`: what was scored to get it. `chosen`: row of `trials`. `weights`:
    IMPORTANCE_SCHEMA and `mean_contribution`, the mean absolute one, in probability; by the
    latter, descending. `coverage`: `features.COVERAGE_SCHEMA`. `windows`: WINDOWS_SCHEMA.
    `judged_on`: the window of importance and contributions: validation, or train where there are
    no validation trades. `explained` f8[m, k], `contributions` f8[m, k + 1]: some of its trades.
    """

    symbol: str
    model_version: str
    model: MetaModel
    trials: pl.DataFrame
    thresholds: pl.DataFrame
    chosen: int
    windows: pl.DataFrame
    judged_on: str
    weights: pl.DataFrame
    coverage: pl.DataFrame
    explained: FloatArray
    contributions: FloatArray

    @property
    def path_sharpes(self) -> list[float]:
        """Annual Sharpe of each path of the chosen set, those that are defined."""
        return _finite(self.trials["path_sharpes"][self.chosen])

    @property
    def is_two_way(self) -> bool:
        """Whether validation rows trained too."""
        return self.model.windows == "two_way"


def portrait_of(row: pl.DataFrame, training_set: pl.DataFrame, sessions: pl.Series) -> Portrait:
    """The portrait of a `meta_model` table, with its searches, over the rows that it learned from.

    `sessions`: all trading sessions (Date), so that flat days count. Raises as
    `MetaModel.from_row`.
    """
    model = MetaModel.from_row(model_alone(row))
    trials, thresholds = (row.select(pl.col(name).explode()).unnest(name) for name in SEARCHES)
    known = training_set.filter(pl.col("split").is_in(["train", "validation"]))
    judged_on = "validation" if (known["split"] == "validation").any() else "train"
    judged = known.filter(pl.col("split") == judged_on)
    features = feature_matrix(judged, model.features)
    label = judged["meta_label"].cast(pl.Float64).to_numpy()
    explained = features[_thinned(len(features))]
    contributions = model.contributions(explained)
    size = np.abs(contributions[:, :-1]).mean(axis=0) if len(explained) else np.nan
    weights = permutation_importance(model, features, label).with_columns(
        pl.Series("mean_contribution", np.broadcast_to(size, len(model.features)))
    )
    return Portrait(
        symbol=row["symbol"][0],
        model_version=row["model_version"][0],
        model=model,
        trials=trials,
        thresholds=thresholds,
        chosen=_chosen(trials, model),
        windows=_windows(model, known, sessions),
        judged_on=judged_on,
        weights=weights.sort("mean_contribution", descending=True, maintain_order=True),
        coverage=feature_coverage(known, model.features),
        explained=explained,
        contributions=contributions,
    )


def _thinned(n: int) -> npt.NDArray[np.int64]:
    return np.unique(np.linspace(0, n - 1, min(n, MOST_EXPLAINED)).astype(np.int64))


def _chosen(trials: pl.DataFrame, model: MetaModel) -> int:
    """The trial of the model's own hyper-parameters, the best of them where two are equal."""
    own = (trials["hyperparameters"] == model.hyperparameters).to_numpy()
    score = trials["score"].fill_null(np.nan).fill_nan(-np.inf).to_numpy()
    return int(np.argmax(np.where(own, score, -np.inf) if own.any() else score))


def _windows(model: MetaModel, known: pl.DataFrame, sessions: pl.Series) -> pl.DataFrame:
    spans = {
        "train": (date.min, SPLITS.train_end),
        "validation": (SPLITS.validation_start, SPLITS.validation_end),
    }
    rows = [
        _window(name, model, known.filter(pl.col("split") == name), sessions.filter(days))
        for name, (first, last) in spans.items()
        for days in (sessions.is_between(first, last),)
    ]
    return pl.DataFrame(rows, schema=WINDOWS_SCHEMA)


def _window(
    name: str, model: MetaModel, rows: pl.DataFrame, sessions: pl.Series
) -> dict[str, object]:
    taken = taken_trades(model, rows)
    said = model.probability(feature_matrix(rows, model.features))
    label = rows["meta_label"].cast(pl.Float64).to_numpy()
    return {
        "window": name,
        "trades": rows.height,
        "taken": taken.height,
        "annual_sharpe": _sharpe(taken, sessions),
        "unfiltered_sharpe": _sharpe(rows, sessions),
        "win_rate": win_rate(taken["net_profit_usd"].to_numpy()),
        "unfiltered_win_rate": win_rate(rows["net_profit_usd"].to_numpy()),
        "log_loss": log_loss(said, label) if rows.height else np.nan,
    }


def _sharpe(trades: pl.DataFrame, sessions: pl.Series) -> float:
    if trades.is_empty():
        return np.nan
    return annual_sharpe(daily_results(trades, sessions)["daily_return"].to_numpy())


def _finite(values: list[float | None]) -> list[float]:
    return [one for one in values if one is not None and np.isfinite(one)]
