"""Questions to what may stop or limit trading: kill switch, controls, limits, calendar, age.

Belongs here: showing it before the trader starts. Does not belong here: keeping to it (`risk`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import polars as pl

from rooney_core.market.calendar import day_deadlines, schedule
from rooney_core.release import Release
from rooney_core.release.limits import live_refusals
from rooney_live.control import Controls
from rooney_live.journal import JournalRefused
from rooney_live.preflight_answers import Check, skipped
from rooney_live.reconcile import open_positions, unproven
from rooney_live.risk.kill import killed_by_flag, killed_by_variable
from rooney_live.risk.limits import LimitsInForce, limits_in_force
from rooney_live.risk.reading import reading
from rooney_live.settings import Settings

OLD_DAYS = 40
"""A release is made every month: one whose data are older was forgotten."""
_LOOK_AHEAD = timedelta(days=10)
_US = 1_000_000


def risk_checks(
    settings: Settings,
    release: Release | None,
    day: date | None,
    environment: Mapping[str, str] | None = None,
) -> list[Check]:
    """Kill switch, limits, unproven positions, calendar, age. `day`: what the release is held to;
    a market that stands still has its own."""
    given = os.environ if environment is None else environment
    names = ("risk limits", "calendar", "release age")
    found = [_kill_switch(settings, given), _positions(settings, release)]
    if release is None or day is None:
        return [*found, *skipped(names, "needs a release")]
    return [*found, _limits(settings, release), _calendar(release, day), _age(release, day)]


def _kill_switch(settings: Settings, given: Mapping[str, str]) -> Check:
    """What stops entries now. It keeps nobody from starting, and is in red: nobody shall believe
    that it trades."""
    told = [killed_by_variable(given)]
    if settings.live.is_dir():
        told.append(killed_by_flag(settings.live))
    with suppress(JournalRefused), reading(settings.journal) as journal:
        controls = Controls(journal)
        controls.look()
        state = controls.state(_now_us())
        rows = (state.halted, state.killed, state.paused, *state.reducing)
        told += [f"{row.command} by {row.who}: {row.reason}" for row in rows if row is not None]
    standing = [words for words in told if words]
    detail = "; ".join(standing) or "off: entries may be sent"
    return Check("kill switch", True, detail, is_red=bool(standing))


def _limits(settings: Settings, release: Release) -> Check:
    released = release.config.live_limits
    try:
        with reading(settings.journal) as journal:
            now = limits_in_force(journal, released, _now_us())
    except JournalRefused:
        now = LimitsInForce(released, {}, (), "")
    refused = live_refusals(release.sizes, now.limits)
    rows = [
        {"limit": name, "value": value, "release": now.changed.get(name, value)}
        for name, value in now.limits.model_dump().items()
    ]
    if refused:
        told = f"{'; '.join(refused)}: every entry would be denied"
        return Check("risk limits", False, told, rows=rows)
    told = "as released" if not now.set_by else f"changed by {now.set_by}"
    if now.loosened:
        told = f"LOOSER than the release's: {'; '.join(now.loosened)} ({now.set_by})"
    return Check("risk limits", True, told, is_red=bool(now.loosened), rows=rows)


def _positions(settings: Settings, release: Release | None) -> Check:
    """What is believed to be held, and whether anybody proved it lately."""
    name = "positions proven"
    try:
        with reading(settings.journal) as journal:
            rows = open_positions(journal)
    except JournalRefused:
        return Check(name, True, "nothing was ever ordered")
    if release is None:
        return Check(name, None, "needs a release")
    late = unproven(rows, release.config.live_limits.max_unproven_hours, _now_us())
    table = [
        {key: row[key] for key in ("symbol", "contract", "side", "size", "state", "proof")}
        for row in rows
    ]
    if late:
        told = f"{', '.join(late)}: unproven for too long; run `rooney-live reconcile`"
        return Check(name, False, told, rows=table)
    return Check(name, True, f"{len(rows)} open" if rows else "nothing is held", rows=table)


def _calendar(release: Release, day: date) -> Check:
    """The next session of every traded symbol, and when it has to be flat."""
    if not release.bundles:
        return Check("calendar", True, "nothing is traded")
    rows = []
    for symbol, bundle in release.bundles.items():
        instrument = bundle.instrument
        ahead = schedule(instrument.product_group, day, day + _LOOK_AHEAD).head(1)
        if ahead.is_empty():
            told = f"{symbol}: the calendar knows no session from {day} on"
            return Check("calendar", False, told)
        session = ahead.row(0, named=True)
        deadline = day_deadlines(pl.Series([session["session"]]), instrument)[0]
        rows.append(
            {
                "symbol": symbol,
                "session": session["session"].isoformat(),
                "opens": _minute(session["session_open"]),
                "closes": _minute(session["session_close"]),
                "flat_by": _minute(deadline),
                "early_close": session["early_close"],
            }
        )
    early = [str(row["symbol"]) for row in rows if row["early_close"]]
    told = f"next session {min(str(row['session']) for row in rows)}"
    told += f", early close: {', '.join(early)}" if early else ""
    return Check("calendar", True, told, is_red=bool(early), rows=rows)


def _age(release: Release, day: date) -> Check:
    config = release.config
    days, left = (day - config.data_through).days, (config.approved_until - day).days
    told = f"data through {config.data_through} ({days} days old), {left} days of approval left"
    return Check("release age", days >= 0, told, is_red=days > OLD_DAYS)


def _minute(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


def _now_us() -> int:
    return int(datetime.now(UTC).timestamp() * _US)
