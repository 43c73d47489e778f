"""Pictures for asset metadata, as PNG bytes.

Belongs here: drawing a table that an asset has made. Does not belong here: computing anything that
is not already in it. matplotlib is imported on use: most partitions draw nothing.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from matplotlib.figure import Figure


BESIDE = {"unfiltered": "0.45", "buy_and_hold": "0.75"}
"""What is compared with, and its grey."""


def equity_picture(
    equity: pl.DataFrame, title: str, benchmarks: pl.DataFrame | None = None
) -> bytes:
    """Equity in USD by session, each window in its colour, drawdown below.

    `benchmarks` (strategy, session, equity_usd): others from the same cash, drawn in grey.
    """
    figure = _figure(height=4.2)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    for name, grey in BESIDE.items() if benchmarks is not None else ():
        part = benchmarks.filter(pl.col("strategy") == name)
        words = name.replace("_", " ")
        top.plot(part["session"].to_list(), part["equity_usd"].to_list(), color=grey, label=words)
    for name, part in equity.group_by("window", maintain_order=True):
        top.plot(part["session"].to_list(), part["equity_usd"].to_list(), label=str(name[0]))
    bottom.fill_between(equity["session"].to_list(), equity["drawdown"].to_list(), step="mid")
    top.set(title=title, ylabel="equity, USD")
    bottom.set(ylabel="drawdown")
    top.legend(frameon=False)
    return _png(figure)


def _figure(height: float = 3.0) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(7, height), layout="constrained")


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return buffer.getvalue()
