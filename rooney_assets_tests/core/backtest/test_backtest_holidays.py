"""Whoever enters in the hours of a bank holiday is out before its halt, not a day later."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest
import yaml

from rooney_core.backtest.play import play
from rooney_core.market.bars import BarArrays
from rooney_core.market.holidays import bank_holidays
from rooney_core.market.instruments import Universe
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.simulation import SimulatedMarket, simulate_bars
from rooney_core.strategies import Signals

ROOT = Path(__file__).parents[3]
UNIVERSE = Universe.parse(yaml.safe_load((ROOT / "universe.yaml").read_text()), "universe")
YEARS = range(2012, 2025)


@pytest.mark.parametrize("symbol", ["SIM_ES", "SIM_CL", "SIM_6E"])
def test_a_position_of_the_holiday_is_flat_before_the_halt(symbol):
    instrument = UNIVERSE[symbol]
    market = SimulatedMarket(first_session=date(2012, 1, 3), last_session=date(2024, 12, 30))
    raw = simulate_bars(instrument, market)
    frame = stitch(raw, find_rolls(raw))
    bars = BarArrays.from_frame(frame, instrument)
    n = len(bars)
    # Always wants in, and never out: only the clock ends a trade.
    always = Signals(np.ones(n, np.int8), np.zeros(n, np.bool_), np.full(n, np.nan), 10_000)
    trades = play(bars, always)

    # Days by Chicago's clock alone: 17:00 begins the next.
    chicago = frame["bar_start"].dt.convert_time_zone("America/Chicago")
    dates = np.array(chicago.dt.offset_by("7h").dt.date().to_list())
    holidays = {one for year in YEARS for one in bank_holidays(year)}
    entered, left = dates[trades.entry_index], dates[trades.exit_index]
    on_holiday = np.isin(entered, sorted(holidays))
    assert on_holiday.sum() > 70
    assert (entered == left).all()
    assert (bars.bar_end_us[trades.exit_index] <= bars.flat_deadline_us[trades.entry_index]).all()
    hour = chicago.dt.hour().to_numpy()[trades.exit_index]
    assert (hour[on_holiday] < 12).all()
    assert set(trades.exit_reason) == {"FLAT_TIME"}
    # And each such session is traded twice: in the holiday's hours, and on the trade date.
    sessions = bars.session[trades.entry_index]
    assert np.isin(sessions[on_holiday], sessions[~on_holiday]).all()
