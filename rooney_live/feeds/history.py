"""Questions to the vendor's historical service, asked until they are answered whole.

Belongs here: asking, asking again, holding an answer to the vendor's own count, names of contracts.
Does not belong here: what is asked for (`warm_up.py`), or making bars of it.

The client has no retries, and a stream that was cut decodes to fewer bars without an error.
"""

from __future__ import annotations

import random
import threading
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Generic, TypeVar, cast

import databento
import numpy as np
import polars as pl
import requests
from databento.common.error import BentoError, BentoHttpError, BentoWarning
from databento_dbn import DBNError
from zstandard import ZstdError

from rooney_core.errors import InputError, VendorRefused, VendorUnavailable
from rooney_core.market.calendar import UTC_MICROSECONDS
from rooney_core.market.contracts import parse_contract
from rooney_live.feeds.plan import Leg
from rooney_live.feeds.records import FeedCode, FeedNote
from rooney_live.feeds.series import PRICE_UNITS, UNDEFINED_PRICE
from rooney_live.feeds.settings import FeedSettings
from rooney_live.secrets import scrub

VENDOR_SCHEMA: Final[dict[str, pl.DataType]] = {
    "time": UTC_MICROSECONDS,
    "contract": pl.String(),
    "open": pl.Float64(),
    "high": pl.Float64(),
    "low": pl.Float64(),
    "close": pl.Float64(),
    "volume": pl.Int64(),
}
"""Bars as the vendor has them: `time` is the inclusive start, an undefined price is null."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MAY_PASS: Final = frozenset({408, 429})
_DOWNLOADS: Final = 3
_LONGEST_RETRY_AFTER: Final = 60.0
_PRICES: Final = ("open", "high", "low", "close")
_FAULTS: Final = (
    *(BentoError, DBNError, ZstdError, requests.RequestException),
    *(ValueError, TypeError, AttributeError, KeyError, EOFError),
)
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Question:
    """One range of one dataset. `start_us` inclusive, `end_us` exclusive; symbols as in `stype`."""

    dataset: str
    schema: str
    stype: str
    symbols: tuple[str, ...]
    start_us: int
    end_us: int

    @property
    def terms(self) -> dict[str, Any]:
        """As the client takes it."""
        return {
            "dataset": self.dataset,
            "schema": self.schema,
            "stype_in": self.stype,
            "symbols": list(self.symbols),
            "start": self.start_us * 1_000,
            "end": self.end_us * 1_000,
        }


@dataclass
class _Outcome(Generic[Answer]):
    """How one attempt ended: with an answer, or with a refusal."""

    answer: Answer | None = None
    refused: _Refused | None = None


@dataclass
class _Refused:
    """Why one attempt failed."""

    reason: str
    status: int | None
    may_pass: bool
    retry_after: float = 0.0


@dataclass
class HistoryService:
    """The vendor's history; blocking, for a thread. `notes` collects what is worth knowing.

    Methods raise VendorRefused for a final no, and VendorUnavailable after the last attempt.
    """

    settings: FeedSettings
    notes: list[FeedNote] = field(default_factory=list)
    raw_names: dict[str, str] = field(default_factory=dict)
    """The vendor's spelling of each contract that came, by ours."""
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        address = self.settings.history
        gateway = {} if address is None else {"gateway": f"https://{address}"}
        self._client = databento.Historical(self.settings.key.reveal(), **gateway)

    def ends_us(self, dataset: str, schema: str) -> tuple[int, int]:
        """First and last time (exclusive) of what the vendor has."""

        def ask() -> tuple[int, int]:
            answer = self._client.metadata.get_dataset_range(dataset)
            span = (answer.get("schema") or {}).get(schema) or answer
            return _moment_us(span["start"]), _moment_us(span["end"])

        return self._ask(f"the range of {dataset}", dataset, ask)

    def bars(self, question: Question, legs: Sequence[Leg]) -> dict[str, pl.DataFrame]:
        """VENDOR_SCHEMA by symbol of `legs`, oldest first; a symbol without bars is left out."""
        for _ in range(_DOWNLOADS):
            expected = self._ask(
                f"the number of bars of {question.dataset}",
                question.dataset,
                lambda: int(self._client.metadata.get_record_count(**question.terms)),
            )
            store = self._ask(
                f"the bars of {question.dataset}",
                question.dataset,
                lambda: self._client.timeseries.get_range(**question.terms),
            )
            records, torn = _records(store)
            if torn is None and len(records) == expected:
                return self._named(store, records, question, legs)
            reason = torn or f"{len(records)} bars came, and the vendor counts {expected}"
            self._note(FeedCode.HISTORY_TORN, question.dataset, reason)
        raise VendorUnavailable(
            f"Databento's history of {question.dataset} came torn {_DOWNLOADS} times ({reason}); "
            "nothing of it is used. Try again, or check the network."
        )

    def _named(
        self, store: Any, records: Any, question: Question, legs: Sequence[Leg]
    ) -> dict[str, pl.DataFrame]:
        """Records by leg, each with the name of its contract."""
        ids = _ids_of(store)
        every = sorted({one for numbers in ids.values() for one in numbers})
        names = self._names(question, every) if question.stype == "continuous" else {}
        found = {}
        for leg in legs:
            of_leg = [name for name in question.symbols if _is_of(name, leg, question.stype)]
            numbers = {one: name for name in of_leg for one in ids.get(name, ())}
            mine = records[np.isin(records["instrument_id"], list(numbers))]
            if len(mine):
                raw = {one: names.get(one, numbers[one]) for one in numbers}
                found[leg.symbol], ours = _frame(mine, raw, leg)
                self.raw_names |= {ours[one]: raw[one] for one in ours}
        return found

    def _names(self, question: Question, ids: Sequence[int]) -> dict[int, str]:
        """The raw symbol of each instrument."""
        if not ids:
            return {}
        first, last = _day_of(question.start_us), _day_of(question.end_us - 1)

        def ask() -> dict[int, str]:
            answer = self._client.symbology.resolve(
                question.dataset,
                list(ids),
                "instrument_id",
                "raw_symbol",
                first,
                last + timedelta(days=1),
            )
            return {int(one): spans[-1]["s"] for one, spans in answer["result"].items() if spans}

        return self._ask(f"the contracts of {question.dataset}", question.dataset, ask)

    def _ask(self, what: str, dataset: str, call: Callable[[], Answer]) -> Answer:
        waited, attempt = 0.0, 0
        while True:
            attempt += 1
            outcome = self._attempt(dataset, call)
            refused = outcome.refused
            if refused is None:
                return cast(Answer, outcome.answer)
            told = scrub(f"{what}: {refused.reason}")
            self._note(FeedCode.HISTORY_FAULT, dataset, f"{told} (attempt {attempt})")
            # Raised outside of an except clause: no traceback leads to a frame that holds the key.
            if not refused.may_pass:
                raise VendorRefused(f"Databento refused {told}. It was not asked again.")
            pause = max(self._pause(attempt), refused.retry_after)
            is_last = attempt >= self.settings.history_attempts or self.stop.is_set()
            if is_last or waited + pause > self.settings.history_wait_seconds:
                raise VendorUnavailable(
                    f"Databento did not give {told}. It was asked {attempt} times; start again "
                    "later, or check the network."
                )
            self.stop.wait(pause)
            waited += pause

    def _pause(self, attempt: int) -> float:
        settings = self.settings
        wait = min(
            settings.first_wait_seconds * 2.0 ** (attempt - 1), settings.longest_wait_seconds
        )
        return wait * (1.0 - settings.jitter * random.random())

    def _attempt(self, dataset: str, call: Callable[[], Answer]) -> _Outcome[Answer]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", BentoWarning)
            warnings.simplefilter("ignore", ResourceWarning)
            try:
                answer = call()
            except _FAULTS as error:
                refused = _refused(error)
                traceback.clear_frames(error.__traceback__)
                return _Outcome(refused=refused)
        for one in caught:
            if issubclass(one.category, BentoWarning):
                self._note(FeedCode.HISTORY_QUALITY, dataset, str(one.message))
        return _Outcome(answer)

    def _note(self, code: FeedCode, dataset: str, message: str) -> None:
        at_us = int(datetime.now(UTC).timestamp() * 1_000_000)
        self.notes.append(FeedNote(code, dataset, "", at_us, scrub(message)))


def contract_name(raw_symbol: str, leg: Leg, day: date) -> str:
    """Rooney's name of a contract that the vendor calls `raw_symbol` on a day.

    A stand-in's contracts have their names already, and what does not expire is its symbol.
    """
    if leg.is_stand_in:
        return raw_symbol
    if leg.stype == "raw_symbol":
        return leg.symbol
    try:
        return parse_contract(raw_symbol, on=day).name
    except InputError:
        # The bars are good all the same; that nobody can order it, preflight and orders will say.
        return raw_symbol


def _is_of(name: str, leg: Leg, stype: str) -> bool:
    """Whether a symbol that was asked for is this leg's: its own, or one of its contracts."""
    if stype == leg.stype:
        return name == leg.vendor_symbol
    return name.startswith(leg.symbol)


def _frame(records: Any, raw: dict[int, str], leg: Leg) -> tuple[pl.DataFrame, dict[int, str]]:
    """Bars with VENDOR_SCHEMA, and our names of their instruments."""
    time = pl.Series((records["ts_event"] // 1_000).astype(np.int64)).cast(UTC_MICROSECONDS)
    days = time.dt.date()
    first: dict[int, date] = {}
    for number, day in zip(records["instrument_id"].tolist(), days, strict=True):
        first.setdefault(number, day)
    names = {one: contract_name(raw[one], leg, day) for one, day in first.items()}
    prices = {
        name: np.where(
            records[name] == UNDEFINED_PRICE, np.nan, records[name].astype(np.int64) / PRICE_UNITS
        )
        for name in _PRICES
    }
    frame = pl.DataFrame(
        {
            "time": time,
            "contract": [names[one] for one in records["instrument_id"].tolist()],
            **prices,
            "volume": records["volume"].astype(np.int64),
        }
    )
    known = frame.with_columns(pl.col(_PRICES).fill_nan(None))
    return known.cast(pl.Schema(VENDOR_SCHEMA)), names


def _records(store: Any) -> tuple[Any, str | None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", BentoWarning)
            return store.to_ndarray(), None
    except (BentoError, BentoWarning, DBNError, ZstdError, OSError, ValueError) as error:
        return (), f"it cannot be decoded ({error})"


def _ids_of(store: Any) -> dict[str, list[int]]:
    """Instrument ids by the symbol that was asked for."""
    return {
        symbol: sorted({int(span["symbol"]) for span in spans if str(span["symbol"]).isdigit()})
        for symbol, spans in store.metadata.mappings.items()
    }


def _refused(error: Exception) -> _Refused:
    if isinstance(error, BentoHttpError):
        status = error.http_status
        reason = f"{error.message or error.http_body or 'no reason given'} ({status})"
        wished = str(error.headers.get("Retry-After", ""))
        wait = min(float(wished), _LONGEST_RETRY_AFTER) if wished.isdigit() else 0.0
        return _Refused(reason, status, status in _MAY_PASS or status >= 500, wait)
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    is_trusted = "CERTIFICATE_VERIFY_FAILED" not in reason
    return _Refused(reason, None, is_trusted)


def _moment_us(text: str) -> int:
    at = datetime.fromisoformat(text)
    whole = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return (whole - _EPOCH) // timedelta(microseconds=1)


def _day_of(moment_us: int) -> date:
    return datetime.fromtimestamp(moment_us / 1_000_000, UTC).date()
