"""The vendor's own client, unmodified, with its faults turned into errors of ours.

Belongs here: asking, asking again, and what a refusal says. Does not belong here: what to ask for,
or what is done with an answer. Importing this module imports the vendor's client.

429, 408, 5xx, faults of the connection and torn answers may pass and are tried again, within
`Patience`; every other refusal is final. No text leaves here that holds the key.
"""

from __future__ import annotations

import random
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import databento
import requests
from databento.common.error import BentoError, BentoHttpError, BentoWarning
from databento_dbn import DBNError
from zstandard import ZstdError

from rooney_assets.sources.databento.access import GATEWAY_SETTING, KEY_SETTING, Secret
from rooney_assets.sources.databento.patience import (
    FULL,
    Draw,
    Patience,
    Wait,
    retry_after_seconds,
    wait_seconds,
)
from rooney_assets.sources.databento.plan import Days, Request
from rooney_assets.sources.databento.receipt import Name
from rooney_core.errors import RooneyError, SymbolUnknown, VendorRefused, VendorUnavailable

MAX_SYMBOLS: Final = 2000
"""Symbols that the vendor takes in one request."""

_MAY_PASS: Final = frozenset({408, 429})
_ADVICE: Final = {
    401: f"Set {KEY_SETTING} to a valid key.",
    402: "The account has to be put in order on the vendor's portal.",
    403: "The account is not entitled to this; the vendor's portal says what it may have.",
    404: "The dataset or the symbol is not known there: correct its page in universe.yaml.",
    422: "The request does not fit the dataset: correct the symbol's page in universe.yaml.",
}
_UNRESOLVED: Final = "symbology"
"""How the vendor's code of a refusal begins that is about symbols alone."""

_SHOWN = 500

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Fault:
    """Why one attempt failed. `status`: of HTTP, None when no whole answer came."""

    reason: str
    status: int | None = None
    may_pass: bool = False
    retry_after: float | None = None


@dataclass(frozen=True)
class Streamed:
    """How a download ended: the vendor's warnings, and why it is torn (None: it is not)."""

    warnings: tuple[str, ...]
    torn: str | None


class VendorClient:
    """The questions that Rooney has for the historical service, one at a time.

    Every method raises VendorRefused when the vendor says no, with its reason, and
    VendorUnavailable when it does not answer within `patience`.
    """

    def __init__(
        self,
        key: Secret,
        gateway: str | None = None,
        *,
        patience: Patience = FULL,
        wait: Wait = wait_seconds,
        draw: Draw = random.random,
    ) -> None:
        self._key = key
        self._patience = patience
        self._wait = wait
        self._draw = draw
        # With the scheme: the client takes a bare `localhost:8443` for a scheme and a path.
        service = () if gateway is None else (f"https://{gateway}",)
        self._service = databento.Historical(key.reveal(), *service)

    def __repr__(self) -> str:
        return f"VendorClient({self._service.gateway})"

    def available(self, dataset: str, schema: str, patience: Patience | None = None) -> Days:
        """The whole UTC days of a dataset that the account may have in this schema."""

        def ask() -> Any:
            return self._service.metadata.get_dataset_range(dataset)

        def days(answer: Any) -> Days:
            span = (answer.get("schema") or {}).get(schema) or answer
            start, end = (datetime.fromisoformat(span[name]) for name in ("start", "end"))
            # The first day counts though recording may have begun at noon; the last one must be
            # over, or its bars would still change.
            return Days(start.astimezone(UTC).date(), end.astimezone(UTC).date())

        what = f"the range of {dataset}"
        return _parsed(what, days, self._ask(what, ask, patience)[0])

    def cost_usd(self, request: Request) -> float:
        """What the vendor asks for it, USD."""

        def ask() -> Any:
            return self._service.metadata.get_cost(**_terms(request))

        what = f"the cost of {request.label}"
        return _parsed(what, float, self._ask(what, ask)[0])

    def record_count(self, request: Request) -> int:
        """How many records it has."""

        def ask() -> Any:
            return self._service.metadata.get_record_count(**_terms(request))

        what = f"the number of records of {request.label}"
        return _parsed(what, int, self._ask(what, ask)[0])

    def stream(self, request: Request, path: Path) -> Streamed:
        """Download to `path`, replacing what is there; costs money. The file is not verified.

        A download that begins and breaks is not tried again here: it is told as torn.
        """

        def ask() -> None:
            path.unlink(missing_ok=True)
            self._service.timeseries.get_range(**_terms(request), path=path)

        try:
            _, noted = self._ask(f"the bars of {request.label}", ask)
        except _Torn as torn:
            return Streamed((), str(torn))
        return Streamed(noted, None)

    def raw_symbols(self, dataset: str, instrument_ids: list[int], days: Days) -> tuple[Name, ...]:
        """The raw symbols of instrument ids during `days`, each with its days, sorted."""
        names: list[Name] = []
        for first in range(0, len(instrument_ids), MAX_SYMBOLS):
            part = instrument_ids[first : first + MAX_SYMBOLS]
            names += self._raw_symbols(dataset, part, days)
        return tuple(sorted(names, key=lambda one: (one.instrument_id, one.start)))

    def _raw_symbols(self, dataset: str, instrument_ids: list[int], days: Days) -> list[Name]:
        def ask() -> Any:
            return self._service.symbology.resolve(
                dataset, instrument_ids, "instrument_id", "raw_symbol", days.start, days.end
            )

        what = f"the symbols of {len(instrument_ids)} instruments"
        return _parsed(what, _names, self._ask(what, ask)[0])

    def _ask(
        self, what: str, call: Callable[[], Answer], patience: Patience | None = None
    ) -> tuple[Answer, tuple[str, ...]]:
        """The answer and the vendor's warnings, within `patience`."""
        bounds = patience or self._patience
        waited = 0.0
        for attempt in range(1, bounds.attempts + 1):
            outcome = self._attempt(call)
            if not isinstance(outcome, Fault):
                return outcome
            pause = bounds.pause(attempt, outcome.retry_after, self._draw)
            is_last = attempt == bounds.attempts or waited + pause > bounds.total_wait_seconds
            if not outcome.may_pass or is_last:
                break
            self._wait(pause)
            waited += pause
        # Raised outside the except clause: no traceback leads back to a frame that holds the key.
        raise _error(what, outcome, attempt, waited)

    def _attempt(self, call: Callable[[], Answer]) -> tuple[Answer, tuple[str, ...]] | Fault:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", BentoWarning)
            # The client leaves its files to the garbage collector.
            warnings.simplefilter("ignore", ResourceWarning)
            try:
                answer = call()
            except (*_CLIENT_FAULTS,) as error:
                fault = self._fault(error)
                _forget_frames(error)
                return fault
        noted = [one for one in caught if issubclass(one.category, BentoWarning)]
        for other in (one for one in caught if one not in noted):
            warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)
        return answer, tuple(self._key.scrub(str(one.message)) for one in noted)

    def _fault(self, error: Exception) -> Fault:
        if isinstance(error, BentoHttpError):
            status = error.http_status
            header = error.headers.get("Retry-After")
            return Fault(
                self._shown(str(error.message or error.http_body or "no reason given")),
                status,
                may_pass=status in _MAY_PASS or status >= 500,
                retry_after=retry_after_seconds(header, datetime.now(UTC)),
            )
        told = self._shown(f"{type(error).__name__}: {error}")
        if "CERTIFICATE_VERIFY_FAILED" in told:
            return Fault(f"{told} Its certificate is not trusted: set REQUESTS_CA_BUNDLE.")
        if isinstance(error, requests.RequestException):
            return Fault(told, may_pass=True)
        return Fault(told, status=_TORN)

    def _shown(self, text: str) -> str:
        clean = " ".join(self._key.scrub(text).split())
        return clean if len(clean) <= _SHOWN else clean[:_SHOWN] + "..."


class _Torn(VendorUnavailable):
    """An answer that began and broke."""


_TORN: Final = -1
# The client reads answers without checking their shape: what it then raises is a broken answer.
_CLIENT_FAULTS: Final = (
    *(BentoError, DBNError, ZstdError, requests.RequestException),
    *(ValueError, TypeError, AttributeError, EOFError),
)


def _error(what: str, fault: Fault, attempts: int, waited: float) -> RooneyError:
    if fault.status == _TORN:
        return _Torn(f"Databento's answer for {what} broke: {fault.reason}")
    if fault.status is not None and not fault.may_pass:
        advice = _ADVICE.get(fault.status, "Nothing was downloaded.")
        is_unknown = fault.status == 422 and fault.reason.startswith(_UNRESOLVED)
        refusal = SymbolUnknown if is_unknown else VendorRefused
        return refusal(
            f"Databento refused {what} ({fault.status}): {_sentence(fault.reason)} {advice} "
            "It was not asked again."
        )
    tried = f"after {attempts} attempt{'s' * (attempts > 1)} and {waited:.0f} s of waiting"
    status = "" if fault.status is None else f" ({fault.status})"
    if fault.retry_after:
        tried += f"; it asks to wait {fault.retry_after:.0f} s more"
    return VendorUnavailable(
        f"Databento did not give {what} {tried}{status}: {_sentence(fault.reason)} What is "
        f"complete is kept; run the same again later, or check {GATEWAY_SETTING} and the network."
    )


def _sentence(reason: str) -> str:
    """The vendor's words, ended by a full stop where he sets none."""
    return reason if reason.endswith((".", "!", "?")) else f"{reason}."


def _forget_frames(error: BaseException | None) -> None:
    """Close the files and drop the key that the frames of a fault still hold."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__


def _terms(request: Request) -> dict[str, Any]:
    return {
        "dataset": request.dataset,
        "schema": request.schema,
        "stype_in": request.stype_in,
        "symbols": list(request.symbols),
        "start": request.days.start,
        "end": request.days.end,
    }


def _names(answer: Any) -> list[Name]:
    return [
        Name(
            instrument_id=int(number),
            raw_symbol=span["s"],
            start=date.fromisoformat(span["d0"]),
            end=date.fromisoformat(span["d1"]),
        )
        for number, spans in answer["result"].items()
        for span in spans
    ]


def _parsed(what: str, parse: Callable[[Any], Answer], answer: Any) -> Answer:
    try:
        return parse(answer)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise VendorUnavailable(
            f"Databento's answer for {what} has another form than expected ({error!r}). "
            f"Check {GATEWAY_SETTING}, and the version of the vendor's client."
        ) from None
