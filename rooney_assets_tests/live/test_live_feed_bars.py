"""What becomes of every kind of bar: its documented code, and the moments that it may not change.

Belongs here: faults of single bars and of the clock of bars, real client, real sockets. Does not
belong here: sessions that end (`test_live_feed_sessions.py`), or history.
"""

from __future__ import annotations

import polars as pl
import pytest
from small_market import HOUR_US, plain, rehearsed
from small_release import write

from rooney_live.feeds.records import FeedCode, FeedState
from rooney_live.rehearsal.gateway_faults import GatewayFault
from rooney_live.release_store import read_release

AT = 8


def faulty(lake, tmp_path, monkeypatch, kind, symbol="SIM_ES", **changed):
    """Three sessions with one fault of a bar in the first; (market, followed, the fault's end)."""
    release = read_release(lake)
    with rehearsed(release, lake, tmp_path, monkeypatch, 3) as market:
        at_us = market.moments[AT].end_us
        market.vendor.live.faults.add(GatewayFault(kind, at_us, symbol))
        return market, market.follow(**changed), at_us


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        ("duplicate", FeedCode.DUPLICATE, "came twice"),
        ("revised", FeedCode.REVISED, "kept: the bar of SIM_ESM21"),
        ("inconsistent", FeedCode.INCONSISTENT, "cannot be"),
        ("undefined", FeedCode.UNDEFINED_PRICE, "close none"),
        ("bad_volume", FeedCode.BAD_VOLUME, "volume 4611686018427387904"),
        ("future", FeedCode.FUTURE_BAR, "is not over yet"),
        ("wrong_interval", FeedCode.WRONG_INTERVAL, "of 60 minutes"),
        ("unknown_id", FeedCode.UNKNOWN_ID, "instrument 4000000001"),
    ],
)
def test_a_bad_copy_is_told_and_changes_nothing(lake, tmp_path, monkeypatch, kind, code, words):
    market, found, _ = faulty(lake, tmp_path, monkeypatch, kind)
    assert found.codes() == [code]
    (note,) = [one for one in found.notes if one.code is code]
    assert words in note.message
    assert note.symbol == ("" if kind == "unknown_id" else "SIM_ES")
    assert plain(found.moments) == market.moments


def test_a_late_bar_comes_alone_and_late(lake, tmp_path, monkeypatch):
    market, found, at_us = faulty(lake, tmp_path, monkeypatch, "late")
    assert found.codes() == [FeedCode.LATE_BAR]
    (late,) = [one for one in found.moments if one.is_late]
    (expected,) = [one for one in market.moments if one.end_us == at_us]
    assert late.bars == tuple(one for one in expected.bars if one.symbol == "SIM_ES")
    assert late.end_us > at_us
    ends = [one.end_us for one in found.moments]
    assert ends == sorted(set(ends))
    in_time = [one for one in found.moments if one.end_us == at_us]
    assert [bar.symbol for one in in_time for bar in one.bars] == ["SIM_CL"]


def test_a_bar_after_the_one_that_follows_it_is_dropped(lake, tmp_path, monkeypatch):
    market, found, at_us = faulty(lake, tmp_path, monkeypatch, "out_of_order")
    # It is missing when its moment is over, and out of order when it comes.
    assert found.codes() == [FeedCode.MISSING_BAR, FeedCode.OUT_OF_ORDER]
    told = {(bar.symbol, bar.bar_end_us) for one in found.moments for bar in one.bars}
    stored = {(bar.symbol, bar.bar_end_us) for one in market.moments for bar in one.bars}
    assert stored - told == {("SIM_ES", at_us)}
    assert told <= stored


def test_a_missing_bar_is_told_and_nothing_else_is_missing(lake, tmp_path, monkeypatch):
    market, found, at_us = faulty(lake, tmp_path, monkeypatch, "missing")
    told = [(one.code, one.symbol, one.at_us) for one in found.notes]
    assert found.codes() == [FeedCode.MISSING_BAR]
    assert (FeedCode.MISSING_BAR, "SIM_ES", at_us - HOUR_US) in told
    told = {(bar.symbol, bar.bar_end_us) for one in found.moments for bar in one.bars}
    stored = {(bar.symbol, bar.bar_end_us) for one in market.moments for bar in one.bars}
    assert stored - told == {("SIM_ES", at_us)}


def test_another_id_of_the_same_contract_is_no_news(lake, tmp_path, monkeypatch):
    market, found, _ = faulty(lake, tmp_path, monkeypatch, "mapping_change")
    assert found.codes() == []
    assert plain(found.moments) == market.moments


def test_an_interval_whose_end_nobody_told_ends_with_the_next(lake, tmp_path, monkeypatch):
    market, found, _ = faulty(lake, tmp_path, monkeypatch, "no_end_of_interval")
    assert found.codes() == []
    assert [one.end_us for one in found.moments] == [one.end_us for one in market.moments]
    assert plain(found.moments) == market.moments


def test_an_error_of_the_vendor_is_told_and_the_stream_goes_on(lake, tmp_path, monkeypatch):
    market, found, _ = faulty(lake, tmp_path, monkeypatch, "error", symbol="")
    assert found.codes() == [FeedCode.VENDOR_ERROR]
    assert plain(found.moments) == market.moments


def test_a_symbol_that_the_vendor_does_not_know_is_told(lake, tmp_path, monkeypatch):
    release = read_release(lake)
    fault = GatewayFault("unresolved", 0, "SIM_ZN", times=1_000)
    with rehearsed(release, lake, tmp_path, monkeypatch, 2, faults=[fault]) as market:
        found = market.follow()
    assert set(found.codes()) == {FeedCode.UNRESOLVED}
    assert {one.symbol for one in found.notes if one.code is FeedCode.UNRESOLVED} == {"SIM_ZN"}
    bars = [one.bars for one in found.moments if one.bars]
    assert bars == [one.bars for one in market.moments if one.bars]
    assert all(hour.symbol != "SIM_ZN" for one in found.moments for hour in one.hours)


def test_negative_prices_are_prices(lake, tmp_path, monkeypatch):
    path = lake / "continuous_bars" / "symbol=SIM_CL" / "current.parquet"
    frame = pl.read_parquet(path)
    prices = pl.col("open", "high", "low", "close")
    write(frame.with_columns((prices - 500.0).round(2)), path)
    release = read_release(lake)
    with rehearsed(release, lake, tmp_path, monkeypatch, 2) as market:
        found = market.follow()
    assert min(bar.low for one in found.moments for bar in one.bars) < -400.0
    assert found.codes() == []
    own = [bar for one in found.moments for bar in one.bars if bar.symbol == "SIM_CL"]
    assert own == [bar for one in market.moments for bar in one.bars if bar.symbol == "SIM_CL"]


def test_bars_that_come_too_long_after_their_end_are_late(lake, tmp_path, monkeypatch):
    """Nobody tells the end of an interval: it is over by the clock, and then its bars are used."""
    release = read_release(lake)
    speed = 3_600.0
    kinds = [GatewayFault("no_end_of_interval", 0, times=10_000)]
    with rehearsed(release, lake, tmp_path, monkeypatch, 1, faults=kinds, speed=speed) as market:
        until_us = market.moments[9].end_us
        changed = {"settle_seconds": 1_200.0, "max_bar_age_seconds": 600.0}
        found = market.follow_paced(speed, until_us, **changed)
    assert found.bars() == found.stored(market.moments[:10])
    assert found.bars()
    assert all(one.is_late for one in found.moments)


def test_in_time_nothing_is_late_and_every_feed_is_live(lake, tmp_path, monkeypatch):
    release = read_release(lake)
    speed = 3_600.0
    with rehearsed(release, lake, tmp_path, monkeypatch, 1, speed=speed) as market:
        until_us = market.moments[9].end_us
        found = market.follow_paced(speed, until_us, settle_seconds=1_800.0)
        told = found.health
    # What was over when the warm-up ended may be late; after that nothing is.
    began = [one for one in market.moments if one.end_us > found.warm_up.past.end_us][1:]
    assert plain(found.moments)[-3:] == [one for one in began if one.end_us <= until_us][-3:]
    assert found.bars() == found.stored(market.moments[:10])
    assert found.codes() == []
    assert {one.state for one in told.values()} == {FeedState.LIVE}
    assert told["SIM_ES"].contract == market.moments[9].bars[-1].contract
    assert told["SIM_ES"].last_bar_end_us == until_us
    assert 0.0 <= told["SIM_ES"].age_s < HOUR_US / 1_000_000


def test_a_clock_that_is_set_forward_makes_bars_late_and_loses_none(lake, tmp_path, monkeypatch):
    release = read_release(lake)
    speed = 3_600.0
    with rehearsed(release, lake, tmp_path, monkeypatch, 1, speed=speed) as market:
        at_us = market.moments[6].end_us - HOUR_US // 2
        steps = {at_us: HOUR_US}
        found = market.follow_paced(speed, market.moments[8].end_us, steps, settle_seconds=7_200.0)
    assert found.bars() == found.stored(market.moments[:9])
    assert [one.is_late for one in found.moments[-3:]] == [True] * 3


def test_a_clock_that_is_set_back_refuses_what_it_calls_the_future(lake, tmp_path, monkeypatch):
    release = read_release(lake)
    speed = 3_600.0
    with rehearsed(release, lake, tmp_path, monkeypatch, 1, speed=speed) as market:
        at_us = market.moments[6].end_us - HOUR_US // 2
        steps = {at_us: -4 * HOUR_US, at_us + HOUR_US: 0}
        found = market.follow_paced(speed, market.moments[10].end_us, steps, settle_seconds=1_800.0)
    refused = {one.symbol for one in found.notes if one.code is FeedCode.FUTURE_BAR}
    assert refused >= {"SIM_CL", "SIM_ES"}
    lost = set(found.stored(market.moments[:11])) - set(found.bars())
    at = market.moments[6].end_us
    assert {(symbol, end_us) for symbol, end_us, _ in lost} == {("SIM_CL", at), ("SIM_ES", at)}
