"""When a contract trades for the last time, and when its holder may first be asked to deliver.

Belongs here: the exchanges' rules of dates, one function per rule name of `instruments.py`. Does
not belong here: sessions and clocks (`calendar.py`), or leaving a contract in time (`rolls.py`).

A business day of these rules is a weekday that is no US exchange holiday. Globex is open for half
a day on most of those holidays, so its sessions are not the days to count; nor are the days on
which only the stock exchange was shut (storm, mourning) left out. Until 2011 the energy floor kept
the Friday after Thanksgiving too: December gas of those years ended up to two days before the date
computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

import polars as pl

from rooney_core.errors import InputError, InvalidSetting
from rooney_core.market.calendar import schedule
from rooney_core.market.contracts import Contract, parse_contract
from rooney_core.market.instruments import ExpiryRule, Instrument, NoticeRule

_WEDNESDAY, _FRIDAY = 3, 5
_DAY = timedelta(days=1)


def last_trading_day(contract: Contract, instrument: Instrument) -> date:
    """The last date on which `contract` trades, by the instrument's `expiry` rule.

    Raises InvalidSetting where the instrument states no rule.
    """
    if instrument.expiry is None:
        raise InvalidSetting(
            f"{instrument.symbol} has no `expiry` rule, so nobody knows when {contract.name} ends. "
            f"Add one to its page in universe.yaml: {', '.join(_EXPIRIES)}."
        )
    return _EXPIRIES[instrument.expiry](contract.year, contract.month)


def first_notice_day(contract: Contract, instrument: Instrument) -> date | None:
    """The first date on which a holder may be asked to take delivery.

    None where the instrument states no rule: settled in cash, or notice comes after trading ends.
    """
    if instrument.first_notice is None:
        return None
    return _NOTICES[instrument.first_notice](contract.year, contract.month)


def last_safe_day(contract: Contract, instrument: Instrument) -> date:
    """The last date on which the contract trades and no holder of it can be asked to deliver.

    The earlier of the last trading day and the business day before the first notice. Raises
    InvalidSetting as `last_trading_day`.
    """
    last = last_trading_day(contract, instrument)
    notice = first_notice_day(contract, instrument)
    return last if notice is None else min(last, business_days_before(notice, 1))


def last_safe_days(contracts: pl.Series, instrument: Instrument) -> pl.Series:
    """`last_safe_day` of each name in `contracts` (Date), aligned; null where nobody can know it.

    That is for an instrument without an `expiry` rule, and for a name that is no contract of it:
    another root, a month that it does not have, or no dated contract at all.
    """
    names = [] if instrument.expiry is None else contracts.unique().drop_nulls().to_list()
    days = {name: _safe_day(name, instrument) for name in names}
    known = {name: day for name, day in days.items() if day is not None}
    return contracts.replace_strict(known, default=None, return_dtype=pl.Date)


def _safe_day(name: str, instrument: Instrument) -> date | None:
    try:
        contract = parse_contract(name)
    except InputError:
        return None
    is_ours = contract.root == instrument.symbol
    listed = contract.month_code in instrument.contract_months
    return last_safe_day(contract, instrument) if is_ours and listed else None


def is_business_day(day: date) -> bool:
    """True for a weekday that is no US exchange holiday."""
    return day in _business_days(day.year)


def business_days_before(day: date, n_days: int) -> date:
    """The `n_days`-th business day before `day`, which itself need not be one.

    With `n_days` 0: `day` itself, or the business day before it where it is none.
    """
    if n_days == 0 and not is_business_day(day):
        n_days = 1
    for _ in range(n_days):
        day = _previous(day)
    return day


def _previous(day: date) -> date:
    day -= _DAY
    while not is_business_day(day):
        day -= _DAY
    return day


@lru_cache(maxsize=256)
def _business_days(year: int) -> frozenset[date]:
    first, last = date(year, 1, 1), date(year, 12, 31)
    stock_days = set(schedule("us_equity", first, last)["session"])
    # Globex keeps bank holidays as short days; a full one without stocks was no holiday.
    globex = schedule("energy", first, last)
    return frozenset(stock_days | set(globex.remove("early_close")["session"]))


def _third_friday(year: int, month: int) -> date:
    return business_days_before(_nth_weekday(year, month, _FRIDAY, 3), 0)


def _last_business_day(year: int, month: int) -> date:
    following = date(year + month // 12, month % 12 + 1, 1)
    return business_days_before(following - _DAY, 0)


def _before_last(n_days: int) -> Callable[[int, int], date]:
    return lambda year, month: business_days_before(_last_business_day(year, month), n_days)


def _of_prior_month(rule: Callable[[int, int], date]) -> Callable[[int, int], date]:
    return lambda year, month: rule(year - (month == 1), (month - 2) % 12 + 1)


def _before_25th(n_days: int) -> Callable[[int, int], date]:
    """Counted from the 25th, or from the business day before it where the 25th is none."""

    def rule(year: int, month: int) -> date:
        return business_days_before(business_days_before(date(year, month, 25), 0), n_days)

    return rule


def _before_third_wednesday(year: int, month: int) -> date:
    return business_days_before(_nth_weekday(year, month, _WEDNESDAY, 3), 2)


def _volatility_settlement(year: int, month: int) -> date:
    """30 days before the options of the next month end, so that those have 30 days to run."""
    options_end = _third_friday(year + month // 12, month % 12 + 1)
    return business_days_before(options_end - timedelta(days=30), 0)


def _nth_weekday(year: int, month: int, isoweekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(isoweekday - first.isoweekday()) % 7 + 7 * (nth - 1))


_EXPIRIES: Final[Mapping[ExpiryRule, Callable[[int, int], date]]] = {
    "third_friday": _third_friday,
    "third_last_business_day": _before_last(2),
    "seven_business_days_before_last": _before_last(7),
    "two_business_days_before_third_wednesday": _before_third_wednesday,
    "three_business_days_before_25th_of_prior_month": _of_prior_month(_before_25th(3)),
    "four_business_days_before_25th_of_prior_month": _of_prior_month(_before_25th(4)),
    "third_last_business_day_of_prior_month": _of_prior_month(_before_last(2)),
    "fourth_last_business_day_of_prior_month": _of_prior_month(_before_last(3)),
    "thirty_days_before_third_friday_of_next_month": _volatility_settlement,
}
_NOTICES: Final[Mapping[NoticeRule, Callable[[int, int], date]]] = {
    "last_business_day_of_prior_month": _of_prior_month(_before_last(0)),
}
