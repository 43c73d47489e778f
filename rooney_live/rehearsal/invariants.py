"""What must hold after every rehearsal, whatever went wrong in it: pure functions over records.

Belongs here: the invariants and the records that they look at. Does not belong here: reading the
journal or the receiver's log (`evidence.py`), or making anything go wrong (`plan.py`).

Times are microseconds since 1970 UTC, of the trader's clock; positions are signed contracts, long
above 0. What a venue was sent is judged by what arrived there, never by what the trader believes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

ENTRY_ACTIONS: Final = frozenset(("buy", "sell"))
EXIT_ACTION: Final = "exit"
ENTER: Final = "enter"
SHOWN: Final = 20
"""So many breaches of an invariant are told; all are counted."""

_SURELY_NOT_TAKEN: Final = frozenset(("REJECTED", "DENIED", "WITHDRAWN", "INTENT"))

NO_DUPLICATE_ENTRY: Final = "no_duplicate_entry"
FLAT_BY_DEADLINE: Final = "flat_by_deadline"
LEDGER_EQUALS_RECEIVER: Final = "ledger_equals_receiver"
NO_ORDER_WHILE_KILLED: Final = "no_order_while_killed"
DECISIONS_EQUAL_BACKTEST: Final = "decisions_equal_backtest"
NO_SECRET_IN_OUTPUT: Final = "no_secret_in_output"


@dataclass(frozen=True)
class Arrival:
    """A request that reached the receiver, in the order of arrival.

    `at_us`: the moment that it was sent at, by the trader's clock; `order_id`: the decision id in
    its extras. `is_taken`: the venue acted on it, whatever it answered, and whether or not the
    answer got through. `quantity`: contracts; None for an exit of all.
    """

    order_id: str
    ticker: str
    action: str
    at_us: int
    quantity: int | None = None
    is_taken: bool = True

    @property
    def is_entry(self) -> bool:
        """True where it opens a position."""
        return self.action in ENTRY_ACTIONS


@dataclass(frozen=True)
class Sent:
    """An order of the journal. `state`: an OrderState; `attempts_us`: when each POST was begun."""

    order_id: str
    ticker: str
    intent: str
    state: str
    attempts_us: tuple[int, ...] = ()


@dataclass(frozen=True)
class Invariant:
    """What was found of one invariant: `n_checked` things were looked at; `broken` is one line for
    each that breaks it, at most SHOWN of `n_broken`."""

    name: str
    n_checked: int
    n_broken: int
    broken: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """True when nothing breaks it."""
        return self.n_broken == 0

    def as_row(self) -> dict[str, Any]:
        """For a report in JSON."""
        return {"name": self.name, "holds": self.holds} | {
            "n_checked": self.n_checked,
            "n_broken": self.n_broken,
            "broken": list(self.broken),
        }


def found(name: str, n_checked: int, broken: Iterable[str]) -> Invariant:
    """An invariant from its breaches."""
    every = tuple(broken)
    return Invariant(name, n_checked, len(every), every[:SHOWN])


def no_duplicate_entry(arrivals: Sequence[Arrival]) -> Invariant:
    """At most one entry per decision arrives, and none on top of a position that is open.

    A second arrival breaks it even if the venue refused the first: the sender cannot know.
    """
    entries = [one for one in arrivals if one.is_entry]
    counted = Counter(one.order_id for one in entries)
    broken = [f"{name}: {times} entries arrived" for name, times in counted.items() if times > 1]
    held: dict[str, int] = {}
    for one in arrivals:
        if one.is_entry and one.is_taken and held.get(one.ticker):
            broken.append(f"{one.order_id}: {one.ticker} was held already")
        _take(held, one)
    return found(NO_DUPLICATE_ENTRY, len(entries), broken)


def flat_by_deadline(
    arrivals: Sequence[Arrival],
    deadlines: Mapping[str, Collection[int]],
    sent: Sequence[Sent] = (),
    grace_us: int = 0,
) -> Invariant:
    """At each deadline of its ticker, nothing is held of what was entered before it.

    `deadlines`: ticker -> moments; a ticker that may be held overnight is absent. A position may
    outlast one by `grace_us` only where an exit of it had been begun in time and failed, which
    `sent` shows: the venue could not be reached, or did not take it.
    """
    moments = sorted((at, ticker) for ticker, every in deadlines.items() for at in every)
    broken = []
    for at, ticker in moments:
        held = _held_at(arrivals, ticker, at)
        if held == 0:
            continue
        if _was_tried(sent, ticker, _opened_at(arrivals, ticker, at), at):
            held = _held_at(arrivals, ticker, at + grace_us, entered_by=at)
        if held != 0:
            broken.append(f"{ticker}: {held:+d} contracts at the deadline {at}")
    return found(FLAT_BY_DEADLINE, len(moments), broken)


def ledger_equals_receiver(
    ledger: Mapping[str, int],
    receiver: Mapping[str, int],
    sent: Sequence[Sent],
    arrivals: Sequence[Arrival],
) -> Invariant:
    """The trader's positions are the venue's at the end, and every order is what it is said to be.

    `ledger`, `receiver`: ticker -> contracts; absent is 0. An ACKED order was taken; an entry that
    was REJECTED, DENIED, WITHDRAWN or never begun was not, and an UNKNOWN one may be either. An
    exit may have been taken by an attempt that nobody heard of. What arrived is in the journal.
    """
    broken = [
        f"{ticker}: the ledger says {ledger.get(ticker, 0):+d}, "
        f"the receiver {receiver.get(ticker, 0):+d}"
        for ticker in sorted({*ledger, *receiver})
        if ledger.get(ticker, 0) != receiver.get(ticker, 0)
    ]
    taken = {one.order_id for one in arrivals if one.is_taken}
    for order in sent:
        was_taken = order.order_id in taken
        if order.state == "ACKED" and not was_taken:
            broken.append(f"{order.order_id}: ACKED, and the venue never took it")
        if order.intent == ENTER and order.state in _SURELY_NOT_TAKEN and was_taken:
            broken.append(f"{order.order_id}: {order.state}, and the venue took it")
        if order.state == "SENDING":
            broken.append(f"{order.order_id}: its end was never found out")
    known = {order.order_id for order in sent}
    strangers = {one.order_id for one in arrivals} - known
    broken += [f"{name}: arrived, and the journal has no such order" for name in sorted(strangers)]
    n_checked = len({*ledger, *receiver}) + len(sent)
    return found(LEDGER_EQUALS_RECEIVER, n_checked, broken)


def no_order_while_killed(
    arrivals: Sequence[Arrival], killed: Sequence[tuple[int, int]]
) -> Invariant:
    """No entry arrives while the kill switch is thrown; what reduces a position may.

    `killed`: from and to, numbers of `arrivals`: what arrived before each end. The order of
    arrival is what counts, because in a rehearsal a moment takes no time.
    """
    n_checked, broken = 0, []
    for first, past in killed:
        n_checked += past - first
        broken += [
            f"{one.order_id}: {one.action} {one.ticker} arrived while killed"
            for one in arrivals[first:past]
            if one.is_entry
        ]
    return found(NO_ORDER_WHILE_KILLED, n_checked, broken)


def decisions_equal_backtest(n_checked: int, differences: Iterable[str]) -> Invariant:
    """Nothing differs from the batch path but what a recorded fault explains (`parity.py`)."""
    return found(DECISIONS_EQUAL_BACKTEST, n_checked, differences)


def no_secret_in_output(secrets: Collection[str], outputs: Mapping[str, bytes]) -> Invariant:
    """None of the secrets is in any output, as it is; `outputs`: name -> content."""
    broken = [
        f"{name} has a secret in it"
        for name, content in sorted(outputs.items())
        if any(secret.encode() in content for secret in secrets)
    ]
    return found(NO_SECRET_IN_OUTPUT, len(outputs), broken)


def held_at_the_end(arrivals: Iterable[Arrival]) -> dict[str, int]:
    """Ticker -> contracts after all arrivals that were taken, where not 0."""
    held: dict[str, int] = defaultdict(int)
    for one in arrivals:
        _take(held, one)
    return {ticker: contracts for ticker, contracts in held.items() if contracts}


def _take(held: dict[str, int], one: Arrival) -> None:
    """What the venue makes of a request; an opposite entry exits only, as side swapping is off."""
    if not one.is_taken:
        return
    before = held.get(one.ticker, 0)
    if one.action == EXIT_ACTION:
        held[one.ticker] = 0
    elif one.is_entry:
        change = (one.quantity or 0) * (1 if one.action == "buy" else -1)
        held[one.ticker] = 0 if before * change < 0 else before + change


def _held_at(
    arrivals: Sequence[Arrival], ticker: str, at_us: int, entered_by: int | None = None
) -> int:
    """Contracts after all that was sent by a moment; entries after `entered_by` do not count."""
    held: dict[str, int] = {}
    for one in arrivals:
        is_new = one.is_entry and entered_by is not None and one.at_us > entered_by
        if one.ticker == ticker and one.at_us <= at_us and not is_new:
            _take(held, one)
    return held.get(ticker, 0)


def _opened_at(arrivals: Sequence[Arrival], ticker: str, at_us: int) -> int:
    """When the position that is held at a moment was entered."""
    entries = (one for one in arrivals if one.is_entry and one.is_taken and one.ticker == ticker)
    return max((one.at_us for one in entries if one.at_us <= at_us), default=at_us)


def _was_tried(sent: Sequence[Sent], ticker: str, from_us: int, to_us: int) -> bool:
    exits = (one for one in sent if one.ticker == ticker and one.intent == EXIT_ACTION)
    return any(from_us <= at <= to_us for one in exits for at in one.attempts_us)
