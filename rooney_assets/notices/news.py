"""What is news and no alarm: another release is traded.

Belongs here: the words of a promotion, from its log and both releases. Does not belong here: why
one was refused (`watch`), or promoting.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from rooney_assets.lake import Lake, promotions
from rooney_assets.notices.records import Notice, NoticeKind
from rooney_assets.promotion import releases, traded_of


def released(lake: Lake, run_id: str, ui: str) -> Iterator[Notice]:
    """The release that a run of Dagster promoted, if it did; at most one. `ui`: the web UI."""
    if lake.version(promotions.ASSET, None) is None:
        return
    log = promotions.read(lake)
    mine = log.filter(
        (pl.col("event") == promotions.Event.PROMOTED)
        & (pl.col("who") == promotions.signature(run_id))
    )
    for now, before in mine.select("release_id", "earlier_release_id").iter_rows():
        link = f"{ui}/assets/production_config"
        yield Notice(NoticeKind.RELEASED, f"release {now}", _words(lake, now, before), link)


def _words(lake: Lake, now: str, before: str | None) -> str:
    known = {str(rows["release_id"][0]): rows for _, rows in releases(lake)}
    # A collection may have taken either away since.
    rows, earlier = known.get(now), known.get(before or "")
    if rows is None:
        return f"Release {now} is traded from now on."
    told = [
        f"Release {now} of {rows['rebalance_month'][0]} is traded from now on: {_sizes(rows)}; "
        f"approved until {rows['approved_until'][0]}."
    ]
    if earlier is None:
        told.append(f"Before it: {before or 'nothing was released'}.")
        return "\n".join(told)
    told.append(f"Before it: release {before}: {_sizes(earlier)}.")
    gone = set(traded_of(earlier).sizes) - set(traded_of(rows).sizes)
    reasons = dict(rows.select("symbol", "reason").iter_rows())
    told += [
        f"{one} is not traded any more: {reasons.get(one, 'unknown')}." for one in sorted(gone)
    ]
    return "\n".join(told)


def _sizes(release: pl.DataFrame) -> str:
    sizes = traded_of(release).sizes
    return ", ".join(f"{size} {symbol}" for symbol, size in sizes.items()) or "nothing"
