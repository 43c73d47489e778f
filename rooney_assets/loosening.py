"""Does a change of the mandate make it easier to trade? Then what was approved before lapses.

Belongs here: for every limit, which way is looser. Does not belong here: the limits, or what a
lapse leads to (`rooney_core.gates.promotion`).

A limit whose looser way is not known here counts as loosened by any change. So does a seed: another
one is another throw of the dice.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any, Final

Limits = Mapping[str, Any]
"""A mandate's values by dotted name, as `Mandate.limits` has them; None asks nothing."""


class Looser(Enum):
    """Which way of a limit is looser."""

    LOWER = "lower"
    HIGHER = "higher"
    ANY = "any change"
    NEVER = "a choice, no limit"


RULES: Final = (
    # The first pattern that fits a name is its rule.
    ("labels.*", Looser.NEVER),
    ("tuning.*", Looser.NEVER),
    # They ask for trainings and for nothing else: no trade hangs on them.
    ("drift.*", Looser.NEVER),
    ("retraining.*", Looser.NEVER),
    # Costs that backtests and gates count with may fall below the assumed ones.
    ("feedback.least_cost_share", Looser.LOWER),
    ("feedback.cost_confidence", Looser.LOWER),
    ("feedback.*", Looser.NEVER),
    # Of these words the looser one is the later in the alphabet.
    ("windows", Looser.HIGHER),
    ("paper.lowest_promoted", Looser.HIGHER),
    ("paper.*.evidence", Looser.HIGHER),
    ("ranking.must_be_robust", Looser.LOWER),
    ("evaluation.holdout_budget", Looser.HIGHER),
    ("verdict.weak_deflated_sharpe_z", Looser.LOWER),
    ("verdict.few_test_trades", Looser.LOWER),
    ("verdict.significant_prob", Looser.LOWER),
    ("backtest_gate.*.from_trials", Looser.HIGHER),
    ("stress.n_scenarios", Looser.LOWER),
    ("stress.n_reshuffles", Looser.LOWER),
    ("stress.drawdown_quantile", Looser.LOWER),
    ("stress.horizon_sessions", Looser.LOWER),
    ("stress.luck_errors", Looser.LOWER),
    ("stress.correlated_positions", Looser.LOWER),
    ("paper.sessions", Looser.LOWER),
    ("paper.max_sessions", Looser.NEVER),
    # A wider interval contradicts less.
    ("paper.confidence", Looser.HIGHER),
    ("portfolio.starting_cash_usd", Looser.HIGHER),
    ("portfolio.target_annual_volatility", Looser.HIGHER),
    ("portfolio.assumed_margin_share", Looser.LOWER),
    ("live.capital_usd", Looser.HIGHER),
    ("promotion.auto", Looser.HIGHER),
    ("promotion.approval_days", Looser.HIGHER),
    ("*.min_*", Looser.LOWER),
    ("*.max_*", Looser.HIGHER),
)


def looser_way(name: str) -> Looser:
    """Which way of the limit with this dotted name is looser."""
    fitting = (way for pattern, way in RULES if fnmatchcase(name, pattern))
    return next(fitting, Looser.ANY)


def loosened(old: Limits, new: Limits) -> list[str]:
    """What of `new` is looser than `old`, a line each: `stress.n_scenarios 200 -> 40`; [] if none.

    A limit that is gone, or asks nothing any more (None), is loosened. One that `old` did not have
    is not.
    """
    return [
        f"{name} {old[name]} -> {new.get(name, 'gone')}"
        for name in old
        if name not in new or _is_looser(name, old[name], new[name])
    ]


def _is_looser(name: str, old: Any, new: Any) -> bool:
    way = looser_way(name)
    if old == new or way is Looser.NEVER:
        return False
    if way is Looser.ANY or old is None or new is None:
        return old is not None
    try:
        return bool(new < old) if way is Looser.LOWER else bool(new > old)
    except TypeError:
        # Two words have no order.
        return True
