"""Which hyper-parameters filter trades best on rows they never saw, inside the train window?

Belongs here: the search, trial by trial. Does not belong here: thresholds and the final fit; rows
of other windows never reach this module.

Score of one set: the trades that it would have taken on each path of combinatorial purged
cross-validation, as annual Sharpes of daily returns marked to market, flat days included; mean -
penalty * sd over the paths (`path_scores`). Each split is a step after which a set may be given up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import optuna
import polars as pl

from rooney_core.modeling.ensemble import Hyperparameters
from rooney_core.modeling.folds import Folds
from rooney_core.modeling.path_scores import PathScores, TakenTrades
from rooney_core.modeling.rows import Mask, SampleRows, TradingCalendar
from rooney_core.modeling.settings import TuningSettings
from rooney_core.modeling.study import (
    TRIALS_SCHEMA,
    ForgetfulStudies,
    Search,
    Studies,
    TrialLog,
    TrialRecord,
    study_key,
)

OnTrial = Callable[[int, int, float], None]
"""Progress: called with the number of trials done, the number planned, and the best score so far.
Trials of before a resumption are not told again."""


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
    studies: Studies | None = None,
) -> Tuning:
    """Search on `rows` (the train window, ascending label_start); deterministic in its arguments.

    `studies` keeps each finished trial; a search that finds some of its own goes on behind them,
    and ends with the same trials as one that was never interrupted. Raises NotEnoughData for fewer
    rows than folds.
    """
    folds = Folds.of(rows, feature_names, settings)
    scores = PathScores(calendar, settings)
    key = study_key(rows, feature_names, calendar, settings)
    with (studies or ForgetfulStudies()).open(key) as log:
        records = search(folds, scores, settings, log, on_trial)
    trials = pl.DataFrame([record.facts for record in records], schema=TRIALS_SCHEMA)
    chosen = int(np.nanargmax(trials["score"].fill_null(np.nan).to_numpy()))
    best = Hyperparameters.model_validate(records[chosen].params)
    return Tuning(best, float(trials["cpcv_sharpe_mean"][chosen]), trials)


def search(
    folds: Folds,
    scores: PathScores,
    settings: TuningSettings,
    log: TrialLog,
    on_trial: OnTrial | None = None,
) -> list[TrialRecord]:
    """All records of a study: those of the log, and behind them what is still to be tried."""
    with _quiet_optuna():
        return _search(folds, scores, settings, log, on_trial)


def _search(
    folds: Folds,
    scores: PathScores,
    settings: TuningSettings,
    log: TrialLog,
    on_trial: OnTrial | None,
) -> list[TrialRecord]:
    records = log.read()
    study = Search(settings, folds.n_to_cover, records)
    days = {fold.number: scores.days_of(fold) for fold in folds.splits}
    while len(records) < settings.n_trials:
        record = _try(study, folds, scores, days, settings)
        log.append(record)
        records.append(record)
        if on_trial is not None:
            best = max(one.score for one in records if one.score is not None)
            on_trial(len(records), settings.n_trials, best)
    return records


def _try(
    study: Search,
    folds: Folds,
    scores: PathScores,
    days: dict[int, Mask],
    settings: TuningSettings,
) -> TrialRecord:
    """One trial, split by split, to its end or until it is given up."""
    phase, trial = study.phase(), study.ask()
    drawn = Hyperparameters.model_validate(trial.params)
    taken, steps = TakenTrades(folds), []
    is_given_up = False
    for step, fold in enumerate(folds.splits):
        said = fold.probability(drawn, settings.n_search_trees, settings.seed + fold.number)
        takes = said >= scores.threshold_of(fold)
        taken.add(fold, takes)
        steps.append(scores.split_sharpe(fold, takes, days[fold.number]))
        trial.report(steps[-1], step)
        is_last = step == len(folds.splits) - 1
        if not is_last and trial.should_prune():
            is_given_up = True
            break
    summary = scores.summary(taken.whole_rounds if is_given_up else taken.paths)
    score = None if is_given_up else scores.score(summary)
    study.tell(trial, score)
    facts = {
        "trial": trial.number,
        "phase": phase,
        "state": "pruned" if is_given_up else "complete",
        "n_splits": len(steps),
        "hyperparameters": drawn.as_json(),
        "score": score,
        **summary,
    }
    return TrialRecord(trial.number, dict(trial.params), tuple(steps), facts)


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Silence Optuna's log for the search only: its level belongs to the whole process."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
