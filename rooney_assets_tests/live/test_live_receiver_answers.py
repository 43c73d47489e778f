"""The local TradersPost: its answers, limits and fills, asked by a client that is not ours."""

from __future__ import annotations

import csv
import json
import ssl
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import polars as pl
import pytest
import yaml

from rooney_core.errors import InvalidSetting, UnknownName
from rooney_core.market.instruments import Universe
from rooney_live.rehearsal.receiver import Receiver
from rooney_live.rehearsal.receiver_book import Book
from rooney_live.rehearsal.receiver_faults import (
    CONNECT,
    NOT_TAKEN,
    OrderFault,
    random_order_faults,
    take_fault,
)
from rooney_live.rehearsal.receiver_prices import VenuePrices

CHECKOUT = Path(__file__).resolve().parents[2]
ES = Universe.parse(yaml.safe_load((CHECKOUT / "universe.yaml").read_text()), "shipped")["SIM_ES"]
START = datetime(2021, 1, 5, 15, tzinfo=UTC)
HOUR_US = 3_600_000_000
START_US = int(START.timestamp()) * 1_000_000
TICKER = "SIM_ESH2021"
HALF_TICK = 0.5 * ES.tick_size  # what the page of facts says a fill costs


def asked(receiver: Receiver, body: object, path: str | None = None) -> tuple[int, dict, dict]:
    """Status, JSON (or {} of a page) and headers of one POST."""
    parts = urlsplit(receiver.url)
    context = ssl.create_default_context(cafile=receiver.certificate)
    line = HTTPSConnection(parts.hostname or "", parts.port, context=context, timeout=5)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    line.request("POST", path or parts.path, raw, {"Content-Type": "application/json"})
    answer = line.getresponse()
    text, headers = answer.read(), dict(answer.getheaders())
    line.close()
    is_json = headers["Content-Type"] == "application/json"
    return answer.status, json.loads(text) if is_json else {}, headers


def signal(action: str, at_us: int = START_US, **more: object) -> dict:
    when = datetime.fromtimestamp(at_us / 1e6, UTC).isoformat()
    whole = {"ticker": TICKER, "action": action, "time": when, "signalPrice": 100.0}
    return whole | ({"quantity": 2} if action in ("buy", "sell") else {}) | more


def test_a_good_signal_is_answered_as_documented_and_written_down(tmp_path: Path) -> None:
    with Receiver(tmp_path) as receiver:
        extras = {"order_id": "o", "decision_id": "d", "release_id": "r"}
        status, document, _ = asked(receiver, signal("buy", extras=extras, misspelt=1))
        assert (status, document["success"], document["id"]) == (200, True, "signal-1")
        (row,) = map(json.loads, (tmp_path / "receiver.jsonl").read_text().splitlines())
        assert (row["order_id"], row["decision_id"], row["ticker"]) == ("o", "d", TICKER)
        assert (row["action"], row["quantity"], row["at_us"]) == ("buy", 2, START_US)
        assert (row["is_taken"], row["status"], row["fault"]) == (True, 200, "")
        assert receiver.positions() == {TICKER: 2}
        assert receiver.secret not in (tmp_path / "receiver.jsonl").read_text()
    (fill,) = csv.DictReader((tmp_path / "fills.csv").read_text().splitlines())
    assert (fill["ticker"], fill["quantity"], fill["price"]) == (TICKER, "2", "100.0")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "malformed-json"),
        ([1], "malformed-json"),
        ({"action": "buy"}, "invalid-payload"),
        ({"ticker": TICKER}, "invalid-payload"),
        (signal("hold"), "invalid-action"),
        (signal("buy", quantity=0), "invalid-quantity"),
        (signal("buy", orderType="fancy"), "invalid-order-type"),
    ],
)
def test_each_refusal_is_a_400_with_its_code(tmp_path: Path, body: object, code: str) -> None:
    with Receiver(tmp_path) as receiver:
        status, document, _ = asked(receiver, body)
        assert (status, document["success"], document["messageCode"]) == (400, False, code)
        assert receiver.positions() == {}
        assert not receiver.requests[0].is_taken


def test_another_path_is_404_and_no_signal(tmp_path: Path) -> None:
    with Receiver(tmp_path) as receiver:
        status, _, headers = asked(receiver, signal("buy"), "/trading/webhook/other")
        assert (status, headers["Content-Type"]) == (404, "text/html; charset=utf-8")
        assert receiver.requests == ()


def test_the_61st_of_a_minute_and_the_501st_of_an_hour_get_429(tmp_path: Path) -> None:
    """By the clock of the signals, so that a replay at any speed meets the same limits."""
    with Receiver(tmp_path) as receiver:
        answers = [asked(receiver, signal("exit", START_US + one)) for one in range(61)]
        assert [status for status, *_ in answers] == [200] * 60 + [429]
        assert answers[-1][2]["Retry-After"] == "60"
        later = [START_US + 61_000_000 + 6_000_000 * one for one in range(441)]
        found = [asked(receiver, signal("exit", at_us))[0] for at_us in later]
        assert found == [200] * 440 + [429]


def bars(*opens: float, gap_after: int | None = None) -> VenuePrices:
    """Hourly bars from START; each falls by 3 and rises by 2 from its open."""
    starts = [
        START + timedelta(hours=n if gap_after is None or n <= gap_after else n + 10)
        for n in range(len(opens))
    ]
    frame = pl.DataFrame(
        {
            "contract": ["SIM_ESH21"] * len(opens),
            "bar_start": starts,
            "bar_end": [one + timedelta(hours=1) for one in starts],
            "open": opens,
            "high": [one + 2.0 for one in opens],
            "low": [one - 3.0 for one in opens],
        }
    ).with_columns(pl.col("bar_start", "bar_end").dt.cast_time_unit("us"))
    return VenuePrices.from_frames([(ES, frame)])


def prices_of(book: Book) -> list[tuple[str, int, float]]:
    return [(one.kind, one.at_us, one.price) for one in book.fills]


def test_orders_fill_at_the_next_open_with_slippage() -> None:
    book = Book(bars(100.0, 110.0, 120.0))
    assert book.take(signal("buy"), START_US + 1) == "filled"
    assert book.take(signal("exit"), START_US + HOUR_US + HOUR_US // 2) == "closed"
    assert prices_of(book) == [
        ("entry", START_US, 100.0 + HALF_TICK),
        ("exit", START_US + 2 * HOUR_US, 120.0 - HALF_TICK),
    ]
    assert book.positions() == {}


def test_no_adding_no_side_swapping_and_an_exit_of_nothing_is_nothing() -> None:
    book = Book()
    assert book.take(signal("exit"), START_US) == "nothing to close"
    assert book.take(signal("sell"), START_US) == "filled"
    assert book.take(signal("sell"), START_US) == "refused: no adding to a position"
    assert book.positions() == {TICKER: -2}
    assert book.take(signal("buy"), START_US) == "closed only: no side swapping"
    assert book.positions() == {}
    assert len(book.fills) == 2


def test_a_level_that_is_not_reached_waits_and_an_exit_takes_it_back() -> None:
    stop = signal("buy", orderType="stop", stopPrice=115.0)
    book = Book(bars(100.0, 110.0, 120.0))
    assert book.take(stop, START_US) == "working"
    assert book.positions(START_US + HOUR_US) == {}
    assert book.take(signal("exit"), START_US + HOUR_US) == "cancelled"
    assert book.positions() == {}
    left = Book(bars(100.0, 110.0, 120.0))
    left.take(stop, START_US)
    # The third bar opens beyond the level: filled at its open.
    assert left.positions() == {TICKER: 2}
    assert prices_of(left) == [("entry", START_US + 2 * HOUR_US, 120.0)]
    limit = Book(bars(100.0, 110.0))
    limit.take(signal("buy", orderType="limit", limitPrice=98.0), START_US)
    assert limit.positions() == {TICKER: 2}
    assert prices_of(limit) == [("entry", START_US, 98.0)]
    assert limit.take(signal("cancel"), START_US + HOUR_US) == "nothing to cancel"


def test_brackets_close_in_the_bar_that_reaches_them_the_stop_first() -> None:
    both = {"stopLoss": {"type": "stop", "amount": 2.0}, "takeProfit": {"amount": 1.0}}
    book = Book(bars(100.0, 100.0))
    book.take(signal("buy", **both), START_US)
    assert book.positions(START_US) == {TICKER: 2}
    assert book.positions(START_US + HOUR_US) == {}
    filled = 100.0 + HALF_TICK
    assert prices_of(book)[1] == ("stop", START_US + HOUR_US, filled - 2.0)
    target = Book(bars(100.0, 102.0))
    target.take(signal("sell", takeProfit={"amount": 2.5}), START_US)
    assert target.positions() == {}
    assert prices_of(target)[1] == ("target", START_US + HOUR_US, 100.0 - HALF_TICK - 2.5)


def test_a_signal_while_the_market_is_closed_is_marked_and_fills_at_the_next_open(
    tmp_path: Path,
) -> None:
    with Receiver(tmp_path, prices=bars(100.0, 130.0, gap_after=0)) as receiver:
        asked(receiver, signal("buy", START_US + HOUR_US))
        (request,) = receiver.requests
        assert request.is_outside_session
        assert request.outcome == "queued: filled"
        assert [one.price for one in receiver.fills] == [130.0 + HALF_TICK]


def test_a_seed_gives_the_same_faults_and_spares_connections_and_requests_alike() -> None:
    first, again = random_order_faults(7, 500), random_order_faults(7, 500)
    assert first == again
    assert first != random_order_faults(8, 500)
    for is_connection in (True, False):
        own = [one for one in first if one.is_of_connection == is_connection]
        assert len(own) == 500
        share = sum(one.kind != "none" for one in own) / 500
        assert 0.1 < share < 0.3


def test_faults_are_used_up_in_order_by_what_they_are_meant_for() -> None:
    faults = [
        OrderFault("reset_after", action="exit"),
        OrderFault("reset_handshake"),
        OrderFault("cut_200", times=2),
        OrderFault("none", action=CONNECT),
    ]
    of_request = [take_fault(faults, of_connection=False, action="buy") for _ in range(3)]
    assert [one and one.kind for one in of_request] == ["cut_200", "cut_200", None]
    of_line = [take_fault(faults, of_connection=True) for _ in range(3)]
    assert [one and one.kind for one in of_line] == ["reset_handshake", "none", None]
    assert [one.kind for one in faults] == ["reset_after"]
    assert not any(OrderFault(kind).is_taken for kind in NOT_TAKEN)
    with pytest.raises(UnknownName, match="Did you mean 'reset_after'"):
        OrderFault("reset_aftr")
    with pytest.raises(InvalidSetting, match="times"):
        OrderFault("slow", times=0)
