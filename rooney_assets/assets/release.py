"""Stage 5: the two tables that the trader reads, and nothing else does he read.

Both are written only when every condition of a promotion holds (`rooney_assets.checks.release`);
otherwise the versions that are there stay.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from rooney_assets.graph.declaration import Here, Made, Partitioning, Reach, lake_asset
from rooney_assets.lake import promotions
from rooney_assets.mandate import Mandate
from rooney_assets.promotion import (
    DAYS,
    Asking,
    current_release,
    decision,
    newest_month,
    published_days,
    traded_of,
)
from rooney_assets.tracking import crown

ROOMS = ("release", "gates", "rooney_assets.promotion", "rooney_assets.terms")
MONTHLY = dict.fromkeys(("release_candidate", "gate_report", "release_evidence"), Reach.EVERY)
MONTH, MODELS = "rebalance_month", "models"
Tables = dict[str, pl.DataFrame]


@lake_asset(
    group="release",
    rooms=ROOMS,
    partitioning=Partitioning.NONE,
    reach=MONTHLY,
    params=Mandate,
)
def production_model(
    here: Here,
    mandate: pl.DataFrame,
    release_candidate: Tables,
    gate_report: Tables,
    release_evidence: Tables,
) -> Made:
    """The models of the released symbols, as rows: booster text and forest arrays, no code.

    Those of the newest candidate that the gates have judged, and only when it may be promoted. Its
    content hash is named by `production_config`; the trader refuses any other.
    """
    asked = _asked(here, release_candidate, gate_report, release_evidence)
    beside = here.lake.beside("release_candidate", (MONTH, asked.month))
    models = beside[MODELS].drop(MONTH)
    return Made(models, notes={"models": models.height, "conditions": conditions(here, asked)})


@lake_asset(
    group="release",
    rooms=ROOMS,
    partitioning=Partitioning.NONE,
    reach=MONTHLY | {"equity_curve": Reach.EVERY},
    params=Mandate,
    uses_tracking=True,
)
def production_config(
    here: Here,
    production_model: pl.DataFrame,
    mandate: pl.DataFrame,
    release_candidate: Tables,
    gate_report: Tables,
    release_evidence: Tables,
    equity_curve: Tables,
) -> Made:
    """What the trader may trade: a row per tradable symbol with its size, and why that size.

    It is the candidate that was paper traded and judged, row by row, with the version of its
    evidence. Size 0 means not traded. Names the exact `production_model` by content hash, the
    mandate, and until when it is approved. An empty portfolio is a valid release: the trader
    starts, says why, and sends nothing. The published days of what it trades are kept beside it,
    for the challenger that comes after.
    """
    asked = _asked(here, release_candidate, gate_report, release_evidence)
    evidence = here.input_versions[f"release_evidence[{asked.month}]"]
    table = asked.candidate.with_columns(evidence_version=pl.lit(evidence))
    before = current_release(here.lake)
    notes = {
        "release": table["release_id"][0],
        "approved until": str(table["approved_until"][0]),
        "why": table.select("symbol", "size", "reason"),
        "conditions": conditions(here, asked),
    }
    return Made(
        table,
        beside={DAYS: published_days(equity_curve, traded_of(table).sizes)},
        notes=notes,
        announce=lambda version: _announce(here, table, before),
    )


def _asked(here: Here, candidates: Tables, reports: Tables, evidence: Tables) -> Asking:
    month = newest_month(candidates, reports, evidence)
    return Asking(month, candidates[month], reports[month], here.params)


def conditions(here: Here, asked: Asking) -> pl.DataFrame:
    """Every condition of the promotion, for the metadata."""
    rows = [
        (str(one.code), one.passed, one.reason) for one in decision(here.lake, asked).conditions
    ]
    schema = {"condition": pl.String, "holds": pl.Boolean, "reason": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _announce(here: Here, table: pl.DataFrame, before: pl.DataFrame | None) -> Mapping[str, object]:
    """Put the promotion into the log, once the release is there."""
    now = traded_of(table)
    earlier = None if before is None else traded_of(before).release_id
    if earlier == now.release_id:
        return {}
    entry = promotions.append(
        here.lake,
        promotions.Event.PROMOTED,
        who=promotions.signature(here.run_id),
        reason="every condition of the promotion held",
        release_id=now.release_id,
        earlier_release_id=earlier,
        mandate_version=now.mandate_version,
    )
    crowned = crown(here.tracking.uri, now.model_versions)
    return {"promotion log entry": entry, "replaces": earlier or "nothing", "MLflow": crowned}
