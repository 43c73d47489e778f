"""Own-symbol features on a random walk: the plain way's values, lookbacks, and what is unknown."""

import math
from dataclasses import replace

import numpy as np
import pytest
from feature_market import changed_at, walk
from plain_features import plain_features

from rooney_core.errors import InputError
from rooney_core.features import (
    FEATURES,
    MAX_LOOKBACK,
    FeedNames,
    Feeds,
    compute_features,
    feature_names,
)
from rooney_core.market.bars import BarArrays

COUNTED = [one for one in FEATURES.values() if "session" not in one.inputs]
"""Features whose lookback is a number of bars, and no bound within which a session began."""
WINDOWED = [one for one in COUNTED if one.name != "volume_to_hour_5"]


def own_features(bars: BarArrays, rows) -> np.ndarray:
    return compute_features(bars, rows)[:, : len(FEATURES)]


def row_of(bars: BarArrays, t: int) -> dict[str, float]:
    return dict(zip(FEATURES, own_features(bars, [t])[0], strict=True))


@pytest.mark.parametrize("seed", [1, 2])
def test_features_equal_the_plain_way(seed: int) -> None:
    bars = walk(seed, 700)
    assert len(set(bars.adjustment)) > 5  # rolls, in the middle of sessions too
    plain = plain_features(bars)
    assert list(FEATURES) == sorted(plain, key=list(FEATURES).index)
    for name, column in zip(FEATURES, own_features(bars, np.arange(700)).T, strict=True):
        np.testing.assert_allclose(column, plain[name], rtol=1e-9, atol=1e-11, err_msg=name)
        assert np.isfinite(column[MAX_LOOKBACK:]).all(), name


@pytest.mark.parametrize("feature", WINDOWED, ids=lambda one: one.name)
def test_unknown_exactly_while_history_is_shorter_than_the_lookback(feature) -> None:
    column = own_features(walk(2), np.arange(400))[:, list(FEATURES).index(feature.name)]
    assert np.isnan(column[: feature.lookback - 1]).all()
    assert np.isfinite(column[feature.lookback - 1 :]).all()


@pytest.mark.parametrize("feature", FEATURES.values(), ids=lambda one: one.name)
def test_the_lookback_reaches_no_further_than_declared(feature) -> None:
    column = list(FEATURES).index(feature.name)
    for t in range(300, 346):
        bars = walk(3)
        other = changed_at(bars, t - feature.lookback)
        before, after = own_features(bars, [t])[0, column], own_features(other, [t])[0, column]
        assert before == after


def test_a_session_is_known_from_its_first_bar_and_not_where_the_bars_were_cut() -> None:
    bars, first = walk(4), 23
    values = {name: own_features(bars, np.arange(400))[:, k] for k, name in enumerate(FEATURES)}
    assert np.isnan(values["session_ibs"][:first]).all()
    assert values["session_ibs"][first] == values["ibs"][first]
    assert np.isnan(values["previous_session_ibs"][: 2 * first]).all()
    assert np.isfinite(values["previous_session_ibs"][2 * first :]).all()
    # The gap and the open stand still while the session goes on; their unit does not.
    points = values["session_gap"][69:92] * moving_range(bars)[69:92]
    np.testing.assert_allclose(points, points[0], rtol=1e-12)


def moving_range(bars: BarArrays) -> np.ndarray:
    spread = bars.high - bars.low
    return np.array([spread[max(0, t - 49) : t + 1].mean() for t in range(len(bars))])


def test_a_session_of_more_bars_than_the_bound_is_unknown() -> None:
    bars = walk(5)
    one_session = np.where(np.arange(400) < 50, bars.session, bars.session[50])
    long = replace(bars, session=one_session)
    column = own_features(long, np.arange(400))[:, list(FEATURES).index("session_ibs")]
    start = int(np.argmax(one_session == bars.session[50]))
    seen = np.arange(400) - (start - 1) < 100
    assert np.array_equal(np.isfinite(column[start:]), seen[start:])


def test_volume_is_compared_with_the_same_hour_of_five_days() -> None:
    bars = walk(6)
    hour = np.arange(400) % 23
    steady = replace(bars, volume=(10.0 + hour) * np.where(np.arange(400) == 399, 3, 1))
    column = own_features(steady, np.arange(400))[:, list(FEATURES).index("volume_to_hour_5")]
    assert np.isnan(column[: 5 * 23]).all()
    assert set(column[5 * 23 : -1]) == {1.0}
    assert column[-1] == 3.0
    empty = replace(bars, volume=0 * bars.volume)
    assert np.isnan(row_of(empty, 399)["volume_to_hour_5"])


def test_a_market_that_stands_still() -> None:
    bars = walk(seed=4)
    flat = np.full(len(bars), 20.3)
    still = replace(
        bars, open=flat, high=flat, low=flat, close=flat, volume=flat, adjustment=0 * flat
    )
    row = row_of(still, 300)
    nothing = {name for name, value in row.items() if math.isnan(value)}
    assert nothing == {
        "range_to_mean_50",
        "volume_z_20",
        *(f"distance_to_sma_{n}" for n in (20, 50, 200)),
        "band_position_20",
        "distance_to_high_115",
        "distance_to_low_115",
        "volatility_ratio_23_115",
        "return_skewness_115",
        "efficiency_ratio_23",
        "session_gap",
        "distance_to_session_open",
        "previous_session_range",
    }
    halves = ("ibs", "ibs_mean_5", "ibs_percentile_100", "range_percentile_100", "session_ibs")
    assert [row[name] for name in halves] == [0.5] * 5
    assert row["rsi_2"] == row["rsi_14"] == 50.0
    assert row["return_115"] == row["band_width_20"] == row["atr_14"] == 0.0
    assert row["realised_volatility_23"] == row["realised_volatility_115"] == 0.0


def test_prices_may_be_zero_or_negative() -> None:
    bars, t = walk(seed=5), 250
    shift = bars.close[t]
    moved = replace(
        bars,
        open=bars.open - shift,
        high=bars.high - shift,
        low=bars.low - shift,
        close=bars.close - shift,
    )
    zero, plain = row_of(moved, t), row_of(bars, t)
    unknown = {name for name, value in zero.items() if math.isnan(value)}
    assert unknown == {name for name, one in FEATURES.items() if "a close of 0" in one.null_means}
    for name in set(FEATURES) - unknown:
        assert zero[name] == pytest.approx(plain[name], rel=1e-9, abs=1e-11), name
    negative = np.flatnonzero(moved.close[200:] < 0) + 200
    assert np.isfinite(own_features(moved, negative)).all()


def test_a_day_without_scheduled_hours_has_no_progress() -> None:
    bars = walk(seed=6)
    unscheduled = replace(bars, session_close_us=bars.session_open_us)
    assert math.isnan(row_of(unscheduled, 250)["session_progress"])


def test_bars_that_state_no_clock_and_no_contract_have_neither() -> None:
    bars = walk(seed=7)
    stated = {name: getattr(bars, name) for name in BarArrays.__dataclass_fields__}
    left_out = {"exchange_hour", "last_safe_day"}
    bare = BarArrays(**{name: one for name, one in stated.items() if name not in left_out})
    row = row_of(bare, 250)
    assert {name for name, value in row.items() if math.isnan(value)} == {"hour", "days_to_roll"}


def test_names_describe_the_columns() -> None:
    names = feature_names(FeedNames())
    assert names[: len(FEATURES)] == tuple(FEATURES)
    assert len(FEATURES) >= 30
    assert compute_features(walk(1), [5, 6, 7], Feeds()).shape == (3, len(names))
    assert max(one.lookback for one in FEATURES.values()) == MAX_LOOKBACK
    columns = set(BarArrays.__dataclass_fields__)
    for one in FEATURES.values():
        assert set(one.inputs) <= columns
        assert one.meaning
        assert one.null_means


@pytest.mark.parametrize("index", [-1, 400])
def test_an_index_outside_the_bars_is_refused(index: int) -> None:
    with pytest.raises(InputError, match="0 to 399 is allowed"):
        compute_features(walk(seed=1), [index])


@pytest.mark.parametrize("n", [1, 2, 15, 16])
def test_the_shortest_histories(n: int) -> None:
    rows = own_features(walk(seed=1, n=n), np.arange(n))
    whole = own_features(walk(seed=1), np.arange(400))
    known = np.isfinite(rows)
    assert known[:, list(FEATURES).index("ibs")].all()
    assert known.sum() == np.isfinite(whole[:n]).sum()


def test_no_rows_asked_no_rows_given() -> None:
    assert own_features(walk(seed=1), []).shape == (0, len(FEATURES))
