"""Did the trader decide what the batch path decides on the same bars? Its own answer, every time.

Belongs here: reading a run's record and holding it to the replay, with what faults explain. Does
not belong here: the replay itself (`rooney_core.release.replay`), or a verdict on a difference
(whoever asks).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from rooney_core.decision.batch import DECISIONS_SCHEMA
from rooney_core.decision.replay import (
    DIFFERENCES_SCHEMA,
    TRADES_SCHEMA,
    decision_differences,
    entered_trades,
    replay_portfolio,
    trade_differences,
)
from rooney_core.release import Release
from rooney_core.release.replay import Decided, Replay, ReplayBars, decide_release
from rooney_core.release.standing import may_enter
from rooney_live.journal import Journal
from rooney_live.rehearsal.bars import RehearsalMarket

LOST: Final = "LOST"
"""Stands in both records for an entry that was decided and came to nothing at the venue."""

_TIMES = ("signal_time", "entry_time", "exit_time")

Key = tuple[str, int]
"""A symbol and the end of a bar, microseconds UTC."""


@dataclass(frozen=True)
class Explained:
    """What recorded faults explain, each by the symbol and the bar's end of the decision.

    `denied`: an entry that the batch path wants and a rule of the live trader refused -> its code.
    `lost`: an entry that was decided and came to nothing: denied right before its POST, rejected,
    or of unknown outcome and left again. `absent`: bars that nobody was there to decide on.
    """

    denied: Mapping[Key, str] = field(default_factory=dict)
    lost: Collection[Key] = frozenset()
    absent: Collection[Key] = frozenset()

    @property
    def n_explained(self) -> int:
        """How many decisions are other ones for a reason."""
        return len(self.denied) + len(self.lost) + len(self.absent)


NOTHING: Final = Explained()


@dataclass(frozen=True)
class Parity:
    """How many decisions and trades were compared, and DIFFERENCES_SCHEMA: those nothing explains.

    The limits of the portfolio (max positions, REDUCING, what was held from before) are part of the
    replay, so what they change is explained and no difference. `n_explained`: decisions that are
    other ones because of a recorded fault; what follows from them is replayed.
    """

    n_decisions: int
    n_trades: int
    differences: pl.DataFrame
    n_explained: int = 0


def parity(
    release: Release,
    market: RehearsalMarket,
    journal: Journal,
    run_id: str,
    explained: Explained = NOTHING,
) -> Parity:
    """Hold the record of a run on this market to the replay of the same sessions."""
    decisions, trades = recorded_decisions(journal, run_id), recorded_trades(journal, run_id)
    if not release.bundles:
        return Parity(0, 0, pl.DataFrame(schema=DIFFERENCES_SCHEMA))
    bars = ReplayBars(
        own={symbol: one.frame for symbol, one in market.symbols.items()},
        hours=market.hours,
        sessions={**market.references, **market.peers},
    )
    replay = replay_with(decide_release(release, bars), market, explained)
    differences = pl.concat(
        (
            decision_differences(_with_lost(decisions, explained.lost), replay.decisions),
            trade_differences(trades, replay.trades),
        )
    )
    return Parity(decisions.height, trades.height, differences, explained.n_explained)


def replay_with(decided: Decided, market: RehearsalMarket, explained: Explained) -> Replay:
    """The portfolio on the market's sessions, where what is explained happened as recorded.

    An entry that was denied or lost is no entry, so that its trade stays virtual to its end, and
    frees what it would have held; an absent bar has no decision.
    """
    if not explained.n_explained:
        return decided.replay(market.sessions)
    config = decided.release.config
    wanted = pl.Series(sorted(market.sessions), dtype=pl.Date).implode()
    turned = dict(explained.denied) | dict.fromkeys(explained.lost, LOST)
    decisions = replay_portfolio(
        {
            symbol: _turned(frame.filter(pl.col("session").is_in(wanted)), symbol, turned)
            for symbol, frame in decided.decisions.items()
        },
        config.max_positions,
        lambda symbol, session: may_enter(config, symbol, session),
    )
    trades = entered_trades(decisions, decided.trades)
    return Replay(_without(decisions, explained.absent), trades)


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


def _keys(keys: Collection[Key]) -> pl.DataFrame:
    """`symbol` and `bar_end`, a row a key."""
    rows = pl.DataFrame(
        sorted(keys), schema={"symbol": pl.String(), "bar_end": pl.Int64()}, orient="row"
    )
    return rows.cast({"bar_end": DECISIONS_SCHEMA["bar_end"]})


def _turned(frame: pl.DataFrame, symbol: str, codes: Mapping[Key, str]) -> pl.DataFrame:
    """Decisions where some entries are none any more, with the code that each was refused with.

    A code for what was no entry in the batch is left out: it explains nothing.
    """
    own = {at: code for (name, at), code in codes.items() if name == symbol}
    if not own:
        return frame
    refused = pl.DataFrame(
        {"bar_end": list(own), "refused": list(own.values())},
        schema={"bar_end": pl.Int64(), "refused": pl.String()},
    ).cast({"bar_end": frame.schema["bar_end"]})
    is_refused = pl.col("refused").is_not_null() & (pl.col("action") == "enter")
    return (
        frame.join(refused, on="bar_end", how="left", maintain_order="left")
        .with_columns(
            code=pl.when(is_refused).then("refused").otherwise("code"),
            action=pl.when(is_refused).then(pl.lit("none")).otherwise("action"),
        )
        .drop("refused")
    )


def _with_lost(decisions: pl.DataFrame, lost: Collection[Key]) -> pl.DataFrame:
    """The record, where an entry that came to nothing is marked as in the replay."""
    if not lost:
        return decisions
    marked = _keys(lost).with_columns(is_lost=pl.lit(True))
    is_lost = pl.col("is_lost").fill_null(False) & (pl.col("action") == "enter")
    return (
        decisions.join(marked, on=("symbol", "bar_end"), how="left", maintain_order="left")
        .with_columns(
            code=pl.when(is_lost).then(pl.lit(LOST)).otherwise("code"),
            action=pl.when(is_lost).then(pl.lit("none")).otherwise("action"),
        )
        .drop("is_lost")
    )


def _without(decisions: pl.DataFrame, absent: Collection[Key]) -> pl.DataFrame:
    return (
        decisions.join(_keys(absent), on=("symbol", "bar_end"), how="anti") if absent else decisions
    )
