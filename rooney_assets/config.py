"""The launchpad: what a person may set for one run in the Dagster UI.

Belongs here: `dg.Config` classes, each turning into frozen core parameters by `to_params()`. Does
not belong here: defaults of their own; a field left alone takes the core's default.
"""

import dagster as dg

from rooney_core.backtest.ranking import RankingCriteria
from rooney_core.gates.evaluation import EvaluationSettings
from rooney_core.modeling.settings import TuningSettings
from rooney_core.portfolio.monthly import PortfolioLimits


class TuningConfig(dg.Config):
    """How long the meta-label search may take, and its seed."""

    n_trials: int = TuningSettings().n_trials
    seed: int = TuningSettings().seed

    def to_params(self) -> TuningSettings:
        """The same as the core's frozen settings; a value out of range is refused there."""
        return TuningSettings(n_trials=self.n_trials, seed=self.seed)


class PortfolioConfig(dg.Config):
    """Limits of the greedy selection."""

    max_positions: int = PortfolioLimits().max_positions
    max_correlation: float = PortfolioLimits().max_correlation
    min_sharpe: float = PortfolioLimits().min_sharpe

    def to_params(self) -> PortfolioLimits:
        """The same as frozen parameters; a value out of range is refused there."""
        return PortfolioLimits(
            max_positions=self.max_positions,
            max_correlation=self.max_correlation,
            min_sharpe=self.min_sharpe,
        )


class RankingConfig(dg.Config):
    """What a variant must show in the train window to meet the ranking's criteria."""

    min_annual_sharpe: float = RankingCriteria().min_annual_sharpe
    min_trades_per_year: float = RankingCriteria().min_trades_per_year
    max_trades_per_year: float = RankingCriteria().max_trades_per_year
    max_drawdown: float = RankingCriteria().max_drawdown
    must_be_robust: bool = RankingCriteria().must_be_robust

    def to_params(self) -> RankingCriteria:
        """The same as frozen parameters; a value out of range is refused there."""
        return RankingCriteria(
            min_annual_sharpe=self.min_annual_sharpe,
            min_trades_per_year=self.min_trades_per_year,
            max_trades_per_year=self.max_trades_per_year,
            max_drawdown=self.max_drawdown,
            must_be_robust=self.must_be_robust,
        )


class EvaluationConfig(dg.Config):
    """How many different models may see one sealed test window; raising it is on record."""

    holdout_budget: int = EvaluationSettings().holdout_budget

    def to_params(self) -> EvaluationSettings:
        """The same as frozen settings; a value out of range is refused there."""
        return EvaluationSettings(holdout_budget=self.holdout_budget)


LAUNCHPAD = {
    EvaluationSettings: EvaluationConfig,
    TuningSettings: TuningConfig,
    PortfolioLimits: PortfolioConfig,
    RankingCriteria: RankingConfig,
}
