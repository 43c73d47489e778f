"""The simulated market: repeatable, independent, shaped like a market, and true to its truth."""

from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from pydantic import ValidationError

from rooney_core.errors import InvalidSetting, NotEnoughData
from rooney_core.market.bars import BARS_SCHEMA, BarArrays, validate_bars
from rooney_core.market.calendar import expected_bar_starts, schedule
from rooney_core.market.instruments import Instrument, Universe
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import session_bars
from rooney_core.market.simulation import SimulatedMarket, simulate_bars, simulated_truth

ROOT = Path(__file__).parents[3]
UNIVERSE = Universe.parse(yaml.safe_load((ROOT / "universe.yaml").read_text()), "universe")
SIMULATED = UNIVERSE.offered_by("simulated").symbols
SHORT = SimulatedMarket(first_session=date(2014, 1, 2), last_session=date(2015, 12, 31))
EIGHT_YEARS = SimulatedMarket(last_session=date(2018, 12, 31))
EPOCH = date(1970, 1, 1)


def _with_facts(symbol: str, **changed: object) -> Instrument:
    page = UNIVERSE[symbol].model_dump()
    page["sources"]["simulated"] |= changed
    return Instrument.model_validate(page)


def _continuous(instrument: Instrument, market: SimulatedMarket) -> pl.DataFrame:
    raw = simulate_bars(instrument, market)
    return stitch(raw, find_rolls(raw))


def _returns(bars: pl.DataFrame) -> np.ndarray:
    adjusted = (bars["close"] + bars["adjustment"]).to_numpy()
    return np.diff(adjusted) / bars["close"].to_numpy()[:-1]


@pytest.mark.parametrize("symbol", SIMULATED)
def test_every_simulated_symbol_makes_valid_bars_on_its_tick_grid(symbol):
    instrument = UNIVERSE[symbol]
    raw = simulate_bars(instrument, SHORT)
    assert raw.schema == pl.Schema(BARS_SCHEMA)
    validate_bars(raw, instrument)
    ticks = raw.select(pl.col("open", "high", "low", "close") / instrument.tick_size).to_numpy()
    assert np.abs(ticks - np.round(ticks)).max() < 1e-6
    assert raw["low"].min() > 0
    assert raw["volume"].min() >= 1


def test_the_same_seed_gives_the_same_bars_and_another_seed_others():
    first, again = (simulate_bars(UNIVERSE["SIM_ES"], SHORT) for _ in range(2))
    assert first.equals(again)
    other = SHORT.model_copy(update={"seed": 7})
    assert not first.equals(simulate_bars(UNIVERSE["SIM_ES"], other))


def test_a_symbol_does_not_depend_on_the_others():
    alone = simulate_bars(UNIVERSE["SIM_CL"], SHORT)
    for symbol in SIMULATED:
        simulate_bars(UNIVERSE[symbol], SHORT)
    assert alone.equals(simulate_bars(UNIVERSE["SIM_CL"], SHORT))


def test_a_longer_market_begins_with_the_shorter_one():
    longer = SHORT.model_copy(update={"last_session": date(2016, 12, 30)})
    short = simulate_bars(UNIVERSE["SIM_GC"], SHORT)
    assert simulate_bars(UNIVERSE["SIM_GC"], longer)[: short.height].equals(short)


def test_sessions_are_the_calendars_with_early_closes_and_the_break():
    bars = _continuous(UNIVERSE["SIM_ES"], SHORT)
    plan = schedule("equity_index", SHORT.first_session, SHORT.last_session)
    assert bars["session"].unique(maintain_order=True).to_list() == plan["session"].to_list()
    counts = dict(bars.group_by("session").len().iter_rows())
    assert counts[date(2014, 5, 20)] == 23
    assert date(2014, 11, 27) not in counts
    # Thanksgiving's 19 hours, a halt, then Friday's; the last from 12:00 to 12:15.
    assert counts[date(2014, 11, 28)] == 19 + 20
    assert date(2014, 4, 18) not in counts
    local = bars["bar_start"].dt.convert_time_zone("America/Chicago").dt.hour()
    assert 16 not in local.to_list()
    halt = bars.filter(
        pl.col("bar_start") >= datetime(2014, 11, 27, 18, tzinfo=UTC),
        pl.col("bar_start") < datetime(2014, 11, 27, 23, tzinfo=UTC),
    )
    assert halt.is_empty()
    expected = expected_bar_starts("equity_index", SHORT.first_session, SHORT.last_session)
    assert bars.join(expected, on=["session", "bar_start"], how="anti").is_empty()


def test_two_contracts_trade_around_each_roll_and_volume_crosses_before_it():
    raw = simulate_bars(UNIVERSE["SIM_ES"], SHORT)
    names = raw["contract"].unique(maintain_order=True).to_list()
    assert names == [f"SIM_ES{m}{y}" for y in (14, 15, 16) for m in "HMUZ"][: len(names)]
    assert len(names) == 9
    rolls = find_rolls(raw)
    assert rolls["method"].unique().to_list() == ["volume"]
    for old, new in pairwise(names):
        both = raw.filter(pl.col("contract") == old)["session"].unique().to_list()
        shared = raw.filter(pl.col("contract") == new, pl.col("session").is_in(both))
        assert shared["session"].n_unique() == 4
    # June 2014: the eighth session before Monday the 16th (the 15th is a Sunday).
    assert date(2014, 6, 4) in rolls["roll_session"].to_list()


def test_roll_gaps_are_near_the_carry():
    rolls = find_rolls(simulate_bars(UNIVERSE["SIM_CL"], SimulatedMarket()))
    bars = _continuous(UNIVERSE["SIM_CL"], SimulatedMarket())
    price = bars.group_by("session").agg(pl.col("close").first())
    gaps = rolls.join(price, left_on="roll_session", right_on="session")
    fraction = (gaps["gap"] / gaps["close"]).to_numpy()
    assert len(fraction) == 192
    assert fraction.mean() == pytest.approx(0.004, rel=0.1)
    assert fraction.std() == pytest.approx(0.0012, rel=0.3)


def test_daily_bars_have_one_contract_and_the_hours_of_shares():
    raw = simulate_bars(UNIVERSE["SIM_TLT"], SHORT)
    plan = schedule("us_equity", SHORT.first_session, SHORT.last_session)
    assert raw["session"].to_list() == plan["session"].to_list()
    assert raw["bar_start"].to_list() == plan["session_open"].to_list()
    assert raw["bar_end"].to_list() == plan["session_close"].to_list()
    assert raw["contract"].unique().to_list() == ["SIM_TLT"]
    assert find_rolls(raw).is_empty()


@pytest.mark.parametrize("symbol", ["SIM_NQ", "SIM_SI", "SIM_6E"])
def test_returns_have_fat_tails_and_clustered_volatility(symbol):
    returns = _returns(_continuous(UNIVERSE[symbol], EIGHT_YEARS))
    centred = returns - returns.mean()
    assert (centred**4).mean() / centred.var() ** 2 - 3 > 1
    size = np.abs(returns)
    # A day apart, so that the shape of the day does not do it.
    assert np.corrcoef(size[23:], size[:-23])[0, 1] > 0.1
    same_hour = session_bars(_continuous(UNIVERSE[symbol], EIGHT_YEARS), UNIVERSE[symbol])
    daily = np.abs(_returns(same_hour))
    assert np.corrcoef(daily[1:], daily[:-1])[0, 1] > 0.05


@pytest.mark.parametrize("symbol", ["SIM_NQ", "SIM_SI", "SIM_ZN", "SIM_TLT"])
def test_annual_volatility_is_what_the_facts_say(symbol):
    instrument = UNIVERSE[symbol]
    daily = session_bars(_continuous(instrument, SimulatedMarket()), instrument)
    stated = instrument.sources.simulated.annual_volatility
    assert _returns(daily).std() * np.sqrt(252) == pytest.approx(stated, rel=0.12)


@pytest.mark.parametrize(
    ("one", "other"),
    [("SIM_NQ", "SIM_SI"), ("SIM_NQ", "SIM_6A"), ("SIM_NQ", "SIM_ZN"), ("SIM_NQ", "SIM_TLT")],
)
def test_correlation_is_the_product_of_the_betas(one, other):
    frames = [
        session_bars(_continuous(UNIVERSE[symbol], SimulatedMarket()), UNIVERSE[symbol])
        .with_columns(adjusted=pl.col("close") + pl.col("adjustment"))
        .with_columns(move=pl.col("adjusted").diff() / pl.col("close").shift())
        .select("session", "move")
        for symbol in (one, other)
    ]
    moves = frames[0].join(frames[1], on="session", suffix="_other").drop_nulls()
    betas = [UNIVERSE[symbol].sources.simulated.market_beta for symbol in (one, other)]
    measured = np.corrcoef(moves["move"], moves["move_other"])[0, 1]
    assert measured == pytest.approx(betas[0] * betas[1], abs=0.1)


def test_volume_follows_the_clock_and_volatility():
    bars = _continuous(UNIVERSE["SIM_NQ"], SHORT)
    by_hour = dict(
        bars.group_by(pl.col("bar_start").dt.convert_time_zone("America/Chicago").dt.hour())
        .agg(pl.col("volume").mean())
        .iter_rows()
    )
    assert by_hour[9] > 5 * by_hour[19]
    noon = bars.filter(pl.col("bar_start").dt.hour() == 15)
    size = np.log1p((noon["high"] - noon["low"]).to_numpy())
    assert np.corrcoef(size, np.log(noon["volume"].to_numpy()))[0, 1] > 0.2


@pytest.mark.parametrize("seed", [20100104, 1, 2])
@pytest.mark.parametrize("symbol", ["SIM_CL", "SIM_SI", "SIM_6E"])
def test_sixteen_years_stay_sane(symbol, seed):
    bars = simulate_bars(UNIVERSE[symbol], SimulatedMarket(seed=seed))
    start = UNIVERSE[symbol].sources.simulated.start_price
    assert bars["low"].min() > start / 8
    assert bars["high"].max() < start * 8


def _predictability(
    instrument: Instrument, first: date = date.min, last: date = EIGHT_YEARS.last_session
) -> float:
    """t statistic of the next bar's open-to-close move on 0.5 - IBS, inside sessions."""
    bars = _continuous(instrument, EIGHT_YEARS)
    bars = bars.filter(pl.col("session").is_between(first, last))
    opened, high, low, close = (bars[c].to_numpy() for c in ("open", "high", "low", "close"))
    session = bars["session"].to_physical().to_numpy()
    spread = high - low
    strength = np.where(spread > 0, (close - low) / np.where(spread > 0, spread, 1.0), 0.5)
    inside = session[1:] == session[:-1]
    pull = (0.5 - strength[:-1])[inside]
    move = ((close - opened) / opened)[1:][inside]
    return float(np.corrcoef(pull, move)[0, 1] * np.sqrt(len(move)))


@pytest.mark.parametrize("symbol", ["SIM_ES", "SIM_CL", "SIM_GC", "SIM_RTY"])
def test_the_planted_edge_is_there(symbol):
    assert _predictability(UNIVERSE[symbol]) > 4


@pytest.mark.parametrize("symbol", ["SIM_NQ", "SIM_SI", "SIM_ZN", "SIM_6E", "SIM_6A"])
def test_no_edge_is_there_where_none_is_planted(symbol):
    assert abs(_predictability(UNIVERSE[symbol])) < 3.5


def test_the_edge_does_not_reach_over_the_session_break():
    bars = _continuous(_with_facts("SIM_GC", reversion_edge=5.0), EIGHT_YEARS)
    daily = bars.group_by("session", maintain_order=True).agg(
        pl.col("open", "close").first().name.suffix("_first"),
        (pl.col("close", "high", "low") * 1.0).last().name.suffix("_last"),
    )
    spread = daily["high_last"] - daily["low_last"]
    strength = ((daily["close_last"] - daily["low_last"]) / spread).to_numpy()[:-1]
    first_bar = ((daily["close_first"] - daily["open_first"]) / daily["open_first"]).to_numpy()[1:]
    known = np.isfinite(strength)
    t = np.corrcoef(0.5 - strength[known], first_bar[known])[0, 1] * np.sqrt(known.sum())
    assert abs(t) < 3.5


def _simplest_strategy_sharpe(instrument: Instrument, first: date, last: date) -> float:
    """Long at the open after IBS < 0.2; out at the open after IBS > 0.8 or five bars, or flat by
    the deadline; commission and slippage per side. Annual Sharpe of daily returns, flat days too.
    """
    bars = BarArrays.from_frame(_continuous(instrument, EIGHT_YEARS), instrument)
    slip = instrument.slippage_ticks * instrument.tick_size
    fee, size = instrument.commission_per_contract_usd, instrument.multiplier
    hour, pnl, last_close = 3_600_000_000, {}, {}
    held = pending = n_held = 0
    mark = 0.0
    for i in range(len(bars)):
        day, profit = int(bars.session[i]), 0.0
        same = i > 0 and bars.session[i] == bars.session[i - 1]
        if pending == 1 and same and bars.bar_end_us[i] <= bars.flat_deadline_us[i]:
            held, mark, n_held = 1, bars.open[i] + slip, 0
            profit -= fee
        elif pending == -1:
            assert same
            held = 0
            profit += (bars.open[i] - slip - mark) * size - fee
        pending = 0
        spread = bars.high[i] - bars.low[i]
        strength = (bars.close[i] - bars.low[i]) / spread if spread > 0 else 0.5
        room = bars.bar_end_us[i] + hour <= bars.flat_deadline_us[i]
        if held:
            n_held += 1
            profit += (bars.close[i] - mark) * size
            mark = bars.close[i]
            if not room:
                profit -= slip * size + fee
                held = 0
            elif strength > 0.8 or n_held >= 5:
                pending = -1
        elif strength < 0.2 and room:
            pending = 1
        pnl[day] = pnl.get(day, 0.0) + profit
        last_close[day] = bars.close[i]
    returns = [
        pnl[now] / (last_close[before] * size)
        for before, now in pairwise(sorted(pnl))
        if (first - EPOCH).days <= now <= (last - EPOCH).days
    ]
    return float(np.mean(returns) / np.std(returns, ddof=1) * np.sqrt(252))


@pytest.mark.parametrize(
    ("symbol", "lowest", "highest"),
    [
        ("SIM_ES", 3.0, 5.5),
        ("SIM_CL", 3.0, 5.5),
        ("SIM_GC", 3.0, 5.5),
        ("SIM_RTY", 0.3, 2.5),
        ("SIM_NQ", -3.0, 0.5),
        ("SIM_SI", -3.0, 0.5),
    ],
)
def test_the_simplest_strategy_earns_what_was_planted(symbol, lowest, highest):
    sharpe = _simplest_strategy_sharpe(UNIVERSE[symbol], date(2011, 1, 1), date(2018, 12, 31))
    assert lowest < sharpe < highest


def test_the_truth_says_what_was_planted():
    truth = simulated_truth(UNIVERSE["SIM_RTY"], SHORT).row(0, named=True)
    assert truth["edge"] == "mean_reversion"
    assert truth["reversion_edge"] == 0.4
    assert truth["first_session"] == date(2014, 1, 2)
    assert "Simulated" in truth["note"]
    assert simulated_truth(UNIVERSE["SIM_NQ"], SHORT)["edge"].to_list() == ["none"]


def test_an_edge_that_ends_leaves_what_was_before_and_nothing_after():
    ends = date(2014, 6, 30)
    alive, dying = (
        _with_facts("SIM_ES", reversion_edge=2.0, edge_ends=one) for one in (None, ends)
    )
    whole, cut = (simulate_bars(one, EIGHT_YEARS) for one in (alive, dying))
    before = pl.col("session") <= ends
    assert whole.filter(before).equals(cut.filter(before))
    assert whole["bar_start"].equals(cut["bar_start"])
    differs = whole["close"] != cut["close"]
    # From the first hours after it on.
    assert date(2014, 7, 1) <= cut["session"][differs.arg_max()] <= date(2014, 7, 3)
    after = date(2014, 7, 1)
    assert _predictability(dying, last=ends) > 4
    assert _predictability(alive, after) > 4
    assert abs(_predictability(dying, after)) < 3.5


def test_the_truth_says_when_the_edge_ends():
    ended = simulated_truth(_with_facts("SIM_RTY", edge_ends=date(2014, 6, 30)), SHORT)
    assert ended["edge_ends"].to_list() == [date(2014, 6, 30)]
    assert "2014-06-30" in ended["note"][0]
    endless = simulated_truth(UNIVERSE["SIM_RTY"], SHORT)
    assert (endless["edge_ends"].to_list(), endless.schema) == ([None], ended.schema)


def test_only_an_edge_ends():
    with pytest.raises(ValidationError, match="nothing is planted that could end"):
        _with_facts("SIM_NQ", edge_ends=date(2014, 6, 30))


def test_a_real_instrument_is_not_simulated():
    with pytest.raises(InvalidSetting, match="YM has no `simulated` page"):
        simulate_bars(UNIVERSE["YM"], SHORT)


def test_daily_bars_carry_no_edge():
    with pytest.raises(InvalidSetting, match="hourly bars only"):
        simulate_bars(_with_facts("SIM_TLT", reversion_edge=1.0), SHORT)


def test_a_market_without_a_session_is_refused():
    weekend = SimulatedMarket(first_session=date(2024, 3, 30), last_session=date(2024, 3, 31))
    with pytest.raises(NotEnoughData, match="Widen the dates"):
        simulate_bars(UNIVERSE["SIM_ES"], weekend)


def test_a_market_backwards_is_refused():
    with pytest.raises(ValidationError, match="first_session must not be after"):
        SimulatedMarket(first_session=date(2024, 1, 2), last_session=date(2024, 1, 1))


def test_the_first_bar_opens_the_evening_before():
    first = simulate_bars(UNIVERSE["SIM_ES"], SimulatedMarket()).row(0, named=True)
    assert first["bar_start"] == datetime(2010, 1, 3, 23, tzinfo=UTC)
    assert first["contract"] == "SIM_ESH10"
