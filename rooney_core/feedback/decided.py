"""Decision by decision: what the trader recorded, what the batch path replays, and why they differ.

Belongs here: the evidence for each difference of one symbol in one run. Does not belong here: money
(`parity`).

A difference is looked at on its own first: other bars, a denial, other features, another
probability, an order of another origin. One without evidence of its own follows from the one
before it, as long as no bar in between is equal: an entry that was denied leaves every later bar of
its trade different.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
import polars as pl

from rooney_core.decision.replay import PortfolioCode
from rooney_core.feedback.causes import (
    Cause,
    cause_of_denial,
    cause_of_origin,
    cause_of_state,
)

COMPARED: Final = ("code", "action", "side", "probability")
SAME_PRICE: Final = 1e-9
SAME_FEATURE: Final = 1e-9
"""Relative to the larger of the value and 1."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Because:
    """A cause, and what on record speaks for it, in words."""

    cause: Cause
    proof: str


@dataclass(frozen=True)
class Evidence:
    """What is on record of one symbol in one run.

    `bars`: bar_end -> (contract, close) of the lake. `features`: bar_end -> name -> value as the
    batch path computes it, None unknown; where either side asked the model. `orders`: the
    run's, by decided_at, with state, order_code, origin, intent. `lookback`: bars that a signal
    reads. `other_code`: what says that other code decided, empty for the same. `elsewhere`: when
    another symbol of the run first differed. `held_before`: the run began with a position.
    `other_opens`: bar_end -> how the lake's bar opens elsewhere, in words (`opens`).
    """

    bars: Mapping[datetime, tuple[str, float]]
    features: Mapping[datetime, Mapping[str, float | None]]
    orders: Sequence[Row]
    threshold: float
    lookback: int
    other_code: str = ""
    elsewhere: datetime | None = None
    held_before: str = ""
    other_opens: Mapping[datetime, str] = field(default_factory=dict)

    def other_bars(self, recorded: pl.DataFrame) -> dict[datetime, str]:
        """By bar_end, in words: how the lake's bar differs from the one that the trader saw."""
        return {**self.other_opens, **bars_that_differ(recorded, self.bars)}


@dataclass(frozen=True)
class Differs:
    """A bar on which they differ: when it ended, both rows (None: absent), and why."""

    at: datetime
    recorded: Row | None
    replayed: Row | None
    because: Because


def explained(recorded: pl.DataFrame, replayed: pl.DataFrame, evidence: Evidence) -> list[Differs]:
    """Every bar on which the two differ, in order.

    `recorded`: bar_end, contract, close, COMPARED, threshold, feature_values. `replayed`: bar_end
    and COMPARED.
    """
    left = {row["bar_end"]: row for row in recorded.iter_rows(named=True)}
    right = {row["bar_end"]: row for row in replayed.iter_rows(named=True)}
    found: list[Differs] = []
    moments = sorted({*left, *right})
    state = _Following(evidence, evidence.other_bars(recorded))
    for moment in moments:
        own, other = left.get(moment), right.get(moment)
        state.see(moment)
        if own is not None and other is not None and _is_same(own, other):
            state.settle(moment, own)
            continue
        found.append(Differs(moment, own, other, state.because(moment, own, other)))
    return found


def _is_same(own: Row, other: Row) -> bool:
    return all(own[name] == other[name] for name in COMPARED)


class _Following:
    """What was seen so far: bars that differ, and the cause that later bars may follow from."""

    def __init__(self, evidence: Evidence, other_bars: Mapping[datetime, str]) -> None:
        self._evidence, self._differ = evidence, other_bars
        self._orders = sorted(evidence.orders, key=lambda one: one["decided_at"])
        self._pending: Because | None = None
        self._at = -1
        self._other_bars: list[tuple[int, str]] = []
        if evidence.held_before:
            self._pending = Because(Cause.SIZING, evidence.held_before)

    def see(self, moment: datetime) -> None:
        """The next bar; whether it is another one than the lake's."""
        self._at += 1
        if moment in self._differ:
            self._other_bars.append((self._at, self._differ[moment]))

    def settle(self, moment: datetime, own: Row) -> None:
        """Both decided the same here: nothing follows any more, but for what became of an order."""
        self._pending = None
        self._orders = [one for one in self._orders if one["decided_at"] >= moment]
        order = next((one for one in self._orders if one["decided_at"] == moment), None)
        if order is not None and own["action"] == "enter":
            cause = cause_of_state(str(order["state"]), str(order["order_code"]))
            if cause is not None:
                words = f"the order is {order['state']} {order['order_code']}".strip()
                self._pending = Because(cause, words)

    def because(self, moment: datetime, own: Row | None, other: Row | None) -> Because:
        """Why they differ here, and what later differences may follow from."""
        found = self._own_reason(moment, own, other)
        if found is None and self._pending is not None:
            return self._pending
        if found is None:
            found = self._last_reason()
        self._pending = found
        return found

    def _own_reason(self, moment: datetime, own: Row | None, other: Row | None) -> Because | None:
        if self._other_bars and self._at - self._other_bars[-1][0] < self._evidence.lookback:
            return Because(Cause.DATA, self._other_bars[-1][1])
        if own is None or other is None:
            if own is None:
                return Because(Cause.DATA, f"no decision is recorded at {moment}")
            return Because(Cause.DATA, f"the lake has no bar that ended at {moment}")
        denied = cause_of_denial(str(own["code"]))
        if denied is not None and other["action"] == "enter":
            return Because(denied, f"the entry was denied: {own['code']}")
        limited = {str(PortfolioCode.MAX_POSITIONS), str(PortfolioCode.REDUCING)}
        since = self._evidence.elsewhere
        if since is not None and since <= moment and {own["code"], other["code"]} & limited:
            return Because(Cause.SIZING, f"another symbol differs since {since}")
        return self._of_an_order(moment) or self._of_the_model(moment, own, other)

    def _of_an_order(self, moment: datetime) -> Because | None:
        """An order that no decision gave, since the bar before."""
        for order in self._orders:
            cause = cause_of_origin(str(order["origin"]))
            if cause is not None and order["decided_at"] <= moment:
                self._orders.remove(order)
                return Because(cause, f"an {order['intent']} order of origin {order['origin']}")
        return None

    def _of_the_model(self, moment: datetime, own: Row, other: Row) -> Because | None:
        shown = self._evidence.features.get(moment)
        told = json.loads(own["feature_values"] or "{}")
        if shown and told:
            name = _other_feature(told, shown)
            if name is not None:
                words = f"feature {name} was {told.get(name)} and is {shown.get(name)}"
                return Because(Cause.DATA, words)
            threshold = own["threshold"]
            if threshold is not None and threshold != self._evidence.threshold:
                words = f"threshold was {threshold} and is {self._evidence.threshold}"
                return Because(Cause.MODEL, words)
            if own["probability"] != other["probability"] and self._evidence.other_code:
                return Because(Cause.MODEL, self._evidence.other_code)
        return None

    def _last_reason(self) -> Because:
        if self._evidence.other_code:
            return Because(Cause.SIGNAL, self._evidence.other_code)
        return Because(Cause.UNEXPLAINED, "the same bars, features and code decided otherwise")


def bars_that_differ(
    recorded: pl.DataFrame, bars: Mapping[datetime, tuple[str, float]]
) -> dict[datetime, str]:
    """By bar_end, in words: bars that the trader decided on and that the lake has otherwise.

    `recorded`: bar_end, contract, close. `bars`: bar_end -> (contract, close). A bar that the
    trader never saw is not among them: it reads those when it starts again.
    """
    found = {}
    for row in recorded.iter_rows(named=True):
        words = _bar_differs(row, bars.get(row["bar_end"]))
        if words:
            found[row["bar_end"]] = words
    return found


def _bar_differs(own: Row, known: tuple[str, float] | None) -> str:
    moment = own["bar_end"]
    if known is None:
        return f"the lake has no bar that ended at {moment}"
    contract, close = known
    if abs(own["close"] - close) > SAME_PRICE * max(abs(close), 1.0):
        return f"the bar that ended at {moment} closed at {own['close']:g}, now {close:g}"
    if own["contract"] and own["contract"] != contract:
        return f"the bar that ended at {moment} was of {own['contract']}, now of {contract}"
    return ""


def _other_feature(told: Mapping[str, Any], shown: Mapping[str, float | None]) -> str | None:
    """The feature that differs most, None where all are the same."""
    worst, name = 0.0, None
    for one in sorted({*told, *shown}):
        a, b = told.get(one), shown.get(one)
        if a is None or b is None:
            apart = 0.0 if a is None and b is None else np.inf
        else:
            apart = abs(a - b) / max(abs(a), abs(b), 1.0)
        if apart > max(worst, SAME_FEATURE):
            worst, name = apart, one
    return name
