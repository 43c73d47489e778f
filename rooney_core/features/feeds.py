"""What the features of one symbol are made of besides its own bars: named once, delivered as feeds.

Belongs here: which other symbols inform a symbol's features, and the parcel in which their series
reach `compute_features`. Does not belong here: a feature's arithmetic, or fetching anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import polars as pl

from rooney_core.features.hourly import NO_HOURS, HourlyCloses
from rooney_core.features.pair import NO_PARTNER, PartnerIbs
from rooney_core.features.prior_trades import PriorTrades
from rooney_core.features.references import NEVER_ARRIVED, ReferenceCloses
from rooney_core.market.instruments import Universe

_MINUTES_PER_HOUR: Final = 60


@dataclass(frozen=True)
class FeedNames:
    """The other symbols behind one symbol's features; equal names make equal columns.

    `daily`: whose daily closes, `hourly`: whose hourly closes become a z-score each, in order of
    the columns: sorted, each once. `partner`: whose internal bar strength is compared with, or
    nobody; the pair's columns are there all the same.
    """

    daily: tuple[str, ...] = ()
    hourly: tuple[str, ...] = ()
    partner: str | None = None

    def __post_init__(self) -> None:
        for name in ("daily", "hourly"):
            # Frozen, but an order or a double that came in shall make no other columns.
            object.__setattr__(self, name, tuple(sorted(set(getattr(self, name)))))

    @classmethod
    def of(cls, universe: Universe, symbol: str) -> FeedNames:
        """Every reference and every other tradable symbol; hourly, where they have such bars.

        A partner counts only as a tradable symbol of this universe.
        """
        others = tuple(one for one in universe.tradable if one != symbol)
        daily = (*universe.reference, *others)
        hourly = tuple(one for one in daily if universe[one].bar_minutes <= _MINUTES_PER_HOUR)
        partner = universe[symbol].partner
        return cls(daily, hourly, partner if partner in others else None)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol named, each once, sorted."""
        named = {*self.daily, *self.hourly, *((self.partner,) if self.partner else ())}
        return tuple(sorted(named))


NO_NAMES: Final = FeedNames()


@dataclass(frozen=True)
class Feeds:
    """The series behind FeedNames, and the strategy's own past. A default is: nothing known.

    `daily` and `hourly` give a column each per symbol that they hold, whatever its series holds;
    symbols without a series are NaN. `trades` None: the prior trades are unknown.
    """

    daily: Mapping[str, ReferenceCloses] = field(default_factory=lambda: MappingProxyType({}))
    hourly: Mapping[str, HourlyCloses] = field(default_factory=lambda: MappingProxyType({}))
    partner: PartnerIbs = NO_PARTNER
    trades: PriorTrades | None = None

    @classmethod
    def from_tables(
        cls,
        names: FeedNames,
        continuous_bars: Mapping[str, pl.DataFrame],
        session_bars: Mapping[str, pl.DataFrame],
    ) -> Feeds:
        """The series of `names` from the lake's tables by symbol; a table that is not there is a
        symbol that is unknown."""
        partner = names.partner or ""
        return cls(
            daily={
                one: ReferenceCloses.from_session_bars(session_bars[one])
                for one in names.daily
                if one in session_bars
            },
            hourly={
                one: HourlyCloses.from_bars(continuous_bars[one])
                for one in names.hourly
                if one in continuous_bars
            },
            partner=PartnerIbs.from_bars(continuous_bars.get(partner), session_bars.get(partner)),
        ).aligned(names)

    @property
    def names(self) -> FeedNames:
        """The names that these feeds make columns for; which partner it is they do not know."""
        return FeedNames(tuple(self.daily), tuple(self.hourly))

    def aligned(self, names: FeedNames) -> Feeds:
        """Exactly the series of `names`: one that is absent is unknown, one too many left out."""
        return Feeds(
            daily={one: self.daily.get(one, NEVER_ARRIVED) for one in names.daily},
            hourly={one: self.hourly.get(one, NO_HOURS) for one in names.hourly},
            partner=self.partner if names.partner is not None else NO_PARTNER,
            trades=self.trades,
        )


NO_FEEDS: Final = Feeds()
