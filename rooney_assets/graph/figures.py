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


def fan_picture(fan: pl.DataFrame, bands: pl.DataFrame, title: str) -> bytes:
    """Equity in USD: left over the sessions of all scenarios, right over the trades of a sequence.

    `fan`: stress_report_fan; its 5 to 95 % and 25 to 75 % are shaded. `bands`: stress_report_bands;
    5 to 95 % of each method, and the medians.
    """
    figure = _figure(height=3.4)
    left, right = figure.subplots(1, 2, sharey=True)
    steps = fan["session_number"].to_list()
    for low, high, dark in (("p05", "p95", 0.2), ("p25", "p75", 0.4)):
        left.fill_between(steps, fan[low].to_list(), fan[high].to_list(), alpha=dark, color="C0")
    left.plot(steps, fan["p50"].to_list(), color="C0")
    left.set(title=f"{title}: scenarios", xlabel="session", ylabel="equity, USD")
    for name, part in bands.group_by("method", maintain_order=True):
        trade = part["trade"].to_list()
        (line,) = right.plot(trade, part["p50"].to_list(), label=str(name[0]))
        low, high = part["p05"].to_list(), part["p95"].to_list()
        right.fill_between(trade, low, high, alpha=0.2, color=line.get_color())
    right.set(title="trade sequence, 5 to 95 %", xlabel="trade")
    if bands.height:
        right.legend(frameon=False)
    return _png(figure)


def _figure(height: float = 3.0) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(7, height), layout="constrained")


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return buffer.getvalue()
