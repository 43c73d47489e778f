"""The faults that the local Databento can show a client, as the facts about the real one say.

Belongs here: what can go wrong with one answer, and in which order it does. Does not belong here:
how an answer without a fault is made.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from rooney_core.errors import InvalidSetting, UnknownName
from rooney_live.rehearsal.history_protocol import ENDPOINTS, Answer, Refusal, quality_warning

KINDS: Final = (
    *("cut_stream", "cut_body", "unauthorized", "payment_required", "unprocessable", "too_many"),
    *("server_error", "gateway_timeout", "degraded", "empty", "reset", "none"),
)
"""What can go wrong; `Fault` says how."""

EVERY_ENDPOINT: Final = "*"
DATA_ENDPOINT: Final = "timeseries.get_range"


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the next `times` requests to `endpoint` ("*": any).

    cut_stream: the zstd stream ends at `fraction` of its bytes, the body ends cleanly. cut_body:
    no length is told, and the connection closes after half of the body. unauthorized 401,
    payment_required 402, unprocessable 422, too_many 429 with Retry-After of `retry_after_seconds`,
    server_error with `status`, gateway_timeout 504. degraded: a whole answer with the vendor's
    warning about `days`. empty: an answer of no records. reset: the connection is reset before an
    answer. none: nothing goes wrong, which spaces faults out.
    """

    kind: str
    endpoint: str = DATA_ENDPOINT
    times: int = 1
    fraction: float = 0.999
    status: int = 500
    retry_after_seconds: int = 1
    days: tuple[str, ...] = ("2020-04-20",)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownName.among("fault", self.kind, KINDS)
        if self.endpoint not in (EVERY_ENDPOINT, *ENDPOINTS):
            raise UnknownName.among("endpoint", self.endpoint, (EVERY_ENDPOINT, *ENDPOINTS))
        if self.times < 1 or not 0 <= self.fraction < 1:
            raise InvalidSetting(
                f"Fault {self.kind} with times {self.times} and fraction {self.fraction}; times "
                "of 1 or more and a fraction in [0, 1) are needed."
            )

    @classmethod
    def parse(cls, text: str) -> Fault:
        """KIND, KIND:ENDPOINT or KIND:ENDPOINT:TIMES, as on the command line."""
        kind, _, rest = text.partition(":")
        endpoint, _, times = rest.partition(":")
        if times and not times.isdigit():
            raise InvalidSetting(f"Fault {text!r}: {times!r} is no number of times.")
        return cls(kind, endpoint or DATA_ENDPOINT, int(times or 1))

    def spoil(self, answer: Answer) -> Answer:
        """What the client gets in place of a good answer. `empty` and `reset` are not done here."""
        refusal = self._refusal()
        if refusal is not None:
            seconds = {"Retry-After": str(self.retry_after_seconds)}
            return refusal.answer(seconds if self.kind == "too_many" else None)
        if self.kind == "degraded":
            return replace(answer, headers={**answer.headers, **quality_warning(self.days)})
        if self.kind not in ("cut_stream", "cut_body"):
            return answer
        whole = b"".join(answer.stream)
        share = 0.5 if self.kind == "cut_body" else self.fraction
        cut = whole[: min(int(len(whole) * share), len(whole) - 1)]
        return replace(answer, stream=iter([cut]), is_framed=self.kind != "cut_body")

    def _refusal(self) -> Refusal | None:
        refusals = {
            "unauthorized": (401, "auth_authentication_failed", "Authentication failed."),
            "payment_required": (402, "account_insufficient_funds", "The account has no funds."),
            "unprocessable": (422, "symbology_invalid_request", "The request cannot be processed."),
            "too_many": (429, "rate_limit_exceeded", "Too many requests."),
            "server_error": (self.status, "internal_server_error", "Something went wrong."),
            "gateway_timeout": (504, "gateway_timeout", "The gateway timed out."),
        }
        found = refusals.get(self.kind)
        return None if found is None else Refusal(*found)


def take_fault(faults: list[Fault], endpoint: str) -> Fault | None:
    """The first fault that is due at `endpoint`; it is used up by one."""
    for at, one in enumerate(faults):
        if one.endpoint in (EVERY_ENDPOINT, endpoint):
            faults[at : at + 1] = [replace(one, times=one.times - 1)] if one.times > 1 else []
            return one
    return None


def random_faults(
    seed: int, n_requests: int, share: float = 0.3, kinds: Sequence[str] = KINDS
) -> list[Fault]:
    """One fault or none for each of the next `n_requests` requests of any endpoint.

    `share` of them fail, with a kind of `kinds`; the same seed gives the same faults. What is cut
    of an answer in JSON leaves no JSON.
    """
    draw = random.Random(seed)
    real = [kind for kind in kinds if kind != "none"]
    return [
        Fault(
            draw.choice(real) if draw.random() < share else "none",
            EVERY_ENDPOINT,
            fraction=draw.choice((0.5, 0.9, 0.999)),
            status=draw.choice((500, 502, 503)),
        )
        for _ in range(n_requests)
    ]
