"""`rooney explain`: the lineage of a result, a model, a release, an order or a fill to the bars."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rooney_assets.cli.context import Place
    from rooney_assets.explain.explanation import Explanation
    from rooney_assets.explain.ids import Where
    from rooney_assets.explain.steps import Step

SHORT = 10
"""Characters of a version, a run or a commit that a table shows."""


@click.command()
@click.argument("id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def explain(id: str, as_json: bool) -> None:
    """Print where ID comes from: every version down to the raw bars, who made it, with which code.

    ID is a table (`strategy_ranking[SIM_ES]`, `production_config`), the beginning of a data
    version, a release, a model or a run, a symbol, a variant (`SIM_ES:ibs_filtered`), a decision of
    the trader (`SIM_ES:2025-12-30T15:00`) or an order (`SIM_ES:BAR_END_US:enter`).
    """
    from rooney_assets.cli.context import Place
    from rooney_assets.explain.explanation import explain as of
    from rooney_assets.explain.explanation import explanation_facts

    told = of(where_of(Place.from_environment()), id)
    if as_json:
        click.echo(json.dumps(explanation_facts(told), indent=2))
    else:
        _print(told)


def where_of(place: Place) -> Where:
    """Where this installation's ids are looked up."""
    from rooney_assets.explain.ids import Where
    from rooney_assets.explain.journals import places

    settings = place.settings
    return Where(place.lake, place.universe.symbols, places(settings.state, settings.live_journal))


def _print(told: Explanation) -> None:
    found = told.found
    of = ", ".join(found.inputs) if len(found.inputs) == 1 else f"{len(found.inputs)} tables"
    click.secho(f"{found.kind} {found.id}  ({of})", bold=True)
    _print_facts(found.facts)
    n_steps = len(told.steps)
    click.echo(f"Made of {n_steps} version{'s'[: n_steps != 1]}, from the bars on:")
    _print_steps(told.steps)
    _print_source(told)
    _print_looks(told)
    for one in told.warnings:
        click.secho(f"  {one}", fg="yellow")


def _print_facts(facts: Mapping[str, Any]) -> None:
    from rooney_assets.cli.explain_moment import log_words, moment_rows
    from rooney_assets.cli.lines import print_rows

    if "orders" in facts:
        print_rows(moment_rows(facts))
        return
    rows = []
    for name, value in facts.items():
        if name == "log":
            rows += [("log", log_words(entry)) for entry in value]
        elif value not in (None, {}, [], ""):
            rows.append((name, _told(value)))
    print_rows(rows)


def _told(value: Any) -> str:
    from rooney_assets.cli.tables import cell

    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_told(one)}" for name, one in value.items() if one is not None)
    if isinstance(value, list):
        return "; ".join(_told(one) for one in value)
    return cell(value)


def _print_steps(steps: tuple[Step, ...]) -> None:
    import polars as pl

    from rooney_assets.cli.tables import print_frame

    head = ("table", "version", "rows", "made", "run", "commit", "code", "state")
    print_frame(pl.DataFrame([_row(one) for one in steps], schema=list(head), orient="row"), 0)


def _row(step: Step) -> tuple[Any, ...]:
    known = step.manifest
    if known is None:
        return (step.label, step.version[:SHORT], None, None, None, None, None, "gone")
    state = "current" if step.is_current else "superseded"
    return (
        step.label,
        step.version[:SHORT],
        known.rows,
        known.created_at.strftime("%Y-%m-%d %H:%M"),
        known.run_id[:SHORT],
        known.git_commit[:SHORT] + ("+" if known.git_commit.endswith("+changes") else ""),
        known.code_version + ("" if step.is_code_of_now else " (other now)"),
        state,
    )


def _print_source(told: Explanation) -> None:
    for one in told.bars:
        source = None if one.manifest is None else one.manifest.config.get("source")
        if source:
            click.echo(f"  {one.label} was read from a source with fingerprint {_told(source)}")


def _print_looks(told: Explanation) -> None:
    from rooney_assets.cli.tables import print_frame

    if told.looks.is_empty():
        click.echo("Nobody looked at a sealed test window for it.")
        return
    n_looks = told.looks.height
    click.echo(f"{n_looks} look{'s'[: n_looks != 1]} at sealed test windows:")
    short = told.looks.with_columns(_short("model_version"))
    kept = ("symbol", "look", "looked_at", "who", "model_version", "window", "is_repeat")
    print_frame(short.select(kept), 0)


def _short(name: str) -> Any:
    import polars as pl

    return pl.col(name).str.slice(0, SHORT)
