"""`rooney promote`, `releases`, `rollback`: what is traded, what may be, and the way back."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from rooney_assets.cli.lines import tell_overrides

if TYPE_CHECKING:
    from rooney_assets.cli.context import Place
    from rooney_assets.promotion import Asking
    from rooney_core.gates.promotion import Decision, Traded

DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command()
@click.option("--dry-run", is_flag=True, help="Print what would happen and why; change nothing.")
@click.option(
    "--override",
    metavar="SYMBOL:GATE",
    help="Let a symbol pass a gate (backtest, stress, paper) although it failed; needs --reason "
    "and --until.",
)
@click.option("--reason", help="Why; kept in the promotion log.")
@click.option("--until", type=DAY, metavar="DAY", help="Last day of the override, YYYY-MM-DD.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def promote(
    dry_run: bool,
    override: str | None,
    reason: str | None,
    until: datetime | None,
    as_json: bool,
) -> None:
    """Promote the newest release candidate, if every gate and condition lets it.

    Where a person's word is all that is missing (promotion.auto is off, the mandate was loosened,
    somebody rolled back from it), this is that word, and it is recorded. Nothing else can be
    talked round, except by an override: it lets one symbol pass one gate until a day, and is shown
    in red everywhere until then.
    """
    from rooney_assets.cli.context import Place

    place = Place.from_environment()
    if override is not None:
        _override(place, override, reason, until, dry_run=dry_run)
        return
    if until is not None:
        raise click.UsageError("--until is the last day of an --override; none was given.")
    if not dry_run:
        _bring_mandate(place)
    asked, decided = _ask(place)
    from rooney_assets.releasing import needs_a_person

    approves = needs_a_person(decided)
    if as_json:
        click.echo(json.dumps(_facts(asked, decided, approves), indent=2))
    else:
        _print(place, asked, decided, approves, dry_run=dry_run)
    if dry_run or not (decided.passed or approves):
        sys.exit(0 if decided.passed or approves else 1)
    if approves:
        _approve(place, asked, reason)
    sys.exit(0 if _materialize(place) else 1)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print rows as JSON.")
def releases(as_json: bool) -> None:
    """Print every release that the lake holds, the newest first, and which one is traded."""
    from rooney_assets.cli.context import Place
    from rooney_assets.cli.releases_shown import print_releases, release_facts

    facts = release_facts(Place.from_environment().lake)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        print_releases(facts)


@click.command()
@click.argument("release_id")
@click.option("--reason", default="no reason given", help="Why; kept in the promotion log.")
def rollback(release_id: str, reason: str) -> None:
    """Trade an earlier release again: RELEASE_ID, or its first letters (`rooney releases`).

    One atomic switch, recorded in the promotion log and in Dagster. What was rolled back from is
    not promoted again before a person approves it.
    """
    from rooney_assets.cli.context import Place
    from rooney_assets.releasing import roll_back, tell_dagster

    place = Place.from_environment()
    done = roll_back(place.lake, release_id, reason)
    click.echo(
        f"{done.release_id} is traded from now on, in place of {done.earlier_release_id} "
        f"(entry {done.entry} of the promotion log)."
    )
    if not tell_dagster(place.settings, done, reason):
        click.echo("Dagster's event log could not be told; the switch stands.", err=True)
    from rooney_assets.promotion import current_release, traded_of
    from rooney_assets.tracking import crown, tracking_uri

    now = current_release(place.lake)
    if now is None:
        return
    crowned = crown(tracking_uri(place.settings), traded_of(now).model_versions)
    for symbol, told in crowned.items():
        click.echo(f"  MLflow, {symbol}: {told}")


def _ask(place: Place) -> tuple[Asking, Decision]:
    import rooney_assets.assets  # noqa: F401  (importing it fills the registries)
    from rooney_assets.promotion import asking, decision

    asked = asking(place.lake, place.mandate)
    return asked, decision(place.lake, asked)


def _facts(asked: Asking, decided: Decision, approves: bool) -> dict[str, Any]:
    return {
        "release_id": asked.traded.release_id,
        "rebalance_month": asked.month,
        "sizes": dict(asked.traded.sizes),
        "mandate_version": asked.page.version,
        "would_promote": decided.passed or approves,
        "needs_approval": approves,
        "conditions": [
            {"condition": str(one.code), "holds": one.passed, "reason": one.reason}
            for one in decided.conditions
        ],
        "overrides": json.loads(asked.candidate["overrides"][0]),
    }


def _print(
    place: Place, asked: Asking, decided: Decision, approves: bool, *, dry_run: bool
) -> None:
    from rooney_assets.promotion import current_release, traded_of

    table = current_release(place.lake)
    now = None if table is None else traded_of(table)
    traded = asked.traded
    click.echo(f"Candidate {traded.release_id} for {asked.month}: {_sizes(traded.sizes)}")
    click.echo(f"Traded now {'nothing was ever released' if now is None else _told(now)}")
    for one in decided.conditions:
        mark, color = ("yes", "green") if one.passed else ("NO ", "red")
        click.echo(f"  {click.style(mark, fg=color)} {one.code:<22} {one.reason}")
    tell_overrides(json.loads(asked.candidate["overrides"][0]))
    click.echo(_verdict(now, traded.release_id, decided, approves, dry_run))
    judged_under = asked.candidate["mandate_version"][0]
    if judged_under == place.mandate.quick().version != place.mandate.version:
        click.echo(
            "This candidate was made with a quick search (`make demo`, --quick). "
            "`ROONEY_TUNING=quick rooney promote` asks under the limits that it was made under."
        )


def _verdict(
    now: Traded | None, release_id: str, decided: Decision, approves: bool, dry_run: bool
) -> str:
    is_ = "would be" if dry_run else "is being"
    if decided.passed and now is not None and now.release_id == release_id:
        return f"{release_id} is what is traded: nothing would change."
    if decided.passed:
        return f"{release_id} {is_} promoted: every condition holds."
    if approves:
        return f"{release_id} {is_} promoted, on the word of whoever runs `rooney promote`."
    stays = "nothing is released" if now is None else f"{now.release_id} stays"
    return f"{release_id} is NOT promoted; {stays}."


def _told(traded: Traded) -> str:
    return f"{traded.release_id}: {_sizes(traded.sizes)}"


def _sizes(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{symbol} {size}" for symbol, size in sizes.items()) or "trades nothing"


def _override(
    place: Place, text: str, reason: str | None, until: datetime | None, *, dry_run: bool
) -> None:
    from rooney_assets.releasing import parse_override, record_override

    symbol, colon, gate = text.partition(":")
    named = f"{place.symbol(symbol)}{colon}{gate}" if colon else text
    last = None if until is None else until.date()
    given = parse_override(named, reason, last, place.universe)
    words = f"{given.symbol} passes its {given.gate} gate until {given.until}: {given.reason}"
    if dry_run:
        click.secho(f"Would be recorded: {words}", fg="red")
        return
    entry = record_override(place.lake, given, place.mandate.version)
    click.secho(f"OVERRIDE, entry {entry} of the promotion log: {words}", fg="red", bold=True)
    click.echo("`rooney materialize` takes it from here: selection, candidate, gates, release.")


def _approve(place: Place, asked: Asking, reason: str | None) -> None:
    from rooney_assets.releasing import approve

    words = reason or "approved by `rooney promote`"
    entry = approve(place.lake, asked.traded.release_id, place.mandate.version, words)
    click.echo(f"Approved, entry {entry} of the promotion log: {words}")


def _bring_mandate(place: Place) -> None:
    """Let the lake have the mandate that is in force."""
    if place.lake.version("mandate", None) != place.mandate.version:
        _run(place, ("mandate_page",))


def _materialize(place: Place) -> bool:
    return _run(place, ("release",))


def _run(place: Place, stages: tuple[str, ...]) -> bool:
    from rooney_assets.cli.progress import Board
    from rooney_assets.headless import Request, run

    request = Request(target="production_config", only=stages)
    with Board(place) as board:
        report = run(request, place.settings, place.universe, place.source, place.lake, board.show)
    board.conclude(report)
    return report.succeeded
