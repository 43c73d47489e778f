"""One training, start to end: tune, calibrate and fit on train rows, choose on validation rows.

Belongs here: the order of the steps and what each may see. Does not belong here: the steps
themselves, or the test window, whose rows are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl

from rooney_core.errors import HoldoutRefused, NotEnoughData
from rooney_core.modeling.calibration import fit_calibration, reliability_curve
from rooney_core.modeling.ensemble import Ensemble, fit_ensemble
from rooney_core.modeling.folds import Folds
from rooney_core.modeling.meta_model import MetaModel
from rooney_core.modeling.rows import FloatArray, SampleRows, TradingCalendar, sample_rows
from rooney_core.modeling.settings import TuningSettings
from rooney_core.modeling.study import Studies
from rooney_core.modeling.threshold import FALLBACK_THRESHOLD, choose_threshold
from rooney_core.modeling.tuning import OnTrial, Tuning, tune
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

    @property
    def windows(self) -> str:
        """ "three_way", or "two_way" where validation rows trained too."""
        return self.model.windows


class _Window(NamedTuple):
    rows: SampleRows
    calendar: TradingCalendar


def train_meta_model(
    training_set: pl.DataFrame,
    feature_names: Sequence[str],
    settings: TuningSettings | None = None,
    *,
    sessions: pl.Series | None = None,
    splits: Splits = SPLITS,
    on_trial: OnTrial | None = None,
    studies: Studies | None = None,
) -> TrainedModel:
    """Train on a training_set frame without test rows; deterministic in its arguments.

    `sessions`: all trading sessions as a Date series, from which flat days are counted per window
    of `splits`; None counts Monday to Friday between a window's first and last session held.
    `on_trial(done, planned, best)` reports progress. `studies` remembers finished trials, so that
    a training that was killed goes on where it was; it changes no result.

    Calibration is fitted on what the folds said of train rows that they had not seen. Threshold and
    reliability are of the validation window; with `windows` "two_way", whose train window holds the
    validation rows too, of those same out-of-fold probabilities. Train rows of one label only are
    learned too: the model then says the same of every trade.

    Raises:
        HoldoutRefused: a row whose split is neither train nor validation.
        NotEnoughData: fewer than `min_train_trades` train rows.
        InputError: a missing column or label.
    """
    chosen = TuningSettings() if settings is None else settings
    _refuse_other_windows(training_set)
    train, validation = _windows(training_set, feature_names, sessions, splits, chosen)
    _require_enough(len(train.rows), training_set, chosen, splits)
    tuning = tune(train.rows, feature_names, train.calendar, chosen, on_trial, studies)
    folds = Folds.of(train.rows, feature_names, chosen)
    unseen = folds.path_probabilities(tuning.best, chosen.n_trees).mean(axis=0)
    ensemble = fit_ensemble(
        train.rows, feature_names, tuning.best, n_trees=chosen.n_trees, seed=chosen.seed
    )
    model = _calibrated(ensemble, tuning, feature_names, chosen, unseen, train.rows)
    judged = validation or train
    said = (
        model.calibration.apply(unseen)
        if validation is None
        else model.probability(validation.rows.features)
    )
    choice = choose_threshold(said, judged.rows, judged.calendar, chosen)
    finished = replace(
        model,
        threshold=choice.threshold,
        threshold_reason=choice.reason,
        reliability=reliability_curve(said, judged.rows.label.astype(np.float64)),
    )
    return TrainedModel(finished, tuning.trials, choice.table)


def _windows(
    training_set: pl.DataFrame,
    feature_names: Sequence[str],
    sessions: pl.Series | None,
    splits: Splits,
    settings: TuningSettings,
) -> tuple[_Window, _Window | None]:
    """What is learned from, and what a threshold is chosen on; None: on the former, out of fold."""
    if settings.windows == "two_way":
        known = sample_rows(training_set, feature_names)
        return _Window(known, _calendar(known, sessions, None, splits.validation_end)), None
    train = sample_rows(training_set.filter(pl.col("split") == "train"), feature_names)
    validation = sample_rows(training_set.filter(pl.col("split") == "validation"), feature_names)
    return (
        _Window(train, _calendar(train, sessions, None, splits.train_end)),
        _Window(
            validation,
            _calendar(validation, sessions, splits.validation_start, splits.validation_end),
        ),
    )


def _calibrated(
    ensemble: Ensemble,
    tuning: Tuning,
    feature_names: Sequence[str],
    settings: TuningSettings,
    unseen: FloatArray,
    rows: SampleRows,
) -> MetaModel:
    """The model but for its threshold and reliability, which its own probabilities decide."""
    return MetaModel(
        features=tuple(feature_names),
        threshold=FALLBACK_THRESHOLD,
        threshold_reason="",
        lightgbm_text=ensemble.boosting_text,
        forest=ensemble.forest,
        hyperparameters=tuning.best.as_json(),
        n_trials=tuning.trials.height,
        cpcv_sharpe_mean=tuning.cpcv_sharpe_mean,
        forest_weight=ensemble.forest_weight,
        windows=settings.windows,
        calibration=fit_calibration(unseen, rows.label.astype(np.float64), rows.weight),
    )


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
    if n_train >= needed:
        return
    symbols = ", ".join(training_set["symbol"].unique().sort()) or "no symbol"
    is_two_way = settings.windows == "two_way"
    last = splits.validation_end if is_two_way else splits.train_end
    ways = (
        "Start the bars earlier, or loosen the strategy's entry"
        if is_two_way
        else "Start the bars earlier, loosen the strategy's entry, or take the two-way split: "
        "the validation years train too: `windows: two_way` in mandate.yaml"
    )
    raise NotEnoughData(
        f"{symbols}: {n_train} trades in the train window (to {last}); at least {needed} are "
        f"needed. {ways}."
    )


def _calendar(
    rows: SampleRows, sessions: pl.Series | None, first: date | None, last: date
) -> TradingCalendar:
    if sessions is None:
        return TradingCalendar.of(rows, None)
    inside = sessions.filter(sessions <= last)
    if first is not None:
        inside = inside.filter(inside >= first)
    return TradingCalendar.of(rows, inside)
