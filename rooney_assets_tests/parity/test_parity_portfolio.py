"""Places in a simulated portfolio are those that the trader gives, trade by trade."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest
from small_release import make_parts, universe, write_release

from rooney_core.backtest import CostModel
from rooney_core.labeling import build_training_set
from rooney_core.modeling.taken import taken_trades
from rooney_core.portfolio.simulation import TradeBook, portfolio_trades, simulate
from rooney_core.release import load_release
from rooney_live.journal import Journal
from rooney_live.rehearsal.rehearse import rehearse
from rooney_live.release_store import read_release

N_SESSIONS = 60
ORDERS = (("SIM_CL", "SIM_ES"), ("SIM_ES", "SIM_CL"))


@pytest.fixture(scope="module")
def parts():
    return make_parts()


def rehearsed(parts, order, folder) -> dict[str, list[int]]:
    """Signal times of the trades that the real trader entered with one place, by symbol."""
    parts.write_bars(folder)
    write_release(parts.release(dict.fromkeys(order, 1), max_positions=1), folder)
    with Journal.open(folder / "journal.sqlite") as journal:
        report = rehearse(read_release(folder), folder, journal, N_SESSIONS, simulated=None)
        trades = journal.query("SELECT symbol, signal_time_us FROM trades")
    assert report.decisions_by_code["MAX_POSITIONS"] > 5
    return {one: sorted(t["signal_time_us"] for t in trades if t["symbol"] == one) for one in order}


def book_of(parts, release, symbol: str, sessions: pl.Series) -> TradeBook:
    """All trades that the model takes, as a portfolio reads them from the training set."""
    instrument, strategy = universe()[symbol], parts.strategies[symbol].row(0, named=True)
    rows = build_training_set(
        parts.continuous[symbol],
        strategy["variant"],
        strategy["params"],
        CostModel.of(instrument),
        instrument,
        parts.feeds(symbol),
    )
    taken = taken_trades(release.bundles[symbol].model, rows)
    return TradeBook.of(portfolio_trades(taken, instrument), sessions)


@pytest.mark.parametrize("order", ORDERS)
def test_the_trader_enters_what_the_simulation_admits(parts, tmp_path, order) -> None:
    release = load_release(*parts.release(dict.fromkeys(order, 1), max_positions=1))
    sessions = parts.continuous["SIM_ES"]["session"].unique().sort().tail(N_SESSIONS)
    books = {symbol: book_of(parts, release, symbol, sessions) for symbol in order}
    found = simulate(
        books, dict.fromkeys(order, 1.0), len(sessions), max_positions=1, cash_usd=100_000.0
    )
    entered = rehearsed(parts, order, tmp_path)
    for symbol in order:
        admitted = books[symbol].signal_us[found.taken[symbol]]
        assert admitted.tolist() == entered[symbol], (symbol, told(admitted, entered[symbol]))
    assert found.n_denied > 5
    assert found.n_trades > 20


def told(admitted, entered) -> list[str]:
    odd = set(admitted.tolist()) ^ set(entered)
    return [datetime.fromtimestamp(one / 1e6).isoformat() for one in sorted(odd)]
