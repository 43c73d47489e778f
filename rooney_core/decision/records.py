"""What was decided at a bar, and why: records with a code, never a sentence to be parsed.

Belongs here: the shapes and the meaning of every code. Does not belong here: deciding (`decide`),
orders and contracts (`rooney_live`), or refusals that need an account (risk limits, pauses).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal, NamedTuple

from rooney_core.backtest.kernel import REASONS, TIME

Action = Literal["enter", "exit", "none"]

BASE: Final = "base"
"""The contribution of no feature: what the model says before it looks at any."""


class DecisionCode(StrEnum):
    """Why this bar ended as it did. The primary strategy runs virtually all the time; the model
    approves or vetoes its entries, and a vetoed trade stays virtual to its end.

    WARMING_UP             the window is not full yet, or the session it filled in is not over, or
                           the model has not seen the strategy trade virtually for long enough
    NO_SIGNAL              flat, and the rule saw nothing
    FLAT_WINDOW            flat, and the next bar would end after the flat deadline
    ENTER                  entry signal, approved: action "enter"
    MODEL_BELOW_THRESHOLD  entry signal, vetoed by the model
    IN_POSITION            an approved trade goes on
    EXIT_PENDING           its exit was ordered earlier and waits for a bar with volume
    EXIT_SIGNAL, EXIT_TIME       the rule, or its maximum of bars, orders the exit: action "exit"
    EXIT_STOP, EXIT_TRAIL, EXIT_TARGET  the stop, the trailing stop or the target was reached within
                           this bar: action "exit"
    EXIT_FLAT_TIME         the flat deadline comes before the next bar ends: action "exit"
    EXIT_FLAT_LATE         found open past its deadline, as bars were missing or without volume:
                           action "exit"
    ENTRY_LAPSED           the approved entry had no bar to fill in, or its level was not reached,
                           and it was not given anew; whatever the venue made of the order must go:
                           action "exit"
    VETOED_TRADE_OPEN      a vetoed trade goes on virtually, which keeps the rule busy
    VETOED_TRADE_EXIT      a vetoed trade, or vetoed entry, ends virtually
    """

    WARMING_UP = "WARMING_UP"
    NO_SIGNAL = "NO_SIGNAL"
    FLAT_WINDOW = "FLAT_WINDOW"
    ENTER = "ENTER"
    MODEL_BELOW_THRESHOLD = "MODEL_BELOW_THRESHOLD"
    IN_POSITION = "IN_POSITION"
    EXIT_PENDING = "EXIT_PENDING"
    EXIT_SIGNAL = "EXIT_SIGNAL"
    EXIT_TIME = "EXIT_TIME"
    EXIT_STOP = "EXIT_STOP"
    EXIT_TRAIL = "EXIT_TRAIL"
    EXIT_TARGET = "EXIT_TARGET"
    EXIT_FLAT_TIME = "EXIT_FLAT_TIME"
    EXIT_FLAT_LATE = "EXIT_FLAT_LATE"
    ENTRY_LAPSED = "ENTRY_LAPSED"
    VETOED_TRADE_OPEN = "VETOED_TRADE_OPEN"
    VETOED_TRADE_EXIT = "VETOED_TRADE_EXIT"


@dataclass(frozen=True)
class VirtualFill:
    """A fill of the primary strategy within this bar, one contract.

    `side` of the trade, not of the order. `price` is raw with the cost model's slippage. `time_us`
    is the bar's start, or its end for FLAT_TIME. `reason` is empty for an entry. `approved`: the
    trade passed the model, so a paper account has this fill too. An exit counts the `rolls` of its
    trade: each cost two more fills, and `roll_gap`, the sum of new minus old price, is no profit.
    `roll_slippages`: sum of the slippage factors of these fills, 2 for each roll at factor 1.
    """

    kind: Literal["entry", "exit"]
    side: int
    price: float
    time_us: int
    reason: str
    approved: bool
    rolls: int = 0
    roll_gap: float = 0.0
    roll_slippages: float = 0.0


@dataclass(frozen=True)
class Decision:
    """The record of one bar, made once, at its end.

    `side`: of the entry or of the trade concerned, 0 when there is none. `probability`, `features`
    and `contributions` only where the model was asked, at entry signals; a feature that is unknown
    is None, and `n_missing_features` counts these; `n_missing_required` those without which nothing
    is sent (`coverage.required_features`). `contributions`: what each feature added, and
    under BASE where the model starts from, as `MetaModel.contributions` has it. `close` is the
    bar's raw close.

    What an approved entry asks of a venue, with action "enter": `order` "market" at the next open,
    or "stop" or "limit" at `entry_level` during the next bar only (an ENTER replaces the order
    before it). `stop_distance`, `target_distance`, `trail_distance`: price units from the entry
    price, None for none; the trailing stop follows the best close. `target_level` is a price, as is
    `entry_level`: raw, of this bar's contract.
    """

    symbol: str
    contract: str
    bar_end_us: int
    session: int
    close: float
    code: DecisionCode
    action: Action
    side: int
    threshold: float
    probability: float | None = None
    features: Mapping[str, float | None] = field(default_factory=dict)
    contributions: Mapping[str, float] = field(default_factory=dict)
    n_missing_features: int = 0
    n_missing_required: int = 0
    stop_distance: float | None = None
    target_distance: float | None = None
    target_level: float | None = None
    trail_distance: float | None = None
    order: Literal["market", "stop", "limit"] | None = None
    entry_level: float | None = None
    fills: tuple[VirtualFill, ...] = ()


class BarOutcome(NamedTuple):
    """What the primary strategy did in one bar, as `kernel.step` left it: sides and reasons.

    `held` and `exit_pending` at the bar's end; `approved` is the model's word on the latest trade
    or entry, `approved_before` on the one that was there when the bar began; `last`: the next bar
    would end after the flat deadline.
    """

    exited: int
    exit_side: int
    lapsed: int
    entry_ordered: int
    exit_ordered: int
    held: int
    exit_pending: int
    approved: bool
    approved_before: bool
    last: bool


def explain(outcome: BarOutcome) -> tuple[DecisionCode, Action, int]:
    """Code, action and side of one bar.

    A bar issues one order at most, so the first that applies is the only one that acts: an entry
    given anew replaces the one that lapsed. An exit by SIGNAL or TIME fills at an open: it was
    decided, and recorded, at an earlier bar.
    """
    if outcome.exited > TIME:
        code = DecisionCode(f"EXIT_{REASONS[outcome.exited]}")
        return _leaving(code, outcome.exit_side, outcome.approved)
    is_given_anew = outcome.entry_ordered and (outcome.approved or not outcome.approved_before)
    if outcome.lapsed and not is_given_anew:
        return _leaving(DecisionCode.ENTRY_LAPSED, outcome.lapsed, outcome.approved_before)
    if outcome.exit_ordered:
        code = DecisionCode(f"EXIT_{REASONS[outcome.exit_ordered]}")
        return _leaving(code, outcome.held, outcome.approved)
    if outcome.entry_ordered and outcome.approved:
        return DecisionCode.ENTER, "enter", outcome.entry_ordered
    if outcome.entry_ordered:
        return DecisionCode.MODEL_BELOW_THRESHOLD, "none", outcome.entry_ordered
    if outcome.held and not outcome.approved:
        return DecisionCode.VETOED_TRADE_OPEN, "none", outcome.held
    if outcome.held:
        waiting = DecisionCode.EXIT_PENDING if outcome.exit_pending else DecisionCode.IN_POSITION
        return waiting, "none", outcome.held
    return DecisionCode.FLAT_WINDOW if outcome.last else DecisionCode.NO_SIGNAL, "none", 0


def _leaving(code: DecisionCode, side: int, approved: bool) -> tuple[DecisionCode, Action, int]:
    return (code, "exit", side) if approved else (DecisionCode.VETOED_TRADE_EXIT, "none", side)
