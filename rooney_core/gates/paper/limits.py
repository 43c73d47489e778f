"""What paper trading must show, grade by grade: the mandate's section `paper`.

Belongs here: the frozen limits, and what a limit on the win rate implies. Does not belong here: the
comparison (`gate`).
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.special import bdtrc

Fraction = Annotated[float, Field(ge=0, le=1)]
Grade = Literal["A", "B", "C", "D", "F"]
GRADES: Final[tuple[Grade, ...]] = ("A", "B", "C", "D", "F")
"""From the best to the worst; F also where a fact that no grade forgives is not in order."""

ORDINARY_WIN_RATE: Final = 0.6
"""Of a good strategy of this catalogue: what the note on a limit compares with."""


class PaperTier(BaseModel):
    """What one grade asks, each to be exceeded; None asks nothing.

    `evidence`: "measured" compares the number itself; "not_contradicted" the upper end of its
    interval, so that only a result that rules the minimum out fails it, as a few sessions cannot
    prove more. `min_annual_alpha` is a fraction of the cash a year, against holding the same
    contracts. A drawdown has to be shallower than `max_drawdown`, a positive fraction of the
    highest equity so far, and is always compared as measured.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    evidence: Literal["measured", "not_contradicted"]
    min_win_rate: Fraction | None = None
    min_annual_sharpe: float | None = None
    min_annual_alpha: float | None = None
    max_drawdown: Annotated[float, Field(gt=0, le=1)] | None = None

    def asks_no_more_than(self, better: PaperTier) -> bool:
        """Whether whoever meets `better` meets this one too."""
        minima = ("min_win_rate", "min_annual_sharpe", "min_annual_alpha")
        mine = [_or(getattr(self, name), -math.inf) for name in minima]
        theirs = [_or(getattr(better, name), -math.inf) for name in minima]
        is_evidence_fine = self.evidence == "not_contradicted" or better.evidence == "measured"
        is_depth_fine = _or(self.max_drawdown, math.inf) >= _or(better.max_drawdown, math.inf)
        is_minima_fine = all(one <= other for one, other in zip(mine, theirs, strict=True))
        return is_evidence_fine and is_depth_fine and is_minima_fine


class PaperLimits(BaseModel):
    """How long a candidate is paper traded, and what the grades ask.

    `sessions`: how many of the newest sessions are rehearsed; more, up to `max_sessions`, until
    `min_trades` trades have ended in them, because fewer say nothing. The count alone decides that,
    never a result. Below `min_sessions` or `min_trades` the grade is F. `confidence`: of the
    two-sided intervals. `lowest_promoted`: the worst grade that may be promoted.

    `a` keeps the win rate of the seed workflow (above 80 %); `win_rate_implies` says what that
    asks for. `b` is what a sound candidate meets: nothing that paper trading showed contradicts it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    sessions: Annotated[int, Field(ge=1, le=504)] = 20
    max_sessions: Annotated[int, Field(ge=1, le=504)] = 120
    min_sessions: Annotated[int, Field(ge=7, le=504)] = 7
    min_trades: Annotated[int, Field(ge=0, le=1000)] = 5
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.98
    lowest_promoted: Literal["A", "B"] = "B"
    a: PaperTier = PaperTier(
        evidence="measured",
        min_win_rate=0.80,
        min_annual_sharpe=1.0,
        min_annual_alpha=0.0,
        max_drawdown=0.05,
    )
    b: PaperTier = PaperTier(
        evidence="not_contradicted",
        min_win_rate=0.30,
        min_annual_sharpe=0.0,
        min_annual_alpha=0.0,
        # 10 % stops one of fifty windows of 20 sessions of an edge with a true Sharpe above 3, at
        # the portfolio's target volatility; 15 % one of two hundred (`gate_calibration`).
        max_drawdown=0.15,
    )
    c: PaperTier = PaperTier(evidence="not_contradicted", min_annual_sharpe=0.0, max_drawdown=0.20)
    d: PaperTier = PaperTier(evidence="not_contradicted", max_drawdown=0.25)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.min_sessions <= self.sessions <= self.max_sessions:
            raise ValueError(
                f"sessions is {self.sessions}; it must be at least min_sessions "
                f"({self.min_sessions}) and at most max_sessions ({self.max_sessions})"
            )
        tiers = self.tiers
        for (better, above), (name, tier) in pairwise(tiers):
            if not tier.asks_no_more_than(above):
                raise ValueError(
                    f"{name} asks more than {better} somewhere; each grade asks what the one above "
                    "it asks, or less"
                )
        return self

    @property
    def tiers(self) -> tuple[tuple[Grade, PaperTier], ...]:
        """Grades with what they ask, the best first; F asks nothing."""
        return (("A", self.a), ("B", self.b), ("C", self.c), ("D", self.d))

    @property
    def promoting(self) -> PaperTier:
        """What a candidate must meet to be promoted."""
        return dict(self.tiers)[self.lowest_promoted]


def win_rate_implies(min_win_rate: float, n_trades: int) -> str:
    """In words: what asking for a win rate above `min_win_rate` in `n_trades` selects.

    A strategy that wins a share p breaks even where its average loss is p / (1 - p) average wins.
    The chance that a share of 0.6 shows more than `min_win_rate` of n is binomial.
    """
    losses = math.inf if min_win_rate >= 1.0 else min_win_rate / (1.0 - min_win_rate)
    needed = math.floor(min_win_rate * n_trades + 1e-9) + 1
    chance = float(bdtrc(needed - 1, n_trades, ORDINARY_WIN_RATE))
    return (
        f"a win rate above {min_win_rate:.0%} says nothing of profit: at {min_win_rate:.0%}, "
        f"losses may be {losses:.3g} times the wins before money is lost, so it favours small "
        f"gains with rare, large losses; of {n_trades} trades it asks for {needed} wins, which a "
        f"strategy that truly wins {ORDINARY_WIN_RATE:.0%} shows with a chance of {chance:.1%}"
    )


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
