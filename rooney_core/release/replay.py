"""What a release should have done on some sessions, by the batch path: all symbols, one portfolio.

Belongs here: asking the batch for every traded symbol and applying the release's limits. Does not
belong here: reading bars, or the comparison with a record (`rooney_core.decision.replay`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from rooney_core.decision.batch import (
    DECISIONS_SCHEMA,
    MISSING_REQUIRED,
    covered_decisions,
    filtered_trades,
)
from rooney_core.decision.bundle import DecisionBundle
from rooney_core.decision.replay import TRADES_SCHEMA, entered_trades, replay_portfolio
from rooney_core.features import Feeds
from rooney_core.market.bars import BarArrays
from rooney_core.release.load import Release
from rooney_core.release.standing import may_enter
from rooney_core.strategies.peers import PeerSessions

Tables = Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class ReplayBars:
    """The tables that a replay reads, by symbol; one that is absent is unknown.

    `own`: continuous_bars of every traded symbol, with the history before the replayed sessions
    that its decisions need. `hours`: continuous_bars, or their hours, of symbols that inform
    features. `sessions`: session_bars of symbols that inform features, and of peers.
    """

    own: Tables
    hours: Tables
    sessions: Tables


@dataclass(frozen=True)
class Replay:
    """`decisions`: DECISIONS_SCHEMA of the replayed sessions. `trades`: TRADES_SCHEMA, of all
    contracts, those whose entry was decided in them and whose exit is in the bars."""

    decisions: pl.DataFrame
    trades: pl.DataFrame


@dataclass(frozen=True)
class Decided:
    """Every bar of a release's symbols as each decides alone, and TRADES_SCHEMA of all contracts.

    `decisions`: symbol, in order of priority -> DECISIONS_SCHEMA, `session`, MISSING_REQUIRED.
    """

    release: Release
    decisions: Tables
    trades: pl.DataFrame

    def replay(self, sessions: Collection[date]) -> Replay:
        """The portfolio on `sessions`, from a flat account at the first of them."""
        config = self.release.config
        wanted = pl.Series(sorted(sessions), dtype=pl.Date).implode()
        replayed = replay_portfolio(
            {
                symbol: frame.filter(pl.col("session").is_in(wanted))
                for symbol, frame in self.decisions.items()
            },
            config.max_positions,
            lambda symbol, session: may_enter(config, symbol, session),
        )
        return Replay(replayed, entered_trades(replayed, self.trades))


def decide_release(release: Release, bars: ReplayBars) -> Decided:
    """Ask the batch path about every bar; this is the slow part, a replay of sessions is not.

    Raises what BarArrays.from_frame raises; KeyError is a traded symbol without bars.
    """
    decisions: dict[str, pl.DataFrame] = {}
    taken = [pl.DataFrame(schema=TRADES_SCHEMA)]
    for symbol, bundle in release.bundles.items():
        decisions[symbol], trades = _of_symbol(bundle, bars)
        sized = trades.with_columns(pl.col("net_profit_usd") * release.sizes[symbol])
        taken.append(sized.select(tuple(TRADES_SCHEMA)).cast(TRADES_SCHEMA))
    return Decided(release, decisions, pl.concat(taken))


def _of_symbol(bundle: DecisionBundle, bars: ReplayBars) -> tuple[pl.DataFrame, pl.DataFrame]:
    symbol = bundle.instrument.symbol
    frame = bars.own[symbol]
    arrays = BarArrays.from_frame(frame, bundle.instrument)
    feeds = Feeds.from_tables(bundle.feed_names, bars.hours, bars.sessions)
    peers = {
        one: PeerSessions.from_session_bars(bars.sessions[one])
        for one in bundle.peer_symbols
        if one in bars.sessions
    }
    decisions = covered_decisions(arrays, bundle, feeds, peers)
    trades = filtered_trades(arrays, bundle, feeds, peers).with_columns(symbol=pl.lit(symbol))
    wanted = (*DECISIONS_SCHEMA, MISSING_REQUIRED)
    return decisions.select(*wanted).with_columns(frame["session"]), trades
