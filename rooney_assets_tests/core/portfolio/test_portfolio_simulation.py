"""Places given by priority, against a clock that walks through every hour."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from portfolio_symbols import COST, SESSIONS, drawn_trades, instrument, trades

from rooney_core.errors import InvalidSetting
from rooney_core.portfolio.simulation import TradeBook, portfolio_trades, simulate

DAY = date(2019, 1, 7)
WEEK = pl.Series("session", [DAY + timedelta(days=i) for i in range(5)])


def at(hour: int, day: int = 0) -> datetime:
    return datetime(2019, 1, 7, hour, tzinfo=UTC) + timedelta(days=day)


def books(**rows) -> dict[str, TradeBook]:
    return {symbol: TradeBook.of(trades(one), WEEK) for symbol, one in rows.items()}


def test_the_third_signal_finds_no_place() -> None:
    table = books(
        A=[(at(10), at(15), [(DAY, 0.01)])],
        B=[(at(11), at(13), [(DAY, 0.02)])],
        C=[(at(12), at(14), [(DAY, 0.04)]), (at(14), at(16), [(DAY, 0.08)])],
    )
    found = simulate(table, {"A": 100, "B": 100, "C": 100}, 5, max_positions=2, cash_usd=1000)
    taken = {symbol: one.tolist() for symbol, one in found.taken.items()}
    assert taken == {"A": [True], "B": [True], "C": [False, True]}
    assert found.daily_pnl_usd.tolist() == pytest.approx([11.0, 0, 0, 0, 0])
    assert (found.n_trades, found.n_denied) == (3, 1)
    assert found.trades_per_year == pytest.approx(3 * 252 / 5)


def test_at_one_moment_the_order_of_the_symbols_decides() -> None:
    rows = {
        "A": [(at(10), at(12), [(DAY, 0.01)])],
        "B": [(at(10), at(12), [(DAY, 0.02)])],
    }
    one_place = {"max_positions": 1, "cash_usd": 1000}
    forwards = simulate(books(**rows), {"A": 100, "B": 100}, 5, **one_place)
    assert forwards.taken["A"].tolist() == [True]
    backwards = simulate(books(B=rows["B"], A=rows["A"]), {"A": 100, "B": 100}, 5, **one_place)
    assert backwards.taken["A"].tolist() == [False]


def test_a_place_is_occupied_at_the_moment_of_the_exit() -> None:
    table = books(
        A=[(at(10), at(12), [(DAY, 0.01)])],
        B=[(at(12), at(14), [(DAY, 0.02)]), (at(15), at(16), [(DAY, 0.02)])],
    )
    found = simulate(table, {"A": 1, "B": 1}, 5, max_positions=1, cash_usd=1000)
    assert found.taken["B"].tolist() == [False, True]


def test_a_later_outcome_changes_no_place() -> None:
    """Priority is ex ante: what a trade earned decides nothing."""
    rng = np.random.default_rng(0)
    sessions = SESSIONS
    before = {f"S{i}": drawn_trades(i) for i in range(4)}
    after = {
        symbol: one.with_columns(
            held_return=pl.Series([rng.normal(size=len(x)).tolist() for x in one["held_return"]])
        )
        for symbol, one in before.items()
    }
    taken = []
    for tables in (before, after):
        made = {symbol: TradeBook.of(one, sessions) for symbol, one in tables.items()}
        found = simulate(
            made, dict.fromkeys(made, 1.0), len(sessions), max_positions=2, cash_usd=1.0
        )
        taken.append({symbol: one.tolist() for symbol, one in found.taken.items()})
    assert taken[0] == taken[1]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), n_symbols=st.integers(1, 5), max_positions=st.integers(1, 3))
def test_places_are_those_of_a_clock(seed: int, n_symbols: int, max_positions: int) -> None:
    tables = {f"S{i}": drawn_trades(10 * seed + i, n=150) for i in range(n_symbols)}
    worth = {symbol: 1_000.0 * (i + 1) for i, symbol in enumerate(tables)}
    signals: dict[datetime, list[tuple[str, int]]] = {}
    for symbol, table in tables.items():
        for row, start in enumerate(table["label_start"].to_list()):
            signals.setdefault(start, []).append((symbol, row))
    held: list[datetime] = []
    granted: set[tuple[str, int]] = set()
    for moment in sorted(signals):
        held = [end for end in held if end >= moment]
        for symbol, row in signals[moment]:
            if len(held) < max_positions:
                held.append(tables[symbol]["exit_time"][row])
                granted.add((symbol, row))
    daily = dict.fromkeys(SESSIONS.to_list(), 0.0)
    for symbol, row in granted:
        days, earned = (tables[symbol][name][row] for name in ("held_sessions", "held_return"))
        for day, one in zip(days, earned, strict=True):
            daily[day] += worth[symbol] * one
    made = {symbol: TradeBook.of(one, SESSIONS) for symbol, one in tables.items()}
    found = simulate(made, worth, len(SESSIONS), max_positions=max_positions, cash_usd=1e5)
    assert found.daily_pnl_usd.tolist() == pytest.approx(list(daily.values()), abs=1e-9)
    assert {
        (symbol, row) for symbol, one in found.taken.items() for row in np.flatnonzero(one)
    } == granted
    equity, peak, deepest = 1e5, 1e5, 0.0
    for one in daily.values():
        equity += one
        peak = max(peak, equity)
        deepest = min(deepest, equity / peak - 1)
    assert found.max_drawdown == pytest.approx(deepest)


def test_double_costs_are_booked_at_the_exit() -> None:
    overnight = [(at(10), at(9, 1), [(DAY, 0.01), (DAY + timedelta(days=1), 0.02)])]
    once = TradeBook.of(trades(overnight), WEEK).daily(5)
    twice = TradeBook.of(trades(overnight), WEEK, 2.0).daily(5)
    assert (once - twice).tolist() == pytest.approx([0.0, COST, 0.0, 0.0, 0.0])


def test_trades_that_reach_beyond_the_days_are_left_out() -> None:
    rows = [
        (at(10, -1), at(9), [(DAY - timedelta(days=1), 0.01), (DAY, 0.02)]),
        (at(10, 4), at(9, 5), [(DAY + timedelta(days=4), 0.01), (DAY + timedelta(days=5), 0.02)]),
        (at(10, 2), at(12, 2), [(DAY + timedelta(days=2), 0.04)]),
    ]
    book = TradeBook.of(trades(rows), WEEK)
    assert book.daily(5).tolist() == [0.0, 0.0, 0.04, 0.0, 0.0]
    assert len(TradeBook.of(trades(rows), WEEK.head(0)).signal_us) == 0


def test_nothing_to_trade_is_flat() -> None:
    found = simulate({}, {}, 3, max_positions=2, cash_usd=100.0)
    assert found.daily_pnl_usd.tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(found.annual_sharpe)
    with pytest.raises(InvalidSetting):
        simulate({}, {}, 3, max_positions=0, cash_usd=100.0)


def test_costs_are_over_the_value_at_entry() -> None:
    taken = pl.DataFrame(
        {
            "label_start": [at(10)],
            "exit_time": [at(12)],
            "held_sessions": [[DAY]],
            "held_return": [[0.01]],
            "costs_usd": [20.0],
            "entry_price": [-100.0],
        }
    )
    made = portfolio_trades(taken, instrument("SIM_A"))
    assert made["cost_return"].to_list() == [20.0 / 5000.0]
