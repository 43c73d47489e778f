"""Scenarios that go through the decisions anew, bar by bar: features, signal, model, stops, exits.

Belongs here: what each kind does to a year of real bars, to the costs, or to what is told of other
markets. Does not belong here: the arithmetic on bars (`shocks`, `paths`), published days
(`published`).

The year is one of the validation window: the model was not trained on it, and the bars of the test
window stay sealed. The years of a kind begin evenly spread, and those of all kinds at the same
sessions, so that kinds can be compared. With nothing done to them the bars give what was published,
which a check of the asset holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from rooney_core.features import Feeds, HourlyCloses, PartnerIbs, ReferenceCloses
from rooney_core.gates.stress.history import History, Strategy, Stretch
from rooney_core.gates.stress.kinds import Scenario, ScenarioKind
from rooney_core.gates.stress.limits import StressLimits
from rooney_core.gates.stress.luck import allowance_usd, lowered
from rooney_core.gates.stress.paths import Jumps, Volatility, drawn_path
from rooney_core.gates.stress.report import Outcome
from rooney_core.gates.stress.shocks import PRICES, arriving_late, moved, without
from rooney_core.strategies.peers import Peers, PeerSessions

SHOCK_FACTORS: Final = (2.0, 4.0)
SHOCK_SESSIONS: Final = (21, 126)
GAPS_A_YEAR: Final = 4
GAP_RANGES: Final = (3.0, 10.0)
"""Sizes in mean ranges (high - low) of the year's bars: beyond the stops of the catalogue."""
MISSING_SHARES: Final = (0.01, 0.05)
OUTAGES: Final = 4
OUTAGE_BARS: Final = (3, 24)
LATE_SHARES: Final = (0.02, 0.10)
SHIFT_SESSIONS: Final = (63, 1000)
"""By how many sessions other markets are displaced; half of those before the window at the most."""
HOURS_PER_SESSION: Final = 23
JUMPS: Final = Jumps(a_year=24.0, deviation=0.02)
"""Two a month, of 2 % of the price: a market that jumps as single days of 2020 did, all year."""
GOLDEN: Final = (math.sqrt(5.0) - 1.0) / 2.0
"""Multiples of it, less their whole part, are spread over [0, 1) however many there are."""
DRAWN: Final = frozenset({ScenarioKind.TREND_FREE, ScenarioKind.JUMP_DIFFUSION})
COST_FACTORS: Final = MappingProxyType({ScenarioKind.COSTS_X2: 2.0, ScenarioKind.COSTS_X5: 5.0})

Generator = np.random.Generator
Change = Callable[[Stretch, Strategy, History, Generator], tuple[Stretch, Strategy, str]]


def replayed_outcome(scenario: Scenario, history: History, limits: StressLimits) -> Outcome:
    """Run a scenario of one of the kinds that are not in `kinds.PUBLISHED`."""
    rng = np.random.default_rng(scenario.seed)
    n_sessions = min(limits.horizon_sessions, len(history.sessions))
    begins = len(history.sessions) - n_sessions + 1
    year = history.year(int(math.modf(scenario.order * GOLDEN)[0] * begins), n_sessions)
    if scenario.kind in COST_FACTORS:
        changed = _costs(year, history.strategy, COST_FACTORS[scenario.kind])
    else:
        changed = _CHANGES[scenario.kind](year, history.strategy, history, rng)
    stretch, strategy, detail = changed
    trades = strategy.trades(stretch)
    pnl = strategy.daily_pnl_usd(trades, stretch)
    # A drawn path holds nothing of the past, and no luck of it.
    errors = 0.0 if scenario.kind in DRAWN else limits.luck_errors
    allowance = allowance_usd(history.daily_pnl_usd, errors)
    told = f"{detail}; year from {np.datetime64(int(year.sessions[0]), 'D')}"
    off = int(np.count_nonzero(pnl)) * allowance
    return Outcome(lowered(pnl, allowance), trades.height, told, off)


def _costs(year: Stretch, strategy: Strategy, factor: float) -> tuple[Stretch, Strategy, str]:
    costs = strategy.bundle.costs.times(factor)
    dearer = replace(strategy, bundle=replace(strategy.bundle, costs=costs))
    return year, dearer, f"commission and slippage x {factor:g}"


def _volatility_shock(
    year: Stretch, strategy: Strategy, history: History, rng: Generator
) -> tuple[Stretch, Strategy, str]:
    factor = float(rng.uniform(*SHOCK_FACTORS))
    length = min(int(rng.integers(*SHOCK_SESSIONS)), len(year.sessions))
    begin = int(rng.integers(0, len(year.sessions) - length + 1))
    inside = _bars_of_sessions(year, begin, length)
    factors = np.where(inside, factor, 1.0)
    bars = moved(year.bars, factors, np.zeros(len(factors)))
    return replace(year, bars=bars), strategy, f"moves x {factor:.2f} for {length} sessions"


def _gaps(
    year: Stretch, strategy: Strategy, history: History, rng: Generator
) -> tuple[Stretch, Strategy, str]:
    """Against positions that the undisturbed strategy held; there are others after the first."""
    n = len(year.bars)
    side = history.held_side[year.offset : year.offset + n].copy()
    side[: year.first] = 0
    held = np.flatnonzero(side)
    chosen = rng.choice(held, min(GAPS_A_YEAR, len(held)), replace=False)
    sizes = rng.uniform(*GAP_RANGES, len(chosen)) * float(np.mean(year.bars.high - year.bars.low))
    jump = np.zeros(n)
    jump[chosen] = -side[chosen] * sizes
    bars = moved(year.bars, np.ones(n), jump)
    told = ", ".join(f"{one:+.4g}" for one in jump[np.sort(chosen)])
    return replace(year, bars=bars), strategy, f"gaps of {told or 'nothing: no position was held'}"


def _missing_bars(
    year: Stretch, strategy: Strategy, history: History, rng: Generator
) -> tuple[Stretch, Strategy, str]:
    n = len(year.bars)
    missing = rng.random(n) < rng.uniform(*MISSING_SHARES)
    for begin in rng.integers(year.first, n, OUTAGES):
        missing[begin : begin + int(rng.integers(*OUTAGE_BARS))] = True
    missing[: year.first] = False
    bars = without(year.bars, missing)
    return replace(year, bars=bars), strategy, f"{missing.sum()} of {n - year.first} bars missing"


def _late_bars(
    year: Stretch, strategy: Strategy, history: History, rng: Generator
) -> tuple[Stretch, Strategy, str]:
    n = len(year.bars)
    late = rng.random(n) < rng.uniform(*LATE_SHARES)
    late[: year.first] = False
    bars = arriving_late(year.bars, late)
    return replace(year, bars=bars), strategy, f"{n - len(bars)} of {n - year.first} bars late"


def _correlation_break(
    year: Stretch, strategy: Strategy, history: History, rng: Generator
) -> tuple[Stretch, Strategy, str]:
    least, most = SHIFT_SESSIONS
    n_before = len(np.unique(history.bars.session[: history.first]))
    sessions = int(rng.integers(least, max(least + 1, min(most, n_before // 2))))
    apart = replace(
        strategy,
        feeds=displaced_feeds(strategy.feeds, sessions),
        peers=displaced_peers(strategy.peers, sessions),
    )
    return year, apart, f"other markets as {sessions} sessions before"


def _trend_free(
    year: Stretch, strategy: Strategy, history: History, rng: Generator
) -> tuple[Stretch, Strategy, str]:
    return _drawn(year, strategy, rng, None), strategy, "drawn path without drift"


def _jump_diffusion(
    year: Stretch, strategy: Strategy, history: History, rng: Generator
) -> tuple[Stretch, Strategy, str]:
    told = f"drawn path, {JUMPS.a_year:g} jumps a year of {JUMPS.deviation:.0%}"
    return _drawn(year, strategy, rng, JUMPS), strategy, told


def _drawn(year: Stretch, strategy: Strategy, rng: Generator, jumps: Jumps | None) -> Stretch:
    tick = strategy.bundle.instrument.tick_size
    return replace(year, bars=drawn_path(year.bars, Volatility.of(year.bars), jumps, tick, rng))


_CHANGES: Final[Mapping[ScenarioKind, Change]] = MappingProxyType(
    {
        ScenarioKind.VOLATILITY_SHOCK: _volatility_shock,
        ScenarioKind.GAPS: _gaps,
        ScenarioKind.MISSING_BARS: _missing_bars,
        ScenarioKind.LATE_BARS: _late_bars,
        ScenarioKind.CORRELATION_BREAK: _correlation_break,
        ScenarioKind.TREND_FREE: _trend_free,
        ScenarioKind.JUMP_DIFFUSION: _jump_diffusion,
    }
)


def displaced_feeds(feeds: Feeds, sessions: int) -> Feeds:
    """The feeds with every value at the time of the one so many sessions later; nothing is known
    before.

    Hours count as sessions of 23. The strategy's own past is not another market, and stays.
    """
    hours, partner = sessions * HOURS_PER_SESSION, feeds.partner
    return replace(
        feeds,
        daily={
            name: ReferenceCloses(one.known_at_us[sessions:], one.close[:-sessions])
            for name, one in feeds.daily.items()
        },
        hourly={
            name: HourlyCloses(one.known_at_us[hours:], one.close[:-hours], one.adjustment[:-hours])
            for name, one in feeds.hourly.items()
        },
        partner=PartnerIbs(
            partner.hour_known_at_us[hours:],
            partner.hour_ibs[:-hours],
            partner.session_known_at_us[sessions:],
            partner.session_ibs[:-sessions],
        ),
    )


def displaced_peers(peers: Peers, sessions: int) -> Peers:
    """The same of the sessions that a rule compares with; levels matter to no rule."""
    return {
        name: PeerSessions(
            one.known_at_us[sessions:],
            one.session[sessions:],
            **{price: getattr(one, price)[:-sessions] for price in PRICES},
        )
        for name, one in peers.items()
    }


def _bars_of_sessions(year: Stretch, begin: int, n_sessions: int) -> npt.NDArray[np.bool_]:
    """Bars of `n_sessions` of the days that count, from number `begin` on."""
    chosen = year.sessions[begin : begin + n_sessions]
    inside: npt.NDArray[np.bool_] = np.isin(year.bars.session, chosen)
    return inside
