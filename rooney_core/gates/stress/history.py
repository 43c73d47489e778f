"""Real bars of the validation window, and the strategy that decides on them.

Belongs here: the bars, who decides, and what a stretch of bars earns. Does not belong here: what a
scenario does to them (`replay`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.backtest.costs import CostModel
from rooney_core.decision import DecisionBundle, filtered_trades
from rooney_core.errors import NotEnoughData
from rooney_core.features import FeedNames, Feeds
from rooney_core.gates.stress.report import FloatArray
from rooney_core.labeling.held_days import held_days
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Universe
from rooney_core.modeling.meta_model import MetaModel
from rooney_core.strategies import find_variant
from rooney_core.strategies.peers import Peers, PeerSessions
from rooney_core.validation.windows import SPLITS, Splits

FEWEST_SESSIONS: Final = 60
"""Of the validation window."""
SLACK_BARS: Final = 72
"""Three days: before a first decision a position must have been flat by the clock, twice."""
UNDISTURBED_SCHEMA: Final = {
    "session": pl.Date(),
    "published_pnl_usd": pl.Float64(),
    "replayed_pnl_usd": pl.Float64(),
}
_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, eq=False)
class Stretch:
    """Bars with their warm-up; the days that count begin with bar `first`.

    `offset`: number of the first of these bars in the whole history. `sessions`: the days that
    count, since 1970-01-01, rising, whether bars of them arrive or not.
    """

    bars: BarArrays
    first: int
    offset: int
    sessions: npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Tables:
    """continuous_bars and session_bars by symbol."""

    continuous_bars: Mapping[str, pl.DataFrame]
    session_bars: Mapping[str, pl.DataFrame]


@dataclass(frozen=True, eq=False)
class Strategy:
    """Who decides, and what is told of other markets; that may be more than the bars reach."""

    bundle: DecisionBundle
    feeds: Feeds
    peers: Peers

    @classmethod
    def of(
        cls,
        symbol: str,
        universe: Universe,
        best_strategy: pl.DataFrame,
        model: MetaModel,
        tables: Tables,
    ) -> Strategy:
        """Of the lake's tables: exactly what the training set and a release decide with.

        `best_strategy`: its one-row frame (variant, params). A symbol that informs, and has no
        table, is unknown to features and rules.
        """
        row, instrument = best_strategy.row(0, named=True), universe[symbol]
        variant, names = find_variant(row["variant"]), FeedNames.of(universe, symbol)
        bundle = DecisionBundle(
            instrument,
            variant,
            variant.parse_params(row["params"]),
            CostModel.of(instrument),
            model,
            model.threshold,
            names,
            universe.peers_of(symbol),
        )
        peers = {
            one: PeerSessions.from_session_bars(tables.session_bars[one])
            for one in bundle.peer_symbols
            if one in tables.session_bars
        }
        feeds = Feeds.from_tables(names, tables.continuous_bars, tables.session_bars)
        return cls(bundle, feeds, peers)

    def trades(self, stretch: Stretch) -> pl.DataFrame:
        """The approved trades that are entered in the days that count, oldest first.

        Columns of `filtered_trades`, bar numbers of the stretch.
        """
        decided = filtered_trades(stretch.bars, self.bundle, self.feeds, self.peers)
        return decided.filter(pl.col("entry_index") >= stretch.first)

    def daily_pnl_usd(self, trades: pl.DataFrame, stretch: Stretch) -> FloatArray:
        """Net USD of one contract in each day that counts, marked to market, f8[n_sessions]."""
        pnl = np.zeros(len(stretch.sessions))
        session, profits = stretch.bars.session, trades["net_profit_usd"].to_numpy()
        entered, left = (session[trades[f"{end}_index"].to_numpy()] for end in ("entry", "exit"))
        within = entered == left
        np.add.at(pnl, np.searchsorted(stretch.sessions, left[within]), profits[within])
        # The others one by one, which takes longer than all the rest.
        over = trades.filter(~pl.Series(within))
        held = held_days(over, stretch.bars, self.bundle.costs, self.bundle.instrument)
        booked = held.select("held_sessions", "held_pnl_usd").explode(
            "held_sessions", "held_pnl_usd"
        )
        days = booked["held_sessions"].to_physical().to_numpy()
        np.add.at(pnl, np.searchsorted(stretch.sessions, days), booked["held_pnl_usd"].to_numpy())
        return pnl


@dataclass(frozen=True, eq=False)
class History:
    """Bars up to the end of the validation window, which begins with bar `first`."""

    bars: BarArrays
    first: int
    strategy: Strategy

    @classmethod
    def of(cls, bars: BarArrays, strategy: Strategy, splits: Splits = SPLITS) -> History:
        """Of continuous bars, which may go on into the test window: that part is cut off.

        Raises NotEnoughData for fewer than FEWEST_SESSIONS in the validation window.
        """
        edges = [(one - _EPOCH).days for one in (splits.validation_start, splits.test_start)]
        first, end = (int(one) for one in np.searchsorted(bars.session, edges))
        history = cls(bars.window(0, end), first, strategy)
        if len(history.sessions) < FEWEST_SESSIONS:
            raise NotEnoughData(
                f"{strategy.bundle.instrument.symbol}: {len(history.sessions)} sessions from "
                f"{splits.validation_start} to {splits.validation_end} arrived; a stress test "
                f"replays {FEWEST_SESSIONS} at the least. Give the source more sessions."
            )
        return history

    @cached_property
    def sessions(self) -> npt.NDArray[np.int32]:
        """Sessions of the validation window."""
        return np.unique(self.bars.session[self.first :])

    @cached_property
    def whole(self) -> Stretch:
        """All of the validation window, with all that came before."""
        return Stretch(self.bars, self.first, 0, self.sessions)

    @cached_property
    def trades(self) -> pl.DataFrame:
        """What the strategy took in the validation window, with nothing done to anything."""
        return self.strategy.trades(self.whole)

    @cached_property
    def daily_pnl_usd(self) -> FloatArray:
        """What these earned, f8[len(sessions)]."""
        return self.strategy.daily_pnl_usd(self.trades, self.whole)

    def beside(self, published: pl.DataFrame) -> pl.DataFrame:
        """Each validation session as it was published, and as it is replayed undisturbed.

        `published`: session, daily_pnl_usd. UNDISTURBED_SCHEMA; what was
        published is null for a session that is not in there.
        """
        replayed = pl.DataFrame(
            {
                "session": pl.Series(self.sessions).cast(pl.Date),
                "replayed_pnl_usd": self.daily_pnl_usd,
            }
        )
        told = published.select("session", pl.col("daily_pnl_usd").alias("published_pnl_usd"))
        joined = replayed.join(told, on="session", how="left", maintain_order="left")
        return joined.select(tuple(UNDISTURBED_SCHEMA))

    @cached_property
    def held_side(self) -> npt.NDArray[np.int64]:
        """Per bar, the side of the position of these trades that is held at its open; 0 for none.

        A position entered in a bar is held at the opens after it, that of its exit included.
        """
        side = np.zeros(len(self.bars), np.int64)
        for entered, left, one in self.trades.select("entry_index", "exit_index", "side").rows():
            side[entered + 1 : left + 1] = one
        return side

    def year(self, begin: int, n_sessions: int) -> Stretch:
        """`n_sessions` of the validation window from session number `begin` on, and their warm-up.

        The warm-up is what the decisions need, or as much as there is.
        """
        sessions = self.sessions[begin : begin + n_sessions]
        first = int(np.searchsorted(self.bars.session, sessions[0]))
        end = int(np.searchsorted(self.bars.session, sessions[-1], side="right"))
        offset = max(0, first - self.strategy.bundle.warm_up_bars - SLACK_BARS)
        return Stretch(self.bars.window(offset, end), first - offset, offset, sessions)
