"""Rolls and the spread adjustment on bars small enough to work out by hand."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from rooney_core.errors import BarsRejected, InvalidSetting
from rooney_core.market.bars import BARS_SCHEMA
from rooney_core.market.instruments import RollFacts, Universe
from rooney_core.market.rolls import CONTINUOUS_SCHEMA, contract_order, find_rolls, stitch
from rooney_core.market.simulation import SimulatedMarket, simulate_bars

ROOT = Path(__file__).parents[3]
UNIVERSE = Universe.parse(yaml.safe_load((ROOT / "universe.yaml").read_text()), "universe")


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


ROLL_TIME = datetime(2024, 3, 6, 10, tzinfo=UTC)
# Two bars a session. Volume of March against June: 100:40, 50:120 (150:160 together) on the 5th,
# so the 6th is the roll session.
TWO_CONTRACTS = _frame(
    _bar(4, 10, "XH24", 100.0, 50),
    _bar(4, 10, "XM24", 103.0, 20),
    _bar(4, 11, "XH24", 101.0, 50),
    _bar(4, 11, "XM24", 104.5, 20),
    _bar(5, 10, "XH24", 102.0, 25),
    _bar(5, 10, "XM24", 105.5, 60),
    _bar(5, 11, "XH24", 99.0, 25),
    _bar(5, 11, "XM24", 103.0, 60),
    _bar(6, 10, "XH24", 98.0, 90),
    _bar(6, 10, "XM24", 102.0, 70),
    _bar(6, 11, "XM24", 101.0, 70),
)


def test_volume_decides_the_session_after():
    assert find_rolls(TWO_CONTRACTS).rows() == [
        (
            "X",
            date(2024, 3, 6),
            ROLL_TIME,
            "XH24",
            "XM24",
            4.0,
            "volume",
            103 / 99,
            99.0,
            103.0,
            "common_bar",
        )
    ]


def test_stitching_keeps_raw_prices_and_lifts_the_past_by_the_gap():
    bars = stitch(TWO_CONTRACTS, find_rolls(TWO_CONTRACTS))
    assert bars.schema == pl.Schema(CONTINUOUS_SCHEMA)
    assert bars["contract"].to_list() == ["XH24"] * 4 + ["XM24"] * 2
    assert bars["close"].to_list() == [100.0, 101.0, 102.0, 99.0, 102.0, 101.0]
    assert bars["adjustment"].to_list() == [4.0] * 4 + [0.0] * 2
    assert bars["adjustment_ratio"].to_list() == [103 / 99] * 4 + [1.0] * 2


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
    rolls = find_rolls(rows)
    assert rolls["roll_session"].to_list() == [date(2024, 3, 5), date(2024, 3, 6)]
    assert rolls.select("roll_from", "roll_to").rows() == [("XH24", "XM24"), ("XM24", "XU24")]
    assert rolls.select("old_price", "new_price", "gap").rows() == [
        (101.0, 104.5, 3.5),
        (105.0, 105.5, 0.5),
    ]
    assert rolls["method"].unique().to_list() == ["front_change"]
    assert rolls["gap_basis"].unique().to_list() == ["first_open"]
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
    unadjusted = stitch(rows, find_rolls(rows))
    assert unadjusted.drop("adjustment_ratio").equals(rows)
    assert unadjusted["adjustment_ratio"].to_list() == [1.0, 1.0]


def test_no_bars_have_no_rolls():
    assert find_rolls(TWO_CONTRACTS.clear()).is_empty()
    assert stitch(TWO_CONTRACTS.clear(), find_rolls(TWO_CONTRACTS.clear())).is_empty()


def test_two_bars_of_one_contract_are_refused():
    twice = pl.concat([TWO_CONTRACTS, TWO_CONTRACTS[:1]])
    with pytest.raises(BarsRejected, match="two bars of one contract"):
        stitch(twice, find_rolls(TWO_CONTRACTS))


def test_one_odd_session_decides_nothing():
    # June trades six times of March on the 5th, and still less over three sessions together.
    rows = _frame(
        *(_bar(day, 10, "XH24", 100.0, 500) for day in (1, 4, 6, 7)),
        _bar(5, 10, "XH24", 100.0, 50),
        *(_bar(day, 10, "XM24", 101.0, 100) for day in (1, 4, 6, 7)),
        _bar(5, 10, "XM24", 101.0, 300),
    )
    assert find_rolls(rows).is_empty()


def test_equal_volume_is_no_reason_and_the_nearest_of_equal_ones_is_next():
    rows = [_bar(4, 10, name, 1.0, 100) for name in ("XH24", "XM24", "XU24")]
    assert find_rolls(_frame(*rows, _bar(5, 10, "XH24", 1.0, 1))).is_empty()
    rows = [_bar(4, 10, "XH24", 1.0, 99), *rows[1:], _bar(5, 10, "XM24", 1.0, 1)]
    assert find_rolls(_frame(*rows))["roll_to"].to_list() == ["XM24"]


def test_the_gap_is_of_the_last_closes_where_no_bar_is_common():
    rows = _frame(
        _bar(4, 10, "XH24", 100.0, 10),
        _bar(4, 11, "XM24", 103.0, 20),
        _bar(5, 10, "XM24", 104.0, 20),
    )
    assert find_rolls(rows).select("gap", "gap_basis").rows() == [(3.0, "last_closes")]


def test_a_common_bar_long_ago_is_found():
    days = (4, 5, 6, 7, 8, 11, 12, 13)
    rows = _frame(
        _bar(1, 10, "XH24", 100.0, 10),
        _bar(1, 10, "XM24", 102.5, 1),
        *(_bar(day, 10, "XH24", 200.0, 10) for day in days),
        *(_bar(day, 11, "XM24", 300.0, 20 if day == 13 else 1) for day in days),
        _bar(14, 10, "XM24", 300.0, 900),
        _bar(15, 10, "XM24", 300.0, 900),
    )
    assert find_rolls(rows).select("gap", "gap_basis").rows() == [(2.5, "common_bar")]


def test_contracts_of_other_months_are_never_in_front():
    listed = UNIVERSE["SIM_ES"].model_copy(update={"contract_months": "MZ"})
    rows = _frame(
        *(_bar(day, 10, "XM24", 100.0, 10) for day in (4, 5, 6)),
        *(_bar(day, 10, "XU24", 101.0, 1000) for day in (4, 5, 6)),
    )
    assert find_rolls(rows)["roll_to"].to_list() == ["XU24"]
    assert find_rolls(rows, listed).is_empty()
    bars = stitch(rows, find_rolls(rows, listed), listed)
    assert bars["contract"].unique().to_list() == ["XM24"]
    with pytest.raises(BarsRejected, match="contract_months"):
        find_rolls(rows.filter(pl.col("contract") == "XU24"), listed)


# ES of March 2024 trades on Friday the 15th for the last time.
ENDING = UNIVERSE["SIM_ES"].model_copy(update={"expiry": "third_friday"})


def test_a_contract_is_left_once_its_last_trading_day_is_over():
    rows = _frame(
        *(_bar(day, 10, "XH24", 100.0, 500) for day in (13, 14, 15)),
        *(_bar(day, 10, "XM24", 101.0, 10) for day in (13, 14, 15, 18, 19)),
        *(_bar(day, 10, "XU24", 102.0, 20) for day in (13, 14, 15, 18, 19)),
    )
    rolls = find_rolls(rows, ENDING)
    assert rolls.select("roll_session", "roll_to", "method")[0].rows() == [
        (date(2024, 3, 18), "XU24", "expiry")
    ]


def test_open_interest_decides_the_session_after():
    by_interest = UNIVERSE["SIM_ES"].model_copy(update={"roll": RollFacts(method="open_interest")})
    interest = pl.Series("open_interest", [9, 1, None, None, 4, 5, 4, 6, 3, 7, 7], pl.Int64)
    rolls = find_rolls(TWO_CONTRACTS.with_columns(interest), by_interest)
    assert rolls.select("roll_session", "method").rows() == [(date(2024, 3, 6), "open_interest")]
    for without in (TWO_CONTRACTS, TWO_CONTRACTS.with_columns(open_interest=None)):
        with pytest.raises(BarsRejected, match="open_interest"):
            find_rolls(without, by_interest)


def test_calendar_rolls_are_counted_back_from_the_last_safe_session():
    # Last day Friday the 15th; three sessions before it is Tuesday the 12th.
    by_date = ENDING.model_copy(update={"roll": RollFacts(method="calendar", sessions_before=3)})
    days = [day for day in range(1, 16) if date(2024, 3, day).isoweekday() < 6]
    rows = _frame(
        *(_bar(day, 10, name, 100.0, 10) for day in days for name in ("XH24", "XM24", "XU24"))
    )
    assert find_rolls(rows, by_date).select("roll_session", "roll_to", "method").rows() == [
        (date(2024, 3, 12), "XM24", "calendar")
    ]
    with pytest.raises(InvalidSetting, match="expiry"):
        find_rolls(rows, by_date.model_copy(update={"expiry": None}))


def test_a_calendar_roll_waits_for_a_contract_that_trades():
    by_date = ENDING.model_copy(update={"roll": RollFacts(method="calendar", sessions_before=3)})
    rows = _frame(
        *(_bar(day, 10, "XH24", 100.0, 10) for day in (11, 12, 13, 14)),
        _bar(13, 11, "XU24", 100.0, 10),
        _bar(14, 10, "XU24", 100.0, 10),
    )
    rolls = find_rolls(rows, by_date)
    assert rolls.select("roll_session", "roll_to").rows() == [(date(2024, 3, 14), "XU24")]


METHODS = {
    "volume": RollFacts(),
    "calendar": RollFacts(method="calendar", sessions_before=6),
    "open_interest": RollFacts(method="open_interest"),
}


@pytest.mark.parametrize("method", METHODS)
def test_whatever_the_future_brings_earlier_rolls_stay(method):
    page = UNIVERSE["SIM_SI"].model_copy(
        update={"roll": METHODS[method], "expiry": "third_last_business_day"}
    )
    market = SimulatedMarket(first_session=date(2019, 1, 2), last_session=date(2019, 12, 30))
    bars = simulate_bars(page, market).with_columns(open_interest=pl.col("volume"))
    full = find_rolls(bars, page)
    assert full.height >= 4
    rng = np.random.default_rng(4)
    for session in bars["session"].unique().sort()[3::9]:
        past = bars.filter(pl.col("session") < session)
        rest = bars.filter(pl.col("session") >= session)
        noise = pl.Series(rng.integers(0, 10**6, rest.height))
        other = rest.with_columns(
            pl.col("open", "high", "low", "close") * 3.0, volume=noise, open_interest=noise[::-1]
        )
        decided = full.filter(pl.col("roll_session") < session)
        assert find_rolls(past, page).equals(decided)
        changed = find_rolls(pl.concat([past, other]), page)
        # The roll of the session itself is decided too: only its first prices may matter.
        upto = pl.col("roll_session") <= session
        keys = ["roll_session", "roll_from", "roll_to", "method"]
        assert changed.filter(upto).select(keys).equals(full.filter(upto).select(keys))
        assert changed[: decided.height].equals(decided)


def test_later_bars_never_change_an_earlier_roll():
    market = SimulatedMarket(first_session=date(2019, 1, 2), last_session=date(2019, 8, 30))
    bars = simulate_bars(UNIVERSE["SIM_CL"], market)
    full = find_rolls(bars)
    assert full.height == 8
    for n_bars in range(50, bars.height, 97):
        known = find_rolls(bars[:n_bars])
        assert known.equals(full[: known.height])


def _two_busy_contracts(print_at: tuple[int, int], volume: int) -> pl.DataFrame:
    """Eight sessions of twelve bars: March trades 100 a bar and June 5, but for one bar of June."""
    return _frame(
        *(
            _bar(
                day, hour, name, price, volume if (day, hour) == print_at and name > "XH" else usual
            )
            for day in (4, 5, 6, 7, 8, 11, 12, 13)
            for hour in range(6, 18)
            for name, price, usual in (("XH24", 100.0, 100), ("XM24", 103.0, 5))
        )
    )


def test_one_odd_print_rolls_nothing_and_a_real_crossing_does() -> None:
    assert find_rolls(_two_busy_contracts((7, 10), 10**9)).is_empty()
    crossed = _two_busy_contracts((0, 0), 0).with_columns(
        volume=pl.when((pl.col("contract") == "XM24") & (pl.col("session") >= date(2024, 3, 8)))
        .then(400)
        .otherwise("volume")
    )
    assert find_rolls(crossed)["roll_session"].to_list() == [date(2024, 3, 11)]


def test_a_front_contract_that_opens_late_keeps_its_place() -> None:
    """Both shared bars before, so this source delivers all contracts: no change to follow."""
    raw = _two_busy_contracts((0, 0), 0)
    june = pl.col("contract") == "XM24"
    quiet = june & (pl.col("session") == date(2024, 3, 7))
    late = (pl.col("contract") == "XH24") & (
        pl.col("bar_start") == datetime(2024, 3, 8, 6, tzinfo=UTC)
    )
    assert find_rolls(raw.filter(~quiet & ~late)).is_empty()
