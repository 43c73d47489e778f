"""A run of the trader, replayed by the batch path on the lake's bars, and held to its record.

Belongs here: putting the evidence together for `rooney_core.feedback`. Does not belong here:
judging it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

import rooney_core
from rooney_core.decision.batch import features_at
from rooney_core.decision.records import DecisionCode
from rooney_core.decision.replay import decision_differences, replay_portfolio
from rooney_core.features import Feeds, feature_names
from rooney_core.feedback.decided import COMPARED, Evidence, explained
from rooney_core.feedback.limits import FeedbackLimits
from rooney_core.feedback.opens import opens_that_differ
from rooney_core.feedback.parity import Book, Difference, Prices, differences_of
from rooney_core.market.bars import BarArrays
from rooney_core.release import Release
from rooney_core.release.replay import Decided, ReplayBars, decide_release
from rooney_core.release.standing import may_enter
from rooney_core.strategies.peers import PeerSessions

Tables = Mapping[str, pl.DataFrame]
_HELD: Final = (DecisionCode.IN_POSITION, DecisionCode.EXIT_PENDING)


@dataclass(frozen=True)
class Recorded:
    """What the trader wrote down of one run, of all its symbols: rows of the live tables.

    `fills` also hold those of earlier runs, of entries that the run's trades began with.
    `earlier_entries`: entry orders of other runs, decided before this one's first bar.
    """

    run_id: str
    trader_code_version: str
    decisions: pl.DataFrame
    orders: pl.DataFrame
    fills: pl.DataFrame
    trades: pl.DataFrame
    earlier_entries: pl.DataFrame


@dataclass(frozen=True)
class Replayed:
    """A release on the lake's bars."""

    release: Release
    bars: ReplayBars
    decided: Decided

    @classmethod
    def of(cls, release: Release, continuous_bars: Tables, session_bars: Tables) -> Replayed:
        """The slow part; the same for every run of a release."""
        bars = ReplayBars(continuous_bars, continuous_bars, session_bars)
        return cls(release, bars, decide_release(release, bars))


def compare(
    recorded: Recorded, replayed: Replayed, symbol: str, limits: FeedbackLimits
) -> tuple[Book, list[Difference]]:
    """Every difference of one symbol in one run, with its money."""
    release = replayed.release
    first, last = (recorded.decisions["bar_end"].min(), recorded.decisions["bar_end"].max())
    assert isinstance(first, datetime)
    assert isinstance(last, datetime)
    decisions = _portfolio(replayed, first, last)
    own = _of(recorded.decisions, symbol)
    other = _of(decisions, symbol)
    found = decision_differences(_compared(recorded.decisions), _compared(decisions))
    evidence = _evidence(recorded, replayed, symbol, found)
    differs = explained(own, other, evidence)
    other_bars = evidence.other_bars(own)
    book = _book(recorded, replayed, symbol, decisions, last, limits, other_bars)
    assert symbol in release.bundles
    return book, differences_of(book, differs)


@cache
def code_of_the_trader() -> str:
    """Digest of the core's and the trader's files, as the trader names its code; all 64 digits."""
    digest = hashlib.sha256()
    core = Path(rooney_core.__file__).parent
    for package in (core, core.parent / "rooney_live"):
        for path in sorted(package.rglob("*.py")):
            digest.update(path.relative_to(package).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _portfolio(replayed: Replayed, first: datetime, last: datetime) -> pl.DataFrame:
    """The decisions of an account that begins flat with the run's first bar."""
    config = replayed.release.config
    within = pl.col("bar_end").is_between(first, last)
    return replay_portfolio(
        {symbol: frame.filter(within) for symbol, frame in replayed.decided.decisions.items()},
        config.max_positions,
        lambda symbol, session: may_enter(config, symbol, session),
    )


def _evidence(recorded: Recorded, replayed: Replayed, symbol: str, found: pl.DataFrame) -> Evidence:
    bundle = replayed.release.bundles[symbol]
    bars = replayed.bars.own[symbol]
    there = bars.select("bar_end", "contract", "close").iter_rows()
    other_code = ""
    if not code_of_the_trader().startswith(recorded.trader_code_version):
        other_code = f"decided by code {recorded.trader_code_version}, replayed by another"
    elsewhere = found.filter(pl.col("symbol") != symbol)["at"].min()
    differing = found.filter(pl.col("symbol") == symbol)["at"].unique().sort()
    return Evidence(
        bars={moment: (contract, close) for moment, contract, close in there},
        features=_features(replayed, symbol, differing),
        orders=_of(recorded.orders, symbol).to_dicts(),
        threshold=bundle.threshold,
        lookback=bundle.window_bars,
        other_code=other_code,
        elsewhere=elsewhere if isinstance(elsewhere, datetime) else None,
        held_before=_taken_over(recorded, symbol),
        other_opens=_other_opens(recorded, replayed, symbol),
    )


def _other_opens(recorded: Recorded, replayed: Replayed, symbol: str) -> dict[datetime, str]:
    bundle = replayed.release.bundles[symbol]
    fills = _of(recorded.fills, symbol).filter(pl.col("fill_source") == "expected")
    orders = {row["order_id"]: row for row in _of(recorded.orders, symbol).iter_rows(named=True)}
    bars = replayed.bars.own[symbol].select("bar_start", "bar_end", "open", "contract")
    return opens_that_differ(
        fills.iter_rows(named=True), orders, bars, bundle.costs, bundle.instrument
    )


def _taken_over(recorded: Recorded, symbol: str) -> str:
    """Which position of an earlier run this one began with, in words; empty for none."""
    first = _of(recorded.decisions, symbol).sort("bar_end").head(1)
    before = _of(recorded.earlier_entries, symbol).sort("decided_at")
    if first.is_empty() or before.is_empty():
        return ""
    code = str(first["code"][0])
    is_held = code in _HELD or code.startswith("EXIT_")
    return f"the position of {before['order_id'][-1]} was taken over" if is_held else ""


def _features(
    replayed: Replayed, symbol: str, moments: pl.Series
) -> dict[datetime, dict[str, float | None]]:
    """What the model is shown at these bars, as far as the lake has them."""
    frame, bundle = replayed.bars.own[symbol], replayed.release.bundles[symbol]
    if bundle.model is None or moments.is_empty():
        return {}
    ends = frame["bar_end"]
    indices = np.flatnonzero(ends.is_in(moments.implode()).to_numpy())
    if not len(indices):
        return {}
    feeds = Feeds.from_tables(bundle.feed_names, replayed.bars.hours, replayed.bars.sessions)
    peers = {
        one: PeerSessions.from_session_bars(replayed.bars.sessions[one])
        for one in bundle.peer_symbols
        if one in replayed.bars.sessions
    }
    arrays = BarArrays.from_frame(frame, bundle.instrument)
    values = features_at(arrays, indices, bundle, feeds, peers)
    names = feature_names(bundle.feed_names)
    return {
        ends[int(index)]: {
            name: None if np.isnan(value) else float(value)
            for name, value in zip(names, row, strict=True)
        }
        for index, row in zip(indices, values, strict=True)
    }


def _book(
    recorded: Recorded,
    replayed: Replayed,
    symbol: str,
    decisions: pl.DataFrame,
    last: datetime,
    limits: FeedbackLimits,
    other_bars: Mapping[datetime, str],
) -> Book:
    bundle = replayed.release.bundles[symbol]
    entries = decisions.filter(pl.col("action") == "enter").select(
        "symbol", pl.col("bar_end").alias("signal_time")
    )
    ended = pl.col("exit_time") <= last
    trades = _of(replayed.decided.trades, symbol).filter(ended)
    fills = _of(recorded.fills, symbol)
    reported, expected = (
        fills.filter(pl.col("fill_source") == source) for source in ("reported", "expected")
    )
    return Book(
        symbol=symbol,
        run_id=recorded.run_id,
        instrument=bundle.instrument,
        size=replayed.release.sizes[symbol],
        commission_usd=bundle.costs.commission_per_contract_usd,
        recorded=_of(recorded.trades, symbol).to_dicts(),
        replayed=trades.join(entries, on=("symbol", "signal_time"), how="semi").to_dicts(),
        reported={row["order_id"]: row for row in reported.iter_rows(named=True)},
        orders={row["order_id"]: row for row in _of(recorded.orders, symbol).iter_rows(named=True)},
        prices=Prices.of(replayed.bars.own[symbol]),
        tolerance_usd=limits.tolerance_usd,
        max_delay=timedelta(seconds=limits.max_fill_delay_seconds),
        expected=frozenset(expected["order_id"]),
        other_bars=other_bars,
    )


def _of(table: pl.DataFrame, symbol: str) -> pl.DataFrame:
    return table.filter(pl.col("symbol") == symbol)


def _compared(decisions: pl.DataFrame) -> pl.DataFrame:
    return decisions.select("symbol", "bar_end", *COMPARED)
