"""A paper position that was rolled on its way pays for the roll and earns nothing of the gap."""

import pytest
from small_release import universe

from rooney_core.backtest import CostModel
from rooney_core.decision import DecisionBundle, VirtualFill
from rooney_core.strategies import VARIANTS
from rooney_live.paper import Order, PaperAccount

SIZE = 2


def order(intent: str) -> Order:
    return Order("o", "SIM_CL", 0, intent, 1, SIZE, "")


def test_a_roll_on_the_way_costs_two_more_fills_and_its_gap_is_no_profit() -> None:
    instrument = universe()["SIM_CL"]
    costs = CostModel(commission_per_contract_usd=1.5, slippage_ticks=1)
    variant = VARIANTS["ibs_baseline"]
    bundle = DecisionBundle(instrument, variant, variant.default_params, costs)
    account = PaperAccount(bundle, SIZE)
    account.waiting_entry = order("enter")
    # Bought at 70.00 and sold at 73.00, both without slippage; the new contract stood 2.50 higher.
    account.enter(VirtualFill("entry", 1, 70.01, 0, "", True))
    trade = account.leave(
        order("exit"),
        VirtualFill("exit", 1, 72.99, 1, "SIGNAL", True, rolls=1, roll_gap=2.5, roll_slippages=2.0),
    )
    # By hand: 0.50 of price on two contracts of 1,000 USD, less four fills of one tick each (10 USD
    # a contract) and four commissions of 1.50 USD, both for two contracts.
    assert trade.commission_usd == pytest.approx(4 * 1.5 * 2)
    assert trade.net_profit_usd == pytest.approx(0.5 * 1000 * 2 - 4 * 10 * 2 - 4 * 1.5 * 2)
