"""The vendor's own ways, which a rehearsal's stored chains do not have: rolls at midnight UTC, gaps
from the bars around a roll, contracts asked for by name.

Belongs here: the path of real trading, real client, real sockets. Does not belong here: stored
chains (`test_live_feed_parity.py`).
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from small_market import HOUR_US, IMPATIENT, KEY, Rehearsed, plain
from small_release import write
from test_live_feed_parity import assert_same_bars

from rooney_core.errors import InvalidSetting
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import session_bars
from rooney_core.market.source_pages import DatabentoFacts
from rooney_live.feeds.plan import legs_of
from rooney_live.feeds.records import FeedCode
from rooney_live.feeds.settings import FeedSettings
from rooney_live.rehearsal.bars import open_market, stored_bars
from rooney_live.rehearsal.vendor import LocalVendor, StoredMarket
from rooney_live.release_store import read_release
from rooney_live.secrets import Secret

NEW = "SIM_ESU21"
MIDNIGHT = pl.datetime(2021, 3, 30, time_zone="UTC")
HOURLY = ("SIM_CL", "SIM_ES", "SIM_NQ", "SIM_ZN")


def at_vendor(instrument, series="volume"):
    page = {
        "symbol": instrument.symbol,
        "series": series,
        "feeds": [{"dataset": "GLBX.MDP3", "since": "2015-01-01"}],
    }
    sources = instrument.sources.model_copy(
        update={"databento": DatabentoFacts.model_validate(page)}
    )
    return instrument.model_copy(update={"sources": sources, "chain": "delivered"})


def released_at_vendor(release, series="volume"):
    """The release with every instrument on the vendor's page."""
    rows = tuple(
        row.model_copy(update={"instrument": at_vendor(row.instrument, series)})
        for row in release.config.rows
    )
    references = tuple(at_vendor(one, series) for one in release.config.reference_instruments)
    config = release.config.model_copy(update={"rows": rows, "reference_instruments": references})
    bundles = {
        symbol: replace(bundle, instrument=at_vendor(bundle.instrument, series))
        for symbol, bundle in release.bundles.items()
    }
    return replace(release, config=config, bundles=bundles)


def roll_at_midnight(lake, release):
    """Every symbol as the vendor's chain, with prices of its own; SIM_ES rolls at midnight UTC."""
    for symbol in HOURLY:
        path = lake / "continuous_bars" / f"symbol={symbol}" / "current.parquet"
        frame = pl.read_parquet(path).drop("adjustment_ratio").with_columns(adjustment=pl.lit(0.0))
        if symbol == "SIM_ES":
            is_new = pl.col("bar_start") >= MIDNIGHT
            moved = pl.col("open", "high", "low", "close") + pl.when(is_new).then(7.5).otherwise(
                0.0
            )
            named = pl.when(is_new).then(pl.lit(NEW)).otherwise("contract")
            frame = frame.with_columns(moved, contract=named)
        instrument = release.config.instruments[symbol]
        whole = stitch(frame, find_rolls(frame, instrument), instrument)
        write(whole, path)
        sessions = lake / "session_bars" / f"symbol={symbol}" / "current.parquet"
        write(session_bars(whole, instrument), sessions)


@pytest.fixture
def real(lake, tmp_path, monkeypatch):
    """Starts the vendor over the chains, as he would serve them; `options` are LocalVendor's."""
    release = released_at_vendor(read_release(lake))
    roll_at_midnight(lake, release)
    started = []

    def start(n_sessions, first_us=None, **options):
        market = open_market(lake, release, n_sessions)
        warm_up, moments = market.warm_up(), list(market.moments())
        legs = legs_of(release, stand_in=False)
        bars = {leg.symbol: stored_bars(lake, leg.instrument) for leg in legs}
        stored = StoredMarket(legs, {one: bars[one] for one in HOURLY})
        begins_us = first_us or warm_up.past.end_us
        vendor = LocalVendor(stored, tmp_path, begins_us, key=KEY, **options)
        started.append(vendor.__enter__())
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(vendor.certificate))
        settings = FeedSettings(
            key=Secret("DATABENTO_API_KEY", KEY),
            gateway=vendor.gateway,
            history=vendor.history,
            paced_by_stream=True,
            **IMPATIENT,
        )
        return Rehearsed(release, market, vendor, moments, warm_up, settings)

    yield start
    for vendor in started:
        vendor.__exit__()


def own(moments):
    """Bars of traded symbols, and what is known hourly: SIM_TLT has no live bars here."""
    return [(one.end_us, one.bars, one.hours, one.is_late) for one in moments if one.bars]


def test_a_roll_at_midnight_is_a_fresh_subscription_and_its_gap_is_that_of_the_bars(real):
    market = real(4)
    found = market.follow()
    rolled = [(one.symbol, one.message) for one in found.notes if one.code is FeedCode.ROLLED]
    assert rolled == [("SIM_ES", f"SIM_ESM21 is followed by {NEW}")]
    assert own(plain(found.moments)) == own(market.moments)
    adjustments = {bar.adjustment for one in found.moments for bar in one.bars}
    assert len(adjustments) == 2
    for symbol, history in market.warm_up.history.items():
        assert_same_bars(found.warm_up.history[symbol], history)


def test_bars_before_a_roll_are_asked_for_by_name_when_trading_begins_after_it(real):
    """History ends five hours ago, before midnight; by now the continuous symbol is another."""
    market = real(2)
    roll_us = next(
        bar.bar_start_us for one in market.moments for bar in one.bars if bar.contract == NEW
    )
    begins_us = roll_us + 2 * HOUR_US
    speed = 3_600.0
    later = real(2, first_us=begins_us, bridge_us=0, lag_us=5 * HOUR_US, speed=speed)
    later.warm_up = replace(later.warm_up, past=replace(later.warm_up.past, end_us=begins_us))
    found = later.follow_paced(speed, roll_us + 8 * HOUR_US, settle_seconds=1_200.0)
    history = found.warm_up.history["SIM_ES"]
    last_us = int(history.bar_end_us[-1])
    expected = [
        (bar.bar_end_us, bar.close)
        for one in market.moments
        for bar in one.bars
        if bar.symbol == "SIM_ES" and bar.bar_end_us <= last_us
    ]
    got = list(zip(history.bar_end_us.tolist(), history.close.tolist(), strict=True))
    assert last_us > roll_us
    assert got[-len(expected) :] == expected
    # The bars on both sides of the roll are of two contracts, and the gap is between them.
    at = history.bar_start_us.tolist().index(roll_us)
    gap = history.open[at] - history.close[at - 1]
    assert history.adjustment[at - 1] - history.adjustment[at] == pytest.approx(gap, abs=1e-9)


def test_a_series_of_dated_contracts_cannot_be_followed(lake):
    release = released_at_vendor(read_release(lake), series="contracts")
    with pytest.raises(InvalidSetting, match=r"`series: contracts` cannot be followed live"):
        legs_of(release, stand_in=False)


def test_a_symbol_that_no_vendor_has_cannot_be_followed(lake):
    with pytest.raises(InvalidSetting, match="SIM_CL has no page `databento`"):
        legs_of(read_release(lake), stand_in=False)
