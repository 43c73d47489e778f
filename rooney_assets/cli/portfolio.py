"""`rooney portfolio show` and `rooney portfolio diff`: what a month trades, and what changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rooney_assets.portfolio_shown import ShownMonth


@click.group()
def portfolio() -> None:
    """The portfolio of a month: members, sizes, what they hang on, and why others are out."""


@portfolio.command()
@click.argument("month", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def show(month: str | None, as_json: bool) -> None:
    """Print the portfolio of MONTH (YYYY-MM; default: the newest there is)."""
    from rooney_assets.portfolio_shown import facts_of

    shown = _read(month)
    if as_json:
        click.echo(json.dumps(facts_of(shown), indent=2))
    else:
        _print(shown)


@portfolio.command()
@click.argument("before")
@click.argument("after")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def diff(before: str, after: str, as_json: bool) -> None:
    """Print what changes from month BEFORE to month AFTER (YYYY-MM), a line a change.

    `- SI: why` leaves, `+ NG` comes in, `~ RTY 2 -> 1` changes its size.
    """
    from rooney_assets.portfolio_shown import diff_facts

    facts = diff_facts(_read(before), _read(after))
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for line in facts["lines"] or [f"No change: {after} trades what {before} trades."]:
        click.echo(line)
    for one in facts["breaches"]:
        click.echo(f"beyond the mandate's turnover limits: {one}", err=True)


def _read(month: str | None) -> ShownMonth:
    from rooney_assets.cli.context import Place
    from rooney_assets.portfolio_shown import read_month

    place = Place.from_environment()
    return read_month(place.lake, month, place.mandate.portfolio)


def _print(shown: ShownMonth) -> None:
    from rooney_assets import portfolio_shown as words
    from rooney_assets.cli.lines import print_rows, print_table
    from rooney_core.portfolio.candidates import OVERRIDE

    click.echo(words.headline(shown))
    tables: tuple[tuple[str, tuple[str, ...], list[tuple[Any, ...]]], ...] = (
        ("", words.MEMBERS_HEAD, words.member_rows(shown)),
        (
            "Other weights on the same days, every trade taken",
            words.WEIGHTS_HEAD,
            words.weight_rows(shown),
        ),
        (
            "What it hangs on: chosen anew, and the same sizes",
            words.CASES_HEAD,
            words.case_rows(shown),
        ),
    )
    for title, head, rows in tables:
        if rows:
            if title:
                click.echo(title)
            print_table(head, rows)
    click.echo("Why")
    print_rows(words.reason_rows(shown), alarm=OVERRIDE)
