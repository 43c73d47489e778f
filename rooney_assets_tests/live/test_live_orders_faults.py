"""Each fault of the order list, on real sockets: the state that follows, and what the venue saw."""

from __future__ import annotations

import asyncio
import socket
import ssl
from itertools import pairwise
from pathlib import Path

import pytest
import trustme
from order_desk import (
    MINUTE_US,
    QUICK,
    START_US,
    Desk,
    actions,
    desk_and_receiver,
    entry,
    leaving,
    opened,
)

from rooney_live.orders.records import OrderState
from rooney_live.rehearsal.receiver import Receiver
from rooney_live.rehearsal.receiver_faults import OrderFault

RECOVERY = f"SIM_ES:{START_US}:exit:recovery"

# What the venue did and the client could not learn: all of these are unknown.
UNKNOWN = (
    *("reset_before", "reset_after", "close_before", "close_after", "cut_200", "html_200"),
    *("server_error_before", "server_error_after", "timeout_before", "timeout_after"),
    *("garbage_after", "request_timeout", "redirect"),
)
IS_TAKEN = {
    *("reset_after", "close_after", "cut_200", "html_200", "server_error_after"),
    *("timeout_after", "garbage_after"),
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_an_entry_of_unknown_outcome_is_not_repeated_and_an_exit_follows(tmp_path, kind) -> None:
    fault = OrderFault(kind)
    with desk_and_receiver(tmp_path, fault, timeouts=QUICK) as (desk, receiver):
        (order,) = desk.run(entry())
        assert order.state is OrderState.UNKNOWN
        assert [one.order.order_id for one in desk.outbox.may_be_open()] == [order.order.order_id]
        assert actions(receiver) == ["buy"]
        assert receiver.requests[0].is_taken == (kind in IS_TAKEN)
        desk.run(for_us=2 * MINUTE_US)
        assert actions(receiver) == ["buy", "exit"]
        assert desk.states()[RECOVERY] is OrderState.ACKED
        assert desk.outbox.may_be_open() == ()
        assert receiver.positions() == {}
        # Not before a minute after the entry: the venue asks for that between signals of a ticker.
        assert receiver.requests[1].at_us - receiver.requests[0].at_us == MINUTE_US


@pytest.mark.parametrize("kind", UNKNOWN)
def test_an_exit_of_unknown_outcome_is_repeated_until_it_is_acknowledged(tmp_path, kind) -> None:
    fault = OrderFault(kind, times=3, action="exit")
    with desk_and_receiver(tmp_path, fault, timeouts=QUICK) as (desk, receiver):
        desk.run(entry())
        desk.clock.us += MINUTE_US
        exit_order = leaving(at_us=desk.clock.us)
        (order,) = desk.run(exit_order, for_us=MINUTE_US)
        assert order.state is OrderState.ACKED
        assert order.attempts == 4
        assert actions(receiver) == ["buy", "exit", "exit", "exit", "exit"]
        # Back-off: 1, 2 and 4 seconds after the attempts before.
        times = [one.at_us - START_US for one in receiver.requests[1:]]
        assert [later - first for first, later in pairwise(times)] == [
            1_000_000,
            2_000_000,
            4_000_000,
        ]
        assert receiver.positions() == {}


def test_429_quiets_everybody_and_only_the_exit_is_asked_again(tmp_path) -> None:
    faults = OrderFault("too_many", action="exit", seconds=30)
    with desk_and_receiver(tmp_path, faults) as (desk, receiver):
        exit_order, other = leaving(), entry("SIM_CL")
        (refused,) = desk.run(exit_order)
        assert (refused.state, refused.http_status) == (OrderState.INTENT, 429)
        desk.run(other, for_us=2 * MINUTE_US)
        assert desk.states() == {
            exit_order.order_id: OrderState.ACKED,
            other.order_id: OrderState.ACKED,
        }
        seconds = [(one.at_us - START_US) / 1e6 for one in receiver.requests]
        assert actions(receiver)[0] == "exit"
        assert sorted(actions(receiver)[1:]) == ["buy", "exit"]
        assert seconds[0] == 0.0
        assert min(seconds[1:]) >= 30.0
        with_429 = [one for one in receiver.requests if one.status == 429]
        assert [one.payload["action"] for one in with_429] == ["exit"]


def test_an_entry_that_got_429_is_never_sent_again(tmp_path) -> None:
    with desk_and_receiver(tmp_path, OrderFault("too_many", seconds=5)) as (desk, receiver):
        (order,) = desk.run(entry(), for_us=10 * MINUTE_US)
        assert (order.state, order.http_status, order.code) == (
            OrderState.REJECTED,
            429,
            "too-many-requests",
        )
        assert actions(receiver) == ["buy"]
        assert desk.outbox.may_be_open() == ()


@pytest.mark.parametrize(
    "code",
    [
        *("invalid-payload", "malformed-json", "invalid-action", "invalid-quantity"),
        *("invalid-order-type", "no-trade-strategy-subscriptions"),
    ],
)
def test_each_400_refuses_an_entry_for_good_and_an_exit_is_asked_again(tmp_path, code) -> None:
    faults = (OrderFault("bad_request", action=one, code=code) for one in ("buy", "exit"))
    with desk_and_receiver(tmp_path, *faults) as (desk, receiver):
        bought, left = desk.run(entry(), leaving("SIM_CL"))
        assert (bought.state, bought.http_status, bought.code) == (OrderState.REJECTED, 400, code)
        assert (left.state, left.code) == (OrderState.REJECTED, code)
        desk.run(for_us=10 * MINUTE_US)
        assert desk.outbox.get(left.order.order_id).state is OrderState.ACKED
        assert sorted(actions(receiver)) == ["buy", "exit", "exit"]


def test_404_refuses_and_its_page_which_repeats_the_path_is_not_kept(tmp_path) -> None:
    with desk_and_receiver(tmp_path, OrderFault("not_found")) as (desk, receiver):
        (order,) = desk.run(entry())
        assert (order.state, order.http_status, order.code) == (
            OrderState.REJECTED,
            404,
            "HTTP_404",
        )
        assert receiver.secret not in repr(order)


def _unreachable(kind: str, folder: Path, url: str) -> tuple[str, Path | None]:
    """A URL, and the authority to trust, with which no connection can be made."""
    port_and_path = url.removeprefix("https://127.0.0.1:")
    if kind == "DNS":
        return f"https://no-such-host.invalid:{port_and_path}", None
    if kind == "TLS":
        other = folder / "another_authority.pem"
        trustme.CA().cert_pem.write_to_path(str(other))
        return url, other
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return f"https://127.0.0.1:{port}/{port_and_path.split('/', 1)[1]}", None


@pytest.mark.parametrize("kind", ["DNS", "TLS", "REFUSED"])
def test_what_cannot_connect_is_surely_unsent_and_denied_once_it_expires(tmp_path, kind) -> None:
    with opened(tmp_path) as journal, Receiver(tmp_path / "venue") as receiver:
        url, authority = _unreachable(kind, tmp_path, receiver.url)
        desk = Desk(journal, url, authority)
        (order,) = desk.run(entry())
        assert (order.state, order.code) == (OrderState.INTENT, kind)
        (bought,) = desk.run(entry(), for_us=4 * MINUTE_US)
        assert (bought.state, bought.code) == (OrderState.DENIED, "WEBHOOK_DOWN")
        assert bought.attempts > 2
        (left,) = desk.run(leaving("SIM_CL", at_us=desk.clock.us))
        assert left.state is OrderState.INTENT
        # The way is free again: the exit goes by itself.
        again = Desk(journal, receiver.url, receiver.certificate, clock=desk.clock)
        again.run(for_us=MINUTE_US)
        assert again.outbox.get(left.order.order_id).state is OrderState.ACKED
        assert actions(receiver) == ["exit"]
        assert again.outbox.may_be_open() == ()


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("reset_handshake", {"ConnectionResetError", "CLOSED"}),
        ("close_handshake", {"ConnectionResetError", "CLOSED", "ConnectionAbortedError", "TLS"}),
        ("garbage_handshake", {"TLS"}),
        ("stall_handshake", {"CONNECT_TIMEOUT"}),
    ],
)
def test_a_handshake_that_fails_is_surely_unsent_and_tried_again(tmp_path, kind, codes) -> None:
    with desk_and_receiver(tmp_path, OrderFault(kind), timeouts=QUICK) as (desk, receiver):
        (order,) = desk.run(entry())
        assert order.state is OrderState.INTENT
        assert order.code in codes
        assert receiver.requests == ()
        (order,) = desk.run(entry(), for_us=5_000_000)
        assert order.state is OrderState.ACKED
        assert actions(receiver) == ["buy"]


def test_proxy_variables_are_not_followed(tmp_path, monkeypatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(0.05)
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, address)
        with desk_and_receiver(tmp_path) as (desk, receiver):
            (order,) = desk.run(entry())
            assert order.state is OrderState.ACKED
            assert actions(receiver) == ["buy"]
        with pytest.raises(TimeoutError):
            proxy.accept()


def test_a_kept_connection_that_the_venue_closed_is_not_used(tmp_path) -> None:
    with desk_and_receiver(tmp_path, OrderFault("closing")) as (desk, receiver):

        async def play() -> None:
            desk.outbox.add(entry(), desk.clock.us)
            await desk.settle()
            await asyncio.sleep(0.05)
            desk.outbox.add(entry("SIM_CL"), desk.clock.us)
            await desk.settle()
            await desk.webhook.close()

        asyncio.run(play())
        assert set(desk.states().values()) == {OrderState.ACKED}
        assert receiver.n_connections == 2


def test_a_connection_is_kept_warm_and_used_again(tmp_path) -> None:
    with desk_and_receiver(tmp_path) as (desk, receiver):

        async def play() -> None:
            await desk.webhook.warm()
            for symbol in ("SIM_ES", "SIM_CL", "SIM_GC"):
                desk.outbox.add(entry(symbol), desk.clock.us)
                await desk.settle()
            await desk.webhook.close()

        asyncio.run(play())
        assert receiver.n_connections == 2
        assert len(receiver.requests) == 3


def test_the_default_trust_is_the_hosts(tmp_path, monkeypatch) -> None:
    with opened(tmp_path) as journal, Receiver(tmp_path / "venue") as receiver:
        monkeypatch.setenv("SSL_CERT_FILE", str(receiver.certificate))
        assert ssl.get_default_verify_paths().cafile == str(receiver.certificate)
        (order,) = Desk(journal, receiver.url, None).run(entry())
        assert order.state is OrderState.ACKED
