"""The promotion log: what was released, approved, overridden or rolled back, by whom and why.

Belongs here: appending entries, each a file of its own that nobody changes, and the table over them
(`promotion_log`, a view like any asset). Does not belong here: deciding anything by them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from rooney_assets.lake import durable
from rooney_assets.lake.layout import Folder
from rooney_assets.lake.manifest import ManifestFacts
from rooney_core.errors import LakeError

if TYPE_CHECKING:
    from rooney_assets.lake.store import Lake

ASSET: Final = "promotion_log"
PROMOTIONS_SCHEMA: Final[Mapping[str, pl.DataType]] = {
    "entry": pl.Int64(),
    "recorded_at": pl.Datetime("us", "UTC"),
    "event": pl.String(),
    "who": pl.String(),
    "reason": pl.String(),
    "release_id": pl.String(),
    "earlier_release_id": pl.String(),
    "mandate_version": pl.String(),
    "symbol": pl.String(),
    "gate": pl.String(),
    "until": pl.Date(),
}
"""A row per entry, in order. What an event has nothing to say of is null."""

_CHOSEN: Final = tuple(name for name in PROMOTIONS_SCHEMA if name not in ("entry", "recorded_at"))


class Event(StrEnum):
    """What an entry records."""

    PROMOTED = "promoted"  # release_id replaced earlier_release_id
    APPROVED = "approved"  # a person approved release_id under mandate_version
    OVERRIDDEN = "overridden"  # a person lets symbol pass gate until a day
    ROLLED_BACK = "rolled_back"  # release_id again, in place of earlier_release_id


def append(lake: Lake, event: Event, *, who: str, reason: str, **facts: str | date | None) -> int:
    """Put an entry on disk and in the view, and return its number.

    `facts`: further columns of PROMOTIONS_SCHEMA by name. Raises LakeError, recording nothing, for
    an unknown column, or an entry without a name or a reason.
    """
    unknown = sorted(set(facts) - set(_CHOSEN))
    if unknown or not who.strip() or not reason.strip():
        raise LakeError(
            f"an entry of the promotion log by {who!r} for {reason!r} with {unknown or 'nothing'} "
            f"arrived; it needs who and why, and may have {', '.join(_CHOSEN)}."
        )
    folder = Folder(lake.root, ASSET, None).path / "entries"
    with durable.refusing(lake.root, "record a promotion"):
        durable.make_folder(folder)
        # Counting, appending and the view are one act.
        with durable.alone(folder.parent / ".entries.lock"):
            durable.remove_orphans(folder)
            number = read(lake).height + 1
            told = {"event": str(event), "who": who, "reason": reason, **facts}
            entry = {"entry": number, "recorded_at": _text(datetime.now(UTC)), **told}
            data = json.dumps(entry, indent=2, default=date.isoformat).encode()
            durable.publish_new(folder / f"{number:06}.json", data)
            facts_of_view = ManifestFacts(run_id="", code_version="", git_commit="")
            lake.write(ASSET, None, read(lake), facts_of_view)
    return number


def signature(run_id: str) -> str:
    """`who` of what a run promoted."""
    return f"production_config, run {run_id}"


def read(lake: Lake) -> pl.DataFrame:
    """Every entry (PROMOTIONS_SCHEMA), in order; no rows when there never was one.

    Raises LakeError for an entry that cannot be read.
    """
    folder = Folder(lake.root, ASSET, None).path / "entries"
    as_text = {"recorded_at": pl.String(), "until": pl.String()}
    rows = [_entry(path) for path in sorted(folder.glob("*.json"))]
    try:
        table = pl.DataFrame(rows, schema={**PROMOTIONS_SCHEMA, **as_text})
        return table.with_columns(
            pl.col("recorded_at").str.to_datetime(time_unit="us", time_zone="UTC"),
            pl.col("until").str.to_date(),
        )
    except (pl.exceptions.PolarsError, TypeError) as error:
        raise not_an_entry(folder, str(error)) from None


def _entry(path: Path) -> dict[str, Any]:
    try:
        entry = json.loads(path.read_bytes())
        return {name: entry.get(name) for name in PROMOTIONS_SCHEMA} | {"entry": entry["entry"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise not_an_entry(path, repr(error)) from None


def not_an_entry(where: Path | str, said: str) -> LakeError:
    """The error for what is in the log and was never put there by `append`."""
    return LakeError(
        f"{where} is not an entry of the promotion log: {said}. Without it nobody knows what "
        "was approved; restore it from a backup."
    )


def _text(time: datetime) -> str:
    return time.isoformat(timespec="microseconds")
