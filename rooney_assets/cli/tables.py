"""Prints frames: aligned for a person, JSON for a program."""

from __future__ import annotations

import json
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH_OF_A_LOG = 140
DIGITS = 10
"""Significant digits of a number with a fraction: a price keeps its ticks."""


def open_console() -> Console:
    """Prints data as it is; where nobody sets a width, a log's lines may be long."""
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = WIDTH_OF_A_LOG
    return console


def print_frame(frame: pl.DataFrame, limit: int, rest: str = "--limit 0 prints all") -> None:
    """Print at most `limit` rows (0: all); say how many are left out, and how to get the `rest`."""
    table = Table(box=None, header_style="bold")
    for name, dtype in frame.schema.items():
        table.add_column(
            Text(name), justify="right" if dtype.is_numeric() else "left", overflow="fold"
        )
    shown = frame if limit == 0 else frame.head(limit)
    for row in shown.iter_rows():
        table.add_row(*(Text(cell(value)) for value in row))
    console = open_console()
    console.print(table)
    if shown.height < frame.height:
        console.print(f"... {frame.height - shown.height} more rows; {rest}")


def number(value: float) -> str:
    """The number in up to `DIGITS` significant digits, without zeros at the end.

    No thousands are separated: what is printed can be typed in again.
    """
    if 10**DIGITS <= abs(value) < math.inf:
        return f"{value:.0f}"
    return f"{value + 0.0:.{DIGITS}g}"  # Adding zero takes the sign of -0.0.


def to_json(frame: pl.DataFrame) -> str:
    """The rows as a JSON list; times as ISO 8601, NaN and infinities as null."""
    return json.dumps([{k: _plain(v) for k, v in row.items()} for row in frame.to_dicts()])


def cell(value: Any) -> str:
    """One value as a table shows it; - stands for nothing."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    return str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return value
