"""Two opinions on which contract was in front, compared, and every difference explained.

Belongs here: agreement by session, and the reason of each run of sessions that differ. Does not
belong here: choosing the front contract (`roll_choice.py`), or how much disagreement is too much.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from rooney_core.market.roll_choice import WINDOW_SESSIONS
from rooney_core.market.rolls import contract_order

TIE: Final = 0.02
"""Volumes this close to each other, as a fraction of the larger, are called a tie."""

REASONS: Final[dict[str, str]] = {
    "not_delivered": "no bar of their contract in the sessions that decide: it cannot be chosen",
    "no_bars_in_ours": "our front contract has no bar in these sessions",
    "volume_tie": "both contracts traded the same volume within 2 %",
    "rolled_one_session_earlier": "the same roll, one session before theirs",
    "rolled_one_session_later": "the same roll, one session after theirs",
    "rolled_earlier": "the same roll, several sessions before theirs",
    "rolled_later": "the same roll, several sessions after theirs",
    "undated": "the order of the two contracts is unknown",
}
"""Every reason code, and what it means; the first that applies is given."""

DIFFERENCES_SCHEMA: Final[dict[str, pl.DataType]] = {
    "first_session": pl.Date(),
    "last_session": pl.Date(),
    "ours": pl.String(),
    "theirs": pl.String(),
    "n_sessions": pl.Int64(),
    "reason": pl.String(),
    "our_volume": pl.Int64(),
    "their_volume": pl.Int64(),
}
"""Columns of `explain_differences`; `ours` is null where our series has no bar. Volumes: of both
contracts over the finished sessions that decide about `first_session`."""


def fronts(continuous_bars: pl.DataFrame) -> pl.DataFrame:
    """(session, contract): the contract of each session's last bar, oldest first."""
    return (
        continuous_bars.sort("bar_start")
        .group_by("session", maintain_order=True)
        .agg(pl.col("contract").last())
    )


def agreement(ours: pl.DataFrame, theirs: pl.DataFrame) -> float:
    """Share of the sessions of `theirs` on which both name the same contract; see `fronts`."""
    both = _beside(ours, theirs)
    same = both.filter(pl.col("ours") == pl.col("theirs")).height
    return same / both.height if both.height else 1.0


def delivered(theirs: pl.DataFrame, raw_bars: pl.DataFrame) -> pl.DataFrame:
    """The rows of `theirs` whose contract has a bar in `raw_bars` on that session.

    Only there can a rule that is fed with `raw_bars` agree.
    """
    return theirs.join(raw_bars.select("session", "contract").unique(), on=["session", "contract"])


def explain_differences(
    ours: pl.DataFrame, theirs: pl.DataFrame, raw_bars: pl.DataFrame
) -> pl.DataFrame:
    """One row per run of sessions on which two `fronts` differ, with a reason (`REASONS`).

    Sessions of `theirs` count. The reason comes from the volumes in `raw_bars` and from the order
    of the contracts, never from the symbol.
    """
    runs = _runs(_beside(ours, theirs))
    order = {name: position for position, name in enumerate(contract_order(raw_bars))}
    sessions = raw_bars["session"].unique().sort()
    volumes = raw_bars.group_by("session", "contract").agg(pl.col("volume").sum())
    rows = []
    for run in runs.iter_rows(named=True):
        end = int(sessions.search_sorted(run["first_session"], side="left"))
        window = volumes.filter(
            pl.col("session").is_in(sessions[max(0, end - WINDOW_SESSIONS) : end].to_list())
        )
        our_volume, their_volume = (_volume(window, run[side]) for side in ("ours", "theirs"))
        reason = _reason(run["ours"], run["theirs"], run["n_sessions"], order)
        if their_volume is None:
            reason = "not_delivered"
        elif our_volume is not None and _is_tie(our_volume, their_volume):
            reason = "volume_tie"
        rows.append({**run, "reason": reason, "our_volume": our_volume})
        rows[-1]["their_volume"] = their_volume
    return pl.DataFrame(rows, schema=DIFFERENCES_SCHEMA)


def _beside(ours: pl.DataFrame, theirs: pl.DataFrame) -> pl.DataFrame:
    return (
        theirs.sort("session")
        .select("session", theirs="contract")
        .join(
            ours.select("session", ours="contract"),
            on="session",
            how="left",
            maintain_order="left",
        )
    )


def _runs(both: pl.DataFrame) -> pl.DataFrame:
    """Runs of sessions in a row with one pair of different contracts."""
    pair = pl.struct("ours", "theirs")
    return (
        both.with_columns(run=pair.rle_id())
        .filter(pl.col("ours").ne_missing(pl.col("theirs")))
        .group_by("run", maintain_order=True)
        .agg(
            pl.col("session").first().alias("first_session"),
            pl.col("session").last().alias("last_session"),
            pl.col("ours", "theirs").first(),
            pl.len().cast(pl.Int64).alias("n_sessions"),
        )
        .drop("run")
    )


def _volume(window: pl.DataFrame, contract: str | None) -> int | None:
    """Summed volume of the contract, None without a bar of it."""
    own = window.filter(pl.col("contract").eq_missing(pl.lit(contract)))["volume"]
    return int(own.sum()) if len(own) else None


def _is_tie(one: int, other: int) -> bool:
    return abs(one - other) <= TIE * max(one, other)


def _reason(ours: str | None, theirs: str, n_sessions: int, order: dict[str, int]) -> str:
    if ours is None:
        return "no_bars_in_ours"
    if ours not in order or theirs not in order:
        return "undated"
    side = "later" if order[ours] < order[theirs] else "earlier"
    return f"rolled_one_session_{side}" if n_sessions == 1 else f"rolled_{side}"
