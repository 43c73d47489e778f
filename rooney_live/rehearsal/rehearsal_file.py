"""rehearsal.json: what makes `rooney-live run` a rehearsal, and the only thing that does.

Belongs here: the file's fields, their validation, reading and writing it. Does not belong here:
secrets (the webhook's URL comes the way it does in earnest), or starting anything. Whoever reads it
may only ever talk to this machine: an address that is not loopback is refused.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from rooney_core.errors import InvalidSetting
from rooney_live.crash_points import ORDER_STEPS, Blow, Crash, Step

FILE_NAME: Final = "rehearsal.json"
_ORDER_INTENTS: Final = ("enter", "exit")
_US: Final = 1_000_000


class PlannedCrash(BaseModel):
    """A `Crash`, as the file has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: Step
    intent: str = ""
    nth: Annotated[int, Field(ge=1)] = 1
    blow: Blow = Blow.KILL

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        allowed = _ORDER_INTENTS if self.step in ORDER_STEPS else ("",)
        if self.intent not in allowed:
            message = f"intent {self.intent!r} at {self.step} is never reached; it is {allowed}"
            raise ValueError(message)
        return self

    @classmethod
    def of(cls, crash: Crash) -> Self:
        """The same blow in the file's words."""
        return cls(step=crash.step, intent=crash.intent, nth=crash.nth, blow=crash.blow)

    def to_crash(self) -> Crash:
        """What `crash_points.arm` takes."""
        return Crash(self.step, self.intent, self.nth, self.blow)


class RehearsalFile(BaseModel):
    """Where the stand-ins listen, which time it is, and what goes wrong inside the process.

    `gateway`, `history`: host:port, on this machine. `certificate`: PEM of the authorities that the
    history server and the receiver are trusted by. `first_us`: the clock's first moment, from which
    bars are live; what ended by then is history. `last_us`: the last moment; the trader ends by
    itself once it is over. `speed`: how many seconds pass in one; None lets each moment follow when
    the one before is dealt with. `began_ns`: where time passes, the host's `time.time_ns` at which
    it was `first_us`, so that a process that starts later agrees with the gateway. `sessions`: the
    dates of both ends and between, which is what the run is about. `run_id`, `bars_version`: the
    run's name, made of all that is replayed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: Annotated[str, Field(min_length=1)]
    bars_version: str
    gateway: str
    history: str
    certificate: Path
    first_us: Annotated[int, Field(ge=0)]
    last_us: Annotated[int, Field(ge=0)]
    speed: Annotated[float, Field(gt=0.0)] | None = None
    began_ns: Annotated[int, Field(ge=0)] | None = None
    sessions: tuple[date, ...]
    crash: PlannedCrash | None = None

    @field_validator("gateway", "history")
    @classmethod
    def _is_here(cls, address: str) -> str:
        host, _, port = address.rpartition(":")
        if not port.isdigit() or not is_loopback(host):
            raise ValueError(f"{address!r} is not a port of this machine, such as 127.0.0.1:1234")
        return address

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.last_us < self.first_us:
            raise ValueError("last_us lies before first_us")
        if (self.speed is None) != (self.began_ns is None):
            raise ValueError("speed and began_ns go together: both, or neither")
        return self

    @property
    def lasts_s(self) -> float:
        """Seconds that pass from the first moment to the last; 0 where none is waited for."""
        return 0.0 if self.speed is None else (self.last_us - self.first_us) / _US / self.speed

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises InvalidSetting for a file that is absent, no JSON, or says what is not allowed."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise InvalidSetting(f"{path} is no rehearsal: {error}") from None

    def write(self, path: Path) -> None:
        """Replace the file whole, so that a process that starts meanwhile reads one of the two."""
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = path.with_suffix(".new")
        whole.write_text(self.model_dump_json(indent=2))
        os.replace(whole, path)


def is_loopback(host: str) -> bool:
    """True for an address of this machine only; names are not looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def refuse_remote(url: str, name: str) -> None:
    """Raise InvalidSetting unless the host of `url` is this machine; the URL itself is not told."""
    if not is_loopback(urlsplit(url).hostname or ""):
        raise InvalidSetting(
            f"{name} does not point at this machine: a rehearsal sends orders to 127.0.0.1 only. "
            f"Let `rooney-live rehearse` set it, or unset {name}."
        )


def without_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process that may only talk to this machine."""
    return {name: value for name, value in environment.items() if "proxy" not in name.lower()}
