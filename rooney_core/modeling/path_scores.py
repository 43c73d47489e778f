"""What the trades that a hyper-parameter set takes are worth, on paths that it never saw.

Belongs here: Sharpes of paths and of single splits, and the score made of them. Does not belong
here: probabilities (`folds.py`), or the search (`tuning.py`).

Sharpes are annual, of daily returns marked to market, flat days included. A path without a trade
that varies has an undefined Sharpe, and counts as 0 in a mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rooney_core.modeling.folds import Fold, Folds
from rooney_core.modeling.rows import FloatArray, Mask, TradingCalendar
from rooney_core.modeling.settings import TuningSettings
from rooney_core.validation.sharpe import DAYS_PER_YEAR, annual_sharpe


@dataclass(frozen=True, eq=False)
class PathScores:
    """Scores trades of one window, whose rows the calendar holds in the same order."""

    calendar: TradingCalendar
    settings: TuningSettings

    def threshold_of(self, fold: Fold) -> float:
        """Probability from which a trade of this split is taken: the setting, or the share of wins
        in its training rows within the grid of thresholds."""
        if self.settings.search_threshold is not None:
            return self.settings.search_threshold
        lowest, highest = self.settings.lowest_threshold, self.settings.highest_threshold
        return min(max(fold.base_rate, lowest), highest)

    def split_sharpe(self, fold: Fold, taken: Mask, days: Mask) -> float:
        """Annual Sharpe of a split's taken trades, bool[m], on its `days`; 0 where undefined."""
        rows = np.zeros(len(self.calendar.first_position), dtype=np.bool_)
        rows[fold.test[taken]] = True
        sharpe = annual_sharpe(self.calendar.daily_returns(rows)[days])
        return sharpe if math.isfinite(sharpe) else 0.0

    def days_of(self, fold: Fold) -> Mask:
        """Sessions of a split, bool[n_sessions]: from the first of each run of tested rows to the
        one before the next row begins, and as long as a tested trade is held."""
        begins = self.calendar.first_position
        days = np.zeros(self.calendar.n_sessions, dtype=np.bool_)
        for run in np.split(fold.test, np.flatnonzero(np.diff(fold.test) > 1) + 1):
            after = begins[run[-1] + 1] if run[-1] + 1 < len(begins) else len(days)
            days[begins[run[0]] : after] = True
            held = np.isin(self.calendar.trade, run)
            days[self.calendar.position[held]] = True
        return days

    def sharpes(self, taken: Mask) -> FloatArray:
        """Annual Sharpe of each path of bool[n_paths, n], f8[n_paths]; NaN where undefined."""
        return np.array([annual_sharpe(self.calendar.daily_returns(path)) for path in taken])

    def summary(self, taken: Mask) -> dict[str, Any]:
        """Facts of a set whose taken trades are known on whole paths, bool[n_paths, n]."""
        sharpes = self.sharpes(taken)
        counted = np.nan_to_num(sharpes, nan=0.0)
        defined = sharpes[np.isfinite(sharpes)]
        per_day = float(defined.mean()) / math.sqrt(DAYS_PER_YEAR) if len(defined) else math.nan
        return {
            "cpcv_sharpe_mean": float(counted.mean()),
            "cpcv_sharpe_sd": float(counted.std(ddof=1)) if len(counted) > 1 else 0.0,
            "path_sharpes": sharpes.tolist(),
            "sharpe_per_day": per_day,
            "n_trades": float(taken.sum(axis=1).mean()),
            "n_obs": self.calendar.n_sessions,
        }

    def score(self, summary: Mapping[str, Any]) -> float:
        """Mean minus penalty * sd of the paths."""
        mean, sd = summary["cpcv_sharpe_mean"], summary["cpcv_sharpe_sd"]
        return float(mean - self.settings.sharpe_sd_penalty * sd)


class TakenTrades:
    """Which rows a set takes, as its splits come in. bool[n_paths, n] twice.

    `paths`: as combinatorial purged cross-validation assembles them. `rounds`: round r holds each
    row's r-th answer in the order of the splits, so that the first rounds are whole long before
    any path is.
    """

    def __init__(self, folds: Folds) -> None:
        self.paths = np.zeros((folds.n_paths, folds.n_rows), dtype=np.bool_)
        self._rounds = np.zeros_like(self.paths)
        self._n_answers = np.zeros(folds.n_rows, dtype=np.int64)

    def add(self, fold: Fold, taken: Mask) -> None:
        """The answers of one split for its tested rows, bool[m]."""
        self.paths[fold.path, fold.test] = taken
        self._rounds[self._n_answers[fold.test], fold.test] = taken
        self._n_answers[fold.test] += 1

    @property
    def whole_rounds(self) -> Mask:
        """Rounds in which every row was answered, bool[n_rounds, n]."""
        return self._rounds[: int(self._n_answers.min())]
