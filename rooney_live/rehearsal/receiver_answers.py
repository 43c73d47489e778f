"""What the local TradersPost answers: its documented refusals, its limits, and what it acts on.

Belongs here: reading a signal and answering it. Does not belong here: sockets (`receiver.py`),
positions (`receiver_book.py`). Like the real one it ignores fields that it does not know, and
queues what comes while the market is closed until the next open.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from rooney_live.rehearsal.receiver_book import Book
from rooney_live.rehearsal.receiver_faults import OrderFault

ACTIONS: Final = ("buy", "sell", "exit", "cancel", "add")
MINUTE_US: Final = 60_000_000
HOUR_US: Final = 60 * MINUTE_US
PER_MINUTE: Final = 60
PER_HOUR: Final = 500
_ORDER_TYPES: Final = ("market", "limit", "stop", "stop_limit", "trailing_stop")


@dataclass(frozen=True)
class VenueAnswer:
    """One HTTP answer."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ReceivedRequest:
    """One request. `at_us`: its payload's `time`, else its arrival; `arrived_ns`: wall clock;
    `arrived_perf_ns`: perf_counter, which processes of one machine share. `is_taken`: acted on."""

    n: int
    arrived_ns: int
    arrived_perf_ns: int
    at_us: int
    payload: dict[str, Any]
    is_taken: bool
    outcome: str
    fault: str
    status: int
    is_outside_session: bool = False

    def as_row(self) -> dict[str, Any]:
        """For receiver.jsonl."""
        extras = self.payload.get("extras") or {}
        named = {name: extras.get(name, "") for name in ("order_id", "decision_id")}
        named |= {name: self.payload.get(name) for name in ("ticker", "action", "quantity")}
        return vars(self) | named


@dataclass
class Venue:
    """Answers requests; `clock` "payload" counts limits by the time in a signal, for replays."""

    book: Book
    clock: Literal["payload", "arrival"] = "payload"
    per_minute: int = PER_MINUTE
    per_hour: int = PER_HOUR
    requests: list[ReceivedRequest] = field(default_factory=list)
    _times: deque[int] = field(default_factory=deque)

    def answer(
        self, body: bytes, fault: OrderFault | None, arrived_ns: int, arrived_perf_ns: int
    ) -> VenueAnswer:
        """The answer to a POST to the right path; the request is remembered."""
        payload = _parsed(body)
        sent_us = _time_of(payload)
        at_us = arrived_ns // 1000 if sent_us is None else sent_us
        counted_us = at_us if self.clock == "payload" else arrived_ns // 1000
        refusal = self._refusal(payload, fault, counted_us)
        is_outside, outcome = False, refusal[1] if refusal else ""
        if refusal is None:
            is_outside = self._is_closed(payload, at_us)
            outcome = ("queued: " if is_outside else "") + self.book.take(payload, at_us)
        answer = refusal[0] if refusal else _accepted(payload, len(self.requests))
        self.requests.append(
            ReceivedRequest(
                n=len(self.requests) + 1,
                arrived_ns=arrived_ns,
                arrived_perf_ns=arrived_perf_ns,
                at_us=at_us,
                payload=payload,
                is_taken=refusal is None,
                outcome=outcome,
                fault="" if fault is None else fault.kind,
                status=answer.status,
                is_outside_session=is_outside,
            )
        )
        return answer

    def _refusal(
        self, payload: dict[str, Any], fault: OrderFault | None, counted_us: int
    ) -> tuple[VenueAnswer, str] | None:
        if fault is not None and not fault.is_taken:
            return _faulty(fault), f"fault {fault.kind}"
        if not self._is_within_limits(counted_us):
            return too_many(60.0), "rate limit"
        wrong = _problem(payload)
        if wrong is not None:
            return refused(*wrong), wrong[0]
        return None

    def _is_within_limits(self, now_us: int) -> bool:
        times = self._times
        while times and times[0] <= now_us - HOUR_US:
            times.popleft()
        minute = sum(1 for one in times if one > now_us - MINUTE_US)
        if minute >= self.per_minute or len(times) >= self.per_hour:
            return False
        times.append(now_us)
        return True

    def _is_closed(self, payload: dict[str, Any], at_us: int) -> bool:
        prices = self.book.prices
        bars = None if prices is None else prices.tickers.get(str(payload["ticker"]))
        return bars is not None and not bars.is_trading(at_us)


def refused(code: str, message: str) -> VenueAnswer:
    """400 as documented."""
    return _json(400, {"success": False, "messageCode": code, "message": message})


def too_many(retry_after_seconds: float) -> VenueAnswer:
    """429 as documented; Retry-After in whole seconds."""
    answer = _json(429, {"success": False, "messageCode": "too-many-requests", "message": "Slow."})
    headers = (("Retry-After", str(int(retry_after_seconds))),)
    return VenueAnswer(answer.status, answer.body, answer.content_type, headers)


def not_found(path: str) -> VenueAnswer:
    """404 in HTML that repeats the path, as common servers do: a client must not log it."""
    return page(404, f"Cannot POST {path}")


def page(status: int, text: str) -> VenueAnswer:
    """A page for people."""
    body = f"<!DOCTYPE html><html><body><pre>{text}</pre></body></html>".encode()
    return VenueAnswer(status, body, "text/html; charset=utf-8")


def _faulty(fault: OrderFault) -> VenueAnswer:
    match fault.kind:
        case "too_many":
            return too_many(fault.seconds)
        case "bad_request":
            return refused(fault.code, "The payload was refused by the rehearsal's plan.")
        case "request_timeout":
            return page(408, "Request Timeout")
        case "redirect":
            moved = page(302, "Found")
            where = (("Location", "/elsewhere"),)
            return VenueAnswer(moved.status, moved.body, moved.content_type, where)
        case "not_found":
            return not_found("?")
    return page(500, "Internal Server Error")


def _accepted(payload: dict[str, Any], n: int) -> VenueAnswer:
    names = {"id": f"signal-{n + 1}", "logId": f"log-{n + 1}"}
    return _json(200, {"success": True} | names | {"payload": payload})


def _json(status: int, document: dict[str, Any]) -> VenueAnswer:
    return VenueAnswer(status, json.dumps(document).encode())


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {"": "malformed"}
    return document if isinstance(document, dict) else {"": "malformed"}


def _problem(payload: dict[str, Any]) -> tuple[str, str] | None:
    """messageCode and message of a signal that cannot be read; None for one that can."""
    if "" in payload:
        return "malformed-json", "The JSON payload could not be parsed."
    if not payload.get("ticker") or not payload.get("action"):
        return "invalid-payload", "Both the action and ticker fields are required."
    if payload["action"] not in ACTIONS:
        return "invalid-action", "The action is not one of buy, sell, exit, cancel, add."
    if payload.get("orderType", "market") not in _ORDER_TYPES:
        return "invalid-order-type", "The orderType is not known."
    quantity = payload.get("quantity", 1)
    if isinstance(quantity, bool) or not isinstance(quantity, int | float) or quantity <= 0:
        return "invalid-quantity", "The quantity is not a positive number."
    return None


def _time_of(payload: dict[str, Any]) -> int | None:
    try:
        told = datetime.fromisoformat(str(payload.get("time", "")))
    except ValueError:
        return None
    return None if told.tzinfo is None else round(told.timestamp() * 1_000_000)
