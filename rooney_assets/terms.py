"""What a person has said that a release depends on: overrides and approvals, from the log.

Belongs here: reading the promotion log as what `rooney_core.gates.approvals` judges, and the terms
of a release. Does not belong here: deciding about a promotion (`rooney_assets.promotion`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, TypeVar

import polars as pl
from pydantic import BaseModel, ValidationError

from rooney_assets.lake import Lake, promotions
from rooney_assets.mandate import Mandate
from rooney_core.gates.approvals import (
    Approval,
    Key,
    Override,
    approved_until,
    overrides_in_force,
)
from rooney_core.release.terms import ReleaseTerms

Given = TypeVar("Given", bound=BaseModel)
OVERRIDABLE_ASSETS = ("portfolio_config", "release_candidate", "gate_report")
"""Assets whose content depends on overrides: what was given is part of their configuration."""


def overrides_given(lake: Lake) -> tuple[Override, ...]:
    """Every override that anybody ever gave, in order.

    Raises LakeError for one without an end, a reason or a name.
    """
    return _given(lake, promotions.Event.OVERRIDDEN, Override)


def approvals_given(lake: Lake) -> tuple[Approval, ...]:
    """Every approval that anybody ever gave, in order. Raises LakeError for one of nothing."""
    return _given(lake, promotions.Event.APPROVED, Approval)


def _given(lake: Lake, event: promotions.Event, kind: type[Given]) -> tuple[Given, ...]:
    """The log's entries of an event, as what they are."""
    rows = promotions.read(lake).filter(pl.col("event") == event)
    found = []
    for entry, *values in rows.select("entry", *kind.model_fields).iter_rows():
        try:
            found.append(kind(**dict(zip(kind.model_fields, values, strict=True))))
        except ValidationError as error:
            raise promotions.not_an_entry(f"{event} {entry}", str(error)) from None
    return tuple(found)


def overrides_on(lake: Lake, day: date) -> Mapping[Key, Override]:
    """The overrides that hold on a day (inclusive), by (symbol, gate).

    An asset asks for the last session of its data, so that its content hangs on no clock.
    """
    return overrides_in_force(overrides_given(lake), day)


def overrides_as_config(lake: Lake) -> list[dict[str, Any]]:
    """Every override ever given, as plain values for a manifest."""
    return [one.model_dump(mode="json") for one in overrides_given(lake)]


def release_terms(
    mandate: pl.DataFrame, data_through: date, traded: Iterable[str], lake: Lake
) -> ReleaseTerms:
    """The terms of a release under this mandate (its table).

    `data_through`: last session (inclusive) behind the release. Overrides are those of `traded`
    symbols that hold on that day, sorted.
    """
    page = Mandate.from_frame(mandate)
    held = overrides_on(lake, data_through)
    symbols = set(traded)
    return ReleaseTerms(
        approved_until=approved_until(data_through, page.promotion.approval_days),
        mandate_version=page.version,
        overrides=tuple(held[key] for key in sorted(held) if key[0] in symbols),
        live_limits=page.live,
    )
