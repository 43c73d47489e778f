"""What a rule would have earned: fills, costs, sweeps, ranking.

Belongs here: the order of events in a bar (shared with live), money, and searches over grids. Does
not belong here: rules (`rooney_core.strategies`), or what a Sharpe is worth after a search
(`rooney_core.validation`).
"""

from rooney_core.backtest.costs import CostModel
from rooney_core.backtest.engine import BacktestResult, run_backtest
from rooney_core.backtest.ranking import RankingCriteria, SearchTrials, best, rank
from rooney_core.backtest.sweep import SweepResult, sweep, sweep_all

__all__ = [
    "BacktestResult",
    "CostModel",
    "RankingCriteria",
    "SearchTrials",
    "SweepResult",
    "best",
    "rank",
    "run_backtest",
    "sweep",
    "sweep_all",
]
