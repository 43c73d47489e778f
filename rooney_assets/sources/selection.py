"""Which source a setting means.

Belongs here: the forms that ROONEY_SOURCE may take. Does not belong here: reading anything.
"""

from __future__ import annotations

import difflib
from pathlib import Path

from rooney_assets.sources import BarSource
from rooney_assets.sources.databento.access import VendorAccess
from rooney_assets.sources.databento.source import DatabentoSource
from rooney_assets.sources.files import FileSource
from rooney_assets.sources.simulated import SimulatedSource, market_of_page
from rooney_core.errors import InvalidSetting

ALLOWED = (
    "It takes `simulated`, `databento`, or `files:DIR`, a folder of Parquet, CSV or DBN files; or "
    "`simulated:FILE`, the page of a simulated market that grows."
)


def source_from(setting: str, base: Path, access: VendorAccess) -> BarSource:
    """The source that ROONEY_SOURCE names; a relative folder or page starts at `base`.

    `access` says how a vendor is asked. Touches no network.
    Raises InvalidSetting for any other form, with a suggestion, for a folder or a page that is not
    there, and for a page that says something impossible.
    """
    kind, colon, rest = setting.partition(":")
    if kind == "simulated" and not colon:
        return SimulatedSource()
    page = base / Path(rest.strip()).expanduser()
    if kind == "simulated" and rest.strip() and page.is_file():
        return SimulatedSource(market_of_page(page))
    if kind == "databento" and not colon:
        return DatabentoSource(access)
    if kind == "files" and rest.strip():
        return FileSource(_existing_folder(base / Path(rest.strip()).expanduser(), setting))
    raise InvalidSetting(f"ROONEY_SOURCE is {setting!r}.{_hint(kind, setting, base)} {ALLOWED}")


def _existing_folder(folder: Path, setting: str) -> Path:
    if folder.is_dir():
        return folder
    state = "is a file, not a folder" if folder.exists() else "does not exist"
    raise InvalidSetting(
        f"ROONEY_SOURCE is {setting!r}, but the folder {folder} {state}. {ALLOWED} "
        "A relative DIR starts at the working directory."
    )


def _hint(kind: str, setting: str, base: Path) -> str:
    if kind == "files":
        return " The folder after `files:` is missing."
    if kind == "simulated":
        return " No such page is there. Did you mean 'simulated'?"
    if (base / setting).is_dir():
        return f" Did you mean 'files:{setting}'?"
    kinds = ("simulated", "databento", "files")
    near = difflib.get_close_matches(kind.strip().lower(), kinds, n=1, cutoff=0.5)
    if not near:
        return ""
    return f" Did you mean {'files:DIR' if near[0] == 'files' else near[0]!r}?"
