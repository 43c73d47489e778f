"""Sessions with the vendor that end in every way that was seen: no bar is lost, none comes twice.

Belongs here: faults of connections, datasets that lag or stay away, real client, real sockets. Does
not belong here: single bars (`test_live_feed_bars.py`).
"""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime

import pytest
from small_market import HOUR_US, IMPATIENT, KEY, plain, rehearsed
from test_live_feed_parity import with_datasets

from rooney_core.errors import VendorUnavailable
from rooney_live.feeds.channel import Channel
from rooney_live.feeds.records import FeedCode, FeedState
from rooney_live.feeds.renewal import renewal_after, renewal_before
from rooney_live.feeds.session import DatasetSessions
from rooney_live.feeds.settings import FeedSettings
from rooney_live.rehearsal.gateway_faults import KINDS, GatewayFault, random_faults
from rooney_live.release_store import read_release
from rooney_live.secrets import Secret

ENDED = [FeedCode.DISCONNECTED, FeedCode.RECONNECTING]
REFUSED = [FeedCode.NOT_ENTITLED, FeedCode.RECONNECTING]
SILENT = [FeedCode.FEED_SILENT, FeedCode.RECONNECTING]


@pytest.mark.parametrize("kind", ["fin", "rst", "garbage"])
def test_a_session_that_ends_is_followed_by_another(lake, tmp_path, monkeypatch, kind):
    release = read_release(lake)
    with rehearsed(release, lake, tmp_path, monkeypatch, 3) as market:
        for at in (3, 9, 10, 30):
            market.vendor.live.faults.add(GatewayFault(kind, market.moments[at].end_us))
        found = market.follow()
        shown = len(market.vendor.live.faults.shown)
    assert (shown, found.codes()) == (4, ENDED * 4)
    assert plain(found.moments) == market.moments


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("refuse", ENDED),
        ("drop_before_metadata", ENDED),
        ("drop_at_auth", SILENT),
        ("reject", REFUSED),
        ("mute", SILENT),
        ("silence", SILENT),
    ],
)
def test_a_session_that_never_begins_or_falls_silent_is_given_up(
    lake, tmp_path, monkeypatch, kind, told
):
    release = read_release(lake)
    hasty = {"connect_seconds": 1.0, "silent_seconds": 2.0}
    with rehearsed(release, lake, tmp_path, monkeypatch, 2) as market:
        faults = market.vendor.live.faults
        if kind == "silence":
            faults.add(GatewayFault(kind, market.moments[5].end_us))
        else:
            # The session ends, and the next one cannot begin, twice.
            faults.add(GatewayFault("fin", market.moments[5].end_us))
            faults.add(GatewayFault(kind, market.moments[4].end_us, times=2))
        found = market.follow(**hasty)
    times = 1 if kind == "silence" else 2
    # A refusal may reach the client as silence, and a busy host may let any session look silent;
    # that loses nothing either.
    ends = [one for one in found.codes() if one in (told[0], FeedCode.FEED_SILENT)]
    assert len(ends) >= times
    assert set(found.codes()) <= {*ENDED, *told, *SILENT}
    assert plain(found.moments) == market.moments


@pytest.mark.parametrize("seed", range(4))
def test_what_loses_nothing_changes_nothing(lake, tmp_path, monkeypatch, seed):
    release = read_release(lake)
    with rehearsed(release, lake, tmp_path, monkeypatch, 5) as market:
        for one in random_faults(seed, market.first_us, market.last_us, n_faults=12):
            market.vendor.live.faults.add(one)
        found = market.follow()
    assert plain(found.moments) == market.moments
    assert found.codes()


def test_a_gateway_that_is_not_there_is_tried_until_it_is(lake, tmp_path, monkeypatch):
    release = read_release(lake)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (
        rehearsed(release, lake, tmp_path, monkeypatch, 1) as market,
        pytest.raises(VendorUnavailable, match=r"SIM.MARKET did not replay up to the present"),
    ):
        market.follow(gateway=address, warm_up_seconds=0.5)


def test_whatever_goes_wrong_in_a_session_another_follows():
    """A fault that nobody foresaw must not end the thread: no bar would ever come again."""
    asked = []

    def subscriptions():
        asked.append(True)
        raise TypeError("of the vendor's client")

    async def play():
        channel = Channel(asyncio.get_running_loop())
        settings = FeedSettings(Secret("K", KEY), gateway="127.0.0.1:1", **IMPATIENT)
        sessions = DatasetSessions("GLBX.MDP3", subscriptions, settings, channel)
        sessions.start()
        ended = []
        async with asyncio.timeout(20.0):
            while len(ended) < 2:
                await channel.filled(0.1)
                while (item := channel.take()) is not None:
                    ended.append(item)
        sessions.close()
        await asyncio.to_thread(sessions.join, 5.0)
        return ended

    first, second = asyncio.run(play())[:2]
    assert (first.ending, first.why) == ("lost", "TypeError: of the vendor's client")
    assert (first.epoch, second.epoch) == (1, 2)
    assert len(asked) >= 2


def test_a_wrong_key_is_refused_and_never_shown(lake, tmp_path, monkeypatch, capfd):
    release = read_release(lake)
    wrong = Secret("DATABENTO_API_KEY", "db-another-key-of-a-test-00002")
    with rehearsed(release, lake, tmp_path, monkeypatch, 1) as market:
        market.vendor.local_history.admits_all()
        with pytest.raises(VendorUnavailable) as refused:
            market.follow(key=wrong, warm_up_seconds=0.5)
    told = capfd.readouterr()
    for text in (str(refused.value), told.out, told.err):
        assert wrong.reveal() not in text
        assert KEY not in text


def test_a_dataset_that_only_informs_may_stay_away(lake, tmp_path, monkeypatch):
    release = with_datasets(read_release(lake), {"SIM_ZN": "XCBF.PITCH"})
    away = GatewayFault("reject", 0, dataset="XCBF.PITCH", times=100_000)
    with rehearsed(release, lake, tmp_path, monkeypatch, 2, faults=[away]) as market:
        found = market.follow(warm_up_seconds=3.0)
    assert [one.bars for one in found.moments if one.bars] == [
        one.bars for one in market.moments if one.bars
    ]
    assert all(hour.symbol != "SIM_ZN" for one in found.moments for hour in one.hours)
    assert found.health["SIM_ZN"].state is FeedState.RECONNECTING
    assert found.health["SIM_ES"].state is FeedState.LIVE


def test_a_dataset_that_goes_away_is_waited_for_and_then_not(lake, tmp_path, monkeypatch):
    release = with_datasets(read_release(lake), {"SIM_ZN": "XCBF.PITCH"})
    with rehearsed(release, lake, tmp_path, monkeypatch, 2) as market:
        faults, at_us = market.vendor.live.faults, market.moments[10].end_us
        faults.add(GatewayFault("silence", at_us, dataset="XCBF.PITCH"))
        found = market.follow(grace_seconds=0.3, silent_seconds=15.0)
    assert [one.bars for one in found.moments if one.bars] == [
        one.bars for one in market.moments if one.bars
    ]
    told = [
        hour.known_at_us for one in found.moments for hour in one.hours if hour.symbol == "SIM_ZN"
    ]
    assert max(told) < at_us


def test_heartbeats_alone_are_a_dead_session(lake, tmp_path, monkeypatch):
    release = read_release(lake)
    speed = 3_600.0
    with rehearsed(release, lake, tmp_path, monkeypatch, 1, speed=speed) as market:
        until_us = market.moments[12].end_us
        market.vendor.live.faults.add(GatewayFault("heartbeat_only", market.moments[7].end_us))
        found = market.follow_paced(speed, until_us, settle_seconds=1_800.0)
    assert [one for one in found.codes() if one is FeedCode.FEED_SILENT] == [FeedCode.FEED_SILENT]
    assert found.bars() == found.stored(market.moments[:13])
    assert any(one.is_late for one in found.moments)


def test_health_knows_a_feed_before_its_first_bar(lake, tmp_path, monkeypatch):
    release = read_release(lake)
    with rehearsed(release, lake, tmp_path, monkeypatch, 1) as market:
        found = market.follow(until_us=market.moments[0].end_us)
    assert found.health["SIM_ES"].age_s == 0.0
    assert found.health["SIM_ES"].n_gaps == 0


@pytest.mark.parametrize(
    ("moment", "expected_before", "expected_after"),
    [
        # 17:00 in Chicago: 22:00 UTC in summer, 23:00 in winter; both clock changes of 2021.
        ("2021-03-13T12:00", "2021-03-12T23:00", "2021-03-13T23:00"),
        ("2021-03-14T12:00", "2021-03-13T23:00", "2021-03-14T22:00"),
        ("2021-03-14T22:00", "2021-03-14T22:00", "2021-03-15T22:00"),
        ("2021-11-07T22:30", "2021-11-06T22:00", "2021-11-07T23:00"),
    ],
)
def test_a_stand_in_renews_with_the_session(moment, expected_before, expected_after):
    at_us = us(moment)
    assert renewal_before(at_us, is_stand_in=True) == us(expected_before)
    assert renewal_after(at_us, is_stand_in=True) == us(expected_after)


def test_the_vendor_renews_at_midnight_utc():
    assert renewal_before(us("2021-03-14T12:00"), is_stand_in=False) == us("2021-03-14T00:00")
    assert renewal_after(us("2021-03-14T00:00"), is_stand_in=False) == us("2021-03-15T00:00")


def test_a_fault_that_nobody_knows_is_refused():
    with pytest.raises(Exception, match="Did you mean 'fin'"):
        GatewayFault("finn")
    assert len(KINDS) == len(set(KINDS))
    plans = [random_faults(7, 0, 24 * HOUR_US) for _ in range(2)]
    assert plans[0] == plans[1] != random_faults(8, 0, 24 * HOUR_US)


def us(text: str) -> int:
    at = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return int(at.timestamp()) * 1_000_000
