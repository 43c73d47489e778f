"""`rooney evidence`: what a release was judged by, on the screen or as a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import polars as pl

    from rooney_assets.evidence.bundle import Kept
    from rooney_assets.lake import Lake


@click.command()
@click.argument("release_id", required=False)
@click.option(
    "--html", "page", type=click.Path(path_type=Path), help="Write the page to this file."
)
@click.option("--overwrite", is_flag=True, help="Write over another file that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print every fact as JSON.")
def evidence(release_id: str | None, page: Path | None, overwrite: bool, as_json: bool) -> None:
    """Show what a release was judged by: RELEASE_ID, or its first letters (`rooney releases`).

    Without one: the release in production, or, before the first, the newest candidate.
    """
    from rooney_assets.cli.context import Place
    from rooney_assets.cli.tables import to_json

    place = Place.from_environment()
    found = _find(place.lake, release_id)
    if as_json:
        click.echo(to_json(found.table))
    elif page is None:
        _print(place.lake, found)
    if page is not None:
        from rooney_assets.evidence.files import write

        click.echo(f"{write(found, page, overwrite=overwrite)}", err=as_json)


def _find(lake: Lake, release_id: str | None) -> Kept:
    from rooney_assets.evidence.bundle import ASSET, MONTH, kept
    from rooney_assets.promotion import current_release

    if release_id is not None:
        return kept(lake, release_id)
    now = current_release(lake)
    if now is not None and now["evidence_version"][0]:
        return kept(lake, str(now["release_id"][0]), str(now["evidence_version"][0]))
    months = lake.partitions(ASSET)
    # Without any, reading words the refusal.
    newest = lake.read(ASSET, (MONTH, max(months)) if months else None)
    return kept(lake, str(newest["release_id"][0]))


def _print(lake: Lake, found: Kept) -> None:
    from rooney_assets.cli.lines import print_rows
    from rooney_assets.evidence.rows import Part, of_part
    from rooney_assets.evidence.tables import named_facts

    click.echo(f"Evidence for release {found.release_id}, {found.month} ({_where(lake, found)})")
    click.echo(f"  version {found.version}")
    for about, gate, words in _texts(of_part(found.table, Part.OVERRIDE)):
        click.secho(f"  OVERRIDE {about}:{gate} {words}", fg="red", bold=True)
    symbols = of_part(found.table, Part.SYMBOL).filter(_is("size"))
    print_rows(
        [(one["about"], f"{one['amount']:.0f}: {one['words']}") for one in symbols.to_dicts()]
    )
    _print_gates(of_part(found.table, Part.GATE))
    for part in (Part.RELEASE, Part.PAPER, Part.TRIALS, Part.LOOKS):
        rows = of_part(found.table, part)
        facts = rows.filter(rows["series"].is_null())
        click.echo(f"{part}:")
        print_rows(
            [
                (f"{one['about']} {item}".strip(), told)
                for one, (item, told) in zip(facts.to_dicts(), named_facts(facts), strict=True)
            ]
        )
    checks, lineage = of_part(found.table, Part.CHECK), of_part(found.table, Part.LINEAGE)
    click.echo(f"checks: {int(checks['holds'].sum())} of {checks.height} passed")
    click.echo(f"lineage: {lineage.height} versions; `--html PATH` writes all of it as a page")


def _print_gates(gates: pl.DataFrame) -> None:
    click.echo("gates:")
    for one in gates.to_dicts():
        mark, colour = ("yes", "green") if one["holds"] else ("NO ", "red")
        item = f"{one['about']} {one['item']}"
        click.echo(f"  {click.style(mark, fg=colour)} {item:<36} {one['words']}")


def _where(lake: Lake, found: Kept) -> str:
    """Where the release stands now, which its own evidence cannot know."""
    from rooney_assets.promotion import current_release, releases

    now = current_release(lake)
    if now is not None and now["release_id"][0] == found.release_id:
        return "in production"
    known = {str(rows["release_id"][0]) for _, rows in releases(lake)}
    return "released earlier" if found.release_id in known else "a candidate, not released"


def _texts(rows: pl.DataFrame) -> list[tuple[Any, ...]]:
    return list(rows.select("about", "item", "words").iter_rows())


def _is(item: str) -> Any:
    import polars as pl

    return pl.col("item") == item
