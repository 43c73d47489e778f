"""The day in a few lines: runs, checks, the release, live results, and what is still wrong.

Belongs here: the words of the daily digest. Does not belong here: sending it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg
import polars as pl
from dagster._core.scheduler.instigation import TickStatus

from rooney_assets.lake import Lake
from rooney_assets.notices.book import NoticeBook
from rooney_assets.notices.records import Notice, NoticeKind
from rooney_assets.promotion import current_release, emergency_stop, traded_of

DAY: Final = timedelta(days=1)
MOST_RUNS: Final = 2_000
MOST_LINES: Final = 12
MOST_LETTERS: Final = 300
BARS: Final = "session_bars"
BEHIND: Final = timedelta(days=5)
"""Bars that end so much before those of other symbols: more than a long weekend."""
LIVE_SHOWN: Final = ("n_trades", "net_profit_usd", "live_status")


def digest_of(instance: dg.DagsterInstance, lake: Lake, book: NoticeBook, ui: str) -> Notice:
    """The digest of the last 24 hours; its subject is the day, so that a day has one."""
    now = datetime.now(UTC)
    lines = [
        *_stop(lake),
        *_runs(instance, now),
        *_release(lake),
        *_live(lake),
        *_behind(lake),
        *_broken(instance),
        *_notices(book, now),
    ]
    return Notice(NoticeKind.DIGEST, f"{now:%Y-%m-%d}", "\n".join(lines), ui)


def _stop(lake: Lake) -> Iterator[str]:
    stop = emergency_stop(lake)
    if stop is not None:
        yield f"EMERGENCY STOP: {stop}"


def _runs(instance: dg.DagsterInstance, now: datetime) -> Iterator[str]:
    found = instance.get_run_records(dg.RunsFilter(updated_after=now - DAY), limit=MOST_RUNS)
    counts: dict[str, int] = {}
    for one in found:
        status = one.dagster_run.status.value.lower()
        counts[status] = counts.get(status, 0) + 1
    told = ", ".join(f"{n} {status}" for status, n in sorted(counts.items()))
    yield f"runs in 24 hours: {told or 'none'}"


def _release(lake: Lake) -> Iterator[str]:
    release = current_release(lake)
    if release is None:
        yield "release: none yet"
        return
    traded = traded_of(release)
    sizes = ", ".join(f"{size} {symbol}" for symbol, size in traded.sizes.items())
    until = release["approved_until"][0] if "approved_until" in release.columns else "unknown"
    yield f"release {traded.release_id}: {sizes or 'trades nothing'}; approved until {until}"


def _live(lake: Lake) -> Iterator[str]:
    for symbol in lake.partitions("live_performance"):
        table = lake.read("live_performance", ("symbol", symbol))
        for row in table.filter(pl.col("n_trades") > 0).iter_rows(named=True):
            told = ", ".join(f"{name} {_number(row[name])}" for name in LIVE_SHOWN)
            yield f"live {symbol}: {told}"
    for symbol in lake.partitions("parity_report"):
        n = int(lake.read("parity_report", ("symbol", symbol))["n_unexplained"].sum())
        if n:
            yield f"parity {symbol}: {n} differences to the replay are unexplained"


def _behind(lake: Lake) -> Iterator[str]:
    """Symbols whose bars ended before those of others: freshness is of all of an asset at once."""
    newest = {
        symbol: lake.read(BARS, ("symbol", symbol))["session"].max()
        for symbol in lake.partitions(BARS)
    }
    last = max((one for one in newest.values() if one is not None), default=None)
    for symbol, session in newest.items():
        if session is None or last - session > BEHIND:
            yield f"bars of {symbol} end on {session}, others on {last}"


def _broken(instance: dg.DagsterInstance) -> Iterator[str]:
    """Schedules and sensors whose last tick failed; no run tells of it."""
    for state in instance.all_instigator_state():
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
        if ticks and ticks[0].status is TickStatus.FAILURE:
            error = ticks[0].error
            why = "no reason is on record" if error is None else error.message.strip()
            yield f"automation {state.instigator_name} failed: {why[:MOST_LETTERS]}"


def _number(value: object) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else str(value)


def _notices(book: NoticeBook, now: datetime) -> Iterator[str]:
    recent = [one for one in book.kept(now - DAY) if one.notice.kind is not NoticeKind.DIGEST]
    still = [one for one in book.kept(only_open=True) if one.notice.kind is not NoticeKind.DIGEST]
    yield f"notices in 24 hours: {len(recent)}; open: {len(still)}"
    for one in still[:MOST_LINES]:
        times = f" ({one.n_times} times)" if one.n_times > 1 else ""
        yield f"- {one.notice.title.removeprefix('Rooney: ')}{times}"
    if len(still) > MOST_LINES:
        yield f"- and {len(still) - MOST_LINES} more: `rooney notices`"
