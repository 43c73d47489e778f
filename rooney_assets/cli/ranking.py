"""`rooney rank` for a person: a table of 54 variants that fits 120 columns.

Belongs here: which columns are shown and how short. Does not belong here: the ranking, or the
columns that only a program wants (`--json` has them all).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import click
import polars as pl

from rooney_assets.cli.tables import cell
from rooney_core.backtest.ranking import RankingCriteria
from rooney_core.strategies import VARIANTS

WIDTH = 120
HEADS = ("rank", "variant", "sharpe", "walk", "trades", "max dd", "robust", "dsr z", "prob")
HEADS += ("2x", "5x", "refused for")
SPANS = (4, 30, 6, 6, 6, 6, 6, 7, 5, 6, 6, 21)
"""Characters of each column; one blank lies between two."""
FAILURES = {
    "annual Sharpe": "sharpe",
    "trades a year": "trades",
    "drawdown": "dd",
    "not robust": "rob",
}
"""What of a reason in words is enough to know it, and how it is shown."""
LEGEND = (
    "sharpe: annual, after costs, in the train window; walk: walk-forward; trades: a year; max dd:"
    " drawdown;",
    "dsr z, prob: deflated by every configuration searched; 2x, 5x: Sharpe at double and five"
    " times the costs.",
)


def print_ranking(table: pl.DataFrame) -> None:
    """Two lines a variant, its numbers and its parameters, between what the search is worth."""
    click.echo(_headline(table))
    click.echo(_line(HEADS))
    for row in table.iter_rows(named=True):
        click.echo(_line(_cells(row)))
        click.echo(f"     {_parameters(row['variant'], row['params'])}"[:WIDTH])
    for words in (*LEGEND, _verdict(table)):
        click.echo(words)


def other_mandate(made_under: Mapping[str, Any], criteria: RankingCriteria) -> str:
    """The limits that a ranking was made under where they are not today's; empty when they are."""
    today = criteria.model_dump(mode="json")
    return ", ".join(
        f"{name} {cell(made_under[name])}, now {cell(limit)}"
        for name, limit in today.items()
        if name in made_under and made_under[name] != limit
    )


def failures(refused_because: str) -> list[str]:
    """The criteria missed, each in a word; a reason that has none stands as it is."""
    reasons = [one for one in refused_because.split("; ") if one]
    return [
        next((short for known, short in FAILURES.items() if known in reason), reason)
        for reason in reasons
    ]


def _headline(table: pl.DataFrame) -> str:
    row = table.row(0, named=True)
    return (
        f"{row['symbol']}: {row['n_trials_raw']:,} configurations, {row['n_trials_effective']} "
        f"clusters of them; best expected of luck {_number(row['sr0_annual'])}; "
        f"PBO {_number(row['pbo'])}"
    )


def _verdict(table: pl.DataFrame) -> str:
    met = int(table["meets_criteria"].sum())
    row = table.row(by_predicate=pl.col("is_carried_on"), named=True)
    carried = f"* {row['variant']} is carried on"
    if not row["meets_criteria"]:
        carried += " as a candidate, and the gates decide"
    if row["rank"] > 1:
        carried += "; those before it have too few trades for a model to learn from"
    told = met or "None"
    return f"{told} of {table.height} meet the mandate's criteria. {carried}."


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    drawdown = row["max_drawdown"]
    return (
        f"{'*' if row['is_carried_on'] else ''}{row['rank']}",
        row["variant"],
        _number(row["annual_sharpe"]),
        _number(row["walk_forward_sharpe"]),
        f"{row['trades_per_year']:.0f}",
        "-" if _is_missing(drawdown) else f"{100 * abs(drawdown):.1f}%",
        "yes" if row["is_robust"] else "no",
        _number(row["deflated_sharpe_z"]),
        _number(row["deflated_sharpe_prob"]),
        _number(row["sharpe_at_double_costs"]),
        _number(row["sharpe_at_five_costs"]),
        " ".join(failures(row["refused_because"])),
    )


def _line(cells: tuple[str, ...]) -> str:
    """Names to the left, numbers to the right."""
    left = {1, len(SPANS) - 1}
    parts = [
        cell.ljust(span) if at in left else cell.rjust(span)
        for at, (cell, span) in enumerate(zip(cells, SPANS, strict=True))
    ]
    return " ".join(parts)[:WIDTH].rstrip()


def _parameters(variant: str, params: str) -> str:
    """Those that the grid varies first, the others after a bar."""
    values = json.loads(params)
    varied = (
        [name for name in VARIANTS[variant].axes if name in values] if variant in VARIANTS else []
    )
    told = ", ".join(f"{name} {values[name]}" for name in varied)
    fixed = ", ".join(f"{name} {value}" for name, value in values.items() if name not in varied)
    return f"{told} | {fixed}" if fixed and told else told or fixed


def _number(value: float | None) -> str:
    return "-" if value is None or _is_missing(value) else f"{value:.2f}"


def _is_missing(value: float | None) -> bool:
    return value is None or math.isnan(value)
