"""Warm-up from a historical service that fails in every way that was measured.

Belongs here: faults of history, gaps, short history, real client, real TLS. Does not belong here:
the live feed's own faults.
"""

from __future__ import annotations

from datetime import date

import pytest
from small_market import HOUR_US, plain, rehearsed
from test_live_feed_parity import assert_same_bars

from rooney_core.errors import InvalidSetting, VendorRefused, VendorUnavailable
from rooney_live.feeds.records import FeedCode, FeedState
from rooney_live.feeds.settings import FeedSettings, addresses
from rooney_live.rehearsal.gateway_faults import GatewayFault
from rooney_live.rehearsal.history_faults import Fault
from rooney_live.release_store import read_release
from rooney_live.secrets import Secret

DATA = "timeseries.get_range"
COUNT = "metadata.get_record_count"
RANGE = "metadata.get_dataset_range"
NAMES = "symbology.resolve"
DAY_US = 24 * HOUR_US


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("cut_stream", DATA), FeedCode.HISTORY_TORN),
        (Fault("cut_stream", DATA, fraction=0.5), FeedCode.HISTORY_TORN),
        (Fault("cut_body", DATA), None),
        (Fault("empty", DATA), FeedCode.HISTORY_TORN),
        (Fault("too_many", COUNT), FeedCode.HISTORY_FAULT),
        (Fault("gateway_timeout", DATA, times=2), FeedCode.HISTORY_FAULT),
        (Fault("server_error", RANGE), FeedCode.HISTORY_FAULT),
        (Fault("reset", NAMES), FeedCode.HISTORY_FAULT),
        (Fault("degraded", DATA), FeedCode.HISTORY_QUALITY),
    ],
)
def test_what_passes_is_asked_again_and_the_warm_up_is_whole(
    lake, tmp_path, monkeypatch, fault, code
):
    release = read_release(lake)
    with rehearsed(release, lake, tmp_path, monkeypatch, 1, history_faults=[fault]) as market:
        found = market.follow()
    told = set(found.codes())
    assert (
        told == {code}
        if code is not None
        else told
        <= {
            FeedCode.HISTORY_TORN,
            FeedCode.HISTORY_FAULT,
        }
    )
    for symbol, history in market.warm_up.history.items():
        assert_same_bars(found.warm_up.history[symbol], history)
    assert plain(found.moments) == market.moments


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (Fault("unauthorized", "*"), VendorRefused, "Authentication failed. (401)"),
        (Fault("payment_required", DATA, times=99), VendorRefused, "no funds. (402)"),
        (Fault("unprocessable", COUNT, times=99), VendorRefused, "cannot be processed. (422)"),
        (Fault("gateway_timeout", DATA, times=99), VendorUnavailable, "asked 5 times"),
        (Fault("too_many", RANGE, times=99, retry_after_seconds=0), VendorUnavailable, "(429)"),
        (Fault("cut_stream", DATA, times=99), VendorUnavailable, "torn 3 times"),
        (Fault("reset", DATA, times=99), VendorUnavailable, "asked 5 times"),
    ],
)
def test_what_stays_is_refused_in_words(lake, tmp_path, monkeypatch, fault, error, words):
    release = read_release(lake)
    with (
        rehearsed(release, lake, tmp_path, monkeypatch, 1, history_faults=[fault]) as market,
        pytest.raises(error) as refused,
    ):
        market.follow()
    assert words in str(refused.value)
    assert market.settings.key.reveal() not in str(refused.value)


def test_a_reference_without_history_is_unknown_and_the_rest_goes_on(lake, tmp_path, monkeypatch):
    (lake / "continuous_bars" / "symbol=SIM_ZN" / "current.parquet").unlink()
    release = read_release(lake)
    with rehearsed(release, lake, tmp_path, monkeypatch, 1, simulated=None) as market:
        found = market.follow()
    told = {(one.code, one.symbol) for one in found.notes if one.symbol == "SIM_ZN"}
    assert (FeedCode.HISTORY_EMPTY, "SIM_ZN") in told
    assert (FeedCode.UNRESOLVED, "SIM_ZN") in told
    assert found.health["SIM_ZN"].state is FeedState.UNRESOLVED
    assert [one.bars for one in found.moments if one.bars] == [
        one.bars for one in market.moments if one.bars
    ]


def test_a_history_that_is_too_short_is_told(lake, tmp_path, monkeypatch):
    release = read_release(lake)
    since = date(2021, 3, 17)
    with rehearsed(release, lake, tmp_path, monkeypatch, 1, since=since) as market:
        found = market.follow()
    told = {one.symbol for one in found.notes if one.code is FeedCode.WARM_UP_SHORT}
    assert told == {"SIM_CL", "SIM_ES"}
    n_bars = len(found.warm_up.history["SIM_ES"])
    assert 0 < n_bars < len(market.warm_up.history["SIM_ES"])
    # What there is, is right.
    expected = market.warm_up.history["SIM_ES"]
    assert_same_bars(
        found.warm_up.history["SIM_ES"], expected.window(len(expected) - n_bars, 10**6)
    )


def test_addresses_come_from_their_settings():
    assert addresses({}) == (None, None)
    given = {"ROONEY_LIVE_GATEWAY": "localhost:13000", "ROONEY_DATABENTO_GATEWAY": "a.host"}
    assert addresses(given) == ("localhost:13000", "a.host:443")
    for wrong in ("localhost", "localhost:", ":1", "localhost:99999", "localhost:x"):
        with pytest.raises(InvalidSetting, match="host:port is needed"):
            addresses({"ROONEY_LIVE_GATEWAY": wrong})


def test_settings_never_show_the_key():
    settings = FeedSettings(Secret("DATABENTO_API_KEY", "db-not-to-be-seen"), gateway="a:1")
    assert "not-to-be-seen" not in f"{settings!r} {settings}"
    assert settings.live_address == ("a", 1)


def test_a_gap_that_is_longer_than_the_replay_is_told(lake, tmp_path, monkeypatch):
    """History ends long ago, and the vendor replays a day: what lies between is nowhere."""
    release = read_release(lake)
    with rehearsed(
        release, lake, tmp_path, monkeypatch, 1, lag_us=3 * DAY_US, speed=3_600.0
    ) as market:
        found = market.follow_paced(
            3_600.0, market.moments[5].end_us, settle_seconds=1_800.0, replay_seconds=20 * 3_600.0
        )
    told = {(one.code, one.symbol) for one in found.notes if one.code is FeedCode.GAP}
    assert {symbol for _, symbol in told} >= {"SIM_CL", "SIM_ES"}
    assert found.health["SIM_ES"].n_gaps == 1
    assert found.health["SIM_ES"].state is FeedState.WARMING_UP


def test_a_gap_is_repaired_from_history_when_a_session_comes_back(lake, tmp_path, monkeypatch):
    """The feed was away for longer than the vendor replays; his history has what is missing."""
    release = read_release(lake)
    speed = 3_600.0
    with rehearsed(release, lake, tmp_path, monkeypatch, 1, speed=speed) as market:
        at_us = market.moments[6].end_us
        market.vendor.live.faults.add(GatewayFault("fin", at_us))
        market.vendor.live.faults.add(GatewayFault("refuse", at_us, times=1))
        found = market.follow_paced(
            speed,
            market.moments[14].end_us,
            settle_seconds=900.0,
            first_wait_seconds=4.0,
            longest_wait_seconds=4.0,
            jitter=0.0,
            replay_seconds=3 * 3_600.0,
        )
    assert found.bars() == found.stored(market.moments[:15])
