"""One training, start to end: tune on train rows, fit on train rows, choose on validation rows.

Belongs here: the order of the steps and what each may see. Does not belong here: the steps
themselves, or the test window, whose rows are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from rooney_core.errors import HoldoutRefused, NotEnoughData
from rooney_core.modeling.ensemble import fit_ensemble
from rooney_core.modeling.meta_model import MetaModel
from rooney_core.modeling.rows import SampleRows, TradingCalendar, sample_rows
from rooney_core.modeling.settings import TuningSettings
from rooney_core.modeling.threshold import choose_threshold
from rooney_core.modeling.tuning import OnTrial, tune
from rooney_core.validation.windows import SPLITS, Splits


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A model and everything that was scored to get it.

    `trials`: TRIALS_SCHEMA, one row per hyper-parameter set. `thresholds`: THRESHOLDS_SCHEMA, one
    row per threshold. Both belong in the trial ledger.
    """

    model: MetaModel
    trials: pl.DataFrame
    thresholds: pl.DataFrame

    @property
    def cpcv_sharpe_mean(self) -> float:
        """Annual, mean over the paths of the chosen set."""
        return self.model.cpcv_sharpe_mean


def train_meta_model(
    training_set: pl.DataFrame,
    feature_names: Sequence[str],
    settings: TuningSettings | None = None,
    *,
    sessions: pl.Series | None = None,
    splits: Splits = SPLITS,
    on_trial: OnTrial | None = None,
) -> TrainedModel:
    """Train on a training_set frame without test rows; deterministic in its arguments.

    `sessions`: all trading sessions as a Date series, from which flat days are counted per window
    of `splits`; None counts Monday to Friday between a window's first and last exit.
    `on_trial(done, planned, score)` reports progress.

    Train rows of one label only are learned too: the model then says the same of every trade.

    Raises:
        HoldoutRefused: a row whose split is neither train nor validation.
        NotEnoughData: fewer than `min_train_trades` train rows.
        InputError: a missing column or label.
    """
    chosen = TuningSettings() if settings is None else settings
    _refuse_other_windows(training_set)
    train = sample_rows(training_set.filter(pl.col("split") == "train"), feature_names)
    validation = sample_rows(training_set.filter(pl.col("split") == "validation"), feature_names)
    _require_enough(len(train), training_set, chosen, splits)
    train_days = _calendar(train, sessions, None, splits.train_end)
    validation_days = _calendar(
        validation, sessions, splits.validation_start, splits.validation_end
    )
    tuning = tune(train, feature_names, train_days, chosen, on_trial)
    ensemble = fit_ensemble(
        train, feature_names, tuning.best, n_trees=chosen.n_trees, seed=chosen.seed
    )
    choice = choose_threshold(
        ensemble.probability(validation.features), validation, validation_days, chosen
    )
    model = MetaModel(
        features=tuple(feature_names),
        threshold=choice.threshold,
        threshold_reason=choice.reason,
        lightgbm_text=ensemble.boosting_text,
        forest=ensemble.forest,
        hyperparameters=tuning.best.as_json(),
        n_trials=tuning.trials.height,
        cpcv_sharpe_mean=tuning.cpcv_sharpe_mean,
    )
    return TrainedModel(model, tuning.trials, choice.table)


def _refuse_other_windows(training_set: pl.DataFrame) -> None:
    if "split" not in training_set.columns:
        return  # sample_rows names every missing column at once
    others = training_set.filter(~pl.col("split").is_in(["train", "validation"]))
    if others.height:
        raise HoldoutRefused(
            f"{others.height} rows of another window ({', '.join(others['split'].unique())}) "
            "arrived for training; pass train and validation rows only."
        )


def _require_enough(
    n_train: int, training_set: pl.DataFrame, settings: TuningSettings, splits: Splits
) -> None:
    needed = max(settings.min_train_trades, settings.n_folds)
    if n_train < needed:
        symbols = ", ".join(training_set["symbol"].unique().sort()) or "no symbol"
        raise NotEnoughData(
            f"{symbols}: {n_train} trades in the train window (to {splits.train_end}); at least "
            f"{needed} are needed. Start the bars earlier, loosen the strategy's entry, or move "
            "train_end later, which is a two-way split when validation_end moves with it."
        )


def _calendar(
    rows: SampleRows, sessions: pl.Series | None, first: date | None, last: date
) -> TradingCalendar:
    if sessions is None:
        return TradingCalendar.of(rows.exit_session, None)
    inside = sessions.filter(sessions <= last)
    if first is not None:
        inside = inside.filter(inside >= first)
    return TradingCalendar.of(rows.exit_session, inside)
