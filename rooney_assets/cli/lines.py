"""Prints facts and small tables as plain lines, aligned for a person.

Belongs here: columns of texts. Does not belong here: frames of the lake (`tables`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from textwrap import wrap

import click

WIDTH = 120


def print_rows(rows: Sequence[tuple[str, str]], alarm: str | None = None) -> None:
    """Names and what they are; long values go on below, under their own column.

    A value that holds the word `alarm` is printed in red.
    """
    widest = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        head = f"  {name.ljust(widest)}  "
        room = max(WIDTH - len(head), WIDTH // 2)
        parts = wrap(value, room, break_long_words=False, break_on_hyphens=False) or [""]
        for part in parts:
            click.secho(f"{head}{part}", fg="red" if alarm and alarm in value else None)
            head = " " * len(head)


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their longest cell: names to the left, numbers to the right."""
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    for row in (head, *rows):
        cells = [
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo(f"  {'  '.join(cells)}".rstrip())


def tell_overrides(given: Iterable[Mapping[str, str]]) -> None:
    """Each override of a release (symbol, gate, until, who, reason): in red until it ends."""
    today = datetime.now(UTC).date().isoformat()
    for one in given:
        words = f"{one['symbol']}:{one['gate']} until {one['until']}, {one['who']}: {one['reason']}"
        if one["until"] < today:
            click.echo(f"  override that has ended: {words}")
        else:
            click.secho(f"  OVERRIDE {words}", fg="red", bold=True)
