"""The sealed test window: what everybody sees of it, and the log of everyone who saw more.

Belongs here: hiding test rows, and recording looks within a budget. Does not belong here: judging
a model by them. `Lake.open_test_window` and, for bars, `Lake.open_test_bars` are the only readers;
each look is a file of its own, made before the rows are handed out.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from rooney_assets.lake import durable
from rooney_core.errors import HoldoutRefused, LakeError

VISIBLE_COLUMNS = ("symbol", "entry_time", "label_start", "side", "split")
"""What a test row still shows: that there was a trade, when it began, and which side."""

LOOKS_SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "symbol": pl.String,
    "look": pl.Int64,
    "looked_at": pl.Datetime("us", "UTC"),
    "who": pl.String,
    "model_version": pl.String,
    "code_version": pl.String,
    "training_set_version": pl.String,
    "last_test_entry": pl.Datetime("us", "UTC"),
    "is_repeat": pl.Boolean,
}
"""One row per look. Who looked at bars and not at a training set has `continuous_bars:<version>` in
its place, and the last bar's start for the last entry. `is_repeat` when the same model, code and
training set were seen before."""


@dataclass(frozen=True)
class Asked:
    """Who wants to look, and for which model, code and rows."""

    who: str
    model_version: str
    code_version: str
    training_set_version: str

    @property
    def pair(self) -> tuple[str, str]:
        """What the budget counts."""
        return self.model_version, self.code_version


def seal(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split a training set in what everybody may read and the full rows of the test window.

    In the first frame every row is there, but in rows whose `split` is "test" all columns except
    VISIBLE_COLUMNS are null: outcome, span end and features. The second holds those rows whole.
    """
    is_test = pl.col("split").eq_missing(pl.lit("test"))
    hidden = [name for name in frame.columns if name not in VISIBLE_COLUMNS]
    shown = (pl.when(~is_test).then(pl.col(name)).alias(name) for name in hidden)
    return frame.with_columns(shown), frame.filter(is_test)


def record(folder: Path, asked: Asked, last: datetime | None, budget: int) -> int:
    """Append a look durably and return its number; `folder` holds one symbol's looks.

    `last`: the last entry, or the last bar's start, that is about to be seen.

    Raises HoldoutRefused, recording nothing, when the budget does not allow it or a name is empty.
    """
    empty = [name for name, value in asdict(asked).items() if not value.strip()]
    if empty:
        raise HoldoutRefused(f"A look at the test window must say its {', '.join(empty)}.")
    durable.make_folder(folder)
    # Counting and appending are one act.
    with durable.alone(folder.parent / ".looks.lock"):
        durable.remove_orphans(folder)
        earlier = _read(folder)
        _require_budget(asked, earlier, budget)
        number = max((one["look"] for one in earlier), default=0) + 1
        _append(folder, _entry(number, asked, last))
    return number


def looks(folder: Path, symbol: str) -> pl.DataFrame:
    """All looks in `folder`, in order; no rows when nobody ever looked."""
    seen: set[tuple[str, ...]] = set()
    rows = []
    for one in _read(folder):
        key = (one["model_version"], one["code_version"], one["training_set_version"])
        rows.append({**one, "symbol": symbol, "is_repeat": key in seen})
        seen.add(key)
    times = pl.col(_TIMES).str.to_datetime(time_unit="us", time_zone="UTC")
    texts = [(name, pl.String if name in _TIMES else one) for name, one in LOOKS_SCHEMA.items()]
    return pl.DataFrame(rows, schema=texts).with_columns(times)


def _require_budget(asked: Asked, earlier: list[dict[str, Any]], budget: int) -> None:
    used = {(one["model_version"], one["code_version"]) for one in earlier}
    if asked.pair not in used and len(used) + 1 > budget:
        raise HoldoutRefused(
            f"The test window was already opened for {len(used)} different models; the budget is "
            f"{budget}. {asked.who} asked for model {asked.model_version} by code "
            f"{asked.code_version}. A test that is looked at until something passes is no test: "
            "wait for new sessions, or raise the budget where everybody can see it."
        )


def latest(times: pl.Series) -> datetime | None:
    """The last of some times; None when there are none."""
    last = times.max()
    return last if isinstance(last, datetime) else None


def _entry(number: int, asked: Asked, last: datetime | None) -> dict[str, Any]:
    return {
        "look": number,
        "looked_at": _text(datetime.now(UTC)),
        **asdict(asked),
        "last_test_entry": None if last is None else _text(last),
    }


def _text(time: datetime) -> str:
    return time.isoformat(timespec="microseconds")


def _append(folder: Path, entry: dict[str, Any]) -> None:
    """Complete before it has its number, and never over a number that is taken."""
    durable.publish_new(folder / f"{entry['look']:06}.json", json.dumps(entry, indent=2).encode())


def _read(folder: Path) -> list[dict[str, Any]]:
    entries = []
    for path in sorted(folder.glob("*.json")):
        try:
            entry = json.loads(path.read_bytes())
            entries.append({name: entry[name] for name in _FIELDS})
        except (ValueError, KeyError, TypeError) as error:
            raise LakeError(
                f"{path} is not a record of a look at the test window: {error!r}. Without it the "
                "budget cannot be counted; restore it from a backup."
            ) from None
    return entries


_TIMES = ("looked_at", "last_test_entry")
_FIELDS = tuple(name for name in LOOKS_SCHEMA if name not in ("symbol", "is_repeat"))
