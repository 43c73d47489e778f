"""Checks of stage 0: the mandate."""

from __future__ import annotations

import polars as pl

from rooney_assets.graph.declaration import Here, Outcome, Severity, check
from rooney_assets.loosening import loosened
from rooney_assets.mandate import Mandate, limits_of
from rooney_core.lineage import content_version


@check("mandate", blocking=True)
def says_all_of_the_page(table: pl.DataFrame, here: Here) -> Outcome:
    """The table reads back as the page that is in force, limit by limit."""
    same = Mandate.from_frame(table) == here.params
    return Outcome(same, {"limits": table.height, "version": content_version(table)})


@check("mandate", severity=Severity.WARN)
def no_looser_than_what_is_traded_under(table: pl.DataFrame, here: Here) -> Outcome:
    """No limit is looser than under the mandate of the release in production."""
    if here.lake.version("production_config", None) is None:
        return Outcome(True, {"release": "none yet"})
    release = here.lake.read("production_config", None).row(0, named=True)
    version = release.get("mandate_version")
    if version is None:
        return Outcome(True, {"release": "from before there were versions of the mandate"})
    before = limits_of(here.lake.read("mandate", None, version=version))
    looser = loosened(before, limits_of(table))
    return Outcome(not looser, {"release": release["release_id"], "loosened": "; ".join(looser)})
