"""The kinds of scenarios, and how many of each a report has.

Belongs here: the shares with their reasons, and the plan that they come to. Does not belong here:
what a kind does (`published`, `shocks`, `paths`).

Why these shares. A median Sharpe above 0 means that more than half of the scenarios earn money, so
the mix decides what the rule asks:

- Nobody can earn anything on a path without an edge in it. Such paths (trend_free, jump_diffusion)
  are there for ruin and drawdown. They are 9 %: few enough that a true edge passes if it loses on
  every one of them.
- 48 % draw days that were published out of sample. As they are they would say again what the
  verdict has said, luck included; so they are lowered first (`luck`), and earn money only where
  they are more than luck explains. The seven crises are taken as they were.
- 29 % send real bars with a price or cost shock through the decisions (gaps, volatility, costs):
  each takes away some Sharpe, and what is left, less the allowance for luck, has to be above 0.
- 13 % do so with feeds that fail: bars that are missing or late, other markets that no longer move
  as they did. An edge loses a little there; a strategy that lives on one bar or one feed, a lot.

No group is large enough to pass the rule alone, and both windows have to agree: luck in the two
years that are replayed is not enough, nor is luck in the test window.

A year is the horizon: luck of a single year counts in it, and a strategy of a true annual Sharpe of
3 loses money in one of 700.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

_SEED_BYTES: Final = 4


class ScenarioKind(StrEnum):
    """What a scenario does to the strategy."""

    BLOCK_BOOTSTRAP = "block_bootstrap"
    REGIME = "regime"
    CORRELATION_ONE = "correlation_one"
    CRISIS = "crisis"
    VOLATILITY_SHOCK = "volatility_shock"
    GAPS = "gaps"
    COSTS_X2 = "costs_x2"
    COSTS_X5 = "costs_x5"
    MISSING_BARS = "missing_bars"
    LATE_BARS = "late_bars"
    CORRELATION_BREAK = "correlation_break"
    TREND_FREE = "trend_free"
    JUMP_DIFFUSION = "jump_diffusion"


MEANING: Final[Mapping[ScenarioKind, str]] = MappingProxyType(
    {
        ScenarioKind.BLOCK_BOOTSTRAP: "published days in blocks, by the stationary bootstrap",
        ScenarioKind.REGIME: "a year of published days of one regime of volatility or trend",
        ScenarioKind.CORRELATION_ONE: "every position of the portfolio wins and loses as this one",
        ScenarioKind.CRISIS: "published days of a historical crisis, in their order",
        ScenarioKind.VOLATILITY_SHOCK: "moves of the real bars multiplied for one to six months",
        ScenarioKind.GAPS: "jumps between two bars against positions that are held",
        ScenarioKind.COSTS_X2: "commission and slippage doubled",
        ScenarioKind.COSTS_X5: "commission and slippage five times as high",
        ScenarioKind.MISSING_BARS: "single bars and hours in a row that never arrive",
        ScenarioKind.LATE_BARS: "bars that arrive with the next one, too late to decide on",
        ScenarioKind.CORRELATION_BREAK: "other markets move as they did at another time",
        ScenarioKind.TREND_FREE: "a drawn path without drift and without an edge",
        ScenarioKind.JUMP_DIFFUSION: "the same with jumps",
    }
)

PUBLISHED: Final = frozenset(
    {
        ScenarioKind.BLOCK_BOOTSTRAP,
        ScenarioKind.REGIME,
        ScenarioKind.CORRELATION_ONE,
        ScenarioKind.CRISIS,
    }
)
"""Kinds that draw from published days; all others decide anew, bar by bar."""

SHARES: Final[Mapping[ScenarioKind, int]] = MappingProxyType(
    {
        ScenarioKind.BLOCK_BOOTSTRAP: 40,
        ScenarioKind.REGIME: 30,
        ScenarioKind.CORRELATION_ONE: 20,
        ScenarioKind.CRISIS: 7,
        ScenarioKind.VOLATILITY_SHOCK: 14,
        ScenarioKind.GAPS: 16,
        ScenarioKind.COSTS_X2: 14,
        ScenarioKind.COSTS_X5: 14,
        ScenarioKind.MISSING_BARS: 9,
        ScenarioKind.LATE_BARS: 8,
        ScenarioKind.CORRELATION_BREAK: 10,
        ScenarioKind.TREND_FREE: 9,
        ScenarioKind.JUMP_DIFFUSION: 9,
    }
)
"""Scenarios of each kind in 200."""


@dataclass(frozen=True)
class Scenario:
    """One scenario to run: number `order` of its kind, drawn from `seed`."""

    kind: ScenarioKind
    order: int
    seed: int


def plan(n_scenarios: int, seed: int, symbol: str, n_crises: int) -> tuple[Scenario, ...]:
    """`n_scenarios` scenarios, kind by kind in the order of SHARES.

    Counts are the shares of `n_scenarios`, by largest remainders. No more crises than `n_crises`
    are covered by data; what is left of their share is block bootstrap. A scenario's seed depends
    on its kind and order alone: more scenarios are the same ones and others.
    """
    counts = _apportioned(n_scenarios)
    surplus = max(0, counts[ScenarioKind.CRISIS] - n_crises)
    counts[ScenarioKind.CRISIS] -= surplus
    counts[ScenarioKind.BLOCK_BOOTSTRAP] += surplus
    return tuple(
        Scenario(kind, order, _seed_of(seed, symbol, kind, order))
        for kind in SHARES
        for order in range(counts[kind])
    )


def _apportioned(n_scenarios: int) -> dict[ScenarioKind, int]:
    total = sum(SHARES.values())
    exact = {kind: n_scenarios * share / total for kind, share in SHARES.items()}
    counts = {kind: int(one) for kind, one in exact.items()}
    # A stable sort: of equal remainders the earlier kind has the scenario.
    by_remainder = sorted(SHARES, key=lambda kind: counts[kind] - exact[kind])
    for kind in by_remainder[: n_scenarios - sum(counts.values())]:
        counts[kind] += 1
    return counts


def _seed_of(seed: int, symbol: str, kind: ScenarioKind, order: int) -> int:
    digest = hashlib.sha256(f"{seed}|{symbol}|{kind}|{order}".encode()).digest()
    return int.from_bytes(digest[:_SEED_BYTES], "little")
