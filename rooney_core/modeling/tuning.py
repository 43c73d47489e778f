"""Which hyper-parameters filter trades best on rows they never saw, inside the train window?

Belongs here: the search and its score. Does not belong here: thresholds and the final fit; rows of
other windows never reach this module.

Score of one set: the trades that it would have taken (probability >= the search threshold) on each
path of combinatorial purged cross-validation, as annual Sharpes of daily returns, flat days
included; mean - penalty * sd over the paths. A path without a trade, or with one result only, has
an undefined Sharpe and counts as 0 in the score.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import optuna
import polars as pl

from rooney_core.modeling.ensemble import Hyperparameters, base_rate, fit_ensemble, is_fittable
from rooney_core.modeling.rows import FloatArray, SampleRows, TradingCalendar
from rooney_core.modeling.settings import TuningSettings
from rooney_core.validation.purged_cv import CombinatorialPurgedCV
from rooney_core.validation.sharpe import DAYS_PER_YEAR, annual_sharpe

OnTrial = Callable[[int, int, float], None]
"""Progress: called with the number of trials done, the number planned, and the last score."""

TRIALS_SCHEMA: Final[dict[str, pl.DataType]] = {
    "trial": pl.Int64(),
    "hyperparameters": pl.String(),
    "score": pl.Float64(),
    "cpcv_sharpe_mean": pl.Float64(),
    "cpcv_sharpe_sd": pl.Float64(),
    "path_sharpes": pl.List(pl.Float64()),
    "sharpe_per_day": pl.Float64(),
    "n_trades": pl.Float64(),
    "n_obs": pl.Int64(),
}
"""One row per scored set. Sharpes annual except `sharpe_per_day`; a path that never traded is NaN
in `path_sharpes`, and `sharpe_per_day` (mean of the defined paths) is NaN when none traded.
`n_trades`: mean over the paths; `n_obs`: sessions of the train window."""


@dataclass(frozen=True, eq=False)
class Tuning:
    """The search's outcome; `best` has the highest score, the earliest trial on a tie."""

    best: Hyperparameters
    cpcv_sharpe_mean: float
    trials: pl.DataFrame


def tune(
    rows: SampleRows,
    feature_names: Sequence[str],
    calendar: TradingCalendar,
    settings: TuningSettings,
    on_trial: OnTrial | None = None,
) -> Tuning:
    """Search on `rows` (the train window, ascending label_start) with a seeded TPE sampler.

    Raises NotEnoughData for fewer rows than folds.
    """
    records: list[dict[str, object]] = []
    sets: list[Hyperparameters] = []

    def objective(trial: optuna.Trial) -> float:
        hyperparameters = Hyperparameters.suggest(trial)
        paths = path_probabilities(rows, feature_names, hyperparameters, settings)
        record = _score(trial.number, hyperparameters, paths, rows, calendar, settings)
        sets.append(hyperparameters)
        records.append(record)
        score = float(str(record["score"]))
        if on_trial is not None:
            on_trial(len(records), settings.n_trials, score)
        return score

    with _quiet_optuna():
        # A third of the trials at random first: the sampler needs something to model.
        n_random = max(4, settings.n_trials // 3)
        sampler = optuna.samplers.TPESampler(seed=settings.seed, n_startup_trials=n_random)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        study.optimize(objective, n_trials=settings.n_trials)
    trials = pl.DataFrame(records, schema=TRIALS_SCHEMA)
    chosen = int(np.argmax(trials["score"].to_numpy()))
    return Tuning(sets[chosen], float(trials["cpcv_sharpe_mean"][chosen]), trials)


def path_probabilities(
    rows: SampleRows,
    feature_names: Sequence[str],
    hyperparameters: Hyperparameters,
    settings: TuningSettings,
) -> FloatArray:
    """Out-of-fold probability of every row on every path, f8[n_paths, n].

    A split whose purged training rows hold one label only, or too few rows, predicts their base
    rate: 0.5 when nothing is left.
    """
    splitter = CombinatorialPurgedCV(
        settings.n_folds, settings.n_test_folds, timedelta(days=settings.embargo_days)
    )
    fold_ids = splitter.fold_ids(len(rows))
    paths = np.full((splitter.n_paths, len(rows)), math.nan)
    splits = splitter.split(rows.label_start, rows.label_end)
    for number, (train, test) in enumerate(splits):
        predicted = _fold_probability(
            rows, feature_names, train, test, hyperparameters, settings, settings.seed + number
        )
        folds = splitter.test_folds()[number]
        for fold, path in zip(folds, splitter.path_ids()[number], strict=True):
            in_fold = fold_ids[test] == fold
            paths[path, test[in_fold]] = predicted[in_fold]
    return paths


def _fold_probability(
    rows: SampleRows,
    feature_names: Sequence[str],
    train: npt.NDArray[np.int64],
    test: npt.NDArray[np.int64],
    hyperparameters: Hyperparameters,
    settings: TuningSettings,
    seed: int,
) -> FloatArray:
    fold = rows.take(train)
    if not is_fittable(fold):
        return np.full(len(test), base_rate(fold))
    ensemble = fit_ensemble(
        fold, feature_names, hyperparameters, n_trees=settings.n_search_trees, seed=seed
    )
    return ensemble.probability(rows.features[test])


def _score(
    number: int,
    hyperparameters: Hyperparameters,
    paths: FloatArray,
    rows: SampleRows,
    calendar: TradingCalendar,
    settings: TuningSettings,
) -> dict[str, object]:
    taken = paths >= settings.search_threshold
    sharpes = np.array(
        [annual_sharpe(calendar.daily_sums(rows.trade_return, path)) for path in taken]
    )
    counted = np.nan_to_num(sharpes, nan=0.0)
    mean = float(counted.mean())
    sd = float(counted.std(ddof=1)) if len(counted) > 1 else 0.0
    defined = sharpes[np.isfinite(sharpes)]
    per_day = float(defined.mean()) / math.sqrt(DAYS_PER_YEAR) if len(defined) else math.nan
    return {
        "trial": number,
        "hyperparameters": hyperparameters.as_json(),
        "score": mean - settings.sharpe_sd_penalty * sd,
        "cpcv_sharpe_mean": mean,
        "cpcv_sharpe_sd": sd,
        "path_sharpes": sharpes.tolist(),
        "sharpe_per_day": per_day,
        "n_trades": float(taken.sum(axis=1).mean()),
        "n_obs": calendar.n_sessions,
    }


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Silence Optuna's log for the search only: its level belongs to the whole process."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
