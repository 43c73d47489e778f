"""The name of a dated contract, in every spelling that a vendor or a venue gives it.

Belongs here: reading and writing such names. Does not belong here: when a contract expires
(`expiry.py`), or which one is in front (`rolls.py`).

Rooney writes root, month code and two digits of the year: `ESZ26`. Databento's raw symbol has one
digit (`ESZ6`), so its decade follows from the day on which it traded; TradersPost wants four
(`ESZ2026`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from rooney_core.errors import InputError
from rooney_core.market.instruments import Instrument

MONTH_CODES: Final = "FGHJKMNQUVXZ"
"""January to December."""

_NAME = re.compile(
    r"(?P<root>[A-Z0-9](?:[A-Z0-9_]*?[A-Z0-9])??)[/_ ]?"
    rf"(?P<month>[{MONTH_CODES}])(?P<year>[0-9]{{1,2}}|[0-9]{{4}})"
)
_CENTURY_STARTS = 70


@dataclass(frozen=True, order=True)
class Contract:
    """One dated contract; sorts by root, then by expiry. `month` is 1 to 12."""

    root: str
    year: int
    month: int

    @property
    def name(self) -> str:
        """Rooney's name, such as ESZ26."""
        return f"{self.root}{self.month_code}{self.year % 100:02d}"

    @property
    def month_code(self) -> str:
        """F for January to Z for December."""
        return MONTH_CODES[self.month - 1]


def parse_contract(name: str, on: date | None = None) -> Contract:
    """The contract behind `name`: ESZ6, ESZ26, ESZ2026, VX/Z6, VX_Z26.

    `on`, a day on which it traded, decides the decade of a one-digit year: the first such year that
    is not before it. Two digits: 70 to 99 are the last century. Raises InputError for another form,
    and for one digit without a day.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise InputError(
            f"{name!r} is no dated contract. A root, a month code of {MONTH_CODES} and a year "
            "are needed, such as ESZ26."
        )
    month = MONTH_CODES.index(found["month"]) + 1
    return Contract(found["root"], _year(found["year"], name, on), month)


def order_ticker(contract: str, instrument: Instrument, on: date | None = None) -> str:
    """The ticker under which TradersPost takes an order for `contract`, such as ESZ2026.

    By the instrument's rule; what does not expire has its symbol as the ticker. `on`: a day on
    which the contract trades, today for an order; needed where `contract` has one digit of the
    year, as in Databento's ESZ6. Raises InputError as `parse_contract` does, for a contract of
    another root (a weekly VX01 is no VX) or of a month that the instrument does not have, and for
    an instrument whose rule is null: nobody can order it.
    """
    rule = instrument.order_ticker
    if rule is None:
        raise InputError(
            f"{instrument.symbol} cannot be ordered: its `order_ticker` is null in universe.yaml. "
            "Order a future or a fund on it instead."
        )
    if not instrument.contract_months:
        return rule.format(root=instrument.symbol, month="", year4="")
    dated = parse_contract(contract, on)
    if dated.root != instrument.symbol:
        raise InputError(
            f"{contract!r} is a contract of {dated.root}, and the order is for "
            f"{instrument.symbol}; name a contract of {instrument.symbol}."
        )
    if dated.month_code not in instrument.contract_months:
        raise InputError(
            f"{contract!r} is of month {dated.month_code}, and {instrument.symbol} has the months "
            f"{instrument.contract_months}; name one of those, or correct `contract_months` in "
            "universe.yaml."
        )
    return rule.format(root=dated.root, month=dated.month_code, year4=dated.year)


def _year(digits: str, name: str, on: date | None) -> int:
    if len(digits) == 4:
        return int(digits)
    if len(digits) == 2:
        year = int(digits)
        return year + (1900 if year >= _CENTURY_STARTS else 2000)
    if on is None:
        raise InputError(
            f"{name!r} has one digit of the year, so that its decade is unknown. Pass a day on "
            "which it trades as `on` (today, for an order), or write two digits, as in ESZ26."
        )
    return on.year + (int(digits) - on.year) % 10
