"""Conditions in words, and each thing of the clock that stands between a signal and a trade."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from simulated_market import instrument, simulated_bars

from rooney_core.backtest.why_not import Cause, Inquiry
from rooney_core.errors import InvalidSetting, NotEnoughData
from rooney_core.market.bars import BarArrays
from rooney_core.strategies.conditions import above, any_of, at_most, below, is_so, known

VALUES = np.array([0.13, 0.43, np.nan, 0.2])
BARS = simulated_bars()
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def asked(bars: BarArrays = BARS, name: str = "ibs_baseline", **params: object) -> Inquiry:
    return Inquiry.of(bars, name, params, instrument())


def with_volume(bar: int, volume: float) -> BarArrays:
    volumes = BARS.volume.copy()
    volumes[bar] = volume
    return replace(BARS, volume=volumes)


def traded_bars(found: Inquiry) -> np.ndarray:
    """Signal bars of trades in the middle of a session, so that the next bar follows at once."""
    at = np.flatnonzero(found.events.entered) - 1
    follows = BARS.bar_end_us[at] == BARS.bar_start_us[at + 1]
    return at[follows & (at > 1000)]


def test_a_comparison_tells_both_numbers():
    condition = below("IBS", VALUES, 0.2, "entry_below")
    assert [condition.told(at) for at in range(4)] == [
        "IBS 0.13 is below entry_below 0.2",
        "IBS 0.43 is not below entry_below 0.2",
        "IBS is not known",
        "IBS 0.2 is not below entry_below 0.2",
    ]
    mean = above("close", np.array([4012.0]), np.array([4100.254]), "its 200-session mean")
    assert mean.told(0) == "close 4012 is not above its 200-session mean 4100.25"
    unknown = above("close", np.array([4012.0]), np.array([np.nan]), "its mean")
    assert unknown.told(0) == "its mean is not known"


def test_numbers_that_differ_are_not_told_as_equal():
    condition = at_most("IBS", np.array([0.20000000001]), 0.2)
    assert condition.told(0) == "IBS 0.20000000001 is not at most 0.2"


def test_facts_and_alternatives():
    assert is_so("before a holiday", np.array([False])).told(0) == "not before a holiday"
    assert known("IBS", VALUES).told(2) == "IBS is not known"
    either = any_of(below("IBS", VALUES, 0.1), above("IBS", VALUES, 0.4))
    assert either.holds.tolist() == [False, True, False, False]
    assert either.told(0) == "IBS 0.13 is not below 0.1 and IBS 0.13 is not above 0.4"


def test_conditions_of_other_places():
    taken = below("IBS", VALUES, np.array([0.2, 0.5, 0.5, 0.1]), "level").taken(
        np.array([1, -1, 3])
    )
    assert taken.holds.tolist() == [True, False, False]
    assert taken.told(0) == "IBS 0.43 is below level 0.5"
    assert taken.told(1) == "IBS is not known"


def test_without_volume_the_order_lapses_and_the_bar_gives_no_other():
    bar = int(traded_bars(asked())[5])
    found = asked(with_volume(bar + 1, 0.0))
    answer = found.why_not(bar)
    assert answer.cause is Cause.LAPSED
    assert "has no volume" in answer.text
    # Where the next bar signals as well, it may not order.
    often = asked(entry_below=0.5, exit_above=0.99)
    bar = int(next(one for one in traded_bars(often) if often.signals.entry[one + 1] != 0))
    again = asked(with_volume(bar + 1, 0.0), entry_below=0.5, exit_above=0.99)
    assert again.why_not(bar).cause is Cause.LAPSED
    assert again.why_not(bar + 1).cause is Cause.ONE_ORDER


def test_missing_bars_make_an_order_late():
    bar = int(traded_bars(asked())[5])
    day = BARS.flat_deadline_us[bar]
    kept = np.flatnonzero((BARS.flat_deadline_us != day) | (np.arange(len(BARS)) <= bar))
    cut = BarArrays(*(getattr(BARS, name)[kept] for name in BarArrays.__dataclass_fields__))
    answer = asked(cut).why_not(int(np.searchsorted(kept, bar)))
    assert answer.cause is Cause.LAPSED
    assert "past the flat deadline (bars are missing)" in answer.text


def test_the_last_bar_has_no_next_one():
    bar = int(traded_bars(asked())[5])
    assert asked(BARS.window(0, bar + 1)).why_not(bar).cause is Cause.NO_NEXT_BAR
    assert asked().why_not(bar).cause is Cause.TRADED


def test_a_position_and_the_deadline_are_told_with_their_times():
    found = asked(entry_below=0.5, exit_above=0.99)
    bar = int(traded_bars(found)[5])
    held = found.why_not(bar + 1)
    start = EPOCH + timedelta(microseconds=int(BARS.bar_start_us[bar + 1]))
    assert f"long since the bar of {start:%Y-%m-%d %H:%M} UTC" in " ".join([held.text, *held.also])
    signals = found.signals.entry != 0
    last = 2 * BARS.bar_end_us - BARS.bar_start_us > BARS.flat_deadline_us
    flat = (found.events.held == 0) & (found.events.exited == 0)
    bar = int(np.flatnonzero(signals & last & flat)[0])
    assert found.why_not(bar).cause is Cause.FLAT_DEADLINE


def test_a_short_history_is_counted():
    answer = asked(name="ibs_short_bear").why_not(300)
    assert answer.cause is Cause.HISTORY
    over = int((asked(name="ibs_short_bear").prices.sessions.decision <= 300).sum())
    assert "301 of" in answer.text
    assert f"{over} are over" in answer.text
    assert asked(name="ibs_daily").why_not(3).cause in (Cause.HISTORY, Cause.NO_DECISION)


def test_times_and_dates_name_bars():
    found = asked(name="ibs_daily")
    decision = int(found.prices.sessions.decision[400])
    day = date(1970, 1, 1) + timedelta(days=int(BARS.session[decision]))
    assert found.bars_at(day) == [decision]
    end = EPOCH + timedelta(microseconds=int(BARS.bar_end_us[decision]))
    assert found.bars_at(end) == [decision]
    assert found.bars_at(end - timedelta(minutes=10)) == [decision]
    assert found.bars_at(end.astimezone(timezone(timedelta(hours=9)))) == [decision]
    for wrong in (date(2011, 1, 1), end + timedelta(days=9000), end.replace(tzinfo=None)):
        with pytest.raises(InvalidSetting):
            found.bars_at(wrong)
    with pytest.raises(NotEnoughData):
        asked(BARS.window(0, 0))
