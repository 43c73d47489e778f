"""The same decisions for a whole history at once, through the compiled loop.

Belongs here: what `decide` would have said at every bar, fast, and the trades that would remain.
Does not belong here: anything that decides differently from `decide`; the parity test holds the
two equal, decision by decision and trade by trade.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.backtest.engine import trades_frame
from rooney_core.backtest.play import RoundTrips, play, trace
from rooney_core.decision.bundle import DecisionBundle
from rooney_core.decision.coverage import n_missing_required
from rooney_core.decision.records import BarOutcome, DecisionCode, explain
from rooney_core.features import NO_FEEDS, Feeds, PriorTrades, compute_features
from rooney_core.features.prior_trades import first_flat_bar, last_before_flat
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

MISSING_REQUIRED: Final = "n_missing_required"
"""A column beside these: required features that were unknown; 0 where the model was not asked."""


@dataclass(frozen=True)
class _Approval:
    """Per bar: the model's probability (NaN where not asked), its word, and what it did not see."""

    probability: npt.NDArray[np.float64]
    approved: npt.NDArray[np.bool_]
    n_missing_required: npt.NDArray[np.int64]


def first_virtual_bar(bars: BarArrays, bundle: DecisionBundle) -> int | None:
    """Index of the first bar that `decide` trades virtually in; len(bars) for the next, or None.

    A variant that may hold overnight has no moment at which every history is flat: its position is
    taken to be empty at its first full window.
    """
    return first_flat_bar(bars, bundle.window_bars - 1, bundle.variant.overnight)


def first_decided_bar(bars: BarArrays, bundle: DecisionBundle) -> int:
    """Index of the first bar after warm-up, as `decide` counts it; len(bars) if there is none."""
    decided = _first_decided(bars, bundle)
    return len(bars) if decided is None else decided


def is_warm_after(bars: BarArrays, bundle: DecisionBundle) -> bool:
    """True when `decide`, after all these bars, is ready to decide on the next."""
    return _first_decided(bars, bundle) is not None


def _first_decided(bars: BarArrays, bundle: DecisionBundle) -> int | None:
    virtual = first_virtual_bar(bars, bundle)
    if virtual is None or bundle.virtual_bars == 0:
        return virtual
    return first_flat_bar(bars, virtual + bundle.virtual_bars - 1, bundle.variant.overnight)


def batch_decisions(
    bars: BarArrays,
    bundle: DecisionBundle,
    feeds: Feeds = NO_FEEDS,
    peers: Peers = NO_PEERS,
) -> pl.DataFrame:
    """The decision at every bar, oldest first; columns are DECISIONS_SCHEMA."""
    return covered_decisions(bars, bundle, feeds, peers).drop(MISSING_REQUIRED)


def covered_decisions(
    bars: BarArrays,
    bundle: DecisionBundle,
    feeds: Feeds = NO_FEEDS,
    peers: Peers = NO_PEERS,
) -> pl.DataFrame:
    """`batch_decisions`, and under MISSING_REQUIRED how many features lacked that are required."""
    first = first_decided_bar(bars, bundle)
    signals = virtual_signals(bars, bundle, peers)
    events = trace(bars, signals)
    asked = np.flatnonzero(events.entry_ordered)
    approval = _approve(bars, bundle, feeds, asked, play(bars, signals))
    last = last_before_flat(bars) & (not bundle.variant.overnight)
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
            MISSING_REQUIRED: approval.n_missing_required,
        },
        schema=DECISIONS_SCHEMA | {MISSING_REQUIRED: pl.Int64()},
    )


def filtered_trades(
    bars: BarArrays,
    bundle: DecisionBundle,
    feeds: Feeds = NO_FEEDS,
    peers: Peers = NO_PEERS,
) -> pl.DataFrame:
    """The primary strategy's trades after warm-up that the model approves.

    Columns of BacktestResult.trades, and `probability` (null without a model).
    """
    trips = play(bars, virtual_signals(bars, bundle, peers))
    approval = _approve(bars, bundle, feeds, trips.signal_index, trips)
    at_signal = approval.probability[trips.signal_index]
    return (
        trades_frame(bars, trips, bundle.costs, bundle.instrument)
        .with_columns(probability=pl.Series(at_signal).fill_nan(None))
        .filter(pl.Series(approval.approved[trips.signal_index]))
    )


def features_at(
    bars: BarArrays,
    indices: npt.NDArray[np.int64],
    bundle: DecisionBundle,
    feeds: Feeds = NO_FEEDS,
    peers: Peers = NO_PEERS,
) -> npt.NDArray[np.float64]:
    """What a model would be shown at these bars, f8[len(indices), n_features]; NaN is unknown.

    Columns are `feature_names(bundle.feed_names)`.
    """
    trips = play(bars, virtual_signals(bars, bundle, peers))
    return _features(bars, indices, bundle, feeds, trips)


def virtual_signals(bars: BarArrays, bundle: DecisionBundle, peers: Peers) -> Signals:
    """The rule's signals, without entries before the first virtual bar."""
    known = bundle.peers_among(peers)
    signals = bundle.variant.signals(bars, bundle.params, bundle.instrument, known)
    signals.entry[: first_virtual_bar(bars, bundle)] = 0
    return signals


def prior_trades(bars: BarArrays, bundle: DecisionBundle, trips: RoundTrips) -> PriorTrades:
    """The virtual trades of these bars, as the features of the same bars look back at them."""
    first = first_virtual_bar(bars, bundle)
    trades = trades_frame(bars, trips, bundle.costs, bundle.instrument)
    return PriorTrades.of(trades, len(bars) if first is None else first)


def _approve(
    bars: BarArrays,
    bundle: DecisionBundle,
    feeds: Feeds,
    signalled: npt.NDArray[np.int64],
    trips: RoundTrips,
) -> _Approval:
    probability = np.full(len(bars), np.nan)
    approved = np.zeros(len(bars), np.bool_)
    missing = np.zeros(len(bars), np.int64)
    asked = signalled[signalled >= first_decided_bar(bars, bundle)]
    if bundle.model is None:
        approved[asked] = True
    elif len(asked):
        values = _features(bars, asked, bundle, feeds, trips)
        probability[asked] = bundle.model.probability(values)
        approved[asked] = probability[asked] >= bundle.threshold
        missing[asked] = n_missing_required(values, bundle.feed_names)
    return _Approval(probability, approved, missing)


def _features(
    bars: BarArrays,
    indices: npt.NDArray[np.int64],
    bundle: DecisionBundle,
    feeds: Feeds,
    trips: RoundTrips,
) -> npt.NDArray[np.float64]:
    trades = prior_trades(bars, bundle, trips)
    return compute_features(bars, indices, replace(feeds.aligned(bundle.feed_names), trades=trades))


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
