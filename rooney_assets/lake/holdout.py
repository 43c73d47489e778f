"""The sealed test window: what everybody sees of it, and the log of everyone who saw more.

Belongs here: hiding test rows, and recording looks within a budget. Does not belong here: judging
a model by them. `Lake.open_test_window` and, for bars, `Lake.open_test_bars` are the only readers;
each look is a file of its own, made before the rows are handed out.

The budget is of one window. A window is known by its end, the last session that the data behind it
holds (whatever part of it somebody asks for), and it grows day by day: a day more makes no other
test. The next window begins, with a budget of its own, when at least `min_new_sessions` sessions
lie behind the end at which the budget was last spent on. So whoever has spent it waits for sessions
that no choice was made by. A repeat spends nothing and moves nothing. What was looked at in earlier
windows is in the new one too, and every look stays in the log: the deflation counts all of them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rooney_assets.lake import durable
from rooney_core.errors import HoldoutRefused, LakeError
from rooney_core.validation.windows import HOLDOUT_BUDGET, MIN_NEW_SESSIONS

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
    "window": pl.Int64,
    "window_end": pl.Date,
    "is_repeat": pl.Boolean,
}
"""One row per look. Who looked at bars and not at a training set has `continuous_bars:<version>` in
its place, and the last bar's start for the last entry. `window`: number of the test window, from 1;
`window_end`: its last session at that time. `is_repeat` when the same model, code and training set
were seen before."""


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


@dataclass(frozen=True)
class Seen:
    """What is about to be seen. `last`: the last entry, or the last bar's start.

    `sessions`: every session that the lake knows of, as dates in any order, also beyond what is
    handed out; the last one is the window's end. None: it ends on the day of `last`, and Monday to
    Friday are sessions, holidays among them.
    """

    last: datetime | None
    sessions: pl.Series | None = None

    @property
    def end(self) -> date | None:
        """The window's last session; None for nothing at all."""
        if self.sessions is None:
            return None if self.last is None else self.last.date()
        last = self.sessions.max()
        return last if isinstance(last, date) else None

    def n_after(self, before: date) -> int:
        """Sessions after `before`, up to the window's end."""
        if self.end is None or self.end <= before:
            return 0
        if self.sessions is None:
            day = timedelta(days=1)
            return int(np.busday_count(before + day, self.end + day))
        return self.sessions.filter(self.sessions > before).n_unique()


@dataclass(frozen=True)
class Limits:
    """`budget`: different pairs of model and code per window. `min_new_sessions`: how many sessions
    make another window."""

    budget: int = HOLDOUT_BUDGET
    min_new_sessions: int = MIN_NEW_SESSIONS


def seal(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split a training set in what everybody may read and the full rows of the test window.

    In the first frame every row is there, but in rows whose `split` is "test" all columns except
    VISIBLE_COLUMNS are null: outcome, span end and features. The second holds those rows whole.
    """
    is_test = pl.col("split").eq_missing(pl.lit("test"))
    hidden = [name for name in frame.columns if name not in VISIBLE_COLUMNS]
    shown = (pl.when(~is_test).then(pl.col(name)).alias(name) for name in hidden)
    return frame.with_columns(shown), frame.filter(is_test)


def record(folder: Path, asked: Asked, seen: Seen, limits: Limits) -> int:
    """Append a look durably and return its number; `folder` holds one symbol's looks.

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
        window = _window(seen, earlier, limits)
        _require_budget(asked, seen, window, earlier, limits)
        number = max((one["look"] for one in earlier), default=0) + 1
        _append(folder, _entry(number, asked, seen, window))
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
    as_text = (*_TIMES, "window_end")
    texts = [(name, pl.String if name in as_text else one) for name, one in LOOKS_SCHEMA.items()]
    table = pl.DataFrame(rows, schema=texts)
    return table.with_columns(times, pl.col("window_end").str.to_date())


def _window(seen: Seen, earlier: list[dict[str, Any]], limits: Limits) -> int:
    """The number of the window that is asked for: the latest one, or the next."""
    latest_window = max((one["window"] for one in earlier), default=1)
    spent = _spent_until(latest_window, earlier)
    if spent is None or seen.n_after(spent) < limits.min_new_sessions:
        return latest_window
    return latest_window + 1


def _spent_until(window: int, earlier: list[dict[str, Any]]) -> date | None:
    """The end of the window when its budget was last spent on; None when it never was."""
    first: dict[tuple[str, str], date | None] = {}
    for one in earlier:
        if one["window"] == window:
            end = one["window_end"]
            first.setdefault(_pair(one), None if end is None else date.fromisoformat(end))
    return max((end for end in first.values() if end is not None), default=None)


def _pair(one: dict[str, Any]) -> tuple[str, str]:
    return one["model_version"], one["code_version"]


def _require_budget(
    asked: Asked, seen: Seen, window: int, earlier: list[dict[str, Any]], limits: Limits
) -> None:
    used = {_pair(one) for one in earlier if one["window"] == window}
    if asked.pair not in used and len(used) + 1 > limits.budget:
        spent = _spent_until(window, earlier)
        n_new = 0 if spent is None else seen.n_after(spent)
        raise HoldoutRefused(
            f"The test window was already opened for {len(used)} different models; the budget is "
            f"{limits.budget}. {asked.who} asked for model {asked.model_version} by code "
            f"{asked.code_version}. A test that is looked at until something passes is no test: "
            f"wait for new sessions ({n_new} there are since {spent}, when the last of the budget "
            f"was spent; {limits.min_new_sessions} make another window, with a budget of its own), "
            "or raise the budget where everybody can see it."
        )


def latest(times: pl.Series) -> datetime | None:
    """The last of some times; None when there are none."""
    last = times.max()
    return last if isinstance(last, datetime) else None


def _entry(number: int, asked: Asked, seen: Seen, window: int) -> dict[str, Any]:
    return {
        "look": number,
        "looked_at": _text(datetime.now(UTC)),
        **asdict(asked),
        "last_test_entry": None if seen.last is None else _text(seen.last),
        "window": window,
        "window_end": None if seen.end is None else seen.end.isoformat(),
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
            entries.append({name: entry[name] for name in _FIELDS} | _window_fields(entry))
        except (ValueError, KeyError, TypeError) as error:
            raise LakeError(
                f"{path} is not a record of a look at the test window: {error!r}. Without it the "
                "budget cannot be counted; restore it from a backup."
            ) from None
    return entries


def _window_fields(entry: dict[str, Any]) -> dict[str, Any]:
    """Looks of before windows were numbered are of the first one, which ended on their last day."""
    last = entry["last_test_entry"]
    end = entry.get("window_end", None if last is None else last[: len("2021-01-31")])
    return {"window": int(entry.get("window", 1)), "window_end": end}


_TIMES = ("looked_at", "last_test_entry")
_COMPUTED = ("symbol", "window", "window_end", "is_repeat")
_FIELDS = tuple(name for name in LOOKS_SCHEMA if name not in _COMPUTED)
