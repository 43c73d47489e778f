"""How answers look: aligned columns, JSON, and red for what needs a person's eye.

Belongs here: printing. Does not belong here: what is printed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import click


def counts(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in numbers.items()) or "none"


def echo_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2))


def echo_red(line: str) -> None:
    """In red on a terminal; plain text in a pipe."""
    click.secho(line, fg="red", bold=True)


def echo_table(
    headers: Sequence[str], rows: Sequence[Sequence[object]], red: Sequence[bool] = ()
) -> None:
    """Aligned columns; plain text, so that it stays whole in a pipe and at any width.

    `red`: which rows are shown in red on a terminal.
    """
    lines = [tuple(headers), *(tuple(str(cell) for cell in row) for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(headers))]
    for number, line in enumerate(lines):
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        is_red = bool(red) and number > 0 and red[number - 1]
        (echo_red if is_red else click.echo)("  ".join(padded).rstrip())
        if number == 0:
            click.echo("  ".join("-" * width for width in widths))
