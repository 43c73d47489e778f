"""The dispatcher on real sockets: the last word, spacing, priority, ending, a broken journal."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from order_desk import (
    MINUTE_US,
    SECOND_US,
    START_US,
    Desk,
    actions,
    desk_and_receiver,
    entry,
    leaving,
    opened,
)

from rooney_live import crash_points
from rooney_live.clock import DrivenClock
from rooney_live.crash_points import Blow, Crash, Step
from rooney_live.journal import JournalRefused
from rooney_live.orders.records import OrderState, PostKind
from rooney_live.rehearsal.receiver import Receiver
from rooney_live.rehearsal.receiver_faults import OrderFault


def test_the_gate_is_asked_right_before_the_first_byte_and_a_denied_entry_never_leaves(
    tmp_path: Path,
) -> None:
    """The kill switch is thrown between the decision and the POST."""
    flag = tmp_path / "KILL_NOW"
    with desk_and_receiver(tmp_path) as (desk, receiver):
        desk.denial = lambda order, _: "KILLED" if order.is_entry and flag.exists() else None

        async def play() -> None:
            with desk.journal.transaction():
                stored = desk.outbox.add(entry(), desk.clock.us, send_now=True)
            assert stored.state is OrderState.SENDING
            desk.dispatcher.kick()
            flag.touch()
            await desk.settle(10 * MINUTE_US)
            await desk.webhook.close()

        asyncio.run(play())
        order = desk.outbox.get(entry().order_id)
        assert (order.state, order.code) == (OrderState.DENIED, "KILLED")
        assert receiver.requests == ()
        assert receiver.n_connections == 1
        assert desk.outbox.may_be_open() == ()


def test_an_exit_that_the_gate_holds_is_asked_again_until_it_may_leave(tmp_path: Path) -> None:
    """The market is closed for two minutes: nothing is sent outside of the session."""
    opens_us = START_US + 2 * MINUTE_US
    with desk_and_receiver(tmp_path) as (desk, receiver):
        desk.denial = lambda _, now_us: "OUT_OF_SESSION" if now_us < opens_us else None
        (held,) = desk.run(leaving(), for_us=MINUTE_US)
        assert (held.state, held.code) == (OrderState.INTENT, "OUT_OF_SESSION")
        (left,) = desk.run(leaving(), for_us=2 * MINUTE_US)
        assert left.state is OrderState.ACKED
        (request,) = receiver.requests
        assert opens_us <= request.at_us <= opens_us + 30 * SECOND_US


def test_a_gate_that_fails_keeps_entries_in_and_asks_again_for_exits(tmp_path: Path) -> None:
    broken = [True]

    def denial(order, now_us):
        if broken[0]:
            raise PermissionError(13, "cannot be read")
        return None

    with desk_and_receiver(tmp_path) as (desk, receiver):
        desk.denial = denial
        bought, left = desk.run(entry(), leaving("SIM_CL"))
        assert (bought.state, bought.code) == (OrderState.DENIED, "GATE_FAILED")
        assert (left.state, left.code) == (OrderState.INTENT, "GATE_FAILED")
        broken[0] = False
        (left,) = desk.run(leaving("SIM_CL"), for_us=MINUTE_US)
        assert left.state is OrderState.ACKED
        assert actions(receiver) == ["exit"]


def test_long_to_short_exits_first_and_enters_a_minute_later(tmp_path: Path) -> None:
    with desk_and_receiver(tmp_path) as (desk, receiver):
        desk.run(entry(at_us=START_US - 1))
        desk.clock.us += MINUTE_US
        now_us = desk.clock.us
        short = entry(at_us=now_us, side=-1)
        desk.run(leaving(at_us=now_us), short, for_us=2 * MINUTE_US)
        assert actions(receiver) == ["buy", "exit", "sell"]
        assert receiver.requests[2].at_us - receiver.requests[1].at_us == MINUTE_US
        assert receiver.positions() == {"SIM_ESH2021": -2}


def test_long_to_short_denies_the_entry_when_the_exit_is_not_acknowledged_in_time(
    tmp_path: Path,
) -> None:
    with desk_and_receiver(tmp_path, OrderFault("server_error_before", times=9)) as (
        desk,
        receiver,
    ):
        left, short = desk.run(leaving(), entry(side=-1), for_us=30 * MINUTE_US)
        assert left.state is OrderState.ACKED
        assert (short.state, short.code) == (OrderState.DENIED, "EXIT_FIRST")
        assert set(actions(receiver)) == {"exit"}


def test_signals_of_one_ticker_within_a_minute_the_second_waits_or_expires(tmp_path: Path) -> None:
    with desk_and_receiver(tmp_path) as (desk, receiver):
        desk.run(entry(at_us=START_US))
        soon = entry(at_us=START_US + 1, expires_at_us=START_US + 30 * SECOND_US)
        later = entry(at_us=START_US + 2)
        denied, sent = desk.run(soon, later, for_us=2 * MINUTE_US)
        assert (denied.state, denied.code) == (OrderState.DENIED, "SPACING")
        assert sent.state is OrderState.ACKED
        assert [one.at_us - START_US for one in receiver.requests] == [0, MINUTE_US]


def test_exits_go_first_and_tickers_do_not_wait_for_each_other(tmp_path: Path) -> None:
    slow = OrderFault("slow", times=8, seconds=0.2)
    with desk_and_receiver(tmp_path, slow) as (desk, _):
        orders = [entry(f"SIM_A{number}") for number in range(4)]
        orders += [leaving(f"SIM_B{number}") for number in range(4)]
        stored = desk.run(*orders)
        assert {one.state for one in stored} == {OrderState.ACKED}
        steps = desk.journal.query(
            "SELECT order_id, to_state FROM order_events WHERE to_state <> 'INTENT' ORDER BY seq"
        )
        # All have left before the first of them is answered.
        assert [row["to_state"] for row in steps] == ["SENDING"] * 8 + ["ACKED"] * 8
        sent = [row["order_id"].split(":")[2] for row in steps[:8]]
        assert sent == ["exit"] * 4 + ["enter"] * 4


def test_an_order_that_makes_no_valid_signal_never_leaves(tmp_path: Path) -> None:
    with desk_and_receiver(tmp_path) as (desk, receiver):
        bad = entry(ticker="ES1!")
        (order,) = desk.run(bad)
        assert (order.state, order.code) == (OrderState.DENIED, "PAYLOAD")
        assert "ticker" in order.detail
        assert receiver.requests == ()


def test_ending_resolves_what_left_and_withdraws_what_did_not(tmp_path: Path) -> None:
    """SIGTERM during a POST."""
    slow = OrderFault("slow", seconds=0.2)
    clock = DrivenClock(START_US)
    with desk_and_receiver(tmp_path, slow, clock=clock) as (desk, receiver):

        async def play() -> None:
            running = asyncio.create_task(desk.dispatcher.run())
            desk.outbox.add(entry(), START_US)
            desk.outbox.add(entry("SIM_CL", due_at_us=START_US + MINUTE_US), START_US)
            desk.dispatcher.kick()
            while not receiver.requests:
                await asyncio.sleep(0.01)
            desk.dispatcher.end_entries()
            await desk.dispatcher.drain()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await desk.webhook.close()

        asyncio.run(play())
        assert desk.states() == {
            entry().order_id: OrderState.ACKED,
            entry("SIM_CL").order_id: OrderState.WITHDRAWN,
        }
        assert actions(receiver) == ["buy"]


def test_dying_during_a_post_leaves_sending_and_the_next_start_exits(tmp_path: Path) -> None:
    """A second SIGTERM, or kill -9: no handler runs."""
    with desk_and_receiver(tmp_path, OrderFault("slow", seconds=0.3)) as (desk, receiver):

        async def play() -> None:
            running = asyncio.create_task(desk.dispatcher.run())
            desk.outbox.add(entry(), desk.clock.us, send_now=True)
            desk.dispatcher.kick()
            while not receiver.requests:
                await asyncio.sleep(0.01)
            running.cancel()

        asyncio.run(play())
        assert desk.states() == {entry().order_id: OrderState.SENDING}
        again = Desk(desk.journal, receiver.url, receiver.certificate, clock=desk.clock)
        (left,) = again.outbox.recover(again.clock.us)
        assert left.state is OrderState.UNKNOWN
        again.run(for_us=2 * MINUTE_US)
        assert actions(receiver) == ["buy", "exit"]
        assert again.outbox.may_be_open() == ()


def test_a_journal_that_refuses_after_the_post_ends_the_dispatcher(tmp_path: Path) -> None:
    with desk_and_receiver(tmp_path) as (desk, receiver):
        desk.journal.execute(
            "CREATE TRIGGER full BEFORE UPDATE OF state ON orders WHEN new.state = 'ACKED' "
            "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )

        async def play() -> None:
            desk.outbox.add(entry(), desk.clock.us)
            try:
                await desk.dispatcher.run()
            finally:
                await desk.webhook.close()

        with pytest.raises(JournalRefused, match="disk is full"):
            asyncio.run(play())
        assert desk.states() == {entry().order_id: OrderState.SENDING}
        assert actions(receiver) == ["buy"]


def test_results_tell_when_the_first_byte_left(tmp_path: Path) -> None:
    with desk_and_receiver(tmp_path) as (desk, receiver):
        before = time.perf_counter_ns()
        desk.run(entry())
        ((stored, result),) = desk.results
        assert stored.state is OrderState.ACKED
        assert result is not None
        assert result.kind is PostKind.ACKED
        assert before < (result.first_byte_ns or 0)
        # perf_counter is one clock for all threads: the venue has it after it left, not before.
        assert receiver.requests[0].arrived_perf_ns > before


def test_a_driven_clock_is_not_waited_for_and_wakes_what_is_due(tmp_path: Path) -> None:
    with opened(tmp_path) as journal, Receiver(tmp_path / "venue") as receiver:
        receiver.faults.append(OrderFault("server_error_after", action="exit"))

        async def play() -> None:
            clock = DrivenClock(START_US)
            desk = Desk(journal, receiver.url, receiver.certificate, clock=clock)
            running = asyncio.create_task(desk.dispatcher.run())
            desk.outbox.add(leaving(), START_US)
            desk.dispatcher.kick()
            await desk.dispatcher.idle()
            assert desk.outbox.get(leaving().order_id).state is OrderState.UNKNOWN
            while clock.next_us is None:
                await asyncio.sleep(0)
            assert clock.next_us == START_US + SECOND_US
            clock.advance(clock.next_us)
            await desk.dispatcher.idle()
            assert desk.outbox.get(leaving().order_id).state is OrderState.ACKED
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await desk.webhook.close()

        asyncio.run(play())
        assert actions(receiver) == ["exit", "exit"]


def test_running_by_the_hosts_clock_sends_when_it_is_kicked(tmp_path: Path) -> None:
    with desk_and_receiver(tmp_path) as (desk, receiver):

        async def play() -> None:
            running = asyncio.create_task(desk.dispatcher.run())
            await asyncio.sleep(0)
            with desk.journal.transaction():
                desk.outbox.add(entry(), desk.clock.us, send_now=True)
            desk.dispatcher.kick()
            while not desk.results:
                await asyncio.sleep(0.005)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await desk.webhook.close()

        asyncio.run(play())
        assert actions(receiver) == ["buy"]


@pytest.mark.parametrize("step_s", [-3600, 3600])
def test_a_clock_that_steps_delays_no_exit_that_waits(tmp_path: Path, step_s: int) -> None:
    with desk_and_receiver(tmp_path) as (desk, receiver):
        desk.run(entry())
        (held,) = desk.run(leaving(at_us=START_US + 1))
        assert held.state is OrderState.INTENT
        desk.clock.us += step_s * SECOND_US
        (left,) = desk.run(leaving(at_us=START_US + 1))
        assert left.state is OrderState.ACKED
        assert actions(receiver) == ["buy", "exit"]


def test_a_clock_that_steps_back_gives_an_entry_no_longer_life(tmp_path: Path) -> None:
    with desk_and_receiver(tmp_path) as (desk, receiver):
        desk.run(leaving())
        (held,) = desk.run(entry())
        assert held.state is OrderState.INTENT
        desk.clock.us -= 10 * MINUTE_US
        (denied,) = desk.run(entry(), for_us=20 * MINUTE_US)
        assert (denied.state, denied.code) == (OrderState.DENIED, "SPACING")
        assert actions(receiver) == ["exit"]


@pytest.mark.parametrize("step", [Step.AFTER_SENDING, Step.AFTER_POST, Step.AFTER_ANSWER])
@pytest.mark.parametrize("is_warm", [True, False])
def test_whatever_fails_within_an_attempt_it_is_never_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: Step, is_warm: bool
) -> None:
    """Also in a process that goes on after the failure, instead of dying of it."""

    class Failed(Exception):
        pass

    def fail(_: Blow) -> None:
        raise Failed

    monkeypatch.setattr(crash_points, "_strike", fail)
    with desk_and_receiver(tmp_path) as (desk, receiver):

        async def play() -> None:
            if is_warm:
                await desk.webhook.warm()
            desk.outbox.add(entry(), desk.clock.us, send_now=True)
            crash_points.arm(Crash(step, "enter"))

            async def attempt() -> None:
                desk.dispatcher.kick()
                await desk.dispatcher.idle()
                await desk.dispatcher.idle()

            with pytest.raises(Failed):
                await attempt()
            desk.dispatcher.kick()
            await asyncio.gather(desk.dispatcher.idle(), return_exceptions=True)
            desk.dispatcher.kick()
            await asyncio.gather(desk.dispatcher.drain(), return_exceptions=True)
            await desk.webhook.close()

        asyncio.run(play())
        assert desk.states() == {entry().order_id: OrderState.SENDING}
        # A connection that is closed right after the request may take it along, or not.
        possible = {Step.AFTER_SENDING: (0,), Step.AFTER_POST: (0, 1), Step.AFTER_ANSWER: (1,)}
        assert len(receiver.requests) in possible[step]
