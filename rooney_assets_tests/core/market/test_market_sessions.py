"""Session bars against a plain loop over hourly bars."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

from rooney_core.market.bars import BARS_SCHEMA
from rooney_core.market.instruments import Universe
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import SESSION_BARS_SCHEMA, session_bars
from rooney_core.market.simulation import SimulatedMarket, simulate_bars

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def universe() -> Universe:
    return Universe.parse(yaml.safe_load((ROOT / "universe.yaml").read_text()), "universe")


def test_every_session_is_the_sum_of_its_hours(universe):
    market = SimulatedMarket(first_session=date(2019, 5, 20), last_session=date(2019, 6, 28))
    raw = simulate_bars(universe["SIM_ES"], market)
    hourly = stitch(raw, find_rolls(raw))
    daily = session_bars(hourly, universe["SIM_ES"])
    assert daily.schema == pl.Schema(SESSION_BARS_SCHEMA)
    by_session: dict[date, list[dict[str, object]]] = {}
    for row in hourly.iter_rows(named=True):
        by_session.setdefault(row["session"], []).append(row)
    assert daily["session"].to_list() == sorted(by_session)
    for row in daily.iter_rows(named=True):
        part = by_session[row["session"]]
        assert row["open"] == part[0]["open"]
        assert row["close"] == part[-1]["close"]
        assert row["high"] == max(one["high"] for one in part)
        assert row["low"] == min(one["low"] for one in part)
        assert row["volume"] == sum(one["volume"] for one in part)
        assert row["n_bars"] == len(part)
        assert (row["bar_start"], row["bar_end"]) == (part[0]["bar_start"], part[-1]["bar_end"])
        assert row["adjustment"] == part[-1]["adjustment"]
    assert date(2019, 5, 27) not in daily["session"].to_list()
    after_memorial_day = daily.row(by_predicate=pl.col("session") == date(2019, 5, 28), named=True)
    assert after_memorial_day["n_bars"] == 19 + 23
    assert after_memorial_day["bar_start"] == datetime(2019, 5, 26, 22, tzinfo=UTC)
    assert after_memorial_day["session_close"] == datetime(2019, 5, 28, 21, tzinfo=UTC)


def test_a_session_that_ran_past_its_close_is_known_only_after_its_last_bar(universe):
    # Until 2015 index futures traded to 16:15 Chicago: the last hourly bar ends at 17:00.
    start = datetime(2014, 1, 9, 22, tzinfo=UTC)
    row = {
        "symbol": "YM",
        "contract": "YMH14",
        "bar_start": start,
        "bar_end": start + timedelta(hours=1),
        **dict.fromkeys(("open", "high", "low", "close"), 1.0),
        "volume": 1,
        "session": date(2014, 1, 9),
        "adjustment": 0.0,
    }
    daily = session_bars(pl.DataFrame([row], schema=BARS_SCHEMA), universe["YM"])
    assert daily["session_close"].to_list() == [datetime(2014, 1, 9, 23, tzinfo=UTC)]
