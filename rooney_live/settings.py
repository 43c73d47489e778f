"""Where the trader finds the lake and keeps its state; read from the environment once per command.

Belongs here: the trader's settings, their defaults and their validation. Does not belong here:
secrets, or anything that is decided by a release.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rooney_core.errors import InvalidSetting, UnknownName

LAKE = "ROONEY_LAKE"
STATE = "ROONEY_STATE"
AT_STOP = "ROONEY_AT_STOP"
HOLD, FLATTEN = "hold", "flatten"
SETTINGS = (
    *(LAKE, STATE, "ROONEY_SOURCE", "ROONEY_UNIVERSE", "ROONEY_MANDATE"),
    *("ROONEY_DATABENTO_GATEWAY", "ROONEY_MAX_COST_USD", "ROONEY_TUNING"),
    *("ROONEY_RECALIBRATION", "ROONEY_AUTOMATION", "ROONEY_DAGSTER_HOME"),
    *("ROONEY_LIVE_JOURNAL", "ROONEY_NOTIFY", "ROONEY_UI", "ROONEY_SENSOR_SECONDS"),
    *("ROONEY_LIVE_GATEWAY", AT_STOP),
)


@dataclass(frozen=True)
class Settings:
    """`lake`: root of the lake, only ever read. `state`: the trader's own folder, written.

    `at_stop`: what SIGTERM makes of open positions, "hold" or "flatten".
    """

    lake: Path
    state: Path
    at_stop: str = HOLD

    @property
    def live(self) -> Path:
        """Everything the trader keeps: journal, locks, socket, heartbeat, kill flag."""
        return self.state / "live"

    @property
    def journal(self) -> Path:
        """The SQLite file that remembers every decision."""
        return self.live / "journal.sqlite"

    @property
    def rehearsal(self) -> Settings:
        """The same trader on the state folder of rehearsals, below this one."""
        return replace(self, state=self.state / "rehearsal")


def read_settings(
    environment: Mapping[str, str] | None = None,
    lake: Path | None = None,
    state: Path | None = None,
) -> Settings:
    """Settings from explicit paths first, then the environment, then the checkout or `.`.

    Raises InvalidSetting for an empty value, and UnknownName for a `ROONEY_*` name that is not
    ours: a misspelt setting must not mean the default lake.
    """
    given = os.environ if environment is None else environment
    _refuse_misspelt(given)
    home = _home()
    return Settings(
        lake=lake or _path(given, LAKE, home / "data_lake"),
        state=state or _path(given, STATE, home / ".rooney"),
        at_stop=_at_stop(given),
    )


def _home() -> Path:
    """The checkout this package runs from, or the working directory when it is installed."""
    checkout = Path(__file__).resolve().parent.parent
    return checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()


def _path(given: Mapping[str, str], name: str, default: Path) -> Path:
    if name not in given:
        return default
    if not given[name].strip():
        raise InvalidSetting(f"{name} is empty; give it a folder, or unset it for {default}.")
    return Path(given[name]).expanduser()


def _at_stop(given: Mapping[str, str]) -> str:
    chosen = given.get(AT_STOP, HOLD)
    if chosen not in (HOLD, FLATTEN):
        raise InvalidSetting(f"{AT_STOP}={chosen!r} arrived; {HOLD!r} or {FLATTEN!r} is allowed.")
    return chosen


def _refuse_misspelt(given: Mapping[str, str]) -> None:
    for name in given:
        if name.startswith("ROONEY_") and name not in SETTINGS:
            raise UnknownName.among("setting", name, SETTINGS)
