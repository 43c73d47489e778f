"""Settings of the factory, read once from the environment, and the universe they name.

Belongs here: names, defaults and validation of `ROONEY_*` variables, and reading universe.yaml.
Does not belong here: the trader's settings (`rooney_live.settings`), or a parameter of a
computation (`rooney_assets.config`). Nothing here reads the environment by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, cast, get_args

from rooney_assets.provenance import ROOT
from rooney_assets.sources.databento.access import (
    COST_SETTING,
    DEFAULT_MAX_COST_USD,
    GATEWAY_SETTING,
    KEY_SETTING,
    Secret,
    VendorAccess,
    parse_cost,
    parse_gateway,
)
from rooney_assets.sources.selection import source_from
from rooney_assets.yaml_pages import parse_yaml
from rooney_core.errors import InvalidSetting, UnknownName
from rooney_core.market.instruments import Universe

DOWNLOADS: Final = "_downloads"
"""Folder of the lake for what vendors sent; no asset's name begins with an underscore."""

Effort = Literal["full", "quick"]
"""How long the meta-label search may take: all trials of the mandate, or ten."""

TUNING_SETTING: Final = "ROONEY_TUNING"

Switch = Literal["off", "on"]
RECALIBRATION_SETTING: Final = "ROONEY_RECALIBRATION"
AUTOMATION_SETTING: Final = "ROONEY_AUTOMATION"
JOURNAL_SETTING: Final = "ROONEY_LIVE_JOURNAL"
NOTIFY_SETTING: Final = "ROONEY_NOTIFY"
UI_SETTING: Final = "ROONEY_UI"
DEFAULT_UI: Final = "http://127.0.0.1:3000"
HOME_SETTING: Final = "ROONEY_DAGSTER_HOME"
PACE_SETTING: Final = "ROONEY_SENSOR_SECONDS"
SLOWEST_PACE: Final = 3600
"""Seconds; who wants less than a look an hour switches a sensor off."""

KNOWN: Final = {
    "ROONEY_LAKE": "a folder for the lake",
    "ROONEY_SOURCE": "simulated, simulated:FILE, databento or files:DIR",
    GATEWAY_SETTING: "a host, such as localhost:8443, that answers in Databento's place",
    COST_SETTING: "what reading one symbol may cost at most, in USD",
    "ROONEY_UNIVERSE": "the path of a universe.yaml",
    "ROONEY_MANDATE": "the path of a mandate.yaml",
    "ROONEY_STATE": "a folder for Dagster's and MLflow's own files",
    TUNING_SETTING: " or ".join(get_args(Effort)),
    RECALIBRATION_SETTING: f"{' or '.join(get_args(Switch))}, for the quarterly schedule",
    AUTOMATION_SETTING: f"{' or '.join(get_args(Switch))}, for every other schedule and sensor",
    JOURNAL_SETTING: "the path of a trader's journal.sqlite",
    NOTIFY_SETTING: "the path of a private file with an apprise address a line",
    UI_SETTING: "the address of Dagster's UI, such as https://factory.example:3000",
    HOME_SETTING: "a folder with a dagster.yaml, in place of the checkout's",
    PACE_SETTING: "seconds from one look of a sensor to the next, from 1 to 3600",
    # The trader's own; the two may share an environment.
    "ROONEY_LIVE_GATEWAY": "host:port of a local Databento, live",
    "ROONEY_AT_STOP": "hold or flatten, for positions when the trader ends",
}


@dataclass(frozen=True)
class Settings:
    """Where the factory works. Paths are absolute, but need not exist yet.

    `lake`: root of the lake. `source`: `simulated`, `simulated:FILE`, `databento` or `files:DIR`,
    where a relative FILE or DIR starts at `base`. `universe`: the universe file. `mandate`: the
    file of limits (`rooney_assets.mandate`). `state`: files of Dagster and MLflow. `base`: where
    relative paths of the settings start. `tuning`: how hard the meta-label search tries.
    `recalibration`: whether the quarterly schedule runs where nobody has switched it, `automation`
    the same of every other schedule and sensor. `gateway`, `max_cost_usd` and `key` are the
    vendor's, as `VendorAccess` has them; the key is from DATABENTO_API_KEY and shown nowhere.
    `journal`: the trader's, None for the one below `state`. `notify`: the page of addresses that
    notices go to, None for the log alone. `ui`: where the links of notices lead. `dagster_home`:
    the folder of the dagster.yaml that runs are recorded by. `sensor_seconds`: the pace of every
    sensor, None for each one's own (`pace`).
    """

    lake: Path
    source: str
    universe: Path
    mandate: Path
    state: Path
    base: Path
    gateway: str | None = None
    max_cost_usd: float = DEFAULT_MAX_COST_USD
    key: Secret | None = field(default=None, repr=False)
    tuning: Effort = "full"
    recalibration: Switch = "off"
    automation: Switch = "off"
    journal: Path | None = None
    notify: Path | None = None
    ui: str = DEFAULT_UI
    dagster_home: Path = ROOT
    sensor_seconds: int | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], base: Path | None = None) -> Settings:
        """Read the known variables; `base` is the working directory unless given.

        Defaults lie in the checkout this package runs from, or below `base` when it is installed
        elsewhere. Raises UnknownName for another `ROONEY_*` variable, and InvalidSetting for an
        empty or impossible value, or a lake that is an address instead of a folder.
        """
        for name in sorted(environ):
            if name.startswith("ROONEY_") and name not in KNOWN:
                raise UnknownName.among("setting", name, KNOWN)
        start = (base or Path.cwd()).resolve()
        home = _checkout() or start
        return cls(
            lake=_folder(environ, "ROONEY_LAKE", home / "data_lake", start),
            source=_text(environ, "ROONEY_SOURCE", "simulated"),
            universe=_folder(environ, "ROONEY_UNIVERSE", home / "universe.yaml", start),
            mandate=_folder(environ, "ROONEY_MANDATE", home / "mandate.yaml", start),
            state=_folder(environ, "ROONEY_STATE", home / ".rooney", start),
            base=start,
            gateway=parse_gateway(_text(environ, GATEWAY_SETTING, ""))
            if GATEWAY_SETTING in environ
            else None,
            max_cost_usd=parse_cost(_text(environ, COST_SETTING, f"{DEFAULT_MAX_COST_USD:g}")),
            key=Secret(key) if (key := environ.get(KEY_SETTING, "").strip()) else None,
            tuning=_effort(_text(environ, TUNING_SETTING, "full")),
            recalibration=_switch(environ, RECALIBRATION_SETTING),
            automation=_switch(environ, AUTOMATION_SETTING),
            journal=_file(environ, JOURNAL_SETTING, start),
            notify=_file(environ, NOTIFY_SETTING, start),
            ui=_text(environ, UI_SETTING, DEFAULT_UI).rstrip("/"),
            dagster_home=_dagster_home(environ, start),
            sensor_seconds=_pace(environ),
        )

    @property
    def live_journal(self) -> Path:
        """The journal of the trader whose results come back into the lake."""
        return self.journal or self.state / "live" / "journal.sqlite"

    @property
    def vendor(self) -> VendorAccess:
        """How the vendor is asked, with these settings."""
        downloads = self.lake / DOWNLOADS / "databento"
        return VendorAccess(downloads, self.gateway, self.max_cost_usd, self.key)

    def pace(self, own_seconds: int) -> int:
        """Seconds from one look of a sensor to the next; `own_seconds` where nobody set another."""
        return self.sensor_seconds or own_seconds

    def as_environment(self) -> dict[str, str]:
        """The variables that give a process in any working directory these settings.

        All but the key: a child has it from the environment itself, and no file ever holds it.
        """
        kind, colon, folder = self.source.partition(":")
        return {
            "ROONEY_LAKE": str(self.lake),
            "ROONEY_SOURCE": f"{kind}:{self.base / Path(folder).expanduser()}" if colon else kind,
            "ROONEY_UNIVERSE": str(self.universe),
            "ROONEY_MANDATE": str(self.mandate),
            "ROONEY_STATE": str(self.state),
            COST_SETTING: str(self.max_cost_usd),
            TUNING_SETTING: self.tuning,
            RECALIBRATION_SETTING: self.recalibration,
            AUTOMATION_SETTING: self.automation,
            UI_SETTING: self.ui,
            HOME_SETTING: str(self.dagster_home),
            **({} if self.journal is None else {JOURNAL_SETTING: str(self.journal)}),
            **({} if self.notify is None else {NOTIFY_SETTING: str(self.notify)}),
            **({} if self.gateway is None else {GATEWAY_SETTING: self.gateway}),
            **({} if self.sensor_seconds is None else {PACE_SETTING: str(self.sensor_seconds)}),
        }


def _dagster_home(environ: Mapping[str, str], start: Path) -> Path:
    """Raises InvalidSetting for a folder without a dagster.yaml: Dagster would begin an empty one
    of its own there."""
    if HOME_SETTING not in environ:
        return ROOT
    folder = _folder(environ, HOME_SETTING, ROOT, start)
    if folder != ROOT and not (folder / "dagster.yaml").is_file():
        raise InvalidSetting(
            f"{HOME_SETTING} is {folder}, which has no dagster.yaml; give it {KNOWN[HOME_SETTING]}."
        )
    return folder


def _pace(environ: Mapping[str, str]) -> int | None:
    if PACE_SETTING not in environ:
        return None
    value = _text(environ, PACE_SETTING, "")
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= SLOWEST_PACE:
        raise InvalidSetting(f"{PACE_SETTING} is {value!r}; give it {KNOWN[PACE_SETTING]}.")
    return int(value)


def _effort(value: str) -> Effort:
    if value not in get_args(Effort):
        raise InvalidSetting(
            f"{TUNING_SETTING} is {value!r}; give it {KNOWN[TUNING_SETTING]}, or unset it for full."
        )
    return cast(Effort, value)


def _switch(environ: Mapping[str, str], name: str) -> Switch:
    value = _text(environ, name, "off")
    if value not in get_args(Switch):
        raise InvalidSetting(f"{name} is {value!r}; give it {KNOWN[name]}, or unset it for off.")
    return cast(Switch, value)


def known_universe(settings: Settings) -> Universe:
    """Every instrument of the universe file, whatever the source. Raises as `load_universe`."""
    document = parse_yaml(settings.universe, "universe", "ROONEY_UNIVERSE")
    return Universe.parse(document, str(settings.universe))


def load_universe(settings: Settings) -> Universe:
    """The instruments of the universe file that the chosen source offers, in file order.

    Raises InvalidSetting when the file cannot be read, is not YAML (naming the line), breaks the
    schema, or holds nothing that the source offers.
    """
    known = known_universe(settings)
    source = source_from(settings.source, settings.base, settings.vendor)
    offered = source.offers(known)
    if not offered.instruments:
        raise InvalidSetting(
            f"{settings.universe} has no instrument for ROONEY_SOURCE={settings.source}: none of "
            f"its {len(known.instruments)} entries has a page `{source.name}` below `sources`. "
            "Add one, as in the shipped universe.yaml, or choose another source."
        )
    return offered


def _checkout() -> Path | None:
    """The checkout that this package runs from; None for an installed package."""
    above = Path(__file__).resolve().parent.parent
    return above if (above / "pyproject.toml").is_file() else None


def _text(environ: Mapping[str, str], name: str, default: str) -> str:
    value = environ.get(name, default).strip()
    if not value:
        instead = default or "the default"
        raise InvalidSetting(f"{name} is empty; give it {KNOWN[name]}, or unset it for {instead}.")
    return value


def _folder(environ: Mapping[str, str], name: str, default: Path, base: Path) -> Path:
    value = _text(environ, name, str(default))
    if "://" in value:
        raise InvalidSetting(
            f"{name} is {value!r}; this version keeps it on a local or mounted disk only. "
            f"Give it {KNOWN[name]}."
        )
    return (base / Path(value).expanduser()).resolve()


def _file(environ: Mapping[str, str], name: str, base: Path) -> Path | None:
    """The path that a variable names; None where it is not set."""
    return _folder(environ, name, base, base) if name in environ else None
