"""The two halves of a release's evidence, and finding them again.

Belongs here: joining rows and page under one hash, and reading them back, verified. Does not belong
here: what is in them (`rows`, `page`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, NamedTuple

import polars as pl

from rooney_assets.evidence.page import page_of
from rooney_assets.evidence.rows import (
    PAGE_HASH,
    Known,
    Part,
    evidence_rows,
    of_part,
    with_page_hash,
)
from rooney_assets.lake import Lake
from rooney_core.errors import LakeError, UnknownName

ASSET: Final = "release_evidence"
PAGE: Final = "page"
"""The table beside the evidence that holds its page: one row, column `html`."""

MONTH: Final = "rebalance_month"


class Bundle(NamedTuple):
    """The rows, and the page that their last row names by hash."""

    table: pl.DataFrame
    html: str

    @property
    def beside(self) -> dict[str, pl.DataFrame]:
        """The page as the lake keeps it."""
        month = self.table[MONTH].head(1)
        return {PAGE: pl.DataFrame({MONTH: month, "html": [self.html]})}


@dataclass(frozen=True)
class Kept:
    """A release's evidence in the lake. `version`: what `production_config` names it by."""

    month: str
    version: str
    table: pl.DataFrame
    html: str

    @property
    def release_id(self) -> str:
        """The release that it is about."""
        return str(self.table["release_id"][0])


def bundle_of(known: Known) -> Bundle:
    """Rows and page of what is known. Of the same facts the same bytes, and so the same version."""
    rows = evidence_rows(known)
    html = page_of(rows)
    return Bundle(with_page_hash(rows, digest_of(html)), html)


def digest_of(html: str) -> str:
    """SHA-256 of the page's UTF-8 bytes, in hex."""
    return hashlib.sha256(html.encode()).hexdigest()


def page_in(table: pl.DataFrame) -> str:
    """The digest of the page that belongs to the rows."""
    named = of_part(table, Part.PAGE).filter(pl.col("item") == PAGE_HASH)
    return str(named["version"][0]) if named.height else ""


def kept(lake: Lake, release_id: str, version: str | None = None) -> Kept:
    """The evidence of a release, by its whole id or how that begins; by default the newest of it.

    `version`: the one that the release names. Raises UnknownName for a release without evidence,
    LakeError when table or page is not what its hash says.
    """
    known: dict[str, tuple[str, str]] = {}
    for month in lake.partitions(ASSET):
        for manifest in lake.versions(ASSET, (MONTH, month)):
            found = manifest.data_version
            if version in (None, found):
                rows = lake.read(ASSET, (MONTH, month), version=found)
                known[str(rows["release_id"][0])] = (month, found)
    fitting = [one for one in known if release_id and one.startswith(release_id)]
    if len(fitting) != 1:
        raise UnknownName.among("release with evidence", release_id, known)
    return _read(lake, *known[fitting[0]])


def _read(lake: Lake, month: str, version: str) -> Kept:
    partition = (MONTH, month)
    table = lake.read(ASSET, partition, version=version, verify=True)
    html = str(lake.beside(ASSET, partition, version=version)[PAGE]["html"][0])
    if digest_of(html) != page_in(table):
        raise LakeError(
            f"The page beside {ASSET}[{month}] {version} is not the one that its rows name: "
            f"{digest_of(html)} instead of {page_in(table)}. Restore it from a backup, or run "
            f"`rooney materialize --to {ASSET} --month {month} --force`."
        )
    return Kept(month, version, table, html)
