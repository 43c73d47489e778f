"""Which contract is in front of each session: the rule behind `rolls.py`.

Belongs here: one decision a session, from what was finished before it. Does not belong here: what a
roll does to prices (`rolls.py`, `adjustment.py`), or when a contract expires (`expiry.py`).

`volume`: a later contract traded more than the front one over the last `WINDOW_SESSIONS` sessions
together, so that one odd day decides nothing, and no bar counts more than `LARGEST_BAR` allows, so
that one odd print does not either. `open_interest`: it had more of it at the last finished session.
`calendar`: a fixed number of sessions before the front contract's last safe day.
Whatever the method, a contract past its last trading day is left (`expiry`), and a front contract
never comes back. Bars that never overlap come from a source that delivers one contract at a time:
as long as no two contracts shared a bar time, its changes are followed at the session that opens on
the new one (`front_change`); a page that says `chain: delivered` follows them bar by bar.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from rooney_core.errors import BarsRejected, InputError
from rooney_core.market.calendar import schedule
from rooney_core.market.contracts import Contract, parse_contract
from rooney_core.market.expiry import last_safe_day, last_trading_day
from rooney_core.market.instruments import Instrument

WINDOW_SESSIONS: Final = 3
"""Finished sessions over which volumes are summed. Measured on ten real futures: one session alone
rolls on holidays and half days; three give the chain that a vendor's own volume rule gives."""

LARGEST_BAR: Final = 50
"""Volume that one bar of one contract may count, in median bars of the whole session. Of the bars
of ten real futures 99.9 % have less than 45, but for the Russell's at its old exchange; a print
with a few zeros too many has thousands."""

_CALENDAR_MARGIN = timedelta(days=200)


class Roll(NamedTuple):
    """From `roll_session` on, `roll_to` is in front instead of `roll_from`."""

    roll_session: date
    roll_from: str
    roll_to: str
    method: str


@dataclass(frozen=True)
class TradedSession:
    """One session: weight of each contract in it, and the contracts on its first bar time.

    `overlaps`: two contracts shared a bar time, in it or in a session before.
    """

    session: date
    overlaps: bool = False
    weight: dict[str, int] = field(default_factory=dict)
    opening: set[str] = field(default_factory=set)


def dated(contract: str) -> Contract | None:
    """The contract behind a name that carries its year in two digits; None for any other name."""
    try:
        return parse_contract(contract)
    except InputError:
        return None


def choose_rolls(
    raw_bars: pl.DataFrame, order: Sequence[str], instrument: Instrument | None
) -> list[Roll]:
    """Every roll of the contracts in `order` (nearest first), oldest first.

    Without an instrument: by volume, and nothing is known of expiry. Raises BarsRejected for
    open interest that is not there, InvalidSetting for a calendar roll without an expiry rule.
    """
    method = "volume" if instrument is None else instrument.roll.method
    sessions = _traded(raw_bars, order, method)
    rank = {contract: position for position, contract in enumerate(order)}
    chain = _Chain(rank, _last_days(order, instrument, last_trading_day))
    if method == "calendar" and instrument is not None:
        leave = _calendar_days(order, instrument)
        return _walk(sessions, chain, lambda front, past, now: chain.due(front, past, now, leave))
    if method == "open_interest":
        return _walk(
            sessions, chain, lambda front, past, now: chain.ahead(front, past[-1:], now, method)
        )
    return _walk(sessions, chain, chain.by_volume)


Choice = tuple[str, str] | None
"""The new front contract and the method by which it was chosen; None to stay."""
Rule = Callable[[str, Sequence[TradedSession], TradedSession], Choice]


def _walk(sessions: Sequence[TradedSession], chain: _Chain, rule: Rule) -> list[Roll]:
    front = min(sessions[0].opening, key=chain.rank.__getitem__)
    rolls: list[Roll] = []
    for position in range(1, len(sessions)):
        now = sessions[position]
        past = sessions[max(0, position - WINDOW_SESSIONS) : position]
        choice = rule(front, past, now) or chain.after_expiry(front, past, now)
        if choice is None:
            continue
        rolls.append(Roll(now.session, front, *choice))
        front = choice[0]
    return rolls


@dataclass(frozen=True)
class _Chain:
    """Contracts by expiry, and each one's last trading day where it is known."""

    rank: Mapping[str, int]
    last_day: Mapping[str, date]

    def by_volume(self, front: str, past: Sequence[TradedSession], now: TradedSession) -> Choice:
        ahead = self.ahead(front, past, now, "volume")
        return ahead or self._followed(front, past[-1], now)

    def ahead(
        self, front: str, past: Sequence[TradedSession], now: TradedSession, method: str
    ) -> Choice:
        """The later contract that had more than the front one in `past`, if any did."""
        weights = self._later(front, past, now)
        best = max(weights, key=weights.__getitem__, default=None)
        own = [one.weight[front] for one in past if front in one.weight]
        # A front contract without a bar is behind one with a bar, even of no volume.
        if best is None or weights[best] <= (sum(own) if own else -1):
            return None
        return best, method

    def due(
        self,
        front: str,
        past: Sequence[TradedSession],
        now: TradedSession,
        leave: Mapping[str, date],
    ) -> Choice:
        """The nearest later contract that trades and is not due itself, once `front` is due."""
        if now.session < leave[front]:
            return None
        trading = set(self._later(front, past, now)) | self._opening(front, now)
        safe = [one for one in trading if leave[one] > now.session]
        nearest = min(safe, key=self.rank.__getitem__, default=None)
        return None if nearest is None else (nearest, "calendar")

    def after_expiry(self, front: str, past: Sequence[TradedSession], now: TradedSession) -> Choice:
        """The busiest contract that is alive, once the front one's last trading day is over."""
        if self._is_alive(front, now.session):
            return None
        weights = self._later(front, past, now)
        if weights:
            return max(weights, key=weights.__getitem__), "expiry"
        nearest = min(self._opening(front, now), key=self.rank.__getitem__, default=None)
        return None if nearest is None else (nearest, "expiry")

    def _followed(self, front: str, before: TradedSession, now: TradedSession) -> Choice:
        """The contract that opens alone where the front one was alone the session before.

        The first bar time of the session decides, so that a decision needs no later bar.
        """
        fresh = self._opening(front, now)
        if before.overlaps or set(before.weight) != {front} or front in now.opening:
            return None
        if len(fresh) != 1:
            return None
        return fresh.pop(), "front_change"

    def _later(
        self, front: str, past: Sequence[TradedSession], now: TradedSession
    ) -> dict[str, int]:
        """Summed weight of the contracts behind `front` that trade on, the nearest first."""
        sums: dict[str, int] = {}
        for one in past:
            for contract, weight in one.weight.items():
                if self._comes_after(front, contract, now):
                    sums[contract] = sums.get(contract, 0) + weight
        return dict(sorted(sums.items(), key=lambda item: self.rank[item[0]]))

    def _opening(self, front: str, now: TradedSession) -> set[str]:
        return {one for one in now.opening if self._comes_after(front, one, now)}

    def _comes_after(self, front: str, contract: str, now: TradedSession) -> bool:
        is_later = self.rank[contract] > self.rank[front]
        return is_later and self._is_alive(contract, now.session)

    def _is_alive(self, contract: str, session: date) -> bool:
        last = self.last_day.get(contract)
        return last is None or session <= last


def _traded(raw_bars: pl.DataFrame, order: Sequence[str], method: str) -> list[TradedSession]:
    """The sessions of `raw_bars` with the weights that `method` compares, oldest first."""
    weight = pl.col("volume").sum()
    if method == "volume":
        raw_bars = _without_odd_prints(raw_bars)
    if method == "open_interest":
        _require_open_interest(raw_bars)
        weight = pl.col("open_interest").sort_by("bar_start").drop_nulls().last()
    same_time = (pl.col("bar_start") == pl.col("bar_start").shift()).fill_null(False)
    table = (
        raw_bars.lazy()
        .filter(pl.col("contract").is_in(list(order)))
        .with_columns(overlaps=same_time)
        .group_by("session", "contract")
        .agg(
            weight.alias("weight"),
            pl.col("bar_start").min().alias("first"),
            pl.col("overlaps").any(),
        )
        .with_columns(opening=pl.col("first") == pl.col("first").min().over("session"))
        .sort("session")
        .with_columns(overlaps=pl.col("overlaps").any().over("session"))
        .select("session", "contract", "weight", "opening", "overlaps")
        .collect()
    )
    sessions: list[TradedSession] = []
    for session, contract, amount, is_opening, overlaps in table.iter_rows():
        if not sessions or sessions[-1].session != session:
            before = bool(sessions) and sessions[-1].overlaps
            sessions.append(TradedSession(session, before or overlaps))
        if amount is not None:
            sessions[-1].weight[contract] = amount
        if is_opening:
            sessions[-1].opening.add(contract)
    return sessions


def _without_odd_prints(raw_bars: pl.DataFrame) -> pl.DataFrame:
    """Volumes clipped at `LARGEST_BAR` medians of their session's bars, all contracts together.

    Bars that never overlap have nothing to compare and stay as they are.
    """
    starts = raw_bars["bar_start"].dt.timestamp("us").to_numpy()
    is_first = np.diff(starts, prepend=starts[:1] - 1) != 0
    if is_first.all():
        return raw_bars
    totals = np.add.reduceat(raw_bars["volume"].to_numpy(), np.flatnonzero(is_first))
    usual = (
        raw_bars.select("session")
        .filter(pl.Series(is_first))
        .with_columns(pl.Series("total", totals))
        .group_by("session")
        .agg(largest=(LARGEST_BAR * pl.col("total").median()).ceil().cast(pl.Int64))
    )
    kept = raw_bars.select("session", "contract", "bar_start", "volume")
    return kept.join(usual, on="session", maintain_order="left").with_columns(
        pl.min_horizontal("volume", "largest").alias("volume")
    )


def _require_open_interest(raw_bars: pl.DataFrame) -> None:
    known = "open_interest" in raw_bars.columns and raw_bars["open_interest"].count() > 0
    if not known:
        raise BarsRejected(
            f"{raw_bars['symbol'][0]}: the roll method is open_interest, and these bars have none. "
            "Deliver a column open_interest, or set `roll: {method: volume}` in universe.yaml."
        )


def _last_days(
    order: Sequence[str],
    instrument: Instrument | None,
    rule: Callable[[Contract, Instrument], date],
) -> dict[str, date]:
    """The rule's day of each dated contract; empty where the instrument has no expiry rule."""
    if instrument is None or instrument.expiry is None:
        return {}
    known = {contract: dated(contract) for contract in order}
    return {name: rule(one, instrument) for name, one in known.items() if one is not None}


def _calendar_days(order: Sequence[str], instrument: Instrument) -> dict[str, date]:
    """The session on which each contract is to be left."""
    safe = {name: last_safe_day(parse_contract(name), instrument) for name in order}
    first, last = min(safe.values()) - _CALENDAR_MARGIN, max(safe.values())
    sessions = schedule(instrument.product_group, first, last)["session"].to_list()
    before = instrument.roll.sessions_before
    return {name: sessions[bisect_right(sessions, day) - 1 - before] for name, day in safe.items()}
