"""Signals as the venue documents them, tickers of dated contracts, and prices on the grid."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from order_desk import START_US, entry, leaving
from pydantic import ValidationError

from rooney_core.errors import InputError
from rooney_core.market.instruments import Universe
from rooney_live.orders.payload import Payload, body_of, payload_of
from rooney_live.orders.tickers import on_grid, ticker_of

CHECKOUT = Path(__file__).resolve().parents[2]
UNIVERSE = Universe.parse(yaml.safe_load((CHECKOUT / "universe.yaml").read_text()), "shipped")
EXTRAS = {"decision_id": f"SIM_ES:{START_US}", "order_id": "", "release_id": "release"}


def signal(order) -> dict:
    return json.loads(payload_of(order, START_US).encoded())


def test_an_entry_names_all_that_the_venue_needs_and_nothing_else() -> None:
    order = entry(stop_distance=12.5, target_distance=25.0)
    assert signal(order) == {
        "ticker": "SIM_ESH2021",
        "action": "buy",
        "time": "2023-11-14T22:13:20Z",
        "extras": EXTRAS | {"order_id": order.order_id},
        "quantity": 2,
        "signalPrice": 4000.25,
        "orderType": "market",
        "stopLoss": {"type": "stop", "amount": 12.5},
        "takeProfit": {"amount": 25.0},
    }


def test_an_exit_names_no_quantity_and_no_bracket() -> None:
    order = leaving(stop_distance=12.5)
    assert signal(order) == {
        "ticker": "SIM_ESH2021",
        "action": "exit",
        "time": "2023-11-14T22:13:20Z",
        "extras": EXTRAS | {"order_id": order.order_id},
        "signalPrice": 4000.25,
        "orderType": "market",
        "cancel": True,
    }


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (entry(side=-1), {"action": "sell", "orderType": "market"}),
        (entry(kind="stop", level=4010.0), {"orderType": "stop", "stopPrice": 4010.0}),
        (entry(kind="limit", level=-3.5), {"orderType": "limit", "limitPrice": -3.5}),
        (
            entry(trail_distance=3.0),
            {"stopLoss": {"type": "trailing_stop", "trailAmount": 3.0}},
        ),
        (
            entry(trail_distance=3.0, stop_distance=2.0),
            {"stopLoss": {"type": "stop", "amount": 2.0}},
        ),
        (leaving(order_type="limit", limit_price=1.5), {"orderType": "limit", "limitPrice": 1.5}),
        (leaving(), {"orderType": "market", "cancel": True}),
        (leaving(intent="cancel"), {"action": "cancel"}),
    ],
)
def test_kinds_of_orders(order, expected: dict) -> None:
    found = signal(order)
    # Only what goes at the market takes down what works: a limit beside a stop leaves the stop.
    assert ("cancel" in found) == (found["action"] == "exit" and found["orderType"] == "market")
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    "order",
    [
        entry(ticker="ES1!"),
        entry(ticker=""),
        entry(size=0),
        entry(signal_price=None),
        entry(signal_price=float("nan")),
        entry(kind="limit"),
        entry(kind="stop"),
        entry(stop_distance=0.0),
        entry(target_distance=float("inf")),
        leaving(order_type="limit"),
        leaving(limit_price=3.0),
    ],
)
def test_what_would_be_misread_by_the_venue_is_refused(order) -> None:
    with pytest.raises(ValidationError):
        payload_of(order, START_US)


@pytest.mark.parametrize(
    "change",
    [
        {"action": "add"},
        {"action": "Buy"},
        {"cancel": True},
        {"signal_price": 1.0},
        {"stoploss": {"type": "stop", "amount": 1.0}},
        {"quantity": "2"},
        {"quantity": 1.5},
        {"quantity": True},
        {"stopLoss": {"type": "stop", "amount": 1.0, "percent": 2}},
        {"stopLoss": {"type": "stop", "trailAmount": 1.0}},
        {"extras": {"decision_id": "x", "order_id": "x", "release_id": "x", "note": "x"}},
    ],
)
def test_unknown_names_and_loose_types_are_refused(change: dict) -> None:
    whole = payload_of(entry(), START_US).model_dump(exclude_none=True)
    Payload.model_validate(whole)
    with pytest.raises(ValidationError):
        Payload.model_validate(whole | change)


@pytest.mark.parametrize(
    ("contract", "symbol", "session", "expected"),
    [
        ("ESZ26", "ES", date(2026, 12, 1), "ESZ2026"),
        ("ESZ6", "ES", date(2026, 12, 1), "ESZ2026"),
        ("ESH0", "ES", date(2029, 12, 20), "ESH2030"),
        ("ESH0", "ES", 7300, "ESH1990"),
        ("SIM_ESH21", "SIM_ES", date(2021, 1, 4), "SIM_ESH2021"),
    ],
)
def test_tickers_have_the_year_in_full(contract, symbol, session, expected) -> None:
    assert ticker_of(contract, UNIVERSE[symbol], session) == expected


def test_a_contract_of_another_symbol_is_refused() -> None:
    with pytest.raises(InputError, match="NQ"):
        ticker_of("NQZ26", UNIVERSE["ES"], date(2026, 12, 1))


@given(
    ticks=st.integers(-200_000, 200_000),
    tick=st.sampled_from((0.25, 0.1, 0.01, 0.005, 0.001, 0.0005, 0.015625, 1.0)),
    share=st.floats(-0.49, 0.49),
)
def test_prices_are_whole_ticks(ticks: int, tick: float, share: float) -> None:
    """Against whole numbers: the price was made of so many ticks and a part of one."""
    price = (ticks + share) * tick
    exact = ticks * tick
    assert on_grid(price, tick) == pytest.approx(exact, abs=tick * 1e-6)
    assert len(repr(on_grid(price, tick)).partition(".")[2]) <= 6
    assert on_grid(price, tick, "down") <= price <= on_grid(price, tick, "up")


def test_a_price_has_no_digits_that_the_tick_has_not() -> None:
    assert on_grid(70.3 + 1e-12, 0.1) == 70.3
    assert on_grid(4000.3, 0.25) == 4000.25
    with pytest.raises(ValueError, match="nan"):
        on_grid(float("nan"), 0.25)


@pytest.mark.parametrize(
    "prices",
    [
        {"signal_price": float("nan")},
        {"order_type": "limit", "limit_price": None},
        {"order_type": "limit", "limit_price": float("inf")},
    ],
)
def test_an_exit_whose_prices_are_none_goes_at_the_market(prices: dict) -> None:
    """Held back for its price it would be tried again for ever."""
    body = json.loads(body_of(leaving("SIM_ES", **prices), START_US))
    assert (body["action"], body["orderType"]) == ("exit", "market")
    assert not {"signalPrice", "limitPrice"} & body.keys()


def test_an_entry_without_a_price_is_refused() -> None:
    with pytest.raises(ValueError, match="signalPrice"):
        body_of(entry(signal_price=None), START_US)
