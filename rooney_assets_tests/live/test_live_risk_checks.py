"""Every risk rule: at its limit, one step past it, and what is unknown; expected values by hand."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rooney_core.release.limits import LiveLimits
from rooney_live.risk.book import Book, Exposure, Quote
from rooney_live.risk.checks import (
    breaches,
    check_order,
    correlated_notional_usd,
    heat_usd,
    notional_usd,
)
from rooney_live.risk.codes import RiskCode
from rooney_live.risk.moves import bad_day, correlations

WIDE = LiveLimits(
    max_order_contracts=100,
    max_symbol_contracts=100,
    max_order_notional_usd=1e9,
    max_notional_usd=1e9,
    max_correlated_notional_usd=1e9,
    max_heat_usd=1e9,
    max_orders_per_hour=60,
    max_daily_loss_usd=5_000,
    max_drawdown=0.10,
    max_price_jump=0.05,
)
ES = Quote(price=4_000.0, multiplier=50.0, bad_day=40.0)  # 200,000 USD, 2,000 on a bad day
CL = Quote(price=80.0, multiplier=1_000.0, bad_day=2.0)  # 80,000 USD, 2,000 on a bad day
BOOK = Book(
    now_us=0,
    equity_usd=250_000.0,
    peak_equity_usd=250_000.0,
    day_profit_usd=0.0,
    quotes={"ES": ES, "CL": CL},
)


@dataclass(frozen=True)
class Asked:
    order_id: str = "ES:1:enter"
    symbol: str = "ES"
    intent: str = "enter"
    side: int = 1
    size: int = 2
    signal_price: float | None = 4_000.0
    level: float | None = None
    stop_distance: float | None = None


def test_an_order_within_every_limit_passes():
    assert check_order(Asked(), BOOK, WIDE) is None


@pytest.mark.parametrize(
    ("limits", "at", "past", "code"),
    [
        ({"max_order_contracts": 2}, Asked(), Asked(size=3), RiskCode.SIZE),
        ({"max_symbol_contracts": 2}, Asked(), Asked(size=3), RiskCode.SYMBOL_SIZE),
        ({"max_order_notional_usd": 400_000}, Asked(), Asked(size=3), RiskCode.NOTIONAL),
        ({"max_notional_usd": 400_000}, Asked(), Asked(size=3), RiskCode.TOTAL_NOTIONAL),
        ({"max_correlated_notional_usd": 400_000}, Asked(), Asked(size=3), RiskCode.CORRELATED),
        ({"max_heat_usd": 4_000}, Asked(), Asked(size=3), RiskCode.HEAT),
        ({}, Asked(signal_price=4_200.0), Asked(signal_price=4_200.5), RiskCode.PRICE),
        ({}, Asked(signal_price=3_800.0), Asked(signal_price=3_799.5), RiskCode.PRICE),
        ({}, Asked(level=4_200.0), Asked(level=4_200.5), RiskCode.PRICE),
        # Two contracts at the level of 4,100 are worth 410,000.
        (
            {"max_order_notional_usd": 410_000},
            Asked(level=4_100.0),
            Asked(level=4_101.0),
            RiskCode.NOTIONAL,
        ),
    ],
)
def test_at_a_limit_is_allowed_and_past_it_is_not(limits, at, past, code):
    held = WIDE.model_copy(update=limits)
    assert check_order(at, BOOK, held) is None
    assert check_order(past, BOOK, held) is code


@pytest.mark.parametrize(
    ("book", "code"),
    [
        ({"day_profit_usd": -5_000.0}, None),
        ({"day_profit_usd": -5_000.01}, RiskCode.DAILY_LOSS),
        ({"equity_usd": 225_000.0}, None),
        ({"equity_usd": 224_999.0}, RiskCode.DRAWDOWN),
        ({"peak_equity_usd": 300_000.0, "equity_usd": 270_000.0}, None),
        ({"peak_equity_usd": 300_000.0, "equity_usd": 269_999.0}, RiskCode.DRAWDOWN),
        ({"equity_usd": -1.0, "peak_equity_usd": -1.0}, RiskCode.DRAWDOWN),
        ({"n_orders_last_hour": 59}, None),
        ({"n_orders_last_hour": 60}, RiskCode.ORDER_RATE),
        ({"order_ids": frozenset({"ES:1:enter"})}, RiskCode.DUPLICATE),
        ({"exposures": (Exposure("ES", 1, 1),)}, RiskCode.DUPLICATE),
        ({"exposures": (Exposure("ES", -1, 1, is_known=False),)}, RiskCode.DUPLICATE),
        ({"quotes": {}}, RiskCode.PRICE),
        ({"quotes": {"ES": replace(ES, price=math.nan)}}, RiskCode.PRICE),
        ({"quotes": {"ES": replace(ES, price=-37.63)}}, RiskCode.PRICE),
        ({"quotes": {"ES": replace(ES, price=0.0)}}, RiskCode.PRICE),
        ({"equity_usd": math.nan}, RiskCode.UNKNOWN_EQUITY),
        ({"day_profit_usd": math.nan}, RiskCode.UNKNOWN_EQUITY),
        # A position nobody can price: no rule that adds up positions can say yes.
        ({"exposures": (Exposure("NQ", 1, 1),)}, RiskCode.TOTAL_NOTIONAL),
    ],
)
def test_what_is_held_and_lost_counts(book, code):
    assert check_order(Asked(), replace(BOOK, **book), WIDE) is code


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "2", math.nan])
@pytest.mark.parametrize("intent", ["enter", "exit"])
def test_a_size_that_is_no_number_of_contracts_is_never_sent(size, intent):
    assert check_order(Asked(size=size, intent=intent), BOOK, WIDE) is RiskCode.SIZE


def test_an_exit_passes_whatever_is_broken():
    broken = replace(BOOK, equity_usd=0.0, day_profit_usd=-1e6, quotes={}, n_orders_last_hour=999)
    assert check_order(Asked(intent="exit", size=500), broken, LiveLimits()) is None


def test_two_symbols_that_move_together_count_together():
    """200,000 long of each: 400,000 at correlation 1, 282,843 at 0, 0 against each other."""
    exposures = (Exposure("ES", 1, 1), Exposure("NQ", 1, 1))
    book = replace(BOOK, quotes={"ES": ES, "NQ": ES})
    for correlation, expected in ((1.0, 400_000.0), (0.0, 282_842.7124746), (-1.0, 0.0)):
        known = replace(book, correlations={("ES", "NQ"): correlation})
        assert correlated_notional_usd(exposures, known) == pytest.approx(expected)
    hedged = (Exposure("ES", 1, 1), Exposure("NQ", -1, 1))
    known = replace(book, correlations={("ES", "NQ"): 1.0})
    assert correlated_notional_usd(hedged, known) == pytest.approx(0.0, abs=1e-6)
    # Unknown: as bad as it can be, for a hedge too.
    assert correlated_notional_usd(exposures, book) == pytest.approx(400_000.0)
    assert correlated_notional_usd(hedged, book) == pytest.approx(400_000.0)
    assert notional_usd(hedged, book) == 400_000.0


def test_heat_is_the_less_of_a_stop_and_a_bad_day():
    two = (Exposure("ES", 1, 2, stop_distance=10.0), Exposure("CL", -1, 1))
    # 2 x 10 x 50, and 1 x 2 x 1,000.
    assert heat_usd(two, BOOK) == 3_000.0
    far = (Exposure("ES", 1, 2, stop_distance=100.0),)
    assert heat_usd(far, BOOK) == 4_000.0
    unknown = replace(BOOK, quotes={"ES": replace(ES, bad_day=math.nan)})
    # 5 % of 4,000, times 50, where its own past does not say.
    assert heat_usd((Exposure("ES", 1, 1),), unknown) == 10_000.0
    assert heat_usd((Exposure("NQ", 1, 1),), BOOK) == math.inf


def test_a_breach_is_a_loss_or_too_many_contracts_and_no_growth():
    assert breaches(replace(BOOK, exposures=(Exposure("ES", 1, 2),)), WIDE) == ()
    tight = WIDE.model_copy(update={"max_notional_usd": 1.0, "max_heat_usd": 1.0})
    assert breaches(replace(BOOK, exposures=(Exposure("ES", 1, 2),)), tight) == ()
    lost = replace(BOOK, day_profit_usd=-5_001.0, equity_usd=200_000.0)
    assert breaches(lost, WIDE) == (RiskCode.DAILY_LOSS, RiskCode.DRAWDOWN)
    assert breaches(replace(BOOK, equity_usd=math.nan), WIDE) == (RiskCode.UNKNOWN_EQUITY,)
    twice = (Exposure("ES", 1, 60), Exposure("ES", 1, 41))
    assert breaches(replace(BOOK, exposures=twice), WIDE) == (RiskCode.SYMBOL_SIZE,)


@given(
    held=st.lists(
        st.tuples(st.sampled_from("ABCD"), st.sampled_from([-1, 1]), st.integers(1, 50)),
        max_size=6,
    ),
    rho=st.floats(-1.0, 1.0),
)
def test_correlation_never_makes_more_of_it_than_all_added_up(held, rho):
    quotes = {name: Quote(price=100.0, multiplier=10.0) for name in "ABCD"}
    pairs = {(a, b): rho for a in "ABCD" for b in "ABCD" if a < b}
    book = replace(BOOK, quotes=quotes, correlations=pairs)
    exposures = tuple(Exposure(*one) for one in held)
    by_matrix = np.array([side * size * 1_000.0 for _, side, size in held])
    same = np.array([[1.0 if a[0] == b[0] else rho for b in held] for a in held])
    expected = math.sqrt(max(float(by_matrix @ same @ by_matrix), 0.0)) if held else 0.0
    # The matrix is that of the same sums; near zero the root magnifies what rounding leaves.
    assert correlated_notional_usd(exposures, book) == pytest.approx(expected, abs=1.0)
    assert correlated_notional_usd(exposures, book) <= notional_usd(exposures, book) * (1 + 1e-9)


def test_moves_are_measured_on_common_sessions():
    rng = np.random.default_rng(7)
    days = list(range(100))
    first = 100.0 + np.cumsum(rng.normal(0.0, 1.0, 100))
    second = 3.0 * first
    found = correlations({"B": days, "A": days}, {"B": first, "A": second})
    assert found == {("A", "B"): pytest.approx(1.0)}
    # Shifted by a session there is no common change of the same day.
    shifted = correlations({"A": days, "B": [day + 1 for day in days]}, {"A": first, "B": first})
    assert abs(shifted[("A", "B")]) < 0.5
    assert correlations({"A": days[:20], "B": days[:20]}, {"A": first[:20], "B": first[:20]}) == {}
    assert correlations({"A": days, "B": days}, {"A": first, "B": np.full(100, 5.0)}) == {}


def test_a_bad_day_is_two_deviations_of_the_last_sixty_changes():
    wild_past = np.concatenate([np.array([0.0, 500.0, -500.0] * 5), np.arange(61) % 2])
    # The last 61 closes alternate 0, 1: 60 changes of +-1, whose deviation is sqrt(60 / 59).
    assert bad_day(wild_past) == pytest.approx(2.0 * math.sqrt(60.0 / 59.0))
    assert math.isnan(bad_day(np.arange(20.0)))


@pytest.mark.parametrize(
    ("before", "bad", "code"),
    [
        # From 4,000: 5 % of the close before, or two bad days, whichever is more.
        (4_000.0 / 1.05 + 0.1, 1.0, None),
        (4_000.0 / 1.05 - 0.1, 1.0, RiskCode.PRICE),
        (4_000.0 / 0.95 - 0.1, 1.0, None),
        (4_000.0 / 0.95 + 0.1, 1.0, RiskCode.PRICE),
        (3_000.0, 500.0, None),
        (3_000.0 - 0.1, 500.0, RiskCode.PRICE),
        # Where its own past does not say, a bad day is 5 % of the price: two are 10 %.
        (4_000.0 / 1.1 + 0.1, math.nan, None),
        (4_000.0 / 1.1 - 0.1, math.nan, RiskCode.PRICE),
        (math.nan, 1.0, None),
        (40.0, 1.0, RiskCode.PRICE),
    ],
)
def test_a_last_bar_that_cannot_be_is_no_price(before, bad, code):
    book = replace(BOOK, quotes={"ES": replace(ES, bad_day=bad, before=before)})
    assert check_order(Asked(), book, WIDE) is code
