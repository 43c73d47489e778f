"""`rooney reproduce`: make a result anew in a scratch lake, and compare it bit by bit."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rooney_assets.cli.context import Place
    from rooney_assets.explain.reproduce import Redone
    from rooney_assets.explain.steps import Step

SHORT = 10


@click.command()
@click.argument("id", metavar="ID")
@click.option(
    "--shallow", is_flag=True, help="Make only ID anew, from the versions it was made of."
)
@click.option("--keep-going", is_flag=True, help="Go on past the first step that diverges.")
@click.option("--json", "as_json", is_flag=True, help="Print every step as JSON.")
def reproduce(id: str, shallow: bool, keep_going: bool, as_json: bool) -> None:
    """Make ID anew from its recorded inputs, and compare content hashes step by step.

    Takes the ids of `rooney explain`. Every step from the raw bars on is made in a scratch lake,
    which is thrown away; the first that comes out otherwise is named, and the command fails.
    """
    from rooney_assets.cli.context import Place
    from rooney_assets.cli.explain import where_of
    from rooney_assets.explain.ids import find
    from rooney_assets.explain.reproduce import Bench
    from rooney_assets.explain.reproduce import reproduce as redo

    place = Place.from_environment()
    found = find(where_of(place), id)
    bench = Bench(place.lake, place.universe, place.source, place.settings.state / "scratch")
    if not as_json:
        click.secho(f"{found.kind} {found.id}", bold=True)
        _print_commits(place, found.inputs)
    steps = redo(bench, found.inputs, is_shallow=shallow, goes_on=keep_going, tell=_tell)
    done = list(_shown(steps, as_json))
    if as_json:
        click.echo(json.dumps(facts_of(found.id, done), indent=2))
    else:
        _print_end(done)
    sys.exit(0 if is_reproduced(done) else 1)


def is_reproduced(done: list[Redone]) -> bool:
    """Whether something was made, and everything that was came out the same."""
    from rooney_assets.explain.reproduce import STOPS

    return bool(done) and not any(one.sameness in STOPS for one in done)


def facts_of(id: str, done: list[Redone]) -> dict[str, Any]:
    """The outcome for a program."""
    from rooney_assets.explain.reproduce import STOPS
    from rooney_assets.provenance import git_commit

    first = next((one for one in done if one.sameness in STOPS), None)
    return {
        "id": id,
        "is_reproduced": is_reproduced(done),
        "first_divergent": None if first is None else first.step.label,
        "running_commit": git_commit(),
        "recorded_commits": sorted(
            {one.step.manifest.git_commit for one in done if one.step.manifest is not None}
        ),
        "steps": [
            {
                "table": one.step.label,
                "outcome": str(one.sameness),
                "recorded": one.step.version,
                "remade": one.remade,
                "is_code_of_now": one.step.is_code_of_now,
                "notes": list(one.notes),
            }
            for one in done
        ],
    }


def _tell(step: Step, text: str) -> None:
    """How far a step is, where somebody watches."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K  {step.label}: {text}", err=True, nl=False)


def _shown(steps: Iterable[Redone], as_json: bool) -> Iterable[Redone]:
    colours = {"same": "green", "given": None}
    for one in steps:
        if not as_json:
            told = click.style(f"{one.sameness:<8}", fg=colours.get(one.sameness, "red"))
            arrow = (
                f" -> {one.remade[:SHORT]}" if one.remade not in (None, one.step.version) else ""
            )
            click.echo(f"  {told}{one.step.label} {one.step.version[:SHORT]}{arrow}")
            for note in one.notes:
                click.echo(f"          {note}")
        yield one


def _print_commits(place: Place, inputs: Any) -> None:
    from rooney_assets.explain.steps import steps_of
    from rooney_assets.provenance import git_commit

    steps = steps_of(place.lake, inputs)
    recorded = sorted({one.manifest.git_commit for one in steps if one.manifest is not None})
    other = [one for one in steps if not one.is_code_of_now and one.manifest is not None]
    click.echo(f"made by commit {', '.join(recorded) or 'unknown'}; {git_commit()} runs now")
    if other:
        click.secho(f"the code of {len(other)} of {len(steps)} steps is another one", fg="yellow")


def _print_end(done: list[Redone]) -> None:
    from rooney_assets.explain.reproduce import STOPS

    first = next((one for one in done if one.sameness in STOPS), None)
    if first is None:
        steps = f"{len(done)} step{'s'[: len(done) != 1]}"
        click.secho(f"Reproduced: {steps} came out the same, bit by bit.", fg="green")
    else:
        why = "; ".join(first.notes)
        told = f"NOT reproduced. The first that diverges is {first.step.label}: {why}"
        click.secho(told, fg="red")
