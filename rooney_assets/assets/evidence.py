"""Stage 4, last: everything that was known of a release candidate, kept under one hash."""

from __future__ import annotations

from typing import Final

import polars as pl

from rooney_assets.evidence import Known, bundle_of
from rooney_assets.graph.declaration import Here, Made, Partitioning, Reach, lake_asset
from rooney_assets.graph.lineage import lineage_of
from rooney_assets.mandate import Mandate

EVERY = Reach.EVERY
MONTH: Final = "rebalance_month"
Tables = dict[str, pl.DataFrame]


@lake_asset(
    group="release",
    rooms=(
        "rooney_assets.evidence",
        *("rooney_assets.graph.lineage", "rooney_assets.graph.page"),
        *("rooney_assets.graph.svg", "rooney_assets.graph.svg_rows"),
    ),
    partitioning=Partitioning.MONTH,
    kinds=("html", "parquet"),
    reach=dict.fromkeys(("model_evaluation", "stress_report", "trial_ledger"), EVERY),
)
def release_evidence(
    here: Here,
    mandate: pl.DataFrame,
    release_candidate: pl.DataFrame,
    paper_report: pl.DataFrame,
    gate_report: pl.DataFrame,
    portfolio_config: pl.DataFrame,
    model_evaluation: Tables,
    stress_report: Tables,
    trial_ledger: Tables,
) -> Made:
    """What a month's candidate was judged by: gates, scenarios, paper, trials, looks, all versions.

    A row per fact, and beside them (`release_evidence_page`) the same as one HTML page that needs
    nothing but a browser: `rooney evidence`. The page is named by hash in the rows, and the rows by
    their version in `production_config`. Neither says when it was made: the same versions make the
    same evidence anywhere.
    """
    lake, partition = here.lake, (MONTH, str(here.partition))
    symbols = sorted(model_evaluation)
    beside = {name: lake.beside("stress_report", ("symbol", name)) for name in stress_report}
    known = Known(
        candidate=release_candidate,
        gates=gate_report,
        paper=paper_report,
        paper_days=lake.beside("paper_report", partition).get("days"),
        portfolio=lake.beside("portfolio_config", partition)["summary"],
        mandate=mandate,
        evaluations=model_evaluation,
        stress=stress_report,
        fans={name: tables["fan"] for name, tables in beside.items()},
        sequences={name: tables["trades"] for name, tables in beside.items()},
        trials={name: _by_search(table) for name, table in trial_ledger.items()},
        looks={name: lake.looks(name) for name in symbols},
        budget=Mandate.from_frame(mandate).evaluation.holdout_budget,
        lineage=lineage_of(lake, here.input_versions),
    )
    bundle = bundle_of(known)
    return Made(
        bundle.table,
        beside=bundle.beside,
        notes={
            "release": release_candidate["release_id"][0],
            "facts": dict(bundle.table.group_by("part", maintain_order=True).len().iter_rows()),
            "page": f"rooney evidence {release_candidate['release_id'][0]} --html evidence.html",
        },
    )


def _by_search(ledger: pl.DataFrame) -> dict[str, int]:
    return dict(ledger.group_by("search").len().sort("search").iter_rows())
