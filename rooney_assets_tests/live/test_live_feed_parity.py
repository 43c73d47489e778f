"""What the live path tells is what the batch has, bit by bit: real client, real sockets.

Belongs here: bars, sessions, hours and peers through gateway and client. Does not belong here:
faults (`test_live_feed_faults.py`), or decisions made of them.
"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import polars as pl
import pytest
from small_market import HOUR_US, plain, rehearsed
from small_release import write

from rooney_core.market.bars import BarArrays
from rooney_core.market.sessions import session_bars
from rooney_core.market.source_pages import DatabentoFacts
from rooney_live.feeds.records import FeedCode
from rooney_live.release_store import read_release


def assert_same_bars(found: BarArrays, expected: BarArrays) -> None:
    assert len(found) == len(expected)
    for one in fields(BarArrays):
        np.testing.assert_array_equal(
            getattr(found, one.name), getattr(expected, one.name), err_msg=one.name
        )


def test_moments_and_warm_up_are_those_of_the_stored_bars_over_rolls(lake, tmp_path, monkeypatch):
    release = read_release(lake)
    with rehearsed(release, lake, tmp_path, monkeypatch, 40) as market:
        found = market.follow()
    assert plain(found.moments) == market.moments
    assert {one.symbol for one in found.notes if one.code is FeedCode.ROLLED} >= {
        "SIM_CL",
        "SIM_ES",
    }
    assert found.codes() == []
    for symbol, history in market.warm_up.history.items():
        assert_same_bars(found.warm_up.history[symbol], history)
    # The batch keeps all there ever were; a warm-up keeps what features look at.
    for kind in ("sessions", "hours", "peers"):
        expected = {one.symbol for one in getattr(market.warm_up.past, kind)}
        for symbol in expected:
            own, batch = (
                [one for one in getattr(past, kind) if one.symbol == symbol]
                for past in (found.warm_up.past, market.warm_up.past)
            )
            n_needed = min(len(batch), 20)
            assert own[-n_needed:] == batch[-n_needed:]


def test_a_run_that_goes_on_tells_the_moments_after_where_it_was(lake, tmp_path, monkeypatch):
    release = read_release(lake)
    with rehearsed(release, lake, tmp_path, monkeypatch, 3) as market:
        since_us = market.moments[30].end_us
        market.follow(until_us=since_us)
        found = market.follow(since_us=since_us)
    assert plain(found.moments) == [one for one in market.moments if one.end_us > since_us]
    assert int(found.warm_up.history["SIM_ES"].bar_end_us[-1]) == since_us


def test_three_datasets_at_once_make_the_same_moments(lake, tmp_path, monkeypatch):
    release = with_datasets(read_release(lake), {"SIM_ZN": "XCBF.PITCH", "SIM_TLT": "EQUS.MINI"})
    with rehearsed(release, lake, tmp_path, monkeypatch, 4) as market:
        found = market.follow()
    assert plain(found.moments) == market.moments
    assert {one.feed for one in found.notes} == {"SIM.MARKET", "XCBF.PITCH", "EQUS.MINI"}


def test_a_chain_that_changes_contract_within_a_session_is_followed(lake, tmp_path, monkeypatch):
    path = lake / "continuous_bars" / "symbol=SIM_ES" / "current.parquet"
    frame, gap = pl.read_parquet(path), 3.25
    is_new = pl.col("bar_start") >= frame["bar_start"][-30]
    changed = frame.with_columns(
        contract=pl.when(is_new).then(pl.lit("SIM_ESU21")).otherwise("contract"),
        adjustment=pl.when(is_new).then("adjustment").otherwise(pl.col("adjustment") + gap),
    )
    write(changed, path)
    sessions = lake / "session_bars" / "symbol=SIM_ES" / "current.parquet"
    instrument = read_release(lake).bundles["SIM_ES"].instrument
    write(session_bars(changed, instrument), sessions)
    release = read_release(lake)
    with rehearsed(release, lake, tmp_path, monkeypatch, 4) as market:
        assert any(one.adjustment == -gap for moment in market.moments for one in moment.bars)
        found = market.follow()
    told = [(one.code, one.symbol) for one in found.notes if one.code is FeedCode.MAPPING_CHANGED]
    assert told == [(FeedCode.MAPPING_CHANGED, "SIM_ES")]
    assert plain(found.moments) == market.moments


@pytest.mark.parametrize("bridge_hours", [0, 1, 20])
def test_what_history_has_not_is_replayed(lake, tmp_path, monkeypatch, bridge_hours):
    release = read_release(lake)
    bridge_us = bridge_hours * HOUR_US
    with rehearsed(release, lake, tmp_path, monkeypatch, 2, bridge_us=bridge_us) as market:
        found = market.follow()
    for symbol, history in market.warm_up.history.items():
        assert_same_bars(found.warm_up.history[symbol], history)
    assert plain(found.moments) == market.moments


def with_datasets(release, datasets):
    """The release with its references at other vendors' datasets."""

    def moved(instrument):
        dataset = datasets.get(instrument.symbol)
        if dataset is None:
            return instrument
        page = DatabentoFacts.model_validate(
            {"symbol": instrument.symbol, "feeds": [{"dataset": dataset, "since": "2020-01-01"}]}
        )
        sources = instrument.sources.model_copy(update={"databento": page})
        return instrument.model_copy(update={"sources": sources})

    named = tuple(moved(one) for one in release.config.reference_instruments)
    config = release.config.model_copy(update={"reference_instruments": named})
    return replace(release, config=config)
