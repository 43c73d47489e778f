"""Scenarios through the real decisions: held to the training set's trades, costs by hand, seals."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from stressed_market import Made, make

from rooney_core.errors import NotEnoughData
from rooney_core.features import Feeds, HourlyCloses, PartnerIbs, ReferenceCloses
from rooney_core.gates.stress import ScenarioKind, StressLimits
from rooney_core.gates.stress.history import History
from rooney_core.gates.stress.kinds import PUBLISHED, Scenario
from rooney_core.gates.stress.replay import displaced_feeds, replayed_outcome
from rooney_core.gates.stress.report import Outcome
from rooney_core.market.bars import BarArrays
from rooney_core.modeling.taken import daily_results, taken_trades

PLAIN = StressLimits(luck_errors=0.0)
REPLAYED = [kind for kind in ScenarioKind if kind not in PUBLISHED]
PRICES = ("open", "high", "low", "close")


@pytest.fixture(scope="module")
def made() -> Made:
    return make()


def replayed(history: History, kind: ScenarioKind, order=0, seed=5, limits=PLAIN) -> Outcome:
    return replayed_outcome(Scenario(kind, order, seed), history, limits)


def undisturbed(history: History, order: int = 0) -> pl.DataFrame:
    """Trades of the year in which scenarios number 0 take place: the first of the window."""
    assert order == 0
    year = history.year(0, 252)
    return history.strategy.trades(year)


def test_the_whole_window_replayed_is_what_the_training_set_and_the_model_say(made: Made) -> None:
    """By another route: labels and features of a backtest, then the model's word on each row."""
    rows = taken_trades(made.model, made.labelled.filter(pl.col("split") == "validation"))
    sessions = pl.Series(made.history.sessions).cast(pl.Date)
    expected = daily_results(rows, sessions)["daily_pnl_usd"].to_numpy()
    # The training set leaves out trades in the embargo after a boundary, and over the next one.
    edge = (sessions > date(2019, 1, 1) + timedelta(days=4)).to_numpy()
    edge[-1] = False
    assert rows.height > 50
    assert np.abs(made.history.daily_pnl_usd - expected)[edge].max() < 1e-9


def test_a_year_with_its_warm_up_decides_as_the_whole_history_does(made: Made) -> None:
    year = made.history.year(0, 252)
    pnl = made.history.strategy.daily_pnl_usd(made.history.strategy.trades(year), year)
    np.testing.assert_allclose(pnl, made.history.daily_pnl_usd[:252], atol=1e-9)


@pytest.mark.parametrize("kind", REPLAYED)
def test_a_scenario_is_a_function_of_its_seed(made: Made, kind: ScenarioKind) -> None:
    first, again = (replayed(made.history, kind) for _ in range(2))
    assert first.daily_pnl_usd.tolist() == again.daily_pnl_usd.tolist()
    assert (first.n_trades, first.detail) == (again.n_trades, again.detail)
    assert len(first.daily_pnl_usd) == 252
    assert first.n_trades > 0


@pytest.mark.parametrize(("kind", "factor"), [("costs_x2", 2.0), ("costs_x5", 5.0)])
def test_dearer_trades_are_the_same_ones_less_their_costs(
    made: Made, kind: str, factor: float
) -> None:
    """Without a model no decision depends on costs: 2 fills of 1.25 USD and half a tick each."""
    history = made.without_model()
    trades = undisturbed(history)
    fills = 2 * trades.height + 2 * int(trades["rolls"].sum())
    more = (factor - 1.0) * fills * (1.25 + 0.5 * 0.25 * 50)
    outcome = replayed(history, ScenarioKind(kind))
    assert outcome.n_trades == trades.height
    expected = trades["net_profit_usd"].sum() - more
    assert outcome.daily_pnl_usd.sum() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_gaps_take_money_from_positions_that_were_held(made: Made, seed: int) -> None:
    history = made.without_model()
    usual = undisturbed(history)["net_profit_usd"].sum()
    assert replayed(history, ScenarioKind.GAPS, seed=seed).daily_pnl_usd.sum() < usual


def test_positions_are_held_from_the_open_after_the_entry_to_that_of_the_exit(made: Made) -> None:
    history = made.history
    expected = np.zeros(len(history.bars), np.int64)
    for trade in history.trades.iter_rows(named=True):
        for bar in range(trade["entry_index"] + 1, trade["exit_index"] + 1):
            expected[bar] = trade["side"]
    assert history.held_side.tolist() == expected.tolist()
    assert (expected != 0).any()


def test_missing_bars_cost_trades_or_leave_them(made: Made) -> None:
    history = made.without_model()
    n_usual = undisturbed(history).height
    counts = [replayed(history, ScenarioKind.MISSING_BARS, seed=one).n_trades for one in range(5)]
    assert max(counts) < 1.02 * n_usual
    assert min(counts) < n_usual


def test_luck_is_taken_off_a_real_past_and_not_off_a_drawn_one(made: Made) -> None:
    for kind in REPLAYED:
        outcome = replayed(made.history, kind, limits=StressLimits())
        is_drawn = kind in (ScenarioKind.TREND_FREE, ScenarioKind.JUMP_DIFFUSION)
        assert (outcome.allowance_usd == 0.0) == is_drawn
        plain = replayed(made.history, kind).daily_pnl_usd.sum()
        assert outcome.daily_pnl_usd.sum() == pytest.approx(plain - outcome.allowance_usd)


def test_kinds_begin_at_the_same_sessions(made: Made) -> None:
    for order in (0, 1, 2):
        begins = {
            replayed(made.history, kind, order).detail.rpartition(" ")[2] for kind in REPLAYED
        }
        assert len(begins) == 1


def test_bars_of_the_test_window_are_never_looked_at(made: Made) -> None:
    """Other bars after 2020 change no bit, of any kind, nor does cutting them off."""
    bars, end = made.bars, len(made.history.bars)
    assert len(bars) > end
    changed = {name: getattr(bars, name).copy() for name in PRICES}
    for one in changed.values():
        one[end:] *= 3.0
    other = History.of(replace(bars, **changed), made.history.strategy)
    cut = History.of(bars.window(0, end), made.history.strategy)
    for kind in REPLAYED:
        expected = replayed(made.history, kind).daily_pnl_usd.tolist()
        assert replayed(other, kind).daily_pnl_usd.tolist() == expected
        assert replayed(cut, kind).daily_pnl_usd.tolist() == expected


def test_displaced_markets_are_the_past_of_the_same_markets() -> None:
    at = np.arange(100, dtype=np.int64)
    closes = at + 0.5
    strength = at / 100.0
    feeds = Feeds(
        daily={"A": ReferenceCloses(at, closes)},
        hourly={"A": HourlyCloses(at, closes, -closes)},
        partner=PartnerIbs(at, strength, at, strength),
    )
    moved = displaced_feeds(feeds, 3)
    assert moved.daily["A"].known_at_us.tolist() == at[3:].tolist()
    assert moved.daily["A"].close.tolist() == closes[:97].tolist()
    # Three sessions are 69 hours.
    assert moved.hourly["A"].known_at_us.tolist() == at[69:].tolist()
    assert moved.hourly["A"].close.tolist() == closes[:31].tolist()
    assert moved.hourly["A"].adjustment.tolist() == (-closes[:31]).tolist()
    assert moved.partner.hour_ibs.tolist() == strength[:31].tolist()
    assert moved.partner.session_ibs.tolist() == strength[:97].tolist()


def test_a_window_of_a_few_sessions_is_refused(made: Made) -> None:
    short = made.bars.window(0, int(np.searchsorted(made.bars.session, 17_897 + 40)))
    assert isinstance(short, BarArrays)
    with pytest.raises(NotEnoughData, match="sessions from 2019-01-01 to 2020-12-31"):
        History.of(short, made.history.strategy)
