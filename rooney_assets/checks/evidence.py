"""Checks of the evidence: it is about the candidate, complete, and the page is that of the rows."""

from __future__ import annotations

import polars as pl

from rooney_assets.evidence import PAGE, page_in
from rooney_assets.evidence.bundle import MONTH, digest_of
from rooney_assets.evidence.rows import Part, of_part
from rooney_assets.graph.declaration import Here, Outcome, check

FROM = "raw_bars"


@check("release_evidence", blocking=True)
def evidence_is_of_the_candidate(table: pl.DataFrame, here: Here) -> Outcome:
    """Every row is about the release that the month's candidate would be."""
    candidate = here.lake.read("release_candidate", (MONTH, str(here.partition)))
    wanted = candidate["release_id"].unique().to_list()
    about = table["release_id"].unique().to_list()
    return Outcome(about == wanted, {"about": str(about), "candidate": str(wanted)})


@check("release_evidence", blocking=True)
def page_is_the_one_named(table: pl.DataFrame, here: Here) -> Outcome:
    """The page beside the rows has the hash that they name."""
    actual = digest_of(here.beside[PAGE]["html"][0])
    return Outcome(actual == page_in(table), {"named": page_in(table), "actual": actual})


@check("release_evidence", blocking=True)
def page_needs_no_network(table: pl.DataFrame, here: Here) -> Outcome:
    """The page loads nothing: no script, no link, no picture or style from elsewhere."""
    html = here.beside[PAGE]["html"][0]
    asked = [one for one in ("<script", "<link", "<img", "src=", "href=", "url(") if one in html]
    return Outcome(not asked, {"asks for": ", ".join(asked)})


@check("release_evidence", blocking=True)
def lineage_reaches_the_bars(table: pl.DataFrame, here: Here) -> Outcome:
    """Every version that anything was made of is in the lineage, and the lake has it."""
    found = of_part(table, Part.LINEAGE)
    gone = found.filter(pl.col("amount").is_null())["about"].to_list()
    bars = found.filter(pl.col("about").str.starts_with(f"{FROM}[")).height
    return Outcome(not gone and bars > 0, {"gone": ", ".join(gone), "versions of bars": bars})
