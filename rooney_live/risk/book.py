"""What is held and what it is worth at one moment: all that a risk rule may look at.

Belongs here: the frozen page. Does not belong here: filling it (the trader does from its ledger,
the monitor from the journal), or judging it (`checks`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Exposure:
    """A position, or an order that may have become one (`is_known` False: sent, outcome unknown).

    `side` +1 or -1, `size` in contracts. `stop_distance` in price units from the entry price, where
    the venue holds a protective stop; None without one.
    """

    symbol: str
    side: int
    size: int
    stop_distance: float | None = None
    is_known: bool = True


@dataclass(frozen=True)
class Quote:
    """What a symbol was last worth.

    `price`: close of the last bar, raw, quote units. `multiplier`: USD per 1.0 of price, per
    contract. `bad_day`: what a contract may lose within one session, in price units (see
    `moves.bad_day`); NaN where too few sessions are known, which counts as `UNKNOWN_BAD_DAY` of
    the price. `before`: close of the bar before that one, of the same contract, where the last bar
    is the one that is decided on; NaN where it is not known.
    """

    price: float
    multiplier: float
    bar_end_us: int = 0
    bad_day: float = float("nan")
    before: float = float("nan")


@dataclass(frozen=True)
class Book:
    """Everything at `now_us` (microseconds since 1970 UTC). Money is USD.

    `exposures`: positions and orders that may be positions, at most one per symbol is expected.
    `equity_usd` and its highest so far `peak_equity_usd`; `day_profit_usd`: of the session day,
    closed and open, net. `quotes`: by symbol. `correlations`: of sessions' changes, by pair of
    symbols in alphabetical order; a pair that is not there counts as fully correlated, in the worse
    direction. `n_orders_last_hour`: entries and exits given in the last 3600 s. `order_ids`: of
    every order ever given.
    """

    now_us: int
    equity_usd: float
    peak_equity_usd: float
    day_profit_usd: float
    exposures: tuple[Exposure, ...] = ()
    quotes: Mapping[str, Quote] = field(default_factory=dict)
    correlations: Mapping[tuple[str, str], float] = field(default_factory=dict)
    n_orders_last_hour: int = 0
    order_ids: frozenset[str] = frozenset()
