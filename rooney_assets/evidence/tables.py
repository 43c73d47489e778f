"""Tables of the evidence page: rows of facts turned into lines and columns.

Belongs here: arranging facts. Does not belong here: the page's order and words (`page`).
"""

from __future__ import annotations

import math
from typing import Final

import polars as pl

from rooney_assets.evidence.rows import Part, of_part
from rooney_assets.graph import page as pages
from rooney_assets.graph.lineage import asset_of

EVALUATED: Final = {
    "train_sharpe": "Sharpe train",
    "validation_sharpe": "Sharpe validation",
    "test_sharpe": "Sharpe test",
    "unfiltered_test_sharpe": "unfiltered",
    "deflated_sharpe_prob": "deflated",
    "test_trades": "trades",
    "test_win_rate": "win rate",
    "test_avg_profit_usd": "USD a trade",
    "verdict": "verdict",
}
"""Columns of `model_evaluation` that the page shows, and their heads."""

SHORT: Final = 10
PASSED, FAILED = "yes", "NO"


def number(value: float | None) -> str:
    """Up to four significant digits, whole above a thousand; - for what is not known."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 or value == round(value) else f"{value:.4g}"


def named_facts(rows: pl.DataFrame) -> list[tuple[str, str]]:
    """Item and what it is, whatever its type."""
    names = ("item", "version", "amount", "holds", "words")
    return [
        (item.replace("_", " "), _told(*facts)) for item, *facts in rows.select(names).iter_rows()
    ]


def symbols(rows: pl.DataFrame) -> str:
    """Symbol, contracts, strategy, model and reason; traded ones first, as in the release."""
    found = of_part(rows, Part.SYMBOL)
    lines = []
    for symbol in found["about"].unique(maintain_order=True):
        own = found.filter(pl.col("about") == symbol)
        size = own.filter(pl.col("item") == "size").row(0, named=True)
        model = own.filter(pl.col("item") == "model")
        strategy = own.filter(~pl.col("item").is_in(("size", "model")))
        lines.append(
            (
                symbol,
                number(size["amount"]),
                strategy["item"][0] if strategy.height else "-",
                model["version"][0][:SHORT] if model.height else "-",
                size["words"],
            )
        )
    head = ("symbol", "contracts", "strategy", "model", "why")
    return pages.table(head, lines, ends_in_words=True)


def gate_matrix(gates: pl.DataFrame) -> str:
    """Symbol by gate: passed, or how many of its rows did not; lines with a failure in red."""
    split = gates.with_columns(gate=pl.col("item").str.split(": ").list.first())
    names = split["gate"].unique(maintain_order=True).to_list()
    lines, kinds = [], []
    for symbol in split["about"].unique(maintain_order=True):
        own = split.filter(pl.col("about") == symbol)
        cells = [_gate_cell(own.filter(pl.col("gate") == name)) for name in names]
        lines.append((symbol, *cells))
        kinds.append("good" if own["holds"].all() else "bad")
    return pages.table(("symbol", *names), lines, kinds)


def by_symbol(rows: pl.DataFrame, items: dict[str, str]) -> str:
    """A line per symbol, a column per item."""
    lines = []
    for symbol in rows["about"].unique(maintain_order=True):
        own = rows.filter(pl.col("about") == symbol)
        facts = {one["item"]: one for one in own.iter_rows(named=True)}
        lines.append((symbol, *(_cell(facts.get(item)) for item in items)))
    return pages.table(("symbol", *items.values()), lines)


def trials(rows: pl.DataFrame) -> str:
    """Per symbol: configurations scored by each search, what the deflation used, and the looks."""
    counted, looks = of_part(rows, Part.TRIALS), of_part(rows, Part.LOOKS)
    evaluated = of_part(rows, Part.EVALUATION)
    searches = counted["item"].unique(maintain_order=True).sort().to_list()
    lines, kinds = [], []
    for symbol in looks["about"].unique(maintain_order=True):
        used = looks.filter((pl.col("about") == symbol) & (pl.col("item") == "used")).row(
            0, named=True
        )
        own = {
            **_numbers(counted, symbol),
            **{f"evaluated {name}": one for name, one in _numbers(evaluated, symbol).items()},
        }
        lines.append(
            (
                symbol,
                *(number(own.get(search)) for search in searches),
                number(own.get("evaluated n_trials_raw")),
                number(own.get("evaluated n_trials_effective")),
                f"{number(used['amount'])} of {number(used['bound'])}",
            )
        )
        kinds.append("" if used["holds"] else "bad")
    head = ("symbol", *(one.replace("_", " ") for one in searches), "counted", "effective", "looks")
    return pages.table(head, lines, kinds)


def by_kind(stress: pl.DataFrame) -> dict[str, dict[str, float]]:
    """Kind of scenario to what is said of it; a number that is not known is left out."""
    found: dict[str, dict[str, float]] = {}
    for item, value in stress.select("item", "amount").iter_rows():
        kind, _, name = item.partition(": ")
        found.setdefault(kind, {})
        if value is not None:
            found[kind][name] = value
    return found


def lineage_matrix(lineage: pl.DataFrame) -> str:
    """Partition by asset: the first digits of the versions, bars on the left."""
    labels = [asset_of(label) for label in lineage["about"]]
    cells: dict[tuple[str, str], list[str]] = {}
    for (asset, key), version in zip(labels, lineage["version"], strict=True):
        cells.setdefault((key or "", asset), []).append(version[:SHORT])
    assets = list(dict.fromkeys(asset for asset, _ in labels))
    keyed = [one for one in assets if any(asset == one and key for asset, key in labels)]
    # Symbols, then months.
    keys = sorted({key for _, key in labels if key}, key=lambda key: (key[0].isdigit(), key))
    lines = [(key, *(" ".join(cells.get((key, asset), ("-",))) for asset in keyed)) for key in keys]
    whole = [(asset, " ".join(cells["", asset])) for asset in assets if ("", asset) in cells]
    return pages.table(("", *keyed), lines) + (pages.facts(whole) if whole else "")


def _numbers(rows: pl.DataFrame, symbol: str) -> dict[str, float | None]:
    own = rows.filter(pl.col("about") == symbol).select("item", "amount")
    return dict(own.iter_rows())


def _gate_cell(rows: pl.DataFrame) -> str:
    if rows.is_empty():
        return "-"
    failed = rows.filter(~pl.col("holds")).height
    return (
        FAILED
        if failed == rows.height
        else PASSED
        if not failed
        else f"{FAILED} ({failed} of {rows.height})"
    )


def _cell(fact: dict[str, object] | None) -> str:
    if fact is None:
        return "-"
    return _told(fact["version"], fact["amount"], fact["holds"], fact["words"])


def _told(*facts: object) -> str:
    version, value, holds, words = facts
    if isinstance(value, float):
        return number(value) + (f" ({words})" if words else "")
    if isinstance(holds, bool):
        return PASSED if holds else FAILED
    return str(words or version or "-")
