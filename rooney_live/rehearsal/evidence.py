"""What a rehearsal left behind, as the records that the invariants look at.

Belongs here: reading the journal, the receiver's files and the bars for it. Does not belong here: a
verdict (`invariants.py`).
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from rooney_core.decision.replay import PortfolioCode
from rooney_core.market.bars import BarArrays
from rooney_core.release import Release
from rooney_live.codes import Denial
from rooney_live.journal import Journal
from rooney_live.orders.records import HoldCode, OrderState
from rooney_live.rehearsal.bars import RehearsalMarket
from rooney_live.rehearsal.invariants import Arrival, Sent
from rooney_live.rehearsal.parity import Explained, Key
from rooney_live.rehearsal.receiver import FILLS_FILE, REQUESTS_FILE
from rooney_live.risk.codes import RiskCode
from rooney_live.risk.kill import FLAG

_SHARED: Final = frozenset(str(one) for one in PortfolioCode)
DENIALS: Final = frozenset(str(one) for one in (*Denial, *HoldCode, *RiskCode)) - _SHARED
"""Codes of a denied entry that the batch path does not know."""

TIMING: Final = frozenset(
    str(one)
    for one in (
        *(Denial.LATE_BAR, Denial.STALE_FEED, Denial.FLAT_WINDOW, Denial.OUT_OF_SESSION),
        *(Denial.UNPROVEN, PortfolioCode.MAX_POSITIONS),
        *(HoldCode.EXPIRED, HoldCode.SPACING, HoldCode.EXIT_FIRST, HoldCode.IN_FLIGHT),
    )
)
"""Of these, codes of what came too late, or before something else was over."""

_LOST: Final = (OrderState.REJECTED, OrderState.DENIED, OrderState.UNKNOWN, OrderState.WITHDRAWN)


def requests_below(live: Path) -> list[dict[str, Any]]:
    """The receiver's requests, a row each as it wrote them, in the order of arrival."""
    lines = (live / REQUESTS_FILE).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def arrivals_of(requests: Iterable[Mapping[str, Any]]) -> list[Arrival]:
    """Requests as the invariants look at them."""
    return [
        Arrival(
            order_id=one["order_id"],
            ticker=one["ticker"] or "",
            action=one["action"] or "",
            at_us=one["at_us"],
            quantity=one["quantity"],
            is_taken=one["is_taken"],
        )
        for one in requests
    ]


def held_by_receiver(live: Path) -> dict[str, int]:
    """Ticker -> contracts that the receiver held in the end, where not 0: the sum of its fills."""
    held: dict[str, int] = defaultdict(int)
    with (live / FILLS_FILE).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            held[row["ticker"]] += int(row["quantity"])
    return {ticker: contracts for ticker, contracts in held.items() if contracts}


def killed_windows(live: Path, requests: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
    """From and to, numbers of requests, while the flag of the kill switch stood; it stays."""
    flag = live / FLAG
    if not flag.exists():
        return []
    thrown_ns = flag.stat().st_mtime_ns
    return [(sum(one["arrived_ns"] < thrown_ns for one in requests), len(requests))]


def sent_orders(journal: Journal) -> list[Sent]:
    """Every order of the journal, in the order of their decisions; those of a replay have none."""
    begun: dict[str, list[int]] = defaultdict(list)
    for row in journal.query(
        "SELECT order_id, at_us FROM order_events WHERE to_state = 'SENDING' ORDER BY seq"
    ):
        begun[row["order_id"]].append(row["at_us"])
    return [
        Sent(
            row["order_id"],
            row["ticker"],
            row["intent"],
            row["state"],
            tuple(begun[row["order_id"]]),
        )
        for row in journal.query(
            "SELECT order_id, ticker, intent, state FROM orders WHERE state <> 'PAPER' "
            "ORDER BY decided_at_us, order_id"
        )
    ]


def ledger(journal: Journal) -> dict[str, int]:
    """Ticker -> contracts that the journal believes to be held, where not 0."""
    held: dict[str, int] = defaultdict(int)
    for row in journal.query(
        "SELECT orders.ticker, positions.side, positions.size FROM positions "
        "JOIN orders ON orders.order_id = positions.opened_by WHERE positions.state <> 'flat'"
    ):
        held[row["ticker"]] += row["side"] * row["size"]
    return {ticker: contracts for ticker, contracts in held.items() if contracts}


def deadlines(release: Release, market: RehearsalMarket, journal: Journal) -> dict[str, list[int]]:
    """Ticker -> flat deadlines of the rehearsed sessions; none of a variant that holds overnight.

    A deadline that lies after the last bar is left out: it had not come yet.
    """
    found: dict[str, list[int]] = {}
    tickers = journal.query("SELECT DISTINCT symbol, ticker FROM orders WHERE state <> 'PAPER'")
    last_us = max((_last_end(market, symbol) for symbol in market.symbols), default=0)
    for row in tickers:
        bundle = release.bundles.get(row["symbol"])
        if bundle is None or bundle.variant.overnight:
            continue
        own = _deadlines_of(market, row["symbol"])
        found[row["ticker"]] = [at for at in own if at <= last_us]
    return found


def explained(journal: Journal, run_id: str) -> Explained:
    """What the journal itself says of decisions that are other ones than the batch path's.

    Entries that the live trader alone denied, entries that came to nothing, and entries for which
    there was no room while the outcome of such a one was not known.
    """
    denied: dict[Key, str] = {}
    lost = journal.query(
        "SELECT orders.symbol, decided_at_us, closed_at_us FROM orders "
        "LEFT JOIN positions ON positions.opened_by = orders.order_id "
        "WHERE orders.run_id = ? AND intent = 'enter' AND origin = 'decision' "
        f"AND orders.state IN ({', '.join('?' * len(_LOST))})",
        (run_id, *map(str, _LOST)),
    )
    windows = [(one["decided_at_us"], one["closed_at_us"] or one["decided_at_us"]) for one in lost]
    for row in journal.query(
        # Without a side there was no entry to deny: the batch has a FLAT_WINDOW of its own.
        "SELECT symbol, bar_end_us, code FROM decisions "
        "WHERE run_id = ? AND action = 'none' AND side <> 0",
        (run_id,),
    ):
        at, code = row["bar_end_us"], row["code"]
        is_full = code == PortfolioCode.MAX_POSITIONS and _within(at, windows)
        if code in DENIALS or is_full:
            denied[row["symbol"], at] = code
    return Explained(denied, frozenset((one["symbol"], one["decided_at_us"]) for one in lost))


def by_limits(told: Explained) -> Explained:
    """Only what the release's own limits deny: the one reason where nothing went wrong."""
    limits = frozenset(str(one) for one in RiskCode)
    return Explained({key: code for key, code in told.denied.items() if code in limits})


def by_timing(told: Explained, journal: Journal, run_id: str) -> Explained:
    """What the release's limits deny, and what came too late: the reasons where the market's time
    runs ahead of the host's, so that a start or a request takes minutes of it."""
    reasons = TIMING | frozenset(str(one) for one in RiskCode)
    rows = journal.query(
        "SELECT symbol, decided_at_us FROM orders WHERE run_id = ? AND intent = 'enter' "
        f"AND code IN ({', '.join('?' * len(TIMING))})",
        (run_id, *sorted(TIMING)),
    )
    late = {(one["symbol"], one["decided_at_us"]) for one in rows}
    denied = {key: code for key, code in told.denied.items() if code in reasons}
    return Explained(denied, late & set(told.lost))


def open_symbols(journal: Journal) -> tuple[str, ...]:
    """Symbols of which the journal believes something to be held."""
    rows = journal.query("SELECT DISTINCT symbol FROM positions WHERE state <> 'flat' ORDER BY 1")
    return tuple(row["symbol"] for row in rows)


def outputs_below(folder: Path, others: Mapping[str, bytes]) -> dict[str, bytes]:
    """Every file below a state folder by its path, and `others`: what processes printed."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files} | dict(others)


def _within(at: int, windows: Iterable[tuple[int, int]]) -> bool:
    return any(first <= at <= last for first, last in windows)


def _deadlines_of(market: RehearsalMarket, symbol: str) -> Collection[int]:
    one = market.symbols[symbol]
    live = one.frame.slice(one.first_live)
    if not live.height:
        return ()
    arrays = BarArrays.from_frame(live, one.instrument)
    return [int(at) for at in np.unique(arrays.flat_deadline_us)]


def _last_end(market: RehearsalMarket, symbol: str) -> int:
    frame = market.symbols[symbol].frame
    last = frame["bar_end"].dt.timestamp("us").max() if frame.height else 0
    return int(last) if isinstance(last, int) else 0
