"""Starts anywhere within an interval: no bar is lost, doubled or partial, real client and sockets.

Belongs here: where history, replay and what comes live meet. Does not belong here: sessions that
end (`test_live_feed_sessions.py`), or what history itself gets wrong.
"""

from __future__ import annotations

import polars as pl
import pytest
from small_market import Followed, Rehearsed, rehearsed

from rooney_live.feeds.records import FeedCode, Moment
from rooney_live.rehearsal import vendor
from rooney_live.rehearsal.gateway_faults import GatewayFault
from rooney_live.release_store import read_release

MINUTE_US = 60 * 1_000_000
SPEED = 1_800.0
PATIENT = {"settle_seconds": 900.0}
Known = list[tuple[str, int, float, float, float, float, float]]


def known_after(market: Rehearsed, found: Followed, first_us: int) -> Known:
    """Every bar that ends after a time, from the warm-up's history and from moments."""
    rows = [
        (symbol, *(float(one) for one in row))
        for symbol, past in found.warm_up.history.items()
        for row in zip(
            *(past.bar_end_us, past.open, past.high, past.low, past.close, past.volume), strict=True
        )
        if row[0] > first_us
    ]
    return sorted(rows + told(found.moments))


def told(moments: list[Moment]) -> Known:
    return sorted(
        (bar.symbol, bar.bar_end_us, bar.open, bar.high, bar.low, bar.close, bar.volume)
        for one in moments
        for bar in one.bars
    )


def within(market: Rehearsed, n_hours: int) -> tuple[list[Moment], int]:
    """The first moments with bars, so many, and the end of the last."""
    moments = [one for one in market.moments if one.bars][:n_hours]
    return moments, moments[-1].end_us


@pytest.mark.parametrize(
    ("minutes", "lag_minutes", "is_resumed"),
    [
        (1, 0, False),
        (8, 0, True),
        (17, 95, False),
        (34, 0, True),
        (34, 95, True),
        (58, 0, False),
        (59, 95, True),
    ],
)
def test_a_start_within_an_interval_has_every_bar_once_and_whole(
    lake, tmp_path, monkeypatch, minutes, lag_minutes, is_resumed
):
    """`lag_minutes`: history ends within an interval too, and replay has to give that one whole."""
    release = read_release(lake)
    options = {"speed": SPEED, "lag_us": lag_minutes * MINUTE_US}
    with rehearsed(release, lake, tmp_path, monkeypatch, 1, **options) as market:
        expected, until_us = within(market, 4)
        begun_us = expected[1].bars[0].bar_start_us + minutes * MINUTE_US
        found = market.follow_paced(
            SPEED,
            until_us,
            since_us=market.first_us if is_resumed else None,
            offset_us=begun_us - market.first_us,
            **PATIENT,
        )
    assert known_after(market, found, market.first_us) == told(expected)
    ends = [one.end_us for one in found.moments]
    assert ends == sorted(set(ends))
    assert found.codes() == []
    began_us = found.warm_up.past.end_us
    assert all(int(one.bar_end_us[-1]) <= began_us for one in found.warm_up.history.values())
    if is_resumed:
        assert began_us == market.first_us
        assert told(found.moments) == told(expected)


def test_a_session_that_ends_within_an_interval_loses_no_bar(lake, tmp_path, monkeypatch):
    """What was replayed up to the present ends within an interval: the next one asks for it."""
    release = read_release(lake)
    with rehearsed(release, lake, tmp_path, monkeypatch, 1, speed=SPEED) as market:
        expected, until_us = within(market, 8)
        market.vendor.live.faults.add(GatewayFault("fin", expected[3].end_us))
        market.vendor.live.faults.add(GatewayFault("fin", expected[4].end_us))
        waits = {"first_wait_seconds": 1.3, "longest_wait_seconds": 1.3, "jitter": 0.0}
        found = market.follow_paced(SPEED, until_us, offset_us=80 * MINUTE_US, **PATIENT, **waits)
    assert known_after(market, found, market.first_us) == told(expected)
    assert found.codes().count(FeedCode.DISCONNECTED) == 2


def test_what_history_has_of_a_running_bar_is_not_used(lake, tmp_path, monkeypatch):
    """The vendor's history may end within an interval, with what the bar came to so far."""
    release = read_release(lake)
    speed = 600.0
    written = vendor.write_chain

    def partial(folder, leg, bars):
        is_running = pl.col("bar_start") == running
        opened = [
            pl.when(is_running).then("open").otherwise(one).alias(one)
            for one in ("high", "low", "close")
        ]
        written(folder, leg, bars.with_columns(opened))

    with rehearsed(release, lake, tmp_path, monkeypatch, 1, speed=speed) as market:
        expected, until_us = within(market, 2)
    start_us = expected[1].bars[0].bar_start_us
    running = pl.lit(start_us).cast(pl.Datetime("us", "UTC"))
    monkeypatch.setattr(vendor, "write_chain", partial)
    with rehearsed(release, lake, tmp_path, monkeypatch, 1, speed=speed) as market:
        offset_us = start_us + 5 * MINUTE_US - market.first_us
        found = market.follow_paced(speed, until_us, offset_us=offset_us, **PATIENT)
    assert known_after(market, found, market.first_us) == told(expected)


def test_a_bar_that_never_comes_leaves_a_note(lake, tmp_path, monkeypatch):
    release = read_release(lake)
    with rehearsed(release, lake, tmp_path, monkeypatch, 1, speed=SPEED) as market:
        expected, until_us = within(market, 6)
        gone = expected[3].bars[0]
        market.vendor.live.faults.add(GatewayFault("missing", gone.bar_end_us, gone.symbol))
        offset_us = gone.bar_start_us - 110 * MINUTE_US - market.first_us
        found = market.follow_paced(SPEED, until_us, offset_us=offset_us, **PATIENT)
    lost = set(told(expected)) - set(known_after(market, found, market.first_us))
    assert {one[:2] for one in lost} == {(gone.symbol, gone.bar_end_us)}
    (note,) = [one for one in found.notes if one.code is FeedCode.MISSING_BAR]
    assert (note.symbol, note.at_us) == (gone.symbol, gone.bar_start_us)
