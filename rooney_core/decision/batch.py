"""The same decisions for a whole history at once, through the compiled loop.

Belongs here: what `decide` would have said at every bar, fast, and the trades that would remain.
Does not belong here: anything that decides differently from `decide`; the parity test holds the
two equal, decision by decision and trade by trade.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.backtest.engine import trades_frame
from rooney_core.backtest.play import play, trace
from rooney_core.decision.bundle import NO_REFERENCES, DecisionBundle
from rooney_core.decision.records import BarOutcome, DecisionCode, explain
from rooney_core.features import ReferenceCloses, compute_features
from rooney_core.market.bars import BarArrays
from rooney_core.strategies import Signals
from rooney_core.strategies.peers import NO_PEERS, Peers

DECISIONS_SCHEMA = {
    "symbol": pl.String(),
    "bar_end": pl.Datetime("us", "UTC"),
    "code": pl.String(),
    "action": pl.String(),
    "side": pl.Int64(),
    "probability": pl.Float64(),
}
"""One row per bar. probability is null where the model was not asked."""


@dataclass(frozen=True)
class _Approval:
    """Per bar: the model's probability (NaN where not asked), and its word."""

    probability: npt.NDArray[np.float64]
    approved: npt.NDArray[np.bool_]


def first_decided_bar(bars: BarArrays, bundle: DecisionBundle) -> int:
    """Index of the first bar after warm-up, as `decide` counts it; len(bars) if there is none.

    A variant that may hold overnight has no moment at which every history is flat: its position is
    taken to be empty at its first full window.
    """
    if bundle.variant.overnight:
        return min(bundle.window_bars - 1, len(bars))
    last = _is_meeting(bars, bundle)
    last[: max(0, bundle.window_bars - 2)] = False
    return int(np.argmax(last)) + 1 if last.any() else len(bars)


def is_warm_after(bars: BarArrays, bundle: DecisionBundle) -> bool:
    """True when `decide`, after all these bars, is ready to decide on the next."""
    if bundle.variant.overnight:
        return len(bars) >= bundle.window_bars - 1
    return bool(_is_meeting(bars, bundle)[max(0, bundle.window_bars - 2) :].any())


def batch_decisions(
    bars: BarArrays,
    bundle: DecisionBundle,
    references: Mapping[str, ReferenceCloses] = NO_REFERENCES,
    peers: Peers = NO_PEERS,
) -> pl.DataFrame:
    """The decision at every bar, oldest first; columns are DECISIONS_SCHEMA."""
    first = first_decided_bar(bars, bundle)
    signals = decided_signals(bars, bundle, first, peers)
    events = trace(bars, signals)
    asked = np.flatnonzero(events.entry_ordered)
    approval = _approve(bars, bundle, references, asked)
    last = _is_last(bars, bundle)
    approved = _carried_forward(approval.approved, asked, "right")
    approved_before = _carried_forward(approval.approved, asked, "left")
    rows = [(DecisionCode.WARMING_UP.value, "none", 0)] * first
    for index in range(first, len(bars)):
        code, action, side = explain(
            BarOutcome(
                exited=int(events.exited[index]),
                exit_side=int(events.exit_side[index]),
                lapsed=int(events.lapsed[index]),
                entry_ordered=int(events.entry_ordered[index]),
                exit_ordered=int(events.exit_ordered[index]),
                held=int(events.held[index]),
                exit_pending=int(events.exit_pending[index]),
                approved=bool(approved[index]),
                approved_before=bool(approved_before[index]),
                last=bool(last[index]),
            )
        )
        rows.append((code.value, action, side))
    codes, actions, sides = zip(*rows, strict=True) if rows else ((), (), ())
    return pl.DataFrame(
        {
            "symbol": [bundle.instrument.symbol] * len(bars),
            "bar_end": pl.Series(bars.bar_end_us).cast(pl.Datetime("us", "UTC")),
            "code": codes,
            "action": actions,
            "side": sides,
            "probability": pl.Series(approval.probability).fill_nan(None),
        },
        schema=DECISIONS_SCHEMA,
    )


def filtered_trades(
    bars: BarArrays,
    bundle: DecisionBundle,
    references: Mapping[str, ReferenceCloses] = NO_REFERENCES,
    peers: Peers = NO_PEERS,
) -> pl.DataFrame:
    """The primary strategy's trades after warm-up that the model approves.

    Columns of BacktestResult.trades, and `probability` (null without a model).
    """
    trips = play(bars, decided_signals(bars, bundle, first_decided_bar(bars, bundle), peers))
    approval = _approve(bars, bundle, references, trips.signal_index)
    at_signal = approval.probability[trips.signal_index]
    return (
        trades_frame(bars, trips, bundle.costs, bundle.instrument)
        .with_columns(probability=pl.Series(at_signal).fill_nan(None))
        .filter(pl.Series(approval.approved[trips.signal_index]))
    )


def decided_signals(bars: BarArrays, bundle: DecisionBundle, first: int, peers: Peers) -> Signals:
    """The rule's signals, without entries before bar `first`."""
    known = bundle.peers_among(peers)
    signals = bundle.variant.signals(bars, bundle.params, bundle.instrument, known)
    signals.entry[:first] = 0
    return signals


def _is_last(bars: BarArrays, bundle: DecisionBundle) -> npt.NDArray[np.bool_]:
    """Bars whose successor would end after the flat deadline, where the variant has one."""
    if bundle.variant.overnight:
        return np.zeros(len(bars), np.bool_)
    is_last: npt.NDArray[np.bool_] = 2 * bars.bar_end_us - bars.bar_start_us > bars.flat_deadline_us
    return is_last


def _is_meeting(bars: BarArrays, bundle: DecisionBundle) -> npt.NDArray[np.bool_]:
    """Such bars with volume: after these every history is flat."""
    is_meeting: npt.NDArray[np.bool_] = _is_last(bars, bundle) & (bars.volume > 0.0)
    return is_meeting


def _approve(
    bars: BarArrays,
    bundle: DecisionBundle,
    references: Mapping[str, ReferenceCloses],
    asked: npt.NDArray[np.int64],
) -> _Approval:
    probability = np.full(len(bars), np.nan)
    approved = np.zeros(len(bars), np.bool_)
    if bundle.model is None:
        approved[asked] = True
    elif len(asked):
        values = compute_features(bars, asked, bundle.align(references))
        probability[asked] = bundle.model.probability(values)
        approved[asked] = probability[asked] >= bundle.threshold
    return _Approval(probability, approved)


def _carried_forward(
    approved: npt.NDArray[np.bool_],
    asked: npt.NDArray[np.int64],
    side: Literal["left", "right"],
) -> npt.NDArray[np.bool_]:
    """The word on the latest entry signal at ("right") or only before ("left") each bar.

    False before the first.
    """
    latest = np.searchsorted(asked, np.arange(len(approved)), side=side) - 1
    words = np.concatenate((approved[asked], [False]))
    carried: npt.NDArray[np.bool_] = words[latest]
    return carried
