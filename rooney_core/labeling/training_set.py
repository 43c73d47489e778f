"""The training set: one row per trade of the primary strategy.

Belongs here: putting trades, labels, weights, windows and features into one frame. Does not belong
here: who may read its test rows (the lake seals them), or how any column is computed.

Columns: symbol; entry_time, exit_time, label_start (end of the signal's bar), label_end (where the
label was decided: the exit, or the barrier), UTC; exit_session (Date of the exit); held_sessions,
held_pnl_usd, held_return (lists: net_profit_usd and return by session, marked to market); side (-1,
+1); entry_price, exit_price (raw; of two contracts where the trade rolled); net_profit_usd (per
contract, after the costs of all fills, rolls included); costs_usd (those costs, >= 0); return (net,
over the contract's value at entry); meta_label (Int8, 1 where the trade, or its barrier, earned
money); barrier (what decided the label); split ("train", "validation", "test"); uniqueness_weight
in (0, 1]; one Float64 per feature, known at label_start, null = unknown.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.backtest import CostModel, run_backtest
from rooney_core.features import NO_FEEDS, Feeds, PriorTrades, compute_features, feature_names
from rooney_core.features.prior_trades import first_flat_bar
from rooney_core.labeling.held_days import held_days
from rooney_core.labeling.settings import LabelSettings
from rooney_core.labeling.triple_barrier import label_trades
from rooney_core.labeling.uniqueness import average_uniqueness
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument
from rooney_core.strategies import Variant, find_variant
from rooney_core.strategies.peers import NO_PEERS, Peers
from rooney_core.validation.purged_cv import three_way_split
from rooney_core.validation.windows import SPLITS, Splits

THE_STRATEGYS_OWN = LabelSettings()
"""A label says what the strategy itself made of the trade."""


def build_training_set(
    bars: pl.DataFrame | BarArrays,
    variant: Variant | str,
    params: object,
    costs: CostModel,
    instrument: Instrument,
    feeds: Feeds = NO_FEEDS,
    splits: Splits = SPLITS,
    peers: Peers = NO_PEERS,
    labels: LabelSettings = THE_STRATEGYS_OWN,
) -> pl.DataFrame:
    """Labelled trades of one configuration, ascending label_start; possibly none (module: columns).

    `feeds`: other symbols' series; the prior trades among the features are those found here.
    `peers`: sessions of the symbols that the variant compares with. `labels`: how a trade is
    labelled; its money is the strategy's own, whatever the label.

    Trades that span a boundary of `splits`, or start within its embargo after one, are left out,
    and so are those that `labels` cannot label. Uniqueness counts all trades, the left-out ones
    too: their labels shared the bars.

    Raises what `run_backtest` raises.
    """
    arrays = bars if isinstance(bars, BarArrays) else BarArrays.from_frame(bars, instrument)
    chosen = find_variant(variant)
    trades = run_backtest(arrays, chosen, params, costs, instrument, peers).trades
    labelled = label_trades(
        trades,
        arrays,
        settings=labels,
        costs=costs,
        instrument=instrument,
        overnight=chosen.overnight,
    )
    rows = trades.select(
        pl.lit(instrument.symbol).alias("symbol"),
        "entry_time",
        "exit_time",
        pl.col("signal_time").alias("label_start"),
        labelled["label_end"],
        pl.Series("exit_session", arrays.session[trades["exit_index"].to_numpy()]).cast(pl.Date),
        *held_days(trades, arrays, costs, instrument),
        "side",
        "entry_price",
        "exit_price",
        "net_profit_usd",
        (pl.col("gross_profit_usd") - pl.col("net_profit_usd")).alias("costs_usd"),
        "return",
        labelled["meta_label"],
        labelled["barrier"],
        _windows(trades, labelled, splits),
        _uniqueness(trades, labelled),
    )
    lookback = chosen.lookback(chosen.parse_params(params))
    known = replace(feeds, trades=_prior_trades(arrays, trades, lookback, chosen.overnight))
    return rows.hstack(_features(arrays, trades["signal_index"].to_numpy(), known)).filter(
        pl.col("split") != "dropped", pl.col("meta_label").is_not_null()
    )


def _windows(trades: pl.DataFrame, labelled: pl.DataFrame, splits: Splits) -> pl.Series:
    windows = three_way_split(
        trades["signal_time"],
        labelled["label_end"],
        splits.train_end,
        splits.validation_end,
        splits.embargo,
    )
    return pl.Series("split", windows.astype(np.str_), dtype=pl.String)


def _uniqueness(trades: pl.DataFrame, labelled: pl.DataFrame) -> pl.Series:
    first, last = trades["signal_index"].to_numpy(), labelled["label_end_index"].to_numpy()
    return pl.Series("uniqueness_weight", average_uniqueness(first, last))


def _prior_trades(
    bars: BarArrays, trades: pl.DataFrame, lookback: int, overnight: bool
) -> PriorTrades:
    first = first_flat_bar(bars, lookback - 1, overnight)
    return PriorTrades.of(trades, len(bars) if first is None else first)


def _features(bars: BarArrays, signal_index: npt.NDArray[np.int64], feeds: Feeds) -> pl.DataFrame:
    values = compute_features(bars, signal_index, feeds)
    schema = dict.fromkeys(feature_names(feeds.names), pl.Float64)
    # NaN would poison every average in SQL; null is left out of it.
    return pl.DataFrame(values, schema=schema, orient="row").fill_nan(None)
