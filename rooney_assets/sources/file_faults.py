"""Cells that cannot be read: which they are, and what to say of them.

Belongs here: noting a cell while a file is read, and taking its row out. Does not belong here:
what a cell means (`file_table.py`, `file_times.py`), or what is wrong with readable rows
(`rooney_core.market.quarantine`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl


@dataclass
class CellFaults:
    """Unreadable cells of one file, noted column by column."""

    _noted: list[tuple[pl.Series, pl.Series, str]] = field(default_factory=list)

    def note(self, bad: pl.Series, cells: pl.Series, said: str) -> None:
        """Remember the rows where `bad` is true, and their cells; null in `bad` is not bad."""
        if bad.any():
            self._noted.append((bad.fill_null(False), cells, said))

    def split(
        self, rows: pl.DataFrame, raw: pl.DataFrame, required: list[str]
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """`rows` that were read whole, and the others.

        A row that was not has a noted cell, or null in a column of `required`. The others carry
        `unreadable` (what is wrong, null for empty cells) and `original` (their row of `raw`, as
        JSON): what `set_aside` takes.
        """
        broken = rows.select(pl.any_horizontal(pl.col(required).is_null())).to_series()
        for bad, _, _ in self._noted:
            broken |= bad
        if not broken.any():
            return rows, rows.clear()
        original = raw.filter(broken).select(pl.struct(pl.all()).struct.json_encode()).to_series()
        aside = rows.filter(broken).with_columns(
            unreadable=self._words(broken), original=original.cast(pl.String)
        )
        return rows.filter(~broken), aside

    def _words(self, broken: pl.Series) -> pl.Series:
        """What is wrong with each broken row; null where its cells are merely empty."""
        said = [
            pl.when(bad.filter(broken)).then(
                pl.format(f"{cells.name} '{{}}' {words}", cells.filter(broken).cast(pl.String))
            )
            for bad, cells, words in self._noted
        ]
        if not said:
            return pl.repeat(None, broken.sum(), dtype=pl.String, eager=True)
        joined = pl.concat_str(*said, separator="; ", ignore_nulls=True).alias("said")
        return pl.select(joined).select(pl.when(pl.col("said") != "").then("said")).to_series()
