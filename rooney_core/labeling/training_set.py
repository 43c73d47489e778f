"""The training set: one row per trade of the primary strategy.

Belongs here: putting trades, labels, weights, windows and features into one frame. Does not belong
here: who may read its test rows (the lake seals them), or how any column is computed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.backtest import CostModel, run_backtest
from rooney_core.features import ReferenceCloses, compute_features, feature_names
from rooney_core.labeling.held_days import held_days
from rooney_core.labeling.uniqueness import average_uniqueness
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument
from rooney_core.strategies import Variant
from rooney_core.strategies.peers import NO_PEERS, Peers
from rooney_core.validation.purged_cv import three_way_split
from rooney_core.validation.windows import SPLITS, Splits


def build_training_set(
    bars: pl.DataFrame | BarArrays,
    variant: Variant | str,
    params: object,
    costs: CostModel,
    instrument: Instrument,
    references: Mapping[str, ReferenceCloses],
    splits: Splits = SPLITS,
    peers: Peers = NO_PEERS,
) -> pl.DataFrame:
    """Labelled trades of one configuration, ascending label_start; possibly none.

    Columns: symbol; entry_time, exit_time, label_start (end of the signal's bar), label_end (exit),
    UTC; exit_session (Date of the exit); held_sessions, held_pnl_usd, held_return (lists:
    net_profit_usd and return by session, marked to market); side (-1, +1); entry_price, exit_price
    (raw; of two contracts where the trade rolled); net_profit_usd (per contract, after the costs of
    all fills, rolls included); return (over the contract's value at entry); meta_label (Int8, 1
    where net_profit_usd > 0); split ("train", "validation", "test"); uniqueness_weight in (0, 1];
    one Float64 per feature, known at label_start, null = unknown.

    `peers`: sessions of the symbols that the variant compares with.

    Trades that span a boundary of `splits`, or start within its embargo after one, are left out.
    Uniqueness counts all trades, the left-out ones too: their labels shared the bars.

    Raises what `run_backtest` raises.
    """
    arrays = bars if isinstance(bars, BarArrays) else BarArrays.from_frame(bars, instrument)
    trades = run_backtest(arrays, variant, params, costs, instrument, peers).trades
    signal_index = trades["signal_index"].to_numpy()
    exit_index = trades["exit_index"].to_numpy()
    windows = three_way_split(
        trades["signal_time"],
        trades["exit_time"],
        splits.train_end,
        splits.validation_end,
        splits.embargo,
    )
    rows = trades.select(
        pl.lit(instrument.symbol).alias("symbol"),
        "entry_time",
        "exit_time",
        pl.col("signal_time").alias("label_start"),
        pl.col("exit_time").alias("label_end"),
        pl.Series("exit_session", arrays.session[exit_index]).cast(pl.Date),
        *held_days(trades, arrays, costs, instrument),
        "side",
        "entry_price",
        "exit_price",
        "net_profit_usd",
        "return",
        (pl.col("net_profit_usd") > 0).cast(pl.Int8).alias("meta_label"),
        pl.Series("split", windows.astype(np.str_), dtype=pl.String),
        pl.Series("uniqueness_weight", average_uniqueness(signal_index, exit_index)),
    )
    features = _features(arrays, signal_index, references)
    return rows.hstack(features).filter(pl.col("split") != "dropped")


def _features(
    bars: BarArrays, signal_index: npt.NDArray[np.int64], references: Mapping[str, ReferenceCloses]
) -> pl.DataFrame:
    values = compute_features(bars, signal_index, references)
    schema = dict.fromkeys(feature_names(references), pl.Float64)
    # NaN would poison every average in SQL; null is left out of it.
    return pl.DataFrame(values, schema=schema, orient="row").fill_nan(None)
