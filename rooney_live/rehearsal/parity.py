"""Did the trader decide what the batch path decides on the same bars? Its own answer, every time.

Belongs here: reading a run's record and holding it to the replay. Does not belong here: the replay
itself (`rooney_core.release.replay`), or a verdict on a difference (whoever asks).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from rooney_core.decision.batch import DECISIONS_SCHEMA
from rooney_core.decision.replay import (
    DIFFERENCES_SCHEMA,
    TRADES_SCHEMA,
    decision_differences,
    trade_differences,
)
from rooney_core.release import Release
from rooney_core.release.replay import ReplayBars, decide_release
from rooney_live.journal import Journal
from rooney_live.rehearsal.bars import RehearsalMarket

_TIMES = ("signal_time", "entry_time", "exit_time")


@dataclass(frozen=True)
class Parity:
    """How many decisions and trades were compared, and DIFFERENCES_SCHEMA: those nothing explains.

    The limits of the portfolio (max positions, REDUCING, what was held from before) are part of the
    replay, so what they change is explained and no difference.
    """

    n_decisions: int
    n_trades: int
    differences: pl.DataFrame


def parity(release: Release, market: RehearsalMarket, journal: Journal, run_id: str) -> Parity:
    """Hold the record of a run on this market to the replay of the same sessions."""
    decisions, trades = recorded_decisions(journal, run_id), recorded_trades(journal, run_id)
    if not release.bundles:
        return Parity(0, 0, pl.DataFrame(schema=DIFFERENCES_SCHEMA))
    bars = ReplayBars(
        own={symbol: one.frame for symbol, one in market.symbols.items()},
        hours=market.hours,
        sessions={**market.references, **market.peers},
    )
    replay = decide_release(release, bars).replay(market.sessions)
    differences = pl.concat(
        (
            decision_differences(decisions, replay.decisions),
            trade_differences(trades, replay.trades),
        )
    )
    return Parity(decisions.height, trades.height, differences)


def recorded_decisions(journal: Journal, run_id: str) -> pl.DataFrame:
    """DECISIONS_SCHEMA of a run, as the journal has it."""
    rows = journal.query(
        "SELECT symbol, bar_end_us AS bar_end, code, action, side, probability FROM decisions "
        "WHERE run_id = ? ORDER BY bar_end_us, symbol",
        (run_id,),
    )
    return pl.DataFrame(rows, schema=DECISIONS_SCHEMA | {"bar_end": pl.Int64()}).cast(
        pl.Schema(DECISIONS_SCHEMA)
    )


def recorded_trades(journal: Journal, run_id: str) -> pl.DataFrame:
    """TRADES_SCHEMA of a run, as the journal has it."""
    rows = journal.query(
        "SELECT symbol, signal_time_us AS signal_time, entry_time_us AS entry_time, "
        "exit_time_us AS exit_time, side, entry_price, exit_price, exit_reason, net_profit_usd "
        "FROM trades WHERE run_id = ? ORDER BY entry_time_us, symbol",
        (run_id,),
    )
    counted = dict(TRADES_SCHEMA) | dict.fromkeys(_TIMES, pl.Int64())
    return pl.DataFrame(rows, schema=counted).cast(TRADES_SCHEMA)
