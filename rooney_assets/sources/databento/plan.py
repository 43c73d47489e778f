"""Which ranges of which dataset a symbol needs: a function of its page and of what is available.

Belongs here: schemas, the vendor's spelling of symbols, and cutting time into chunks. Does not
belong here: asking, or knowing what is on disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

from rooney_core.errors import InvalidSetting
from rooney_core.market.contracts import MONTH_CODES
from rooney_core.market.instruments import Instrument
from rooney_core.market.source_pages import BarMinutes, DatabentoFacts

SCHEMAS: Final[Mapping[BarMinutes, str]] = {1: "ohlcv-1m", 60: "ohlcv-1h", 1440: "ohlcv-1d"}
"""Minutes of a bar to the vendor's schema. ohlcv-1d follows the UTC date, not the session."""

MONTHS_AHEAD: Final = 15
"""Contracts of the next months, after a chunk's year, that are asked for beside the year's own."""

_CONTINUOUS: Final = {"volume": "v", "calendar": "c", "open_interest": "n"}
# How a dataset spells a dated contract. CFE's form is from the exchange's symbol guide.
_SPELLINGS: Final = {"XCBF.PITCH": "{root}/{month}{year}"}
_USUAL_SPELLING: Final = "{root}{month}{year}"
_FRIDAY: Final = 5


@dataclass(frozen=True)
class Days:
    """Whole UTC days: `start` inclusive, `end` exclusive."""

    start: date
    end: date

    def overlap(self, other: Days) -> Days | None:
        """The days in both; None when there are none."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Days(start, end) if start < end else None


@dataclass(frozen=True)
class Request:
    """One range of one series in one dataset: what is asked for, and what is kept.

    `series`: the name under which it is kept, such as ES-volume. `symbols`: what is asked, in the
    vendor's spelling of `stype_in`.
    """

    dataset: str
    schema: str
    series: str
    stype_in: str
    symbols: tuple[str, ...]
    days: Days

    def during(self, days: Days) -> Request:
        """The same for other days."""
        return replace(self, days=days)

    @property
    def label(self) -> str:
        """How messages name it."""
        return f"{self.dataset} {self.schema} {self.series} {self.days.start} to {self.days.end}"


def vendor_page(instrument: Instrument) -> DatabentoFacts:
    """The instrument's page. Raises InvalidSetting when it has none."""
    page = instrument.sources.databento
    if page is None:
        raise InvalidSetting(
            f"{instrument.symbol} has no page `databento` below `sources` in universe.yaml, which "
            "says its datasets and the vendor's symbol. Add one, or choose another ROONEY_SOURCE."
        )
    return page


def series_name(page: DatabentoFacts) -> str:
    """The name under which the page's bars are kept, such as ES-volume."""
    return f"{page.symbol}-{page.series}"


def chunks(
    instrument: Instrument,
    schema: str,
    available: Mapping[str, Days],
    first: date | None = None,
) -> tuple[Request, ...]:
    """Everything that the instrument's page implies, oldest first, cut at calendar years.

    `available`: whole days that each dataset has; one that is absent contributes nothing. A feed
    ends where the next begins. A weekend at the end of what is available comes with its Monday:
    no session ends on it, and a symbol may have no name on it. `first` leaves out the days before.
    """
    page = vendor_page(instrument)
    ends = [after.since for _, after in pairwise(page.feeds)] + [date.max]
    found: list[Request] = []
    for feed, end in zip(page.feeds, ends, strict=True):
        wanted = Days(max(feed.since, first or feed.since), end)
        has = available.get(feed.dataset)
        days = _to_a_weekday(has).overlap(wanted) if has is not None else None
        if days is not None:
            found += [
                _request(page, instrument.contract_months, feed.dataset, schema, year)
                for year in _years(days)
            ]
    return tuple(found)


def _to_a_weekday(days: Days) -> Days:
    """Without the Saturday and Sunday at the end."""
    last = days.end - timedelta(days=1)
    past_friday = max(last.isoweekday() - _FRIDAY, 0)
    return Days(days.start, days.end - timedelta(days=past_friday))


def _years(days: Days) -> list[Days]:
    cuts = [date(year, 1, 1) for year in range(days.start.year + 1, days.end.year + 1)]
    inside = [cut for cut in cuts if cut < days.end]
    return [Days(start, end) for start, end in pairwise([days.start, *inside, days.end])]


def _request(page: DatabentoFacts, months: str, dataset: str, schema: str, days: Days) -> Request:
    if page.series == "contracts":
        spelling = _SPELLINGS.get(dataset, _USUAL_SPELLING)
        symbols = _dated(page.symbol, months, days.start.year, spelling)
    elif page.series == "raw":
        symbols = (page.symbol,)
    else:
        symbols = (f"{page.symbol}.{_CONTINUOUS[page.series]}.0",)
    stype = "continuous" if page.series in _CONTINUOUS else "raw_symbol"
    return Request(dataset, schema, series_name(page), stype, symbols, days)


def _dated(root: str, months: str, year: int, spelling: str) -> tuple[str, ...]:
    """Contracts of the year and of the months after it, in order of expiry."""
    if not months:
        raise InvalidSetting(
            f"{root} is asked for by `series: contracts`, and has no `contract_months` in "
            "universe.yaml. State them, or choose another series."
        )
    every = [(year + n // 12, n % 12) for n in range(12 + MONTHS_AHEAD)]
    return tuple(
        spelling.format(root=root, month=MONTH_CODES[month], year=of % 10)
        for of, month in every
        if MONTH_CODES[month] in months
    )
