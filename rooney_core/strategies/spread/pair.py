"""Pairs: an index future, a metal or an energy against its partner. Facts only; behaviour is in
`variant`.

The source trades both legs. A variant holds one position in one symbol: its own leg is traded, the
partner's only informs, so the position keeps the market's risk. The partner is a fact of the
instrument's page; without one, or without its bars, there is no signal. Brent is not in the
universe, so crude oil is compared with natural gas, a looser pair than the catalogue's.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from rooney_core.indicators.arrays import FloatArray
from rooney_core.strategies.conditions import above, all_of, at_least, at_most, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.session_indicators import earlier
from rooney_core.strategies.spread.beside import peer_prices
from rooney_core.strategies.spread.hedge import hedged_score
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class SpreadPairParams(VariantParams):
    """`window_sessions`: of the hedge ratio and of the score. The score counts deviations of what
    the partner does not explain: `enter_beyond`, `exit_within`, `stop_beyond`, all sizes."""

    window_sessions: Annotated[int, Field(ge=10, le=300)] = 60
    enter_beyond: Annotated[float, Field(gt=0, le=10)] = 2.0
    exit_within: Annotated[float, Field(ge=0, le=10)] = 0.5
    stop_beyond: Annotated[float, Field(gt=0, le=20)] = 4.0
    max_bars: MaxBars = 60

    @model_validator(mode="after")
    def _sizes_are_ordered(self) -> Self:
        if not self.exit_within < self.enter_beyond < self.stop_beyond:
            raise ValueError("exit_within < enter_beyond < stop_beyond is needed")
        return self

    @property
    def lookback_sessions(self) -> int:
        """The window, and the score of the session before."""
        return self.window_sessions + 1


def _score(prices: Prices, n: int, groups: Collection[str]) -> FloatArray:
    partner = prices.instrument.partner
    beside = None
    if partner is not None and prices.instrument.product_group in groups:
        beside = peer_prices(prices, partner)
    if beside is None:
        return np.full(len(prices.sessions), np.nan)
    theirs = beside["close"]
    return prices.once(
        "spread.score", lambda: hedged_score(prices.sessions.close, theirs, n), partner, n
    )


def _score_name(prices: Prices, groups: Collection[str]) -> str:
    """How the score is called; where it can never be known, why."""
    instrument = prices.instrument
    if instrument.product_group not in groups:
        return f"score (a pair of {' or '.join(groups)}, not of {instrument.product_group})"
    if instrument.partner is None:
        return f"score (no partner is named on the page of {instrument.symbol})"
    if instrument.partner not in prices.peers:
        return f"score against {instrument.partner} (no sessions of it are here)"
    return f"score against {instrument.partner}"


def _pair(prices: Prices, params: SpreadPairParams, groups: Collection[str]) -> Signals:
    score = _score(prices, params.window_sessions, groups)
    size = np.abs(score)
    least, most = params.enter_beyond, params.stop_beyond
    name = _score_name(prices, groups)
    cheap = all_of(
        prices,
        below(name, score, -least, "minus enter_beyond"),
        at_least(name, score, -most, "minus stop_beyond"),
    )
    dear = all_of(
        prices,
        above(name, score, least, "enter_beyond"),
        at_most(name, score, most, "stop_beyond"),
        side=-1,
    )
    # The position's side is unknown here: a spread that crossed its mean has come back, too.
    crossed = score * earlier(score) < 0.0
    return daily_signals(
        prices,
        enter=cheap.astype(np.int8) - dear.astype(np.int8),
        leave=(size < params.exit_within) | (size > params.stop_beyond) | crossed,
        max_bars=params.max_bars,
    )


def _index_pair(prices: Prices, params: SpreadPairParams) -> Signals:
    return _pair(prices, params, ("equity_index",))


def _commodity_pair(prices: Prices, params: SpreadPairParams) -> Signals:
    return _pair(prices, params, ("metals", "energy"))


_AXES = {
    "window_sessions": (30, 60, 120),
    "enter_beyond": (1.5, 2.0, 2.5),
    "exit_within": (0.0, 0.5, 1.0),
}

SPREAD_INDEX_PAIR = Variant(
    name="spread_index_pair",
    summary="Against the deviation of an index future from what its partner explains, beyond two "
    "deviations, until within half of one.",
    source="Catalogue H01: a standard rule on ES and NQ, for any index future with a partner. "
    "Point changes instead of logarithms; its own leg only; a score that changed its sign is an "
    "exit as well.",
    params_type=SpreadPairParams,
    axes=_AXES,
    rule=_index_pair,
    timeframe="session",
    overnight=True,
    sides=(1, -1),
    peers="partner",
    family="spread",
)

SPREAD_COMMODITY_PAIR = Variant(
    name="spread_commodity_pair",
    summary="Against the deviation of a metal or an energy from what its partner explains, beyond "
    "two deviations, until within half of one.",
    source="Catalogue H02: Lubnau (2014) and Cummins & Bucca (2011); profitable pairs collapsed in "
    "number in 2008. Gold and silver, copper and gold, crude oil and natural gas; own leg only.",
    params_type=SpreadPairParams,
    axes=_AXES,
    rule=_commodity_pair,
    timeframe="session",
    overnight=True,
    sides=(1, -1),
    peers="partner",
    family="spread",
)
