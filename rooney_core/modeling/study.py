"""The memory of a search: what every trial was and scored, so that a killed one can go on.

Belongs here: the record of a trial, what a log of them must do, what names a study, and the search
as Optuna sees it. Does not belong here: files and locks (`rooney_assets.study_files`), the score.

A trial's draw depends on (seed, trial number) and the trials before it, on no generator that runs
on: whoever replays the records draws the next set as if nothing had happened.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol, Self

import numpy as np
import optuna
import polars as pl
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from rooney_core.lineage import content_version
from rooney_core.modeling.ensemble import SEARCH_SPACE
from rooney_core.modeling.rows import SampleRows, TradingCalendar
from rooney_core.modeling.settings import TuningSettings

TRIALS_SCHEMA: Final[dict[str, pl.DataType]] = {
    "trial": pl.Int64(),
    "phase": pl.String(),
    "state": pl.String(),
    "n_splits": pl.Int64(),
    "hyperparameters": pl.String(),
    "score": pl.Float64(),
    "cpcv_sharpe_mean": pl.Float64(),
    "cpcv_sharpe_sd": pl.Float64(),
    "path_sharpes": pl.List(pl.Float64()),
    "sharpe_per_day": pl.Float64(),
    "n_trades": pl.Float64(),
    "n_obs": pl.Int64(),
}
"""One row per scored set. `phase`: "random" or "bayesian". `state`: "complete", or "pruned" after
`n_splits` splits: it has no score (null), and its other numbers are of the rounds of out-of-fold
answers that were whole by then (`path_scores.TakenTrades`) in place of the paths. Sharpes annual
except `sharpe_per_day`; a path that never traded is NaN in `path_sharpes`, and `sharpe_per_day`
(mean of the defined paths) is NaN when none traded. `n_trades`: mean over the paths; `n_obs`:
sessions of the train window."""

STUDY_FORMAT: Final = 1
"""Raised when records of before can no longer be replayed."""


@dataclass(frozen=True)
class TrialRecord:
    """One finished trial. `params`: what was drawn, by name of SEARCH_SPACE. `steps`: the split
    Sharpes reported, in the order of the splits. `facts`: its row of TRIALS_SCHEMA."""

    number: int
    params: dict[str, Any]
    steps: tuple[float, ...]
    facts: dict[str, Any]

    @property
    def score(self) -> float | None:
        """None for a trial that was given up."""
        score: float | None = self.facts["score"]
        return score

    def to_json(self) -> str:
        """One line; floats keep every bit."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, line: str) -> Self:
        """The record of a line that `to_json` wrote."""
        record = cls(**json.loads(line))
        return cls(record.number, record.params, tuple(record.steps), record.facts)


class TrialLog(Protocol):
    """Finished trials of one study, kept in order. `append` returns when the record is safe."""

    def read(self) -> list[TrialRecord]:
        """All records, numbers 0, 1, 2, ..."""

    def append(self, record: TrialRecord) -> None:
        """Keep the next record."""


class Studies(Protocol):
    """Where logs are kept, by the study's key; one holder of a log at a time."""

    def open(self, key: str) -> AbstractContextManager[TrialLog]:
        """The log of a study, empty when it is new, for as long as the context lasts."""


class ForgetfulStudies:
    """Keeps a study in memory, for as long as it runs."""

    @contextmanager
    def open(self, key: str) -> Iterator[TrialLog]:
        """An empty log."""
        yield _ListLog()


class _ListLog:
    def __init__(self) -> None:
        self._records: list[TrialRecord] = []

    def read(self) -> list[TrialRecord]:
        return list(self._records)

    def append(self, record: TrialRecord) -> None:
        self._records.append(record)


def study_key(
    rows: SampleRows,
    feature_names: Sequence[str],
    calendar: TradingCalendar,
    settings: TuningSettings,
) -> str:
    """Names everything but code that decides a search: 32 hex digits."""
    table = pl.DataFrame(rows.features, schema=list(feature_names), orient="row").with_columns(
        pl.Series("", rows.label).alias("*label"),
        pl.Series("", rows.weight).alias("*weight"),
        rows.label_start.alias("*start"),
        rows.label_end.alias("*end"),
        rows.held_sessions.alias("*sessions"),
        rows.held_return.alias("*return"),
    )
    days = calendar.sessions.to_frame()
    facts = [str(STUDY_FORMAT), content_version(table), content_version(days)]
    facts.append(settings.model_dump_json())
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:32]


class Search:
    """Optuna's study of a search: asks for the next set, hears of splits, says when to give up.

    Random sets first, then the tree-structured Parzen estimator (Bergstra, Bardenet, Bengio & Kegl
    2011; multivariate as in Falkner, Klein & Hutter 2018). A set is given up when Wilcoxon's signed
    rank test on the split Sharpes holds it for worse than the best set's, after `n_to_cover`
    splits at the earliest. Tested splits overlap, so `pruning_p` is a knob and no error rate.
    """

    def __init__(
        self, settings: TuningSettings, n_to_cover: int, records: Sequence[TrialRecord]
    ) -> None:
        self._settings = settings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            pruner = optuna.pruners.WilcoxonPruner(
                p_threshold=settings.pruning_p, n_startup_steps=n_to_cover
            )
        self._study = optuna.create_study(direction="maximize", pruner=pruner)
        self._study.add_trials([_frozen(record) for record in records])
        self._n_done = len(records)

    def ask(self) -> Trial:
        """The next set to try."""
        self._study.sampler = self._sampler(self._n_done)
        return self._study.ask(SEARCH_SPACE)

    def phase(self) -> str:
        """Of the set that is asked for next, or tried now."""
        return "random" if self._n_done < self._settings.n_random_trials else "bayesian"

    def tell(self, trial: Trial, score: float | None) -> None:
        """The trial is over; None: it was given up."""
        if score is None:
            self._study.tell(trial, state=TrialState.PRUNED)
        else:
            self._study.tell(trial, score)
        self._n_done += 1

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        seed = int(np.random.SeedSequence((self._settings.seed, number)).generate_state(1)[0])
        if self.phase() == "random":
            return optuna.samplers.RandomSampler(seed=seed)
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=0, multivariate=True)


def _frozen(record: TrialRecord) -> FrozenTrial:
    """The trial as the study remembers it; a pruned one has its last step's value."""
    score = record.score
    return create_trial(
        params=record.params,
        distributions=SEARCH_SPACE,
        value=record.steps[-1] if score is None else score,
        intermediate_values=dict(enumerate(record.steps)),
        state=TrialState.PRUNED if score is None else TrialState.COMPLETE,
    )
