"""Where a model's page lies, and writing it: whole, and never over something else.

Belongs here: names and writing. Does not belong here: what the page says (`page`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from rooney_assets.graph.page import is_about
from rooney_assets.model_report.page import ABOUT, about, page_of
from rooney_assets.model_report.standing import Standing
from rooney_core.errors import InvalidSetting, RefusedError

PAGE: Final = "report.html"
HOME: Final = Path("reports")
"""Where pages are written when nobody says otherwise, below the working directory."""


def default_folder(standing: Standing) -> Path:
    """reports/<symbol>_meta_model_<version>."""
    portrait = standing.portrait
    return HOME / f"{portrait.symbol}_meta_model_{portrait.model_version}"


def require_folder(folder: Path) -> None:
    """Create the folder. Raises InvalidSetting where that cannot be: before anything is trained."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidSetting(f"{folder} cannot be a folder for the report: {error}.") from error


def report_of(standing: Standing) -> Path | None:
    """The page of this model in its default folder; None where there is none."""
    path = default_folder(standing) / PAGE
    return path if path.is_file() else None


def write(standing: Standing, folder: Path, *, overwrite: bool = False) -> Path:
    """Write the page; its path. An older page of the same model is replaced.

    Raises RefusedError where another file of that name is, unless `overwrite`, or the disk refuses.
    """
    require_folder(folder)
    path = folder / PAGE
    try:
        if path.exists() and not overwrite:
            _require_own(path, about(standing))
        temporary = folder / f".{PAGE}.{os.getpid()}.tmp"
        temporary.write_text(page_of(standing), encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise RefusedError(f"{folder} cannot be written: {error}.") from error
    return path


def _require_own(path: Path, own: str) -> None:
    if not is_about(path.read_text(encoding="utf-8", errors="replace"), ABOUT, own):
        raise RefusedError(
            f"{path} is no page of this model ({own}). Name another folder with --out, or allow it "
            "with --overwrite."
        )
