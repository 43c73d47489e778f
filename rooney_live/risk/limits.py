"""The limits in force: the release's, unless a person set others.

Belongs here: folding LIMITS rows over the release's limits, and which way is looser. Does not
belong here: the limits' meaning (`checks`), or the mandate.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from rooney_core.errors import InvalidSetting, UnknownName
from rooney_core.release.limits import LiveLimits
from rooney_live.journal import Journal, Row
from rooney_live.risk.controls_schema import Command
from rooney_live.risk.record import record

_US = 1_000_000


@dataclass(frozen=True)
class LimitsInForce:
    """`limits`: what counts now. `changed`: name to the release's value, of those that a person
    changed. `loosened`: in words, what is looser than the release's; to be shown in red. `set_by`:
    who, when, why and until when, of each row that counts, the newest first; empty where nobody
    did."""

    limits: LiveLimits
    changed: Mapping[str, float]
    loosened: tuple[str, ...]
    set_by: str


def limits_in_force(journal: Journal, released: LiveLimits, now_us: int) -> LimitsInForce:
    """What LIMITS rows make of the release's limits at `now_us`, name by name.

    Of several rows about one name the newest that has not ended counts; when it ends, the one
    before counts again, and the release's after the last. So a limit that is loosened for a day
    falls back to what was in force before it, and never lifts one that it does not name. A row
    without any name ends all before it. A value that was no loosening when it was set never loosens
    a release that is tighter than the one of then. A row that this code cannot read tightens
    nothing that is known, so it raises InvalidSetting: a person has to look.
    """
    before = released.model_dump()
    changes: dict[str, float] = {}
    counting: list[Row] = []
    for row in _rows_that_hold(journal, now_us):
        own = {
            name: value
            for name, value in _values(row, released).items()
            if name not in changes and (value <= before[name] or name in _loosens(row))
        }
        changes |= own
        counting += [row] if own else []
    limits = changed(released, changes)
    return LimitsInForce(
        limits,
        {name: before[name] for name in changes},
        tuple(_looser(released, limits).values()),
        "; ".join(map(_in_words, counting)),
    )


def _rows_that_hold(journal: Journal, now_us: int) -> Iterator[Row]:
    """LIMITS rows that have not ended, the newest first, down to one that puts all back."""
    rows = journal.query(
        "SELECT * FROM controls WHERE command = ? ORDER BY control_id DESC", (str(Command.LIMITS),)
    )
    for row in rows:
        row["arguments"] = json.loads(row["arguments"])
        if not row["arguments"]["limits"]:
            return
        if row["until_us"] is None or now_us < row["until_us"]:
            yield row


def _values(row: Row, released: LiveLimits) -> Mapping[str, float]:
    values: Mapping[str, float] = row["arguments"]["limits"]
    changed(released, values)
    return values


def _loosens(row: Row) -> Collection[str]:
    """Names that a person loosened on purpose, for a time."""
    named: Collection[str] = row["arguments"].get("loosens", ())
    return named if row["until_us"] is not None else ()


def _in_words(row: Row) -> str:
    until = "" if row["until_us"] is None else f", until {_shown(row['until_us'])}"
    names = ", ".join(sorted(row["arguments"]["limits"]))
    return f"{row['who']} at {_shown(row['at_us'])}{until} ({names}): {row['reason']}"


def set_limits(
    journal: Journal,
    released: LiveLimits,
    changes: Mapping[str, float],
    reason: str,
    until_us: int | None,
    now_us: int,
) -> LimitsInForce:
    """Record these limits in place of the release's; names that are not given stay as they are.

    `changes`: by name; none at all ends every change before. What only tightens needs a reason;
    what loosens needs an end too. Raises UnknownName, or InvalidSetting for a value that is not
    allowed, an end that is missing, or one that has passed.
    """
    limits = changed(released, changes)
    looser = _looser(released, limits)
    if looser and until_us is None:
        raise InvalidSetting(
            f"{'; '.join(looser.values())}: looser than the mandate's, so it needs an end: "
            "--for 24h, or --until 2026-12-01T22:00Z. To loosen for good, change the mandate and "
            "promote."
        )
    if until_us is not None and until_us <= now_us:
        raise InvalidSetting(f"--until {_shown(until_us)} has passed; give a time in the future.")
    arguments = {"limits": dict(changes), "loosens": sorted(looser)}
    record(journal, Command.LIMITS, reason, arguments, until_us=until_us, at_us=now_us)
    return limits_in_force(journal, released, now_us)


def changed(released: LiveLimits, changes: Mapping[str, float]) -> LiveLimits:
    """The limits with these values in place. Raises UnknownName or InvalidSetting."""
    for name in changes:
        if name not in LiveLimits.model_fields:
            raise UnknownName.among("limit", name, LiveLimits.model_fields)
    page: dict[str, Any] = released.model_dump() | dict(changes)
    try:
        return LiveLimits.model_validate(page)
    except ValidationError as error:
        told = "; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors())
        raise InvalidSetting(f"{told}. Nothing was changed.") from None


def _looser(released: LiveLimits, limits: LiveLimits) -> dict[str, str]:
    # Each limit says what is allowed at the most, and more capital allows a deeper fall in USD.
    before, after = released.model_dump(), limits.model_dump()
    return {
        name: f"{name} {before[name]:g} -> {after[name]:g}"
        for name in before
        if after[name] > before[name]
    }


def _shown(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / _US, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
