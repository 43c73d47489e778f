"""Stored chains as the local gateway plays them: what ends when, and who is in front.

Belongs here: bars in the order in which they become known, and their ids. Does not belong here:
sockets or faults.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import polars as pl

from rooney_live.feeds.plan import MINUTE_US, Leg

_UNITS: Final = 1e9
_PRICES: Final = ("open", "high", "low", "close")


class StoredBar(NamedTuple):
    """One bar: the vendor's time, its end, prices in 1e-9."""

    time_us: int
    end_us: int
    contract: str
    values: tuple[int, int, int, int, int]
    begins_session: bool


@dataclass
class Chain:
    """One leg's stored bars, oldest first."""

    leg: Leg
    bars: list[StoredBar]
    ends_us: list[int] = field(init=False)
    times_us: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.ends_us = [one.end_us for one in self.bars]
        self.times_us = [one.time_us for one in self.bars]

    def front(self, at_us: int) -> str:
        """The contract of the first bar that starts at or after a time, or of the last one."""
        at = bisect_left(self.times_us, at_us)
        return self.bars[min(at, len(self.bars) - 1)].contract if self.bars else ""

    @property
    def contracts(self) -> set[str]:
        """Every contract that is ever in front."""
        return {one.contract for one in self.bars}


class Tick(NamedTuple):
    """All that ends at one time in one dataset, the longest bars first; `minutes`: whose clock."""

    end_us: int
    bars: tuple[tuple[Chain, StoredBar], ...]
    minutes: tuple[int, ...]


def chain_of(leg: Leg, continuous_bars: pl.DataFrame, from_us: int = 0) -> Chain:
    """The bars of a continuous_bars frame that end after a time."""
    frame = continuous_bars.filter(pl.col("bar_end").dt.timestamp("us") > from_us)
    fixed = [(pl.col(name) * _UNITS).round().cast(pl.Int64).alias(name) for name in _PRICES]
    rows = frame.select(
        pl.col("bar_start").dt.timestamp("us").alias("time"),
        pl.col("bar_end").dt.timestamp("us").alias("end"),
        "contract",
        *fixed,
        "volume",
        begins=(pl.col("session") != pl.col("session").shift()).fill_null(False),
    ).rows()
    return Chain(leg, [StoredBar(row[0], row[1], row[2], tuple(row[3:8]), row[8]) for row in rows])


class GatewayBars:
    """What a gateway plays, by dataset. Not for several threads at once."""

    def __init__(self, chains: Sequence[Chain]) -> None:
        self._chains: dict[str, list[Chain]] = {}
        for one in sorted(chains, key=lambda chain: -chain.leg.minutes):
            self._chains.setdefault(one.leg.dataset, []).append(one)

    @property
    def datasets(self) -> tuple[str, ...]:
        """Datasets with bars."""
        return tuple(sorted(self._chains))

    def chains(self, dataset: str) -> Sequence[Chain]:
        """The chains of a dataset, the longest bars first."""
        return self._chains.get(dataset, ())

    def by_symbol(self, dataset: str) -> Mapping[str, Chain]:
        """The chains of a dataset by the vendor's symbol."""
        return {one.leg.vendor_symbol: one for one in self.chains(dataset)}

    def ticks(self, dataset: str, after_us: int) -> Iterator[Tick]:
        """Every end of an interval after a time, until the last bar's of any dataset.

        Hours and minutes tick whether or not anything traded; what ends between (a short last bar)
        ticks too. Days tick when a day of the folder ends.
        """
        chains = self.chains(dataset)
        every = [one for members in self._chains.values() for one in members if one.bars]
        last_us = max((one.ends_us[-1] for one in every), default=after_us)
        minutes = sorted({one.leg.minutes for one in chains if one.leg.minutes in (1, 60)})
        step_us = (minutes[0] if minutes else 60) * MINUTE_US
        at_us = after_us
        cursors = [bisect_right(one.ends_us, after_us) for one in chains]
        while at_us < last_us:
            grid_us = (at_us // step_us + 1) * step_us
            nexts = [
                chain.ends_us[cursor]
                for chain, cursor in zip(chains, cursors, strict=True)
                if cursor < len(chain.ends_us)
            ]
            at_us = min((grid_us, *nexts))
            bars = []
            for index, chain in enumerate(chains):
                while cursors[index] < len(chain.bars) and chain.ends_us[cursors[index]] == at_us:
                    bars.append((chain, chain.bars[cursors[index]]))
                    cursors[index] += 1
            ended = {chain.leg.minutes for chain, _ in bars}
            ended |= {one for one in minutes if at_us % (one * MINUTE_US) == 0}
            # Where there are days alone, they say every hour that nothing ended.
            ended = ended or {max(one.leg.minutes for one in chains)}
            yield Tick(at_us, tuple(bars), tuple(sorted(ended, reverse=True)))
