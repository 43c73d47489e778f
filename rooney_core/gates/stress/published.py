"""Scenarios that draw from published daily results.

Belongs here: blocks of days, regimes, positions that move as one, crises. Does not belong here:
anything that decides anew (`replay`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.errors import NotEnoughData
from rooney_core.gates.stress.crises import Crisis, covered_crises
from rooney_core.gates.stress.kinds import Scenario, ScenarioKind
from rooney_core.gates.stress.limits import StressLimits
from rooney_core.gates.stress.luck import allowance_usd, lowered
from rooney_core.gates.stress.report import FloatArray, Outcome
from rooney_core.validation.resampling import (
    MIN_OBS_BLOCK_LENGTH,
    optimal_block_length,
    stationary_bootstrap_indices,
)

FEWEST_DAYS: Final = 60
"""Published days below which nothing can be said of a year."""
FEWEST_OF_REGIME: Final = 42
"""Days of a regime, two months, below which no year of it is drawn."""
REGIMES: Final = ("volatility_regime", "trend_regime")
NEEDED: Final = ("session", "window", "equity_usd", "daily_pnl_usd", *REGIMES)


@dataclass(frozen=True)
class PublishedDays:
    """Net USD of one contract by session, as `equity_curve` has them.

    `every`: all windows, with the columns NEEDED. `judged`: those that the model was not trained
    on, which are drawn from.
    """

    every: pl.DataFrame
    judged: pl.DataFrame
    starting_cash_usd: float

    @classmethod
    def of(cls, equity_curve: pl.DataFrame, *, trained_on_validation: bool) -> PublishedDays:
        """Of an equity_curve frame. Validation days count only where they did not train the model.

        Raises NotEnoughData below FEWEST_DAYS of them.
        """
        every = equity_curve.select(NEEDED).sort("session")
        windows = ["test"] if trained_on_validation else ["validation", "test"]
        judged = every.filter(pl.col("window").is_in(windows))
        if judged.height < FEWEST_DAYS:
            raise NotEnoughData(
                f"{judged.height} published days of {' and '.join(windows)} arrived; a stress test "
                f"needs {FEWEST_DAYS}. Give the source more sessions."
            )
        return cls(every, judged, float(every["equity_usd"][0] - every["daily_pnl_usd"][0]))

    @cached_property
    def pnl(self) -> FloatArray:
        """Of the judged days, f8[n]."""
        return np.array(self.judged["daily_pnl_usd"], dtype=np.float64)

    @cached_property
    def block_length(self) -> float:
        """Mean block of the judged days (Politis & White), one day at the least."""
        return _block_length(self.pnl)

    @cached_property
    def crises(self) -> tuple[Crisis, ...]:
        """Those that the days cover."""
        return covered_crises(self.every["session"])

    @cached_property
    def regimes(self) -> tuple[tuple[str, npt.NDArray[np.bool_]], ...]:
        """(name, judged days in it) of each regime with days enough, in a fixed order."""
        found = []
        for column in REGIMES:
            for level in ("low", "middle", "high"):
                inside = (self.judged[column] == level).fill_null(False).to_numpy()
                if inside.sum() >= FEWEST_OF_REGIME:
                    found.append((f"{column.removesuffix('_regime')} {level}", inside))
        return tuple(found)


Draw = Callable[[Scenario, PublishedDays, StressLimits], Outcome]


def published_outcome(scenario: Scenario, days: PublishedDays, limits: StressLimits) -> Outcome:
    """Run a scenario of one of the kinds in `kinds.PUBLISHED`."""
    return _DRAWS[scenario.kind](scenario, days, limits)


def _block_bootstrap(scenario: Scenario, days: PublishedDays, limits: StressLimits) -> Outcome:
    length = days.block_length
    pnl = _drawn(days.pnl, length, limits.horizon_sessions, scenario.seed)
    return _outcome(pnl, days, limits, f"blocks of {length:.3g} days on average")


def _regime(scenario: Scenario, days: PublishedDays, limits: StressLimits) -> Outcome:
    if not days.regimes:
        return _block_bootstrap(scenario, days, limits)
    name, inside = days.regimes[scenario.order % len(days.regimes)]
    pnl = days.pnl[inside]
    drawn = _drawn(pnl, _block_length(pnl), limits.horizon_sessions, scenario.seed)
    return _outcome(drawn, days, limits, f"{name}: {inside.sum()} published days")


def _correlation_one(scenario: Scenario, days: PublishedDays, limits: StressLimits) -> Outcome:
    pnl = _drawn(days.pnl, days.block_length, limits.horizon_sessions, scenario.seed)
    positions = limits.correlated_positions
    told = f"{positions} positions that win and lose together"
    one = _outcome(pnl, days, limits, told)
    return replace(
        one,
        daily_pnl_usd=positions * one.daily_pnl_usd,
        allowance_usd=positions * one.allowance_usd,
    )


def _crisis(scenario: Scenario, days: PublishedDays, limits: StressLimits) -> Outcome:
    crisis = days.crises[scenario.order]
    inside = days.every.filter(pl.col("session").is_between(crisis.first, crisis.last))
    windows = ", ".join(inside["window"].unique(maintain_order=True))
    pnl = np.array(inside["daily_pnl_usd"], dtype=np.float64)
    told = f"{crisis.name}: {crisis.first} to {crisis.last} ({windows} window)"
    return Outcome(pnl, int(np.count_nonzero(pnl)), told)


_DRAWS: Final[Mapping[ScenarioKind, Draw]] = MappingProxyType(
    {
        ScenarioKind.BLOCK_BOOTSTRAP: _block_bootstrap,
        ScenarioKind.REGIME: _regime,
        ScenarioKind.CORRELATION_ONE: _correlation_one,
        ScenarioKind.CRISIS: _crisis,
    }
)


def _outcome(pnl: FloatArray, days: PublishedDays, limits: StressLimits, detail: str) -> Outcome:
    """Of drawn days, less the allowance that all the judged days ask for."""
    n_held = int(np.count_nonzero(pnl))
    allowance = allowance_usd(days.pnl, limits.luck_errors)
    return Outcome(lowered(pnl, allowance), n_held, detail, n_held * allowance)


def _block_length(pnl: FloatArray) -> float:
    return 1.0 if len(pnl) < MIN_OBS_BLOCK_LENGTH else max(1.0, optimal_block_length(pnl))


def _drawn(pnl: FloatArray, block_length: float, n_sessions: int, seed: int) -> FloatArray:
    """`n_sessions` days by the stationary bootstrap; of fewer days, resamples one after another."""
    n_resamples = math.ceil(n_sessions / len(pnl))
    rows = stationary_bootstrap_indices(len(pnl), n_resamples, block_length, seed)
    drawn: FloatArray = pnl[rows.ravel()[:n_sessions]]
    return drawn
