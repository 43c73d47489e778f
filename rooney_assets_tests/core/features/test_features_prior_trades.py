"""The strategy's last trades, in a bounded look-back of bars, and never one that is not over."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from feature_market import prior_trades, walk

from rooney_core.errors import InputError
from rooney_core.features import (
    PRIOR_TRADE_BARS,
    PRIOR_TRADE_FEATURES,
    Feeds,
    PriorTrades,
    compute_features,
    feature_names,
)
from rooney_core.features.prior_trades import first_flat_bar

NAMES = [one.name for one in PRIOR_TRADE_FEATURES]
FIRST = feature_names(Feeds().names).index(NAMES[0])
N_BARS = 1500


def rows(trades: PriorTrades | None) -> np.ndarray:
    bars = walk(seed=1, n=N_BARS)
    values = compute_features(bars, np.arange(N_BARS), Feeds(trades=trades))
    return values[:, FIRST : FIRST + len(NAMES)]


def slowly(trades: PriorTrades, t: int) -> list[float]:
    """The same from a list of the trades that ended in the last 500 bars."""
    if t - 499 < trades.first_index:
        return [np.nan] * 5
    pairs = zip(trades.exit_index.tolist(), trades.returns.tolist(), strict=True)
    ended = [(bar, value) for bar, value in pairs if t - 500 < bar <= t]
    if not ended:
        return [np.nan, np.nan, np.nan, np.nan, 0.0]
    last = [value for _, value in ended[-5:]]
    return [
        last[-1],
        sum(last) / len(last),
        sum(value > 0 for value in last) / len(last),
        t - ended[-1][0],
        len(ended),
    ]


@pytest.mark.parametrize("seed", range(4))
def test_prior_trades_are_those_of_a_list(seed: int) -> None:
    trades = prior_trades(walk(seed=1, n=N_BARS), seed)
    if seed == 3:  # few, so that there are less than five, and none
        trades = PriorTrades(trades.exit_index[:3], trades.returns[:3], trades.first_index)
    found = rows(trades)
    np.testing.assert_allclose(found, [slowly(trades, t) for t in range(N_BARS)], rtol=1e-12)
    assert (found[:, 3] == 0.0).any() or seed == 3


def test_nothing_is_known_before_the_look_back_is_full() -> None:
    trades = PriorTrades(np.array([100, 105]), np.array([0.5, -0.25]), first_index=90)
    found = rows(trades)
    full = 90 + PRIOR_TRADE_BARS - 1
    assert np.isnan(found[:full]).all()
    # Hand-worked: the first is out of sight at bar 600, the second at 605.
    assert found[full].tolist() == [-0.25, 0.125, 0.5, full - 105.0, 2.0]
    assert found[599].tolist() == [-0.25, 0.125, 0.5, 494.0, 2.0]
    assert found[600].tolist() == [-0.25, -0.25, 0.0, 495.0, 1.0]
    np.testing.assert_array_equal(found[605], [np.nan] * 4 + [0.0])


def test_without_trades_the_columns_are_unknown() -> None:
    assert np.isnan(rows(None)).all()


def test_trades_come_from_a_backtests_frame() -> None:
    frame = pl.DataFrame({"exit_index": [3, 8], "return": [0.5, -0.5], "side": [1, 1]})
    trades = PriorTrades.of(frame, 2)
    assert trades.exit_index.tolist() == [3, 8]
    assert trades.returns.tolist() == [0.5, -0.5]


@pytest.mark.parametrize(
    ("exits", "returns", "what"), [([1], [0.1, 0.2], "one of each"), ([2, 2], [0.1, 0.2], "order")]
)
def test_unusable_trades_are_refused(exits, returns, what) -> None:
    with pytest.raises(InputError, match=what):
        PriorTrades(np.array(exits), np.array(returns), 0)


def test_the_first_bar_that_every_history_begins_flat() -> None:
    bars = walk(seed=1)  # sessions of 23 bars; the 21st would end after the deadline of 20 hours
    assert first_flat_bar(bars, 0, overnight=False) == 20
    assert first_flat_bar(bars, 20, overnight=False) == 20
    assert first_flat_bar(bars, 23, overnight=False) == 23
    assert first_flat_bar(bars, 24, overnight=False) == 43
    assert first_flat_bar(bars.window(0, 20), 0, overnight=False) == 20
    assert first_flat_bar(bars.window(0, 19), 0, overnight=False) is None
    assert first_flat_bar(bars, 7, overnight=True) == 7
    assert first_flat_bar(bars.window(0, 7), 7, overnight=True) == 7
    assert first_flat_bar(bars.window(0, 6), 7, overnight=True) is None
