"""Money from the replay to the broker, step by step, worked by hand; the steps add up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from small_universe import instrument_of

from rooney_core.feedback.causes import USD_COLUMNS, Cause
from rooney_core.feedback.decided import Because, Differs
from rooney_core.feedback.parity import Book, Prices, days_table, differences_of, differences_table

ES = instrument_of("SIM_ES")
BEGIN = datetime(2026, 3, 2, 14, tzinfo=UTC)
HOUR = timedelta(hours=1)
TODAY, N = date(2026, 3, 2), 8
FEE = 2.0
PAUSED = Because(Cause.SIZING, "paused")


def at(hours: float) -> datetime:
    return BEGIN + timedelta(hours=hours)


BARS = pl.DataFrame(
    {
        "bar_start": [at(n) for n in range(N)],
        "bar_end": [at(n + 1) for n in range(N)],
        "open": [5000.0 + n for n in range(N)],
        "session": [TODAY] * N,
    }
)


def trip(size: int = 2, **other: Any) -> dict[str, Any]:
    """Long from 5001 to 5004: 3 points x 50 USD x contracts, less 4 USD a contract."""
    points = other.pop("points", 3.0)
    row = {
        "entry_order_id": "in",
        "exit_order_id": "out",
        "exit_fill_order_id": "out",
        "symbol": "SIM_ES",
        "side": 1,
        "size": size,
        "signal_time": at(1),
        "entry_time": at(1),
        "exit_time": at(4),
        "entry_price": 5001.0,
        "exit_price": 5001.0 + points,
        "exit_reason": "SIGNAL",
        "commission_usd": 2 * FEE * size,
        "net_profit_usd": points * ES.multiplier * size - 2 * FEE * size,
        "rolls": 0,
        "roll_gap": 0.0,
    }
    return row | other


def fill(order_id: str, price: float, **other: Any) -> dict[str, Any]:
    when = at(1) if order_id == "in" else at(4)
    row = {
        "order_id": order_id,
        "filled_at": when + timedelta(seconds=2),
        "fill_price": price,
        "size": 2,
        "fill_commission_usd": 2 * FEE,
    }
    return row | other


def order(order_id: str, **other: Any) -> dict[str, Any]:
    row = {
        "order_id": order_id,
        "intent": "enter" if order_id == "in" else "exit",
        "decided_at": at(1) if order_id == "in" else at(4),
        "side": 1,
        "size": 2,
        "state": "ACKED",
        "order_code": "",
        "origin": "decision",
    }
    return row | other


BOOK = Book(
    symbol="SIM_ES",
    run_id="r",
    instrument=ES,
    size=2,
    commission_usd=FEE,
    recorded=[trip()],
    replayed=[trip()],
    reported={},
    orders={"in": order("in"), "out": order("out")},
    prices=Prices.of(BARS),
    tolerance_usd=0.01,
    max_delay=timedelta(seconds=120),
)


def money(book: Book, *decided: Differs) -> dict[str, float]:
    """USD by cause, which add up to live minus replayed."""
    found = differences_of(book, decided)
    recorded = pl.DataFrame({"session": [TODAY]})
    (row,) = days_table(book, found, recorded, [TODAY]).to_dicts()
    told = {name.removesuffix("_usd"): row[name] for name in USD_COLUMNS if row[name]}
    assert row["live_pnl_usd"] - row["replayed_pnl_usd"] == pytest.approx(sum(told.values()))
    assert row["replayed_pnl_usd"] == sum(one["net_profit_usd"] for one in book.replayed)
    assert differences_table(book, found).height == len(found)
    return told


def differs(hours: float, because: Because) -> Differs:
    return Differs(at(hours), None, None, because)


def test_equal_trades_differ_in_nothing() -> None:
    assert ES.multiplier == 50.0
    assert money(BOOK) == {}


def test_a_trade_that_was_not_taken_is_its_whole_profit() -> None:
    missed = replace(BOOK, recorded=[])
    assert money(missed, differs(1, PAUSED)) == {"sizing": -292.0}
    assert money(missed) == {"unexplained": -292.0}
    refused = replace(missed, orders={"in": order("in", state="REJECTED")})
    assert money(refused) == {"fill": -292.0}


def test_a_trade_that_only_the_trader_took() -> None:
    extra = replace(BOOK, replayed=[])
    data = Because(Cause.DATA, "another close")
    assert money(extra, differs(1, data)) == {"data": 292.0}
    assert money(extra) == {"unexplained": 292.0}


def test_another_size_is_sizing_and_no_more() -> None:
    assert money(replace(BOOK, recorded=[trip(size=1)])) == {"sizing": -146.0}


def test_another_exit_is_what_its_decisions_say() -> None:
    # Left at 5002 instead of 5004: 2 points x 50 x 2 contracts less.
    early = replace(BOOK, recorded=[trip(points=1.0, exit_time=at(2), exit_reason="FLAT_TIME")])
    assert money(early) == {"unexplained": -200.0}
    assert money(early, differs(2, Because(Cause.DATA, "x"))) == {"data": -200.0}
    by_hand = {"in": order("in"), "out": order("out", origin="flatten")}
    assert money(replace(early, orders=by_hand)) == {"timing": -200.0}


def test_a_profit_that_its_prices_do_not_give_is_unexplained() -> None:
    assert money(replace(BOOK, recorded=[trip(net_profit_usd=400.0)])) == {"unexplained": 108.0}


def test_rounding_is_no_difference() -> None:
    assert differences_of(replace(BOOK, recorded=[trip(net_profit_usd=292.009)]), []) == []


def test_another_commission_of_the_paper_account_is_cost() -> None:
    dear = trip(commission_usd=10.0, net_profit_usd=290.0)
    assert money(replace(BOOK, recorded=[dear])) == {"cost": -2.0}


def test_the_broker_s_prices_are_fills() -> None:
    # Bought a quarter point dearer, sold half a point cheaper: 0.75 x 50 x 2.
    reported = {"in": fill("in", 5001.25), "out": fill("out", 5003.5)}
    assert money(replace(BOOK, reported=reported)) == {"fill": -75.0}


def test_the_broker_s_commission_is_cost() -> None:
    reported = {"in": fill("in", 5001.0, fill_commission_usd=5.0), "out": fill("out", 5004.0)}
    assert money(replace(BOOK, reported=reported)) == {"cost": -1.0}


def test_one_reported_end_says_nothing_yet() -> None:
    assert money(replace(BOOK, reported={"in": fill("in", 5100.0)})) == {}


def test_a_late_fill_is_timing_as_far_as_the_market_moved() -> None:
    # Out two hours late: the open went from 5004 to 5006, the broker paid 5005.5.
    late = fill("out", 5005.5, filled_at=at(6) + timedelta(seconds=2))
    reported = {"in": fill("in", 5001.0), "out": late}
    assert money(replace(BOOK, reported=reported)) == {"timing": 200.0, "fill": -50.0}


def test_a_part_that_was_filled_is_a_fill() -> None:
    half = {"size": 1, "fill_commission_usd": FEE}
    reported = {"in": fill("in", 5001.0, **half), "out": fill("out", 5004.0, **half)}
    assert money(replace(BOOK, reported=reported)) == {"fill": -146.0}


def test_a_short_trade_has_the_other_signs() -> None:
    short = trip(side=-1, points=-3.0, net_profit_usd=292.0)
    book = replace(BOOK, recorded=[short], replayed=[short])
    reported = {"in": fill("in", 5000.75), "out": fill("out", 4998.5)}
    assert money(replace(book, reported=reported)) == {"fill": -75.0}


def test_an_exit_that_the_paper_account_knows_nothing_of_is_timing() -> None:
    """Flattened at 5002.5 after an hour, where the strategy went on to 5004: 1.5 x 50 x 2."""
    gone = fill("flat", 5002.5, filled_at=at(2))
    orders = BOOK.orders | {"flat": order("flat", intent="exit", origin="flatten")}
    reported = {"in": fill("in", 5001.0), "flat": gone}
    own = trip(exit_fill_order_id="flat")
    book = replace(BOOK, recorded=[own], reported=reported, orders=orders, expected=("in", "out"))
    assert money(book) == {"timing": -150.0}


def test_an_open_position_is_no_difference_yet() -> None:
    book = replace(BOOK, recorded=[], replayed=[], reported={"in": fill("in", 5001.25)})
    assert money(replace(book, expected=("in",))) == {}
    assert list(money(book)) == []
    assert differences_of(book, [])[0].because.cause is Cause.UNEXPLAINED


def test_everything_at_once_adds_up() -> None:
    """Three contracts instead of two, left early by a flatten, worse prices, late, dearer."""
    own = trip(size=3, points=1.0, exit_time=at(2))
    size = {"size": 3, "fill_commission_usd": 9.0}
    reported = {
        "in": fill("in", 5001.5, **size),
        "out": fill("out", 5003.0, filled_at=at(3), **size),
    }
    orders = {"in": order("in"), "out": order("out", origin="flatten")}
    told = money(replace(BOOK, recorded=[own], reported=reported, orders=orders))
    # By hand: size +146; exit 2 points early -300; the flatten's fill at 5003 instead of 5002 +150;
    # entry half a point dearer -75; commission 2 x (9 - 6) -6.
    assert told == {"sizing": 146.0, "timing": -300.0 + 150.0, "fill": -75.0, "cost": -6.0}
    live = (5003.0 - 5001.5) * 50 * 3 - 18.0
    assert sum(told.values()) == pytest.approx(live - 292.0)


def test_fills_that_the_paper_account_left_out() -> None:
    orders = {"in": order("in", state="UNKNOWN"), "back": order("back", origin="recovery")}
    reported = {
        "in": fill("in", 5001.0),
        "back": fill("back", 5000.0, filled_at=at(2)),
    }
    book = replace(BOOK, recorded=[], replayed=[], orders=orders, reported=reported)
    # One point lost on two contracts, and 4 USD of commission at each end.
    assert money(book) == {"fill": -108.0}
    by_hand = {name: one | {"origin": "manual"} for name, one in orders.items()}
    assert money(replace(book, orders=by_hand)) == {"signal": -108.0}
    (open_end,) = differences_of(replace(book, reported={"in": reported["in"]}), [])
    assert open_end.because.cause is Cause.UNEXPLAINED
    assert "leave 2 contracts open" in open_end.because.proof
