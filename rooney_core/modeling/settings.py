"""How hard the search tries: every number of training that somebody chose.

Belongs here: frozen, validated settings. Does not belong here: a default hidden in a function.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

Probability = Annotated[float, Field(gt=0, lt=1)]

QUICK_TRIALS: Final = {"n_random_trials": 4, "n_bayesian_trials": 6}


class TuningSettings(BaseModel):
    """Settings of one training; the same settings and rows give the same model.

    `n_random_trials` hyper-parameter sets at random, then `n_bayesian_trials` by a tree-structured
    Parzen estimator, are scored by combinatorial purged cross-validation with
    C(n_folds, n_test_folds) splits and an embargo of calendar days. A set whose splits are worse
    than the best set's at `pruning_p` (one-sided, see `tuning`) is given up; 0 never gives up. The
    search grows `n_search_trees` per forest, the final model `n_trees`; boosting rounds are
    searched. A path of the search trades where the probability reaches `search_threshold`; None
    stands for the share of wins among the rows a split learns from, within the grid of thresholds:
    where wins are rare or common, 0.5 would take no trade or all of them. The search penalises
    spread: score = mean - `sharpe_sd_penalty` * sd of the paths' annual Sharpes.

    Thresholds run from `lowest_threshold` to `highest_threshold`, both inclusive; one counts only
    with `min_validation_trades` or more trades. `windows`: "three_way" chooses one on the
    validation window; "two_way" lets validation rows train too, and chooses on what the folds said
    of rows that they had not seen.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_random_trials: Annotated[int, Field(ge=1, le=1000)] = 120
    n_bayesian_trials: Annotated[int, Field(ge=0, le=1000)] = 300
    n_folds: Annotated[int, Field(ge=2, le=12)] = 6
    n_test_folds: Annotated[int, Field(ge=1, le=6)] = 2
    embargo_days: Annotated[int, Field(ge=0, le=366)] = 3
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 20100104
    n_search_trees: Annotated[int, Field(ge=1, le=500)] = 100
    n_trees: Annotated[int, Field(ge=1, le=500)] = 150
    search_threshold: Probability | None = None
    pruning_p: Annotated[float, Field(ge=0, lt=1)] = 0.1
    sharpe_sd_penalty: Annotated[float, Field(ge=0, le=10)] = 0.5
    lowest_threshold: Probability = 0.40
    highest_threshold: Probability = 0.70
    threshold_step: Annotated[float, Field(gt=0, le=0.5)] = 0.01
    min_validation_trades: Annotated[int, Field(ge=1)] = 30
    min_train_trades: Annotated[int, Field(ge=2)] = 100
    windows: Literal["three_way", "two_way"] = "three_way"

    @classmethod
    def quick(cls) -> TuningSettings:
        """A search of ten sets, enough to run end to end and for nothing else."""
        return cls(**QUICK_TRIALS)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.n_test_folds >= self.n_folds:
            raise ValueError(
                f"n_test_folds {self.n_test_folds} must be below n_folds {self.n_folds}"
            )
        if self.lowest_threshold > self.highest_threshold:
            raise ValueError(
                f"lowest_threshold {self.lowest_threshold} is above highest_threshold "
                f"{self.highest_threshold}"
            )
        return self

    @property
    def n_trials(self) -> int:
        """Sets scored in all, pruned ones included."""
        return self.n_random_trials + self.n_bayesian_trials

    @property
    def thresholds(self) -> npt.NDArray[np.float64]:
        """The grid of thresholds, ascending, rounded to 10 decimals."""
        n_steps = int((self.highest_threshold - self.lowest_threshold) / self.threshold_step + 1e-9)
        grid = self.lowest_threshold + self.threshold_step * np.arange(n_steps + 1)
        return np.round(grid, 10)
