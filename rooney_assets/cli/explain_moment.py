"""A decision, its orders and their fills, as a person reads them; `--json` has every column.

Belongs here: words. Does not belong here: finding the rows (`rooney_assets.explain.moments`).
Journals of other versions and the lake's own tables name some columns otherwise, or lack them: what
is not there is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from rooney_assets.explain.journals import Row
from rooney_assets.explain.moments import moment_of

Rows = list[tuple[str, str]]
MOST_CONTRIBUTIONS: Final = 6
SHORT: Final = 10
"""Characters of a run, a release or a code that a line shows."""
SIDES: Final = {1: "long", -1: "short"}
WHO_FILLED: Final = {"expected": "on the paper account", "reported": "as the broker reported"}
PROTECTIONS: Final = (
    ("stop_distance", "stop {:g} from the entry"),
    ("target_distance", "target {:g} from the entry"),
    ("target_level", "target at {:g}"),
    ("trail_distance", "trailing stop {:g} from the best close"),
)


def moment_rows(facts: Mapping[str, Any]) -> Rows:
    """Names and words of a moment's facts: the bar, the decision, the orders, the release."""
    rows = [*_bar(facts), *_decision(facts.get("decision") or {})]
    for order in facts["orders"]:
        rows += _order(order)
    if not facts["orders"]:
        rows.append(("order", "none"))
    return [*rows, *_release(facts.get("release") or {}), *_run(facts)]


def log_words(entry: Row) -> str:
    """An entry of the promotion log on a line."""
    who, reason = entry.get("who"), entry.get("reason")
    words = f"{_time(entry['recorded_at'])} {entry['event']} by {who}"
    earlier = entry.get("earlier_release_id")
    before = f", in place of {earlier}" if earlier else ""
    return f"{words}{before}: {reason}" if reason else f"{words}{before}"


def _bar(facts: Mapping[str, Any]) -> Rows:
    bar = facts.get("bar")
    if bar is None:
        return []
    named = (name for name in ("open", "high", "low", "close") if name in bar)
    prices = ", ".join(f"{name} {bar[name]:.10g}" for name in named)
    begin = f"{_time(bar['bar_start'])} to " if "bar_start" in bar else "to "
    words = f"{bar.get('contract', '')} {begin}{bar['bar_end']:%H:%M} UTC: {prices}"
    return [("bar", f"{words}, volume {bar['volume']:,.10g}" if "volume" in bar else words)]


def _decision(row: Row) -> Rows:
    if not row:
        return [("decided", "no decision is on record at this moment")]
    end = _moment(row, "bar_end")
    words = [f"{_time(end)} UTC" if end else "", str(row.get("code") or "")]
    if row.get("action") not in (None, "none"):
        words.append(f"{row['action']} {SIDES.get(row.get('side') or 0, '')}".strip())
    if row.get("probability") is not None:
        least = row.get("threshold")
        asked = "" if least is None else f", at least {least:.3f} is asked for"
        words.append(f"probability {row['probability']:.3f}{asked}")
    return [("decided", ", ".join(one for one in words if one)), *_contributions(row)]


def _contributions(row: Row) -> Rows:
    """The features that moved the probability most."""
    given = row.get("contributions")
    named = json.loads(given) if isinstance(given, str) and given else given
    if not isinstance(named, Mapping):
        return []
    moved = [(name, one) for name, one in named.items() if isinstance(one, float)]
    moved.sort(key=lambda one: -abs(one[1]))
    told = ", ".join(f"{name} {one:+.3f}" for name, one in moved[:MOST_CONTRIBUTIONS])
    return [("  moved by", told)] if told else []


def _order(row: Row) -> Rows:
    rows = [("order", str(row.get("order_id", ""))), ("  wanted", _wanted(row))]
    guards = [words.format(row[name]) for name, words in PROTECTIONS if row.get(name) is not None]
    rows += [("  protected by", ", ".join(guards))] if guards else []
    rows += [("  stands", words)] if (words := _stands(row)) else []
    rows += [("  step", _step(one)) for one in row.get("events", ())]
    rows += [("  filled", _fill(one)) for one in row.get("fills", ())]
    return [*rows, *(("  trade", _trade(one)) for one in row.get("trades", ()))]


def _wanted(row: Row) -> str:
    side = SIDES.get(row.get("side") or 0, "")
    words = f"{row.get('intent', '')} {side}, {row.get('size', '?')} of "
    words += str(row.get("contract") or row.get("symbol") or "?")
    if row.get("ticker"):
        words += f" (the venue's {row['ticker']})"
    kind = _either(row, "kind", "order_kind") or "market"
    level = row.get("level")
    words += f" at {kind}" if level is None else f" by a {kind} order at {level:.10g}"
    if row.get("limit_price") is not None:
        words += f", sent as a limit at {row['limit_price']:.10g}"
    reason = _either(row, "reason", "order_reason")
    words += f"; reason {reason}" if reason else ""
    origin = row.get("origin") or "decision"
    return words if origin == "decision" else f"{words}; not by a decision: {origin}"


def _stands(row: Row) -> str:
    state = row.get("state")
    if not state:
        return ""
    words = [str(state)]
    if row.get("attempts"):
        words.append(f"{row['attempts']} attempt{'s'[: row['attempts'] != 1]}")
    words += _answer(row)
    due = _moment(row, "due_at")
    if due is not None:
        words.append(f"not before {_time(due)} UTC")
    return ", ".join(words)


def _answer(row: Row) -> Iterator[str]:
    if row.get("http_status") is not None:
        yield f"HTTP {row['http_status']}"
    for names in (("code", "order_code"), ("detail", "order_detail"), ("execution_reason",)):
        told = _either(row, *names)
        if told:
            yield str(told)


def _step(row: Row) -> str:
    at, before = _moment(row, "at"), row.get("from_state")
    words = f"{_time(at)} UTC " if at else ""
    words += f"{before} to {row.get('to_state', '')}" if before else str(row.get("to_state", ""))
    return ", ".join((words, *_answer(row)))


def _fill(row: Row) -> str:
    price, fee = _either(row, "price", "fill_price"), _either(row, *_FEES)
    at, source = _moment(row, "filled_at"), str(_either(row, "source", "fill_source") or "expected")
    words = f"{row.get('size', '?')} at {price:.10g}" if price is not None else "at no known price"
    words += f", {_time(at)} UTC" if at else ""
    words += f", {WHO_FILLED.get(source, source)}"
    return words if fee is None else f"{words}, commission {fee:,.2f} USD"


def _trade(row: Row) -> str:
    side = SIDES.get(row.get("side") or 0, "")
    ends = []
    for leg in ("entry", "exit"):
        at, price = _moment(row, f"{leg}_time"), row.get(f"{leg}_price")
        told = "?" if price is None else f"{price:.10g}"
        ends.append(f"{told} at {_time(at)}" if at else told)
    words = f"{side} {row.get('size', '')}: {' to '.join(ends)}"
    words += f", left by {row['exit_reason']}" if row.get("exit_reason") else ""
    words += f", {row['rolls']} rolls" if row.get("rolls") else ""
    net = row.get("net_profit_usd")
    return words if net is None else f"{words}: {net:+,.2f} USD after all costs"


def _release(row: Row) -> Rows:
    if not row:
        return []
    sizes = ", ".join(f"{symbol} {size}" for symbol, size in (row.get("sizes") or {}).items())
    words = f"{row['id']} of {row.get('rebalance_month')}, trades {sizes or 'nothing'}, approved "
    rows = [("release", f"{words}until {row.get('approved_until')}")]
    for symbol, model in (row.get("models") or {}).items():
        rows.append(("  model", f"{symbol}: {model}"))
    return [*rows, *(("  log", log_words(entry)) for entry in row.get("log") or ())]


def _run(facts: Mapping[str, Any]) -> Rows:
    row = facts.get("run") or {}
    code = _either(row, "code_version", "trader_code_version")
    words = [f"{row.get('mode', 'run')} {row.get('run_id', '?')}"]
    if code:
        words.append(f"by the trader's code {str(code)[:SHORT]}")
    if row.get("first_session"):
        words.append(f"sessions {row['first_session']} to {row.get('last_session')}")
    if row.get("status"):
        words.append(str(row["status"]))
    return [("run", ", ".join(words)), ("written in", str(facts.get("written_in", "")))]


_FEES: Final = ("commission_usd", "fill_commission_usd")


def _either(row: Row, *names: str) -> Any:
    """The first of these columns that says something."""
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


def _moment(row: Row, name: str) -> datetime | None:
    """A time that a journal keeps in microseconds, and the lake as a time; 0 is none."""
    given = row.get(f"{name}_us")
    if given:
        return moment_of(int(given))
    known = row.get(name)
    return known if isinstance(known, datetime) else None


def _time(moment: Any) -> str:
    """Without seconds where these are none."""
    if not isinstance(moment, datetime):
        return str(moment)
    is_whole = not (moment.second or moment.microsecond)
    return f"{moment:%Y-%m-%d %H:%M}" if is_whole else f"{moment:%Y-%m-%d %H:%M:%S}"
