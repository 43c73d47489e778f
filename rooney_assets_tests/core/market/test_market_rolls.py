"""Rolls and the spread adjustment on bars small enough to work out by hand."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

from rooney_core.errors import BarsRejected
from rooney_core.market.bars import BARS_SCHEMA
from rooney_core.market.instruments import Universe
from rooney_core.market.rolls import contract_order, find_rolls, stitch
from rooney_core.market.simulation import SimulatedMarket, simulate_bars

ROOT = Path(__file__).parents[3]


def _bar(day: int, hour: int, contract: str, price: float, volume: int) -> dict[str, object]:
    start = datetime(2024, 3, day, hour, tzinfo=UTC)
    return {
        "symbol": "X",
        "contract": contract,
        "bar_start": start,
        "bar_end": start + timedelta(hours=1),
        "open": price - 0.5,
        "high": price + 1.0,
        "low": price - 1.0,
        "close": price,
        "volume": volume,
        "session": date(2024, 3, day),
        "adjustment": 0.0,
    }


def _frame(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=BARS_SCHEMA).sort("bar_start", "contract")


# Two bars a session. June out-trades March on the 5th, so the 6th is the roll session.
TWO_CONTRACTS = _frame(
    _bar(4, 10, "XH24", 100.0, 50),
    _bar(4, 10, "XM24", 103.0, 20),
    _bar(4, 11, "XH24", 101.0, 50),
    _bar(4, 11, "XM24", 104.5, 20),
    _bar(5, 10, "XH24", 102.0, 40),
    _bar(5, 10, "XM24", 105.5, 60),
    _bar(5, 11, "XH24", 99.0, 40),
    _bar(5, 11, "XM24", 103.0, 60),
    _bar(6, 10, "XH24", 98.0, 90),
    _bar(6, 10, "XM24", 102.0, 70),
    _bar(6, 11, "XM24", 101.0, 70),
)


def test_volume_decides_the_session_after():
    assert find_rolls(TWO_CONTRACTS).rows() == [
        ("X", date(2024, 3, 6), "XH24", "XM24", 4.0, "volume")
    ]


def test_stitching_keeps_raw_prices_and_lifts_the_past_by_the_gap():
    bars = stitch(TWO_CONTRACTS, find_rolls(TWO_CONTRACTS))
    assert bars.schema == pl.Schema(BARS_SCHEMA)
    assert bars["contract"].to_list() == ["XH24"] * 4 + ["XM24"] * 2
    assert bars["close"].to_list() == [100.0, 101.0, 102.0, 99.0, 102.0, 101.0]
    assert bars["adjustment"].to_list() == [4.0] * 4 + [0.0] * 2


def test_a_front_contract_never_comes_back():
    # On the 6th March trades more again (90 against 140 is less; make it more).
    more = TWO_CONTRACTS.with_columns(
        volume=pl.when((pl.col("contract") == "XH24") & (pl.col("session") == date(2024, 3, 6)))
        .then(10_000)
        .otherwise("volume")
    )
    longer = _frame(*more.rows(named=True), _bar(7, 10, "XH24", 97.0, 500))
    assert find_rolls(longer)["roll_to"].to_list() == ["XM24"]


def test_a_file_of_front_contracts_names_the_roll_itself():
    rows = _frame(
        _bar(4, 10, "XH24", 100.0, 50),
        _bar(4, 11, "XH24", 101.0, 50),
        _bar(5, 10, "XM24", 105.0, 10),
        _bar(6, 10, "XU24", 106.0, 10),
    )
    # First open of the new (price - 0.5) minus last close of the old.
    assert find_rolls(rows).rows() == [
        ("X", date(2024, 3, 5), "XH24", "XM24", 3.5, "front_change"),
        ("X", date(2024, 3, 6), "XM24", "XU24", 0.5, "front_change"),
    ]
    assert stitch(rows, find_rolls(rows))["adjustment"].to_list() == [4.0, 4.0, 0.5, 0.0]


def test_the_gap_is_taken_on_the_last_common_bar():
    rows = TWO_CONTRACTS.filter(
        ~((pl.col("session") == date(2024, 3, 5)) & (pl.col("bar_start").dt.hour() == 11))
        | (pl.col("contract") == "XM24")
    )
    assert find_rolls(rows)["gap"].to_list() == [3.5]


def test_contracts_are_ordered_by_expiry_not_by_letter():
    rows = _frame(*(_bar(4, 10, name, 1.0, 1) for name in ("XZ23", "XF24", "XG24", "XZ99")))
    assert contract_order(rows) == ("XZ99", "XZ23", "XF24", "XG24")


def test_names_without_a_date_are_ordered_by_appearance():
    rows = _frame(_bar(4, 10, "second", 1.0, 1), _bar(4, 9, "third", 1.0, 1))
    assert contract_order(rows) == ("third", "second")


def test_one_contract_has_no_rolls():
    rows = _frame(_bar(4, 10, "X", 1.0, 1), _bar(5, 10, "X", 2.0, 1))
    assert find_rolls(rows).is_empty()
    assert stitch(rows, find_rolls(rows)).equals(rows)


def test_no_bars_have_no_rolls():
    assert find_rolls(TWO_CONTRACTS.clear()).is_empty()
    assert stitch(TWO_CONTRACTS.clear(), find_rolls(TWO_CONTRACTS.clear())).is_empty()


def test_two_bars_of_one_contract_are_refused():
    twice = pl.concat([TWO_CONTRACTS, TWO_CONTRACTS[:1]])
    with pytest.raises(BarsRejected, match="two bars of one contract"):
        stitch(twice, find_rolls(TWO_CONTRACTS))


def test_later_bars_never_change_an_earlier_roll():
    universe = Universe.parse(yaml.safe_load((ROOT / "universe.yaml").read_text()), "universe")
    market = SimulatedMarket(first_session=date(2019, 1, 2), last_session=date(2019, 8, 30))
    bars = simulate_bars(universe["SIM_CL"], market)
    full = find_rolls(bars)
    assert full.height == 8
    for n_bars in range(50, bars.height, 97):
        known = find_rolls(bars[:n_bars])
        assert known.equals(full[: known.height])
