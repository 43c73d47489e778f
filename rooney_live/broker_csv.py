"""A broker's list of positions, or of fills, as a person downloads it.

Belongs here: reading the file, whole or not at all. Does not belong here: comparing it with the
ledger (`reconcile.py`) or with expectations (`report.py`).

Brokers name columns as they like; each of ours has the names under which it is known (any case,
blanks and underscores do not count). A file with two columns of one meaning, or a row that cannot
be read, is refused: half a list would say that the rest is flat.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from rooney_core.errors import InputError, InvalidSetting, UnknownName
from rooney_core.market.contracts import order_ticker, parse_contract
from rooney_core.market.instruments import Instrument
from rooney_live.reconcile import Key

CONTRACT: Final = ("contract", "ticker", "symbol", "instrument")
QUANTITY: Final = ("netpos", "netposition", "position", "quantity", "qty", "size", "contracts")
SIDE: Final = ("side", "direction", "action", "buysell", "bs")
PRICE: Final = ("price", "fillprice", "avgprice", "averageprice")
TIME: Final = ("filledat", "filltime", "time", "timestamp", "datetime", "date")
ORDER: Final = ("orderid", "decisionid", "clientorderid")
COMMISSION: Final = ("commission", "commissionusd", "fee", "fees")
_LONG: Final = frozenset({"long", "buy", "b", "+1", "1", "bot", "bought"})
_SHORT: Final = frozenset({"short", "sell", "s", "-1", "sld", "sold", "exit"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MAX_BYTES: Final = 10_000_000


@dataclass(frozen=True)
class BrokerFill:
    """One fill: `contracts` bought (positive) or sold, at a raw price; None for what the file does
    not say."""

    contract: str
    contracts: int
    price: float
    filled_at_us: int
    order_id: str | None
    commission_usd: float | None


@dataclass(frozen=True)
class BrokerPositions:
    """`held`: contracts by symbol and contract, negative for short. `others`: what the account
    holds of roots that are not this release's; nothing is done about them. `n_rows`: rows of the
    file; one without any may be the whole truth, or a download that failed."""

    held: Mapping[Key, int]
    others: Mapping[str, int]
    n_rows: int


def read_positions(
    path: Path, instruments: Iterable[Instrument], known: Iterable[Key], today: date
) -> BrokerPositions:
    """The positions of a file with a column for the contract and one for the quantity.

    A quantity without sign takes it from the side, where there is such a column. `known`: contracts
    of the ledger, by the names it uses. Raises InvalidSetting, naming the line, for anything that
    cannot be read, and for a name that may be one of ours in a form that is not known: left out, it
    would say that this one is flat.
    """
    rows, columns = _table(path, {"contract": CONTRACT, "quantity": QUANTITY}, {"side": SIDE})
    names = _names(known, instruments, today)
    by_root = {one.symbol: one for one in instruments}
    held: dict[Key, int] = {}
    others: dict[str, int] = {}
    for line, row in rows:
        name = row[columns["contract"]].strip()
        quantity = _signed(row, columns, path, line)
        key = names.get(name.upper()) or _key(name.upper(), by_root, today)
        if key is None:
            if quantity:
                _refuse_unread(name, {*by_root, *(one for one, _ in names.values())}, path, line)
            others[name] = others.get(name, 0) + quantity
        else:
            held[key] = held.get(key, 0) + quantity
    return BrokerPositions(held, others, len(rows))


def _refuse_unread(name: str, roots: Iterable[str], path: Path, line: int) -> None:
    """A contract that begins as one of ours does, and that nobody can read."""
    begun = [root for root in roots if name.upper().startswith(root)]
    if begun and not _is_dated(name.upper()):
        raise InvalidSetting(
            f"{path}, line {line}: {name!r} may be a contract of {max(begun, key=len)}, in a form "
            "that is not known. Nothing was changed: write it as ESZ26, ESZ6 or ESZ2026."
        )


def contract_key(
    symbol: str, name: str, instruments: Mapping[str, Instrument], known: Iterable[Key], today: date
) -> Key:
    """The ledger's name of a contract that a person names: ESZ6, ESZ26 and ESZ2026 are one.

    `known`: contracts of the ledger, whose symbol may have left the release. Raises UnknownName for
    another symbol, InputError for a contract that is not the symbol's or that nobody can order.
    """
    held = [key for key in known if key[0] == symbol]
    found = _names(held, instruments.values(), today).get(name.upper())
    if found is not None:
        return found
    if symbol not in instruments:
        raise UnknownName.among("symbol", symbol, {*instruments, *(one for one, _ in held)})
    order_ticker(name, instruments[symbol], today)
    if not instruments[symbol].contract_months:
        return (symbol, symbol)
    return (symbol, parse_contract(name, today).name)


def read_fills(path: Path) -> list[BrokerFill]:
    """The fills of a file with columns for contract, quantity, side, price and time.

    A time without a zone is UTC. Raises InvalidSetting as `read_positions`.
    """
    needed = {"contract": CONTRACT, "quantity": QUANTITY, "price": PRICE, "time": TIME}
    rows, columns = _table(path, needed, {"side": SIDE, "order": ORDER, "commission": COMMISSION})
    found = []
    for line, row in rows:
        order = row[columns["order"]].strip() if "order" in columns else ""
        fee = row[columns["commission"]].strip() if "commission" in columns else ""
        found.append(
            BrokerFill(
                contract=row[columns["contract"]].strip(),
                contracts=_signed(row, columns, path, line),
                price=_number(row[columns["price"]], path, line),
                filled_at_us=_time(row[columns["time"]], path, line),
                order_id=order or None,
                commission_usd=abs(_number(fee, path, line)) if fee else None,
            )
        )
    return found


def _table(
    path: Path, needed: Mapping[str, Sequence[str]], wanted: Mapping[str, Sequence[str]]
) -> tuple[list[tuple[int, dict[str, str]]], dict[str, str]]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidSetting(f"{path} has more than {MAX_BYTES} bytes; that is no such list.")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"{path} cannot be read: {error}") from None
    reader = csv.DictReader(text.splitlines(), strict=True)
    try:
        columns = _columns(reader.fieldnames or (), needed, wanted, path)
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise InvalidSetting(f"{path}, line {reader.line_num}: {error}") from None
    for line, row in rows:
        if None in row or None in row.values():
            raise InvalidSetting(f"{path}, line {line}: it has another number of columns.")
    return rows, columns


def _columns(
    header: Sequence[str],
    needed: Mapping[str, Sequence[str]],
    wanted: Mapping[str, Sequence[str]],
    path: Path,
) -> dict[str, str]:
    plain = {"".join(letter for letter in one.lower() if letter.isalnum()): one for one in header}
    found = {}
    for meaning, names in {**needed, **wanted}.items():
        there = [plain[name] for name in names if name in plain]
        if len(there) > 1 and meaning != "contract":
            raise InvalidSetting(f"{path}: {', '.join(there)} all say the {meaning}; leave one.")
        if there:
            # The more exact name comes first: a contract before its product's symbol.
            found[meaning] = there[0]
        elif meaning in needed:
            raise InvalidSetting(
                f"{path} has no column for the {meaning}; its columns are {', '.join(header)}, "
                f"known names are {', '.join(names)}."
            )
    return found


def _signed(row: Mapping[str, str], columns: Mapping[str, str], path: Path, line: int) -> int:
    number = _number(row[columns["quantity"]], path, line)
    if number != int(number):
        raise InvalidSetting(f"{path}, line {line}: {number:g} is no whole number of contracts.")
    if "side" not in columns:
        return int(number)
    said = row[columns["side"]].strip().lower()
    if said not in _LONG | _SHORT and number != 0:
        raise InvalidSetting(f"{path}, line {line}: {said!r} is no side; write long or short.")
    if number < 0 and said in _LONG:
        raise InvalidSetting(f"{path}, line {line}: {number:g} contracts {said}; which is it?")
    return abs(int(number)) * (-1 if said in _SHORT else 1)


def _number(text: str, path: Path, line: int) -> float:
    try:
        number = float(text.strip().replace(",", "").lstrip("$"))
    except ValueError:
        raise InvalidSetting(f"{path}, line {line}: {text!r} is no number.") from None
    if not math.isfinite(number):
        raise InvalidSetting(f"{path}, line {line}: {text!r} is no number.")
    return number


def _time(text: str, path: Path, line: int) -> int:
    try:
        if text.strip().isdigit():
            return int(text)
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidSetting(
            f"{path}, line {line}: {text!r} is no time; write 2026-11-20T15:30:00Z."
        ) from None
    zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (zoned - _EPOCH) // timedelta(microseconds=1)


def _names(known: Iterable[Key], instruments: Iterable[Instrument], today: date) -> dict[str, Key]:
    """Every name under which a contract of the ledger can appear in a broker's list."""
    by_root = {one.symbol: one for one in instruments}
    found = {}
    for symbol, contract in known:
        found[contract.upper()] = (symbol, contract)
        if symbol in by_root:
            try:
                found[order_ticker(contract, by_root[symbol], today).upper()] = (symbol, contract)
            except InputError:
                continue
    return found


def _key(name: str, by_root: Mapping[str, Instrument], today: date) -> Key | None:
    """A contract that the ledger does not hold, by the name that the ledger would give it."""
    if name in by_root and not by_root[name].contract_months:
        return (name, name)
    try:
        dated = parse_contract(name, today)
    except InputError:
        return None
    if dated.root not in by_root:
        return None
    return (dated.root, dated.name)


def _is_dated(name: str) -> bool:
    try:
        parse_contract(name, _EPOCH.date())
    except InputError:
        return False
    return True
