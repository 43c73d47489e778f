"""A reference close that is missing, late or old is unknown: NaN, never 0."""

import statistics
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from feature_market import DAY_US, HOUR_US, daily_closes, walk

from rooney_core.errors import BarsRejected
from rooney_core.features import Feeds, ReferenceCloses, compute_features, feature_names


def z_scores(reference: ReferenceCloses) -> np.ndarray:
    bars = walk(seed=1)
    feeds = Feeds(daily={"REF": reference})
    column = feature_names(feeds.names).index("ref_daily_z_score")
    return compute_features(bars, np.arange(len(bars)), feeds)[:, column]


def test_z_score_of_the_latest_known_close_among_the_last_twenty() -> None:
    reference, bars = daily_closes(3), walk(seed=1)
    for t in (0, 100, 250, 399):
        known = [
            float(close)
            for when, close in zip(reference.known_at_us, reference.close, strict=True)
            if when <= bars.bar_end_us[t]
        ][-20:]
        expected = (known[-1] - statistics.fmean(known)) / statistics.stdev(known)
        assert z_scores(reference)[t] == pytest.approx(expected, rel=1e-9)


def test_a_reference_that_never_arrived_is_unknown() -> None:
    nothing = ReferenceCloses(np.empty(0, np.int64), np.empty(0))
    assert np.isnan(z_scores(nothing)).all()


def test_nineteen_closes_are_too_few() -> None:
    reference = daily_closes(3)
    short = ReferenceCloses(reference.known_at_us[:19], reference.close[:19])
    assert np.isnan(z_scores(short)).all()


def test_a_close_of_more_than_ten_days_ago_is_unknown() -> None:
    bars, reference = walk(seed=1), daily_closes(3)
    stopped = ReferenceCloses(reference.known_at_us[:30], reference.close[:30])
    age = bars.bar_end_us - stopped.known_at_us[-1]
    assert np.array_equal(np.isnan(z_scores(stopped)), age > 10 * DAY_US)
    assert (age == 10 * DAY_US).any()
    assert (age > 10 * DAY_US).any()


def test_equal_closes_have_no_z_score() -> None:
    reference = daily_closes(3)
    constant = ReferenceCloses(reference.known_at_us, np.full(60, 118.3))
    assert np.isnan(z_scores(constant)).all()


def test_the_order_of_the_mapping_does_not_matter() -> None:
    bars, one, other = walk(seed=1), daily_closes(3), daily_closes(4)
    matrices = [
        compute_features(bars, [300], Feeds(daily=references))
        for references in ({"A": one, "B": other}, {"B": other, "A": one})
    ]
    assert matrices[0].tobytes() == matrices[1].tobytes()


def test_closes_come_from_session_bars_adjusted_and_timed_by_the_scheduled_close() -> None:
    frame = pl.DataFrame(
        {
            "session": [date(2020, 3, 2), date(2020, 3, 3)],
            "close": [100.0, 101.5],
            "adjustment": [0.75, 0.0],
            "session_close": [
                datetime(2020, 3, 2, 22, tzinfo=UTC),
                datetime(2020, 3, 3, 22, tzinfo=UTC),
            ],
        }
    ).with_columns(pl.col("session_close").dt.cast_time_unit("us"))
    closes = ReferenceCloses.from_session_bars(frame)
    assert closes.close.tolist() == [100.75, 101.5]
    first = int(datetime(2020, 3, 2, 22, tzinfo=UTC).timestamp()) * 1_000_000
    assert closes.known_at_us.tolist() == [first, first + 24 * HOUR_US]


@pytest.mark.parametrize(
    ("known_at", "close", "what"),
    [
        ([1, 2], [1.0], "one time per close"),
        ([2, 1], [1.0, 2.0], "out of order"),
        ([1, 2], [1.0, np.nan], "NaN or infinite"),
    ],
)
def test_unusable_closes_are_refused(known_at, close, what) -> None:
    with pytest.raises(BarsRejected, match=what):
        ReferenceCloses(np.array(known_at, np.int64), np.array(close))
