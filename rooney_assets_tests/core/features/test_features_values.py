"""Every own-symbol feature against the plainest way to write it, and what is unknown is NaN."""

import math
import statistics
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from feature_market import changed_at, daily_closes, walk

from rooney_core.errors import InputError
from rooney_core.features import FEATURES, MAX_LOOKBACK, compute_features, feature_names
from rooney_core.market.bars import BarArrays


def slowly(bars: BarArrays, t: int) -> dict[str, float]:
    """All own features of bar t, from lists of adjusted closes."""
    adjusted = [
        float(c + a - bars.adjustment[t]) for c, a in zip(bars.close, bars.adjustment, strict=True)
    ]
    ranges = [float(h - low) for h, low in zip(bars.high, bars.low, strict=True)]
    price = abs(float(bars.close[t]))
    moves = [b - a for a, b in pairwise(adjusted)]

    def ibs(i: int) -> float:
        return float((bars.close[i] - bars.low[i]) / ranges[i]) if ranges[i] else 0.5

    hundred = ranges[t - 99 : t + 1]
    below = sum(one < ranges[t] for one in hundred)
    equal = sum(one == ranges[t] for one in hundred)
    last = moves[t - 14 : t]
    ups, downs = sum(m for m in last if m > 0), -sum(m for m in last if m < 0)
    sizes = [float(v) for v in bars.volume[t - 19 : t + 1]]
    fifty = adjusted[t - 49 : t + 1]
    hours = (bars.bar_end_us[t] - bars.session_open_us[t]) / 3.6e9
    return {
        "ibs": ibs(t),
        "ibs_mean_5": statistics.fmean(ibs(i) for i in range(t - 4, t + 1)),
        "range_percentile_100": (below + equal / 2) / 100,
        "rsi_14": 100 - 100 / (1 + ups / downs),
        "volume_z_20": (sizes[-1] - statistics.fmean(sizes)) / statistics.stdev(sizes),
        "return_1": (adjusted[t] - adjusted[t - 1]) / price,
        "return_5": (adjusted[t] - adjusted[t - 5]) / price,
        "return_23": (adjusted[t] - adjusted[t - 23]) / price,
        "distance_to_sma_50": (adjusted[t] - statistics.fmean(fifty))
        / statistics.fmean(ranges[t - 49 : t + 1]),
        "realised_volatility_23": statistics.stdev(moves[t - 23 : t]) / price,
        "session_progress": hours / 23,
        "weekday": float(np.datetime64(int(bars.session[t]), "D").item().weekday()),
    }


@pytest.mark.parametrize("t", [99, 150, 230, 399])
def test_features_equal_the_plain_way(t: int) -> None:
    bars = walk(seed=1)
    row = dict(zip(FEATURES, compute_features(bars, [t], {})[0], strict=True))
    assert row == pytest.approx(slowly(bars, t), rel=1e-9, abs=1e-12)


def test_rolls_happen_in_the_bars_under_test() -> None:
    assert len(set(walk(seed=1).adjustment[100:])) > 1


@pytest.mark.parametrize("feature", FEATURES.values(), ids=lambda one: one.name)
def test_unknown_exactly_while_history_is_shorter_than_the_lookback(feature) -> None:
    matrix = compute_features(walk(seed=2), np.arange(200), {})
    column = matrix[:, list(FEATURES).index(feature.name)]
    assert np.isnan(column[: feature.lookback - 1]).all()
    assert np.isfinite(column[feature.lookback - 1 :]).all()


@pytest.mark.parametrize("feature", FEATURES.values(), ids=lambda one: one.name)
def test_the_lookback_reaches_no_further_than_declared(feature) -> None:
    bars, t = walk(seed=3), 300
    column = list(FEATURES).index(feature.name)
    before = compute_features(changed_at(bars, t - feature.lookback), [t], {})[0, column]
    assert before == compute_features(bars, [t], {})[0, column]


def test_a_market_that_stands_still() -> None:
    bars = walk(seed=4)
    flat = np.full(len(bars), 20.0)
    still = replace(
        bars, open=flat, high=flat, low=flat, close=flat, volume=flat, adjustment=0 * flat
    )
    row = dict(zip(FEATURES, compute_features(still, [200], {})[0], strict=True))
    assert row["ibs"] == row["ibs_mean_5"] == row["range_percentile_100"] == 0.5
    assert row["rsi_14"] == 50.0
    assert row["return_23"] == row["realised_volatility_23"] == 0.0
    assert math.isnan(row["volume_z_20"])
    assert math.isnan(row["distance_to_sma_50"])


def test_prices_may_be_zero_or_negative() -> None:
    bars = walk(seed=5)
    shift = bars.close[200]
    moved = replace(
        bars,
        open=bars.open - shift,
        high=bars.high - shift,
        low=bars.low - shift,
        close=bars.close - shift,
    )
    zero = dict(zip(FEATURES, compute_features(moved, [200], {})[0], strict=True))
    assert math.isnan(zero["return_1"])
    assert math.isnan(zero["realised_volatility_23"])
    assert zero["rsi_14"] == pytest.approx(slowly(bars, 200)["rsi_14"])
    negative = compute_features(moved, np.flatnonzero(moved.close[100:] < 0) + 100, {})
    assert np.isfinite(negative).all()


def test_a_day_without_scheduled_hours_has_no_progress() -> None:
    bars = walk(seed=6)
    unscheduled = replace(bars, session_close_us=bars.session_open_us)
    column = list(FEATURES).index("session_progress")
    assert np.isnan(compute_features(unscheduled, [150], {})[0, column])


def test_names_describe_the_columns() -> None:
    references = {"SIM_ZN": daily_closes(1), "SIM_6E": daily_closes(2)}
    names = feature_names(references)
    assert names[: len(FEATURES)] == tuple(FEATURES)
    assert names[len(FEATURES) :] == ("sim_6e_daily_z_score", "sim_zn_daily_z_score")
    assert compute_features(walk(1), [5, 6, 7], references).shape == (3, len(names))
    assert max(one.lookback for one in FEATURES.values()) == MAX_LOOKBACK


@pytest.mark.parametrize("index", [-1, 400])
def test_an_index_outside_the_bars_is_refused(index: int) -> None:
    with pytest.raises(InputError, match="0 to 399 is allowed"):
        compute_features(walk(seed=1), [index], {})


def test_no_rows_asked_no_rows_given() -> None:
    assert compute_features(walk(seed=1), [], {}).shape == (0, len(FEATURES))
