"""How an exit is sent: the rule, what fills teach, a limit that becomes an exit at the market."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from order_desk import MINUTE_US, START_US, actions, desk_and_receiver, entry, leaving, opened

from rooney_core.market.instruments import Instrument, Universe
from rooney_live.orders.execution import (
    LIMIT_SECONDS,
    MIN_FILLS,
    Choice,
    ExecutionTable,
    RecordedFill,
    Situation,
    exchange_hour,
    orders_of,
    recorded_fills,
    with_choice,
)
from rooney_live.orders.outbox import Outbox
from rooney_live.orders.records import OrderState, Origin

CHECKOUT = Path(__file__).resolve().parents[2]
ES = Universe.parse(yaml.safe_load((CHECKOUT / "universe.yaml").read_text()), "shipped")["SIM_ES"]
NOON = Situation(hour=12)


def page(**facts: object) -> Instrument:
    return Instrument.model_validate(ES.model_dump() | facts)


THIN_AT_NIGHT = page(
    slippage_ticks=1.0, slippage_by_hour=tuple(3.0 if hour < 7 else 1.0 for hour in range(24))
)


def test_by_rule_a_limit_is_tried_where_the_market_is_dear() -> None:
    table = ExecutionTable()
    assert table.choose(leaving(), THIN_AT_NIGHT, NOON) == Choice(
        "market", "rule: 1.00 ticks expected, a limit from 2.00 on"
    )
    assert table.choose(leaving(), THIN_AT_NIGHT, Situation(3)) == Choice(
        "limit", "rule: 3.00 ticks expected, a limit from 2.00 on"
    )


@pytest.mark.parametrize(
    ("order", "situation"),
    [
        (entry(), Situation(3)),
        (entry(kind="stop", level=4010.0), Situation(3)),
        (leaving(origin=Origin.DEADLINE), Situation(3)),
        (leaving(origin=Origin.MONITOR), Situation(3)),
        (leaving(origin=Origin.RECOVERY), Situation(3)),
        (leaving(origin=Origin.FLATTEN), Situation(3)),
        (leaving(origin=Origin.ROLL), Situation(3)),
        (leaving(signal_price=None), Situation(3)),
        (leaving(intent="cancel"), Situation(3)),
        (leaving(), Situation(3, seconds_to_flat=300.0)),
    ],
)
def test_whatever_has_to_be_certain_goes_at_the_market(order, situation) -> None:
    choice = ExecutionTable().choose(order, THIN_AT_NIGHT, situation)
    assert choice.way == "market"
    assert choice.reason


def fills(way: str, ticks: list[float], hour: int = 12) -> list[RecordedFill]:
    return [RecordedFill("SIM_ES", way, hour, one) for one in ticks]


def test_enough_fills_of_both_ways_decide_and_say_so() -> None:
    market = fills("market", [1.0, 2.0] * (MIN_FILLS // 2))
    limit = fills("limit", [0.5] * MIN_FILLS)
    table = ExecutionTable.from_fills(market + limit, {"SIM_ES": ES})
    assert table.choose(leaving(), ES, NOON) == Choice(
        "limit", "learned: limit 0.50 ticks in 30 fills, market 1.50 ticks in 30 fills"
    )
    worse = ExecutionTable.from_fills(market + fills("limit", [2.5] * 30), {"SIM_ES": ES})
    assert worse.choose(leaving(), ES, NOON).way == "market"


@pytest.mark.parametrize(
    ("way", "mean", "hour", "chosen"),
    [
        # The rule would go at the market by day, and its own fills say that this is dear.
        ("market", 2.0, 12, Choice("limit", "learned: market 2.00 ticks in 30 fills, a limit ")),
        ("market", 1.9, 12, Choice("market", "learned: market 1.90 ticks in 30 fills, a limit ")),
        # By night it tries limits, and keeps to them only while they cost less than it expects.
        ("limit", 2.9, 3, Choice("limit", "learned: limit 2.90 ticks in 30 fills, market 3.00 ")),
        ("limit", 3.0, 3, Choice("market", "learned: limit 3.00 ticks in 30 fills, market 3.00 ")),
    ],
)
def test_enough_fills_of_the_one_way_that_was_tried_decide_too(way, mean, hour, chosen) -> None:
    table = ExecutionTable.from_fills(
        fills(way, [mean] * MIN_FILLS, hour), {"SIM_ES": THIN_AT_NIGHT}
    )
    choice = table.choose(leaving(), THIN_AT_NIGHT, Situation(hour))
    assert choice.way == chosen.way
    assert choice.reason.startswith(chosen.reason)


def test_one_fill_too_few_or_other_hours_leave_it_to_the_rule() -> None:
    few = [*fills("market", [9.0] * 29), *fills("limit", [0.0] * 29)]
    table = ExecutionTable.from_fills(few, {"SIM_ES": ES})
    assert table.choose(leaving(), ES, NOON).reason.startswith("rule")
    night = {"SIM_ES": THIN_AT_NIGHT}
    both = [*fills("market", [9.0] * MIN_FILLS), *fills("limit", [0.0] * MIN_FILLS)]
    by_day = ExecutionTable.from_fills(both, night)
    assert by_day.choose(leaving(), THIN_AT_NIGHT, NOON).reason.startswith("learned")
    assert by_day.choose(leaving(), THIN_AT_NIGHT, Situation(3)).reason.startswith("rule")
    assert ExecutionTable.from_fills(both, {}).rows == {}


def test_the_hour_is_chicagos_in_summer_and_in_winter() -> None:
    # 2023-11-14 22:13:20 UTC is 16:13 in Chicago (UTC-6); 2023-07-14 22:13:20 is 17:13 (UTC-5).
    assert exchange_hour(START_US) == 16
    assert exchange_hour(START_US - 123 * 86_400_000_000) == 17


def test_a_limit_exit_is_two_orders_and_the_second_goes_at_the_market(tmp_path: Path) -> None:
    with desk_and_receiver(tmp_path) as (desk, receiver):
        desk.run(entry(at_us=START_US - 1))
        desk.clock.us += MINUTE_US
        now_us = desk.clock.us
        order = leaving(at_us=now_us)
        limit, market = orders_of(order, Choice("limit", "why"), now_us)
        desk.run(limit, market)
        assert [one.payload["orderType"] for one in receiver.requests] == ["market", "limit"]
        assert receiver.requests[1].payload["limitPrice"] == order.signal_price
        assert len(desk.outbox.may_be_open()) == 1
        desk.run(for_us=2 * MINUTE_US)
        assert actions(receiver) == ["buy", "exit", "exit"]
        assert receiver.requests[2].payload["orderType"] == "market"
        assert receiver.requests[2].at_us - now_us == LIMIT_SECONDS * 1e6
        assert set(desk.states().values()) == {OrderState.ACKED}
        assert desk.outbox.may_be_open() == ()
        assert desk.outbox.get(order.order_id).order.execution_reason == "why"


def test_an_entry_stays_one_order_with_its_reason() -> None:
    (order,) = with_choice(entry(), THIN_AT_NIGHT, ExecutionTable(), START_US, None)
    assert replace(order, execution_reason="") == entry()
    assert "once" in order.execution_reason


def test_recorded_fills_are_the_brokers_with_what_a_limit_cost_in_the_end(tmp_path) -> None:
    """By hand: long, sold at 3999.75 for a signal of 4000.25 is 2 ticks of 0.25 worse."""
    with opened(tmp_path) as journal:
        box = Outbox(journal)
        at_market = leaving(at_us=START_US)
        limit, late = orders_of(leaving(at_us=START_US + 1), Choice("limit", "x"), START_US)
        others = entry(at_us=START_US + 2), leaving("SIM_CL", START_US + 3)
        prices = {at_market: 3999.75, limit: 4000.25, late: 4000.5}
        prices |= dict.fromkeys(others, 1.0)
        with journal.transaction():
            for order, price in prices.items():
                box.add(order, START_US)
                for source in ("expected", "reported"):
                    row = {"order_id": order.order_id, "source": source, "run_id": "run"}
                    row |= {"symbol": order.symbol, "filled_at_us": START_US, "size": 1}
                    row |= {"price": price if source == "reported" else 0.0}
                    journal.put("fills", row | {"commission_usd": 0.0})
        found = recorded_fills(journal, {"SIM_ES": ES})
        assert sorted(found, key=lambda one: one.slippage_ticks) == [
            RecordedFill("SIM_ES", "limit", 16, -1.0),
            RecordedFill("SIM_ES", "limit", 16, 0.0),
            RecordedFill("SIM_ES", "market", 16, 2.0),
        ]
