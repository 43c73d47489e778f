"""A chain that the vendor chose is followed bar by bar, at the hour at which he changes it."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from rooney_core.errors import BarsRejected
from rooney_core.market.bars import BARS_SCHEMA
from rooney_core.market.calendar import session_labels
from rooney_core.market.instruments import Instrument, Universe
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import session_bars

START = datetime(2024, 6, 12, 20, tzinfo=UTC)
PAGE = {
    "symbol": "TST",
    "name": "Test",
    "role": "tradable",
    "exchange": "CME",
    "product_group": "equity_index",
    "multiplier": 1,
    "tick_size": 0.25,
    "contract_months": "HMUZ",
    "sources": {
        "databento": {
            "symbol": "TST",
            "feeds": [{"dataset": "GLBX.MDP3", "since": "2010-06-06"}],
        }
    },
}


def instrument(source: str = "databento") -> Instrument:
    known = Universe.parse({"instruments": [PAGE]}, "test")
    return known.offered_by(source)["TST"] if source else known["TST"]


def bars(contracts: str, closes: list[float]) -> pl.DataFrame:
    """Hourly bars from START on: contract M or U of each letter, open = close, high and low 1 off.

    The hour of the daily break, 21:00 UTC, is skipped: the session of June 13 opens at 22:00.
    """
    starts = [START + timedelta(hours=i + (i > 0)) for i in range(len(contracts))]
    rows = [
        ("TST", f"TST{letter}24", at, at + timedelta(hours=1), c, c + 1, c - 1, c, 10, None, 0.0)
        for letter, at, c in zip(contracts, starts, closes, strict=True)
    ]
    frame = pl.DataFrame(rows, schema=BARS_SCHEMA, orient="row")
    return frame.with_columns(session_labels(frame["bar_start"], "equity_index"))


def test_the_page_says_whether_the_chain_is_delivered() -> None:
    assert instrument().chain == "delivered"
    assert instrument("").chain == "chosen"


def test_a_change_at_midnight_utc_loses_no_bar_and_rolls_there() -> None:
    # 20:00 | break | 22:00 23:00 | midnight: U
    raw = bars("MMMUUU", [100, 101, 102, 112, 113, 114])
    rolls = find_rolls(raw, instrument())
    assert rolls.select("roll_time", "roll_from", "roll_to", "gap", "ratio", "method").row(0) == (
        datetime(2024, 6, 13, tzinfo=UTC),
        "TSTM24",
        "TSTU24",
        10.0,
        112 / 102,
        "delivered",
    )
    joined = stitch(raw, rolls, instrument())
    assert joined["close"].to_list() == [100, 101, 102, 112, 113, 114]
    assert joined["adjustment"].to_list() == [10, 10, 10, 0, 0, 0]


def test_the_session_of_the_change_is_told_in_the_last_contract() -> None:
    raw = bars("MMMUUU", [100, 101, 102, 112, 113, 114])
    joined = stitch(raw, find_rolls(raw, instrument()), instrument())
    day = session_bars(joined, instrument()).row(1, named=True)
    # 101, 102 in June are 111, 112 in September: highs and lows are 1 off the closes.
    assert (day["open"], day["high"], day["low"], day["close"]) == (111, 115, 110, 114)
    assert (day["contract"], day["adjustment"], day["n_bars"]) == ("TSTU24", 0.0, 5)


def test_a_vendor_may_change_his_mind() -> None:
    raw = bars("MMUMUU", [100, 101, 111, 103, 113, 114])
    rolls = find_rolls(raw, instrument())
    assert rolls["roll_to"].to_list() == ["TSTU24", "TSTM24", "TSTU24"]
    assert rolls["gap"].to_list() == [10, -8, 10]
    joined = stitch(raw, rolls, instrument())
    assert joined.height == raw.height
    assert (joined["close"] + joined["adjustment"]).to_list() == [112, 113, 113, 113, 113, 114]


def test_earlier_rolls_do_not_depend_on_what_comes_later() -> None:
    raw = bars("MMUMUU", [100, 101, 111, 103, 113, 114])
    whole = find_rolls(raw, instrument())
    for n in range(1, raw.height):
        some = find_rolls(raw.head(n), instrument())
        assert some.equals(whole.head(some.height))


def test_two_contracts_at_one_time_are_no_chain() -> None:
    raw = pl.concat([bars("MM", [100, 101]), bars("UU", [110, 111])]).sort("bar_start", "contract")
    with pytest.raises(BarsRejected, match="one chain"):
        find_rolls(raw, instrument())
