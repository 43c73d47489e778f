"""Costs learnt from fills, worked by hand: signs, factors, steps, and what does not count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from small_universe import instrument_of

from rooney_core.feedback.costs import (
    FILLS_SCHEMA,
    CostBasis,
    learnt_costs,
    measured_fills,
    universe_with_costs,
    with_costs,
)
from rooney_core.feedback.limits import FeedbackLimits
from rooney_core.market.instruments import Universe

ES = instrument_of("SIM_ES")
NOON = datetime(2026, 3, 2, 18, tzinfo=UTC)
LIMITS = FeedbackLimits(min_fills=4, refresh_fills=2, max_fills=6)
Z_95 = 1.6448536269514722


def fill(number: int, ticks_beyond: float, **other: Any) -> dict[str, Any]:
    """A buy of one contract at `ticks_beyond` the expectation, which assumed half a tick."""
    row = {
        "order_id": f"o{number:03}",
        "intent": "enter",
        "order_kind": "market",
        "is_buy": True,
        "size": 1,
        "filled_at": NOON + timedelta(hours=number, seconds=1),
        "fill_price": 5000.0 + ticks_beyond * ES.tick_size,
        "fill_commission_usd": 2.0,
        "expected_at": NOON + timedelta(hours=number),
        "expected_price": 5000.0,
        "assumed_slippage_ticks": 0.5,
    }
    return row | other


def measured(*rows: dict[str, Any], instrument: Any = ES) -> pl.DataFrame:
    return measured_fills(pl.DataFrame(list(rows), schema=FILLS_SCHEMA), instrument, 120.0)


def test_slippage_is_against_us_whichever_way_we_trade() -> None:
    sale = fill(2, 0.0, is_buy=False, fill_price=5000.0 - 2 * ES.tick_size)
    table = measured(fill(1, 1.0), sale, fill(3, -0.5, size=4, fill_commission_usd=6.0))
    assert table["fill_slippage_ticks"].to_list() == [1.5, 2.5, 0.0]
    assert table["commission_each_usd"].to_list() == [2.0, 2.0, 1.5]
    assert table["fill_delay_seconds"].to_list() == [1.0, 1.0, 1.0]
    assert table["is_usable"].all()


def test_what_says_nothing_of_slippage_is_not_used() -> None:
    late = fill(1, 1.0, filled_at=NOON + timedelta(hours=1, seconds=121))
    limit = fill(2, 1.0, order_kind="limit")
    strange = fill(3, 1.0, expected_at=None, expected_price=None)
    other = fill(4, 1.0, assumed_slippage_ticks=None)
    table = measured(late, limit, strange, other, fill(5, 1.0, order_kind="stop"))
    assert table["is_usable"].to_list() == [False, False, False, False, True]


def test_a_wider_hour_is_measured_in_its_own_width() -> None:
    """18:00 UTC is noon in Chicago in March; there slippage is taken to be twice as large."""
    by_hour = tuple(2.0 if hour == 12 else 1.0 for hour in range(24))
    wide = ES.model_copy(update={"slippage_by_hour": by_hour})
    table = measured(fill(0, 1.0), fill(1, 1.0), instrument=wide)
    assert table["slippage_factor"].to_list() == [2.0, 1.0]
    assert table["fill_slippage_ticks"].to_list() == [2.0, 1.5]


def test_few_fills_leave_what_is_assumed() -> None:
    learnt = learnt_costs(measured(*(fill(n, 3.0) for n in range(3))), ES, LIMITS)
    row = learnt.costs.row(0, named=True)
    assert row["cost_basis"] == CostBasis.ASSUMED
    assert row["slippage_ticks"] == ES.slippage_ticks
    assert row["commission_per_contract_usd"] == ES.commission_per_contract_usd
    assert row["n_fills_used"] == 0
    assert learnt.statistics == {}


def test_enough_fills_are_the_upper_end_of_their_mean() -> None:
    # Slippages 1, 2, 1, 2 ticks: mean 1.5, deviation 0.57735, error 0.288675; 1.5 + 1.645 x error
    # is 1.974827, in quarters of a tick upwards 2.
    ticks = (0.5, 1.5, 0.5, 1.5)
    learnt = learnt_costs(measured(*(fill(n, one) for n, one in enumerate(ticks))), ES, LIMITS)
    row = learnt.costs.row(0, named=True)
    assert learnt.statistics["mean_ticks"] == 1.5
    assert learnt.statistics["upper_ticks"] == pytest.approx(1.5 + Z_95 * 0.288675, abs=1e-5)
    assert (row["slippage_ticks"], row["commission_per_contract_usd"]) == (2.0, 2.0)
    assert (row["cost_basis"], row["n_fills_used"]) == ("own_fills", 4)


def test_a_fill_more_changes_nothing_until_a_batch_is_whole() -> None:
    ticks = [0.5, 1.5, 0.5, 1.5, 40.0]
    four, five = (
        learnt_costs(measured(*(fill(n, one) for n, one in enumerate(ticks[:k]))), ES, LIMITS)
        for k in (4, 5)
    )
    assert five.costs.equals(four.costs)
    six = learnt_costs(measured(*(fill(n, one) for n, one in enumerate([*ticks, 40]))), ES, LIMITS)
    assert six.costs["slippage_ticks"][0] > four.costs["slippage_ticks"][0]


def test_only_the_newest_fills_count() -> None:
    ticks = [50.0] * 4 + [0.5] * 6
    learnt = learnt_costs(measured(*(fill(n, one) for n, one in enumerate(ticks))), ES, LIMITS)
    assert learnt.costs["slippage_ticks"][0] == 1.0
    assert learnt.costs["n_fills_used"][0] == 10


def test_lucky_fills_do_not_make_trading_free() -> None:
    lucky = [fill(n, -3.0, fill_commission_usd=0.0) for n in range(4)]
    learnt = learnt_costs(measured(*lucky), ES, LIMITS)
    assert learnt.costs["slippage_ticks"][0] == LIMITS.least_cost_share * ES.slippage_ticks
    assert learnt.costs["commission_per_contract_usd"][0] == 0.0


def test_the_instrument_at_its_costs() -> None:
    learnt = learnt_costs(measured(*(fill(n, 1.5) for n in range(4))), ES, LIMITS)
    dear = with_costs(ES, learnt.costs)
    assert (dear.slippage_ticks, dear.commission_per_contract_usd) == (2.0, 2.0)
    assert (
        dear.model_copy(
            update={
                "slippage_ticks": ES.slippage_ticks,
                "commission_per_contract_usd": ES.commission_per_contract_usd,
            }
        )
        == ES
    )
    assert with_costs(ES, None) == ES
    universe = Universe(instruments=(ES, instrument_of("SIM_CL")))
    priced = universe_with_costs(universe, {"SIM_ES": learnt.costs})
    assert priced["SIM_ES"] == dear
    assert priced["SIM_CL"] == universe["SIM_CL"]
