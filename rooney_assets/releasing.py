"""What a person does about releases: approve, override, roll back; and letting the factory promote.

Belongs here: carrying such a decision out, recorded. Does not belong here: printing
(`rooney_assets.cli.promote`), or judging (`rooney_core.gates.promotion`).
"""

from __future__ import annotations

import getpass
import socket
from dataclasses import dataclass
from datetime import UTC, date, datetime

import polars as pl

from rooney_assets.lake import Lake, promotions
from rooney_assets.lake.switch import switch_to
from rooney_assets.pool import record
from rooney_assets.promotion import RELEASE, current_release, releases, traded_of
from rooney_assets.settings import Settings
from rooney_core.errors import InvalidSetting, MissingArtifact, RefusedError, UnknownName
from rooney_core.gates.approvals import OVERRIDABLE, Override
from rooney_core.gates.promotion import ConditionCode, Decision
from rooney_core.market.instruments import Universe
from rooney_core.release import load_release

A_PERSON_S = frozenset({ConditionCode.APPROVED, ConditionCode.NOT_WITHDRAWN})
"""Conditions that an approval makes hold."""


@dataclass(frozen=True)
class RolledBack:
    """What a rollback did: from one release to another, and the entry of the log."""

    release_id: str
    earlier_release_id: str
    data_version: str
    entry: int


def who() -> str:
    """The person at the keyboard, for the log."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def parse_override(
    text: str, reason: str | None, until: date | None, universe: Universe
) -> Override:
    """An override from `SYMBOL:GATE`. Raises InputError for what is not one.

    It needs a reason, and a last day (inclusive) that is not over.
    """
    symbol, colon, gate = text.partition(":")
    if not colon or gate not in OVERRIDABLE:
        raise InvalidSetting(
            f"--override {text!r} arrived; write SYMBOL:GATE with one of the gates "
            f"{', '.join(OVERRIDABLE)}, such as SIM_ES:paper."
        )
    if symbol not in universe.tradable:
        raise UnknownName.among("tradable symbol", symbol, universe.tradable)
    if reason is None or not reason.strip():
        raise InvalidSetting("An override needs a reason that others can judge: --reason TEXT.")
    if until is None:
        raise InvalidSetting("An override needs the last day that it holds: --until YYYY-MM-DD.")
    if until < datetime.now(UTC).date():
        raise InvalidSetting(f"--until {until} is over; an override holds up to a day to come.")
    return Override(symbol=symbol, gate=gate, reason=reason.strip(), until=until, who=who())


def record_override(lake: Lake, override: Override, mandate_version: str) -> int:
    """Put an override into the log; the gate report and what follows take it from there."""
    facts = override.model_dump(exclude={"who", "reason"}) | {"mandate_version": mandate_version}
    return promotions.append(
        lake,
        promotions.Event.OVERRIDDEN,
        who=override.who,
        reason=override.reason,
        **facts,
    )


def needs_a_person(decided: Decision) -> bool:
    """Whether an approval is all that is missing."""
    failed = {one.code for one in decided.conditions if not one.passed}
    return bool(failed) and failed <= A_PERSON_S


def approve(lake: Lake, release_id: str, mandate_version: str, reason: str) -> int:
    """Put the approval of one release, under one mandate, into the log."""
    return promotions.append(
        lake,
        promotions.Event.APPROVED,
        who=who(),
        reason=reason,
        release_id=release_id,
        mandate_version=mandate_version,
    )


def find_release(lake: Lake, named: str) -> tuple[str, pl.DataFrame]:
    """Data version and rows of the newest release whose id begins so.

    Raises UnknownName for none, InvalidSetting when several releases begin so.
    """
    known = {str(rows["release_id"][0]): (version, rows) for version, rows in releases(lake)}
    fitting = sorted(one for one in known if named and one.startswith(named))
    if not fitting:
        raise UnknownName.among("release", named, known)
    if len(fitting) > 1:
        raise InvalidSetting(f"{named!r} begins {', '.join(fitting)}; write more of the id.")
    return known[fitting[0]]


def roll_back(lake: Lake, named: str, reason: str) -> RolledBack:
    """Let an earlier release be current again: recorded first, then one atomic switch.

    The trader reads the models by the version that the release names; `production_model` follows
    the release afterwards, for whoever looks at it in SQL. An emergency stop does not stop this.
    Raises RefusedError when it is current already, ReleaseRejected when this version of Rooney
    would not trade it; then nothing was changed.
    """
    now = current_release(lake)
    if now is None:
        raise MissingArtifact("Nothing was ever released, so there is nothing to roll back from.")
    version, rows = find_release(lake, named)
    release, current = traded_of(rows).release_id, traded_of(now).release_id
    if release == current:
        raise RefusedError(f"{release} is the release in production; there is nothing to switch.")
    models_version = str(rows["production_model_version"][0])
    load_release(rows, lake.read("production_model", None, version=models_version))
    entry = promotions.append(
        lake,
        promotions.Event.ROLLED_BACK,
        who=who(),
        reason=reason,
        release_id=release,
        earlier_release_id=current,
        mandate_version=traded_of(rows).mandate_version,
    )
    switch_to(lake, RELEASE, None, version)
    switch_to(lake, "production_model", None, models_version)
    return RolledBack(release, current, version, entry)


def tell_dagster(settings: Settings, done: RolledBack, reason: str) -> bool:
    """Put the rollback into Dagster's event log; whether it is there. The switch stands anyway."""
    facts = {
        "rolled back to": done.release_id,
        "rolled back from": done.earlier_release_id,
        "reason": reason,
        "who": who(),
        "promotion log entry": done.entry,
        "data_version": done.data_version,
    }
    return record(settings, RELEASE, "Rolled back by `rooney rollback`.", facts)
