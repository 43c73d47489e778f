"""An hourly close is used from its bar's end on, while it is fresh; what is unknown is NaN."""

from __future__ import annotations

import statistics
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from feature_market import HOUR_US, hourly_closes, walk

from rooney_core.errors import BarsRejected
from rooney_core.features import Feeds, HourlyCloses, compute_features, feature_names

N = 24


def z_scores(closes: HourlyCloses) -> np.ndarray:
    bars = walk(seed=1)
    feeds = Feeds(hourly={"NQ": closes})
    column = feature_names(feeds.names).index("nq_hourly_z_score")
    return compute_features(bars, np.arange(len(bars)), feeds)[:, column]


def test_z_score_of_the_latest_ended_hour_among_the_last_24() -> None:
    bars, closes = walk(seed=1), hourly_closes(walk(seed=1), 3)
    scores, checked = z_scores(closes), 0
    for t in range(len(bars)):
        known = [
            (int(when), float(close + moved))
            for when, close, moved in zip(
                closes.known_at_us, closes.close, closes.adjustment, strict=True
            )
            if when <= bars.bar_end_us[t]
        ][-N:]
        if len(known) < N or bars.bar_end_us[t] - known[-1][0] > 4 * HOUR_US:
            assert np.isnan(scores[t])
            continue
        adjusted = [close for _, close in known]
        expected = (adjusted[-1] - statistics.fmean(adjusted)) / statistics.stdev(adjusted)
        assert scores[t] == pytest.approx(expected, rel=1e-9)
        checked += 1
    assert checked > 300


def test_the_bar_that_ends_with_ours_counts_and_one_a_microsecond_later_does_not() -> None:
    bars, rng = walk(seed=1), np.random.default_rng(4)
    close = 50.0 + np.cumsum(rng.normal(size=len(bars)))
    level = np.zeros(len(bars))
    at_once = z_scores(HourlyCloses(bars.bar_end_us, close, level))
    a_moment_later = z_scores(HourlyCloses(bars.bar_end_us + 1, close, level))
    # Inside a session bars follow each other by the hour.
    inside = np.flatnonzero(np.diff(bars.bar_end_us) == HOUR_US) + 1
    inside = inside[inside > N]
    assert (a_moment_later[inside] == at_once[inside - 1]).all()


def test_an_hour_that_ended_more_than_four_hours_ago_is_unknown() -> None:
    bars, closes = walk(seed=1), hourly_closes(walk(seed=1), 3)
    stopped = HourlyCloses(closes.known_at_us[:100], closes.close[:100], closes.adjustment[:100])
    scores = z_scores(stopped)
    age = bars.bar_end_us - stopped.known_at_us[-1]
    after = age >= 0
    assert np.array_equal(np.isnan(scores[after]), age[after] > 4 * HOUR_US)
    assert (age == 4 * HOUR_US).any()


def test_equal_closes_have_no_z_score_and_a_roll_is_no_move() -> None:
    bars = walk(seed=1)
    n = len(bars)
    assert np.isnan(z_scores(HourlyCloses(bars.bar_end_us, np.full(n, 118.25), np.zeros(n)))).all()
    # The next contract is dearer by 2.5; adjusted, nothing happened.
    late = np.arange(n) >= 200
    rolled = HourlyCloses(bars.bar_end_us, 118.25 + 2.5 * late, 2.5 * ~late)
    assert np.isnan(z_scores(rolled)).all()


def test_a_symbol_that_never_arrived_is_unknown() -> None:
    nothing = HourlyCloses(np.empty(0, np.int64), np.empty(0), np.empty(0))
    assert np.isnan(z_scores(nothing)).all()


def frame(starts: list[datetime], minutes: int) -> pl.DataFrame:
    """continuous_bars, as far as hours need them; close counts up from 0."""
    return pl.DataFrame(
        {
            "bar_start": starts,
            "bar_end": [one + timedelta(minutes=minutes) for one in starts],
            "session": [date(2020, 3, 2)] * len(starts),
            "close": [float(at) for at in range(len(starts))],
            "adjustment": [0.5] * len(starts),
        }
    ).with_columns(pl.col("bar_start", "bar_end").dt.cast_time_unit("us"))


def test_hourly_bars_are_known_from_their_ends() -> None:
    starts = [datetime(2020, 3, 2, hour, tzinfo=UTC) for hour in (14, 15, 18)]
    closes = HourlyCloses.from_bars(frame(starts, 60))
    expected = [int((one + timedelta(hours=1)).timestamp()) * 1_000_000 for one in starts]
    assert closes.known_at_us.tolist() == expected
    assert closes.close.tolist() == [0.0, 1.0, 2.0]
    assert closes.adjustment.tolist() == [0.5] * 3


def test_of_minutes_the_last_one_of_an_hour_counts_when_the_hour_is_over() -> None:
    starts = [datetime(2020, 3, 2, 14, minute, tzinfo=UTC) for minute in (0, 30, 57)]
    starts += [datetime(2020, 3, 2, 16, minute, tzinfo=UTC) for minute in (1, 2)]
    closes = HourlyCloses.from_bars(frame(starts, 1))
    assert closes.close.tolist() == [2.0, 4.0]
    ends = [datetime(2020, 3, 2, hour, tzinfo=UTC) for hour in (15, 17)]
    assert closes.known_at_us.tolist() == [int(one.timestamp()) * 1_000_000 for one in ends]


@pytest.mark.parametrize(
    ("known_at", "close", "adjustment", "what"),
    [
        ([1, 2], [1.0], [0.0, 0.0], "one of each per hour"),
        ([2, 1], [1.0, 2.0], [0.0, 0.0], "out of order"),
        ([1, 2], [1.0, np.nan], [0.0, 0.0], "NaN or infinite"),
        ([1, 2], [1.0, 1.0], [0.0, np.inf], "NaN or infinite"),
    ],
)
def test_unusable_hours_are_refused(known_at, close, adjustment, what) -> None:
    with pytest.raises(BarsRejected, match=what):
        HourlyCloses(np.array(known_at, np.int64), np.array(close), np.array(adjustment))
