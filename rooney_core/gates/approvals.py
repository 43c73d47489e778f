"""What a person has said about gates and releases, and whether it still holds.

Belongs here: overrides and approvals as facts, and when they have ended. Does not belong here:
where they are written down (the lake's promotion log), or what a release needs of them
(`promotion`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

OVERRIDABLE: Final = ("backtest", "stress", "paper")
"""Gates whose failed rows a person may override for a while; the model verdict is of `backtest`."""

Words = Annotated[str, Field(min_length=1, pattern=r"\S")]
Key = tuple[str, str]
"""(symbol, gate)."""


class Override(BaseModel):
    """A person lets one symbol pass one gate although its rows fail.

    `until`: the last day that it holds, inclusive. It changes no row: they stay failed, and are
    shown in red beside it until it ends.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbol: Words
    gate: Words
    reason: Words
    until: date
    who: Words

    @property
    def key(self) -> Key:
        """(symbol, gate)."""
        return self.symbol, self.gate


class Approval(BaseModel):
    """A person approved one release, by its id, under one version of the mandate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    release_id: Words
    mandate_version: Words
    reason: Words
    who: Words


def overrides_in_force(overrides: Iterable[Override], on: date) -> Mapping[Key, Override]:
    """The newest override of each symbol and gate, as far as it has not ended before `on`.

    `overrides` in the order in which they were given: a later one replaces an earlier one, so an
    override is ended early by another that ends in the past.
    """
    newest = {one.key: one for one in overrides}
    return {key: one for key, one in newest.items() if one.until >= on}


def approved_until(data_through: date, approval_days: int) -> date:
    """The last day (inclusive) on which a release on data up to `data_through` may open a trade."""
    return data_through + timedelta(days=approval_days)
