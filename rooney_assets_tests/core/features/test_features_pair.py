"""The partner's internal bar strength: of its latest ended hour and session, or unknown."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from feature_market import DAY_US, HOUR_US, partner_ibs, walk

from rooney_core.errors import BarsRejected
from rooney_core.features import PAIR_FEATURES, Feeds, PartnerIbs, compute_features, feature_names

NAMES = feature_names(Feeds().names)


def columns(partner: PartnerIbs) -> dict[str, np.ndarray]:
    bars = walk(seed=1)
    values = compute_features(bars, np.arange(len(bars)), Feeds(partner=partner))
    return {name: values[:, NAMES.index(name)] for name in (*pair_names(), "ibs")}


def pair_names() -> list[str]:
    return [one.name for one in PAIR_FEATURES]


def latest(known_at_us: np.ndarray, values: np.ndarray, moment: int, max_age_us: int) -> float:
    """The plain way: look at all, keep the last that is known and fresh."""
    best = np.nan
    for when, value in zip(known_at_us, values, strict=True):
        if when <= moment:
            best = value if moment - when <= max_age_us else np.nan
    return float(best)


def test_the_pair_is_what_was_known_of_the_partner() -> None:
    bars, partner = walk(seed=1), partner_ibs(walk(seed=1), 2)
    found = columns(partner)
    for t in range(0, len(bars), 3):
        moment = int(bars.bar_end_us[t])
        hour = latest(partner.hour_known_at_us, partner.hour_ibs, moment, 4 * HOUR_US)
        session = latest(partner.session_known_at_us, partner.session_ibs, moment, 10 * DAY_US)
        np.testing.assert_equal(found["pair_ibs"][t], hour)
        np.testing.assert_equal(found["pair_ibs_difference"][t], found["ibs"][t] - hour)
        np.testing.assert_equal(found["pair_session_ibs"][t], session)
    assert np.isfinite(found["pair_ibs"]).any()
    assert np.isfinite(found["pair_session_ibs"]).any()


def test_without_a_partner_the_columns_are_there_and_unknown() -> None:
    nobody = PartnerIbs.from_bars(None, None)
    found = columns(nobody)
    assert all(np.isnan(found[name]).all() for name in pair_names())


def test_strengths_come_from_the_bars_of_the_partner() -> None:
    start = [datetime(2020, 3, 2, hour, tzinfo=UTC) for hour in (14, 15)]
    prices = {"high": [10.0, 7.0], "low": [6.0, 7.0], "close": [9.0, 7.0]}
    hours = pl.DataFrame(
        {"bar_start": start, "bar_end": [start[1], datetime(2020, 3, 2, 16, tzinfo=UTC)], **prices}
    ).with_columns(pl.col("bar_start", "bar_end").dt.cast_time_unit("us"))
    sessions = pl.DataFrame(
        {
            "session": [date(2020, 3, 2), date(2020, 3, 3)],
            "session_close": [datetime(2020, 3, day, 22, tzinfo=UTC) for day in (2, 3)],
            **prices,
        }
    ).with_columns(pl.col("session_close").dt.cast_time_unit("us"))
    partner = PartnerIbs.from_bars(hours, sessions)
    assert partner.hour_ibs.tolist() == partner.session_ibs.tolist() == [0.75, 0.5]
    first = int(datetime(2020, 3, 2, 15, tzinfo=UTC).timestamp()) * 1_000_000
    assert partner.hour_known_at_us.tolist() == [first, first + HOUR_US]
    assert partner.session_known_at_us.tolist() == [first + 7 * HOUR_US, first + 31 * HOUR_US]


@pytest.mark.parametrize(
    ("known_at", "ibs", "what"),
    [
        ([1], [0.5, 0.5], "one time per value"),
        ([2, 1], [0.5, 0.5], "out of order"),
        ([1, 2], [0.5, 1.5], "outside"),
        ([1, 2], [0.5, np.nan], "outside"),
    ],
)
def test_unusable_strengths_are_refused(known_at, ibs, what) -> None:
    nothing = (np.empty(0, np.int64), np.empty(0))
    one = (np.array(known_at, np.int64), np.array(ibs))
    with pytest.raises(BarsRejected, match=f"hours.*{what}"):
        PartnerIbs(*one, *nothing)
    with pytest.raises(BarsRejected, match=f"sessions.*{what}"):
        PartnerIbs(*nothing, *one)
