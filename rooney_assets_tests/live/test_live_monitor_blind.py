"""Exits past a journal that takes no writing keep to the venue's limits, by memory alone."""

from __future__ import annotations

import asyncio

import pytest
from order_desk import MINUTE_US, SECOND_US, START_US, entry, leaving, opened

from rooney_live.orders.limits import Budget
from rooney_live.orders.outbox import Outbox
from rooney_live.orders.records import OrderState
from rooney_live.orders.webhook import Timeouts, Webhook
from rooney_live.rehearsal.receiver import Receiver
from rooney_live.rehearsal.receiver_faults import OrderFault
from rooney_live.risk.blind import ACKNOWLEDGED_SECONDS, BlindExits
from rooney_live.secrets import Secret

HOUR_S = 3_600
SYMBOLS = ("SIM_ES", "SIM_NQ", "SIM_CL")


class Blind:
    """Every second, exits of these symbols; with when, in seconds, each request left."""

    def __init__(self, tmp_path, *faults, budget=None):
        self.tmp_path, self.faults, self.budget = tmp_path, faults, budget
        self.said, self.second = [], 0

    def run(self, journal, seconds, symbols=SYMBOLS, **changed):
        sent = []

        async def play(venue):
            secret = Secret("U", venue.url)
            webhook = Webhook(secret, Timeouts(5.0, 5.0), authority=venue.certificate)
            blind = BlindExits(
                webhook,
                lambda *told: self.said.append(told),
                self.budget,
                seconds=lambda: float(self.second),
            )
            for self.second in range(seconds):
                now_us = START_US + self.second * SECOND_US
                for symbol in symbols:
                    before = len(venue.requests)
                    await blind.send(leaving(symbol, now_us, **changed), journal, now_us)
                    sent.extend([(self.second, symbol)] * (len(venue.requests) - before))
            await webhook.close()

        with Receiver(self.tmp_path / "venue", faults=self.faults) as venue:
            asyncio.run(play(venue))
        return sent


REFUSING = OrderFault("server_error_before", times=10_000)


def test_without_an_answer_each_is_repeated_ever_more_slowly(tmp_path):
    with opened(tmp_path) as journal:
        sent = Blind(tmp_path, REFUSING).run(journal, 600, ("SIM_ES",))
    # 15 s, doubled, 120 s at the most.
    assert [second for second, _ in sent] == [0, 15, 45, 105, 225, 345, 465, 585]


def test_all_together_keep_to_the_budget_and_those_on_record_count(tmp_path):
    budget = Budget(per_minute=4, per_hour=10)
    with opened(tmp_path) as journal:
        box = Outbox(journal)
        box.add(entry(at_us=START_US - 30 * SECOND_US), START_US - 30 * SECOND_US, send_now=True)
        sent = Blind(tmp_path, REFUSING, budget=budget).run(journal, 1_200)
    times = [-30, *(second for second, _ in sent)]
    assert {symbol for _, symbol in sent} == set(SYMBOLS)
    for end in times:
        assert sum(end - 60 < one <= end for one in times) <= budget.per_minute
    assert len(times) == budget.per_hour


def test_an_acknowledged_one_is_asked_for_again_much_later(tmp_path):
    with opened(tmp_path) as journal:
        sent = Blind(tmp_path).run(journal, int(ACKNOWLEDGED_SECONDS) + 1, ("SIM_ES",))
    assert [second for second, _ in sent] == [0, ACKNOWLEDGED_SECONDS]


def test_nobody_asks_while_the_venue_wants_quiet(tmp_path):
    with opened(tmp_path) as journal:
        box = Outbox(journal)
        box.add(entry(), START_US - MINUTE_US, send_now=True)
        box.mark(
            f"SIM_ES:{START_US}:enter",
            OrderState.REJECTED,
            START_US,
            quiet_until_us=START_US + 40 * SECOND_US,
        )
        sent = Blind(tmp_path).run(journal, 60, ("SIM_CL",))
    assert sent == [(40, "SIM_CL")]


@pytest.mark.parametrize("ticker", ["lower", ""])
def test_a_name_that_nobody_can_order_ends_nothing(tmp_path, ticker):
    blind = Blind(tmp_path)
    with opened(tmp_path) as journal:
        assert blind.run(journal, 3, ("SIM_ES",), ticker=ticker) == []
    assert [code for code, _ in blind.said] == ["BLIND_EXIT_PAYLOAD"]
