"""Last trading days: published dates, and the last session of each contract in real bars."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

from rooney_core.errors import InvalidSetting
from rooney_core.market.calendar import session_labels
from rooney_core.market.contracts import parse_contract
from rooney_core.market.expiry import (
    business_days_before,
    first_notice_day,
    is_business_day,
    last_safe_day,
    last_safe_days,
    last_trading_day,
)
from rooney_core.market.instruments import Universe
from rooney_core.market.rolls import find_rolls
from rooney_core.market.simulation import SimulatedMarket, simulate_bars

ROOT = Path(__file__).parents[3]
SINGLE_CONTRACTS = ROOT.parent / "shared" / "data" / "futures_contracts_1h"
UNIVERSE = Universe.parse(yaml.safe_load((ROOT / "universe.yaml").read_text()), "universe")
MARKET = SimulatedMarket(first_session=date(2020, 1, 2), last_session=date(2024, 12, 31))
SIMULATED_FUTURES = [
    one.symbol
    for one in UNIVERSE.instruments
    if one.symbol.startswith("SIM_") and one.contract_months
]

# As the exchanges published them, and as widely reported on the day.
PUBLISHED = {
    ("ES", "ESZ24"): date(2024, 12, 20),
    ("ES", "ESH08"): date(2008, 3, 20),  # the third Friday was Good Friday
    ("ES", "ESU20"): date(2020, 9, 18),
    ("RTY", "RTYM24"): date(2024, 6, 21),
    ("CL", "CLF25"): date(2024, 12, 19),  # the 25th is Christmas
    ("CL", "CLK20"): date(2020, 4, 21),  # the day after -37.63; the 25th is a Saturday
    ("CL", "CLM20"): date(2020, 5, 19),
    ("CL", "CLZ24"): date(2024, 11, 20),
    ("CL", "CLG25"): date(2025, 1, 21),  # the 25th is a Saturday, the 20th is King's day
    ("MCL", "MCLF25"): date(2024, 12, 18),
    ("MCL", "MCLG25"): date(2025, 1, 17),
    ("NG", "NGF25"): date(2024, 12, 27),
    ("NG", "NGX12"): date(2012, 10, 29),  # the storm shut the stock exchange, not Globex
    ("NG", "NGJ24"): date(2024, 3, 26),  # Good Friday on the 29th
    ("NG", "NGZ24"): date(2024, 11, 26),  # Thanksgiving on the 28th
    ("GC", "GCZ24"): date(2024, 12, 27),
    ("SI", "SIZ24"): date(2024, 12, 27),
    ("ZN", "ZNZ24"): date(2024, 12, 19),
    ("6E", "6EZ24"): date(2024, 12, 16),
    ("6E", "6EM24"): date(2024, 6, 17),  # the Wednesday itself is Juneteenth
    ("VX", "VXF25"): date(2025, 1, 22),
    ("VX", "VXH19"): date(2019, 3, 19),  # Good Friday is the third Friday of April
    ("VX", "VXM24"): date(2024, 6, 18),  # the Wednesday is Juneteenth
}


@pytest.mark.parametrize(("symbol", "name"), PUBLISHED)
def test_published_last_trading_days(symbol, name):
    assert last_trading_day(parse_contract(name), UNIVERSE[symbol]) == PUBLISHED[symbol, name]


@pytest.mark.parametrize(
    ("symbol", "name", "notice", "safe"),
    [
        # First notice of December metals and notes 2024: Friday, 29 November.
        ("GC", "GCZ24", date(2024, 11, 29), date(2024, 11, 27)),
        ("SI", "SIZ24", date(2024, 11, 29), date(2024, 11, 27)),
        ("ZN", "ZNZ24", date(2024, 11, 29), date(2024, 11, 27)),
        ("GC", "GCG25", date(2025, 1, 31), date(2025, 1, 30)),
        ("ES", "ESZ24", None, date(2024, 12, 20)),
        ("CL", "CLF25", None, date(2024, 12, 19)),
    ],
)
def test_the_last_safe_day_is_before_the_first_notice(symbol, name, notice, safe):
    contract = parse_contract(name)
    assert first_notice_day(contract, UNIVERSE[symbol]) == notice
    assert last_safe_day(contract, UNIVERSE[symbol]) == safe


def test_business_days_are_not_globex_sessions():
    king, christmas_eve, storm = date(2025, 1, 20), date(2024, 12, 24), date(2012, 10, 29)
    assert [is_business_day(day) for day in (king, christmas_eve, storm)] == [False, True, True]
    assert business_days_before(date(2025, 1, 21), 1) == date(2025, 1, 17)
    assert business_days_before(date(2025, 1, 19), 0) == date(2025, 1, 17)
    assert business_days_before(date(2025, 1, 19), 2) == date(2025, 1, 16)
    assert business_days_before(date(2025, 1, 17), 0) == date(2025, 1, 17)


def test_without_a_rule_nobody_knows():
    with pytest.raises(InvalidSetting, match="SIM_TLT has no `expiry` rule"):
        last_trading_day(parse_contract("ESZ24"), UNIVERSE["SIM_TLT"])


# Share of contracts whose last bar is on the very day. Metals trade thinly, or not at all, on
# their last day; the rest of the contracts ends a few sessions early.
ON_THE_DAY = dict.fromkeys(["YM", "RTY", "ZN", "MCL", "MES", "MNQ", "M6E"], 1.0)
ON_THE_DAY |= {"QG": 0.95, "SI": 0.7, "MGC": 0.1}
# One micro gold contract without any trade in its last sixteen days; all others within eight.
MOST_DAYS_EARLY = {"QG": 2, "SI": 3, "MGC": 16}


@pytest.mark.skipif(not SINGLE_CONTRACTS.is_dir(), reason="no real bars beside the repository")
@pytest.mark.parametrize("symbol", ON_THE_DAY)
def test_no_real_contract_trades_after_its_rule_and_most_trade_until_it(symbol):
    instrument = UNIVERSE[symbol]
    bars = pl.read_parquet(SINGLE_CONTRACTS / f"{symbol}.parquet", columns=["ts_event", "symbol"])
    bars = bars.with_columns(session=session_labels(bars["ts_event"], instrument.product_group))
    newest = bars["session"].max()
    last = bars.group_by("symbol").agg(pl.col("session").max())
    days_early = [
        (last_trading_day(parse_contract(name), instrument) - session).days
        for name, session in last.iter_rows()
        if session < newest - timedelta(days=5)
    ]
    assert len(days_early) > 20
    assert min(days_early) == 0
    assert max(days_early) <= MOST_DAYS_EARLY.get(symbol, 0)
    assert days_early.count(0) / len(days_early) >= ON_THE_DAY[symbol]


def test_safe_days_of_names_and_of_those_that_are_no_contract_of_the_instrument():
    names = pl.Series(["ZNZ24", "ZNH25", "ZNZ24", "ZNF25", "TNZ24", "ZN", "ZNZ4", None])
    days = last_safe_days(names, UNIVERSE["ZN"])
    # Notice may come from the last business day of the month before on; January is not listed,
    # TN another root, and one digit of a year names a contract of every decade.
    notice = [date(2024, 11, 27), date(2025, 2, 27), date(2024, 11, 27)]
    assert days.to_list() == [*notice, None, None, None, None, None]
    assert days.dtype == pl.Date


@pytest.mark.parametrize("symbol", ["SIM_TLT", "TLT"])
def test_without_an_expiry_rule_no_safe_day_is_known(symbol):
    days = last_safe_days(pl.Series(["SIM_TLTZ24", "TLT"]), UNIVERSE[symbol])
    assert days.to_list() == [None, None]
    assert days.dtype == pl.Date


@pytest.mark.parametrize("symbol", SIMULATED_FUTURES)
def test_the_simulated_series_leaves_a_contract_before_it_ends(symbol):
    instrument = UNIVERSE[symbol]
    raw = simulate_bars(instrument, MARKET)
    rolls = find_rolls(raw, instrument)
    # The dates say nothing new of when to roll: volume has moved on before.
    assert rolls.equals(find_rolls(raw, instrument.model_copy(update={"expiry": None})))
    assert rolls.height > 10
    days_left = last_safe_days(rolls["roll_from"], instrument) - rolls["roll_session"]
    # It ends on the 14th (a Good Friday moved it) to the 21st; eight sessions, more than a week,
    # before the 15th or the session after it is the 1st to the 6th.
    assert min(days_left) >= timedelta(days=8)
    assert max(days_left) <= timedelta(days=20)
    # In no bar of any contract, in front or not, is its last day over.
    last_days = last_safe_days(raw["contract"], instrument)
    assert last_days.null_count() == 0
    assert (last_days > raw["session"]).all()
