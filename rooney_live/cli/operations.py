"""`rooney-live limits`, `reconcile`, `backup` and `report`: the owner's daily and weekly work.

Belongs here: the commands, and what they print. Does not belong here: what they do (the modules of
the same names). Each works while the trader runs, and is recorded with who, when and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rooney_core.errors import InvalidSetting, MissingArtifact
from rooney_live.cli.group import FOLDER, explained, places
from rooney_live.cli.shown import echo_json, echo_red, echo_table
from rooney_live.cli.steering import Span
from rooney_live.settings import Settings, read_settings

if TYPE_CHECKING:
    from rooney_core.market.instruments import Instrument
    from rooney_core.release import Release
    from rooney_live.broker_csv import BrokerPositions
    from rooney_live.journal import Journal
    from rooney_live.reconcile import Compared, Key
    from rooney_live.reported import Matched
    from rooney_live.risk.limits import LimitsInForce

FILE = click.Path(dir_okay=False, exists=True, path_type=Path)
KEPT_BACKUPS = 30


def note(
    settings: Settings, command: str, outcome: str, facts: Mapping[str, Any], reason: str = ""
) -> None:
    """Record that a command that changes nothing was asked, why, and what it found; without a
    journal nobody was asking.

    A journal that cannot be written is no reason to withhold an answer.
    """
    from rooney_live.journal import Journal, JournalRefused
    from rooney_live.risk.controls_schema import Command
    from rooney_live.risk.record import record

    if not settings.journal.is_file():
        return
    told = {"outcome": outcome, **facts}
    try:
        with Journal.open(settings.journal) as journal:
            record(journal, Command(command), reason.strip() or outcome, told)
    except JournalRefused as error:
        click.echo(f"Not recorded: {error}", err=True)


@click.group()
def limits() -> None:
    """The risk limits in force: look at them, or set others for a while."""


@limits.command("show")
@places
def show_limits(lake: Path | None, state: Path | None, as_json: bool) -> None:
    """Every limit, the release's and the one in force."""
    from rooney_live.risk.limits import LimitsInForce, limits_in_force
    from rooney_live.risk.reading import answering
    from rooney_live.risk.record import now_us

    settings = read_settings(lake=lake, state=state)
    released = _release(settings).config.live_limits
    if settings.journal.is_file():
        with answering(settings.journal) as journal:
            now = limits_in_force(journal, released, now_us())
    else:
        now = LimitsInForce(released, {}, (), "")
    _print_limits(now, as_json)


@limits.command("set")
@click.argument("changes", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--reason", required=True, help="Why; kept with who and when.")
@click.option("--for", "span", type=Span(), help="How long, such as 24h; or --until.")
@click.option("--until", help="End, such as 2026-12-01T22:00Z; what loosens needs an end.")
@places
def set_limits(
    changes: tuple[str, ...],
    reason: str,
    span: timedelta | None,
    until: str | None,
    lake: Path | None,
    state: Path | None,
    as_json: bool,
) -> None:
    """Set limits in place of the release's; without any, every change before is over.

    A tighter limit needs a reason, a looser one an end too. Limits that are not named stay as they
    are. Where one is set twice the newer value counts while it holds; when it ends, the one before
    counts again, if that still holds, and else the release's.
    """
    from rooney_live.instance import nudge
    from rooney_live.journal_reading import parse_moment
    from rooney_live.risk.limits import set_limits as write
    from rooney_live.risk.record import now_us

    settings = read_settings(lake=lake, state=state)
    released = _release(settings).config.live_limits
    wanted = dict(_change(one) for one in changes)
    if span is not None and until is not None:
        raise click.UsageError("Give --for or --until, not both.")
    until_us = None if until is None else parse_moment(until)
    at_us = now_us()
    if span is not None:
        until_us = at_us + span // timedelta(microseconds=1)
    with _journal(settings) as journal:
        now = write(journal, released, wanted, reason, until_us, at_us)
    nudge(settings.live)
    _print_limits(now, as_json)


def _change(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = None
    if not equals or number is None:
        raise InvalidSetting(f"{text!r} arrived; write a limit as max_daily_loss_usd=2500.")
    return name.strip(), int(number) if number.is_integer() else number


def _print_limits(now: LimitsInForce, as_json: bool) -> None:
    values = now.limits.model_dump()
    if as_json:
        echo_json(
            {
                "limits": values,
                "changed": dict(now.changed),
                "loosened": list(now.loosened),
                "set_by": now.set_by,
            }
        )
        return
    looser = {words.split(" ", 1)[0] for words in now.loosened}
    rows = [
        (name, f"{value:.10g}", f"{now.changed.get(name, value):.10g}")
        for name, value in values.items()
    ]
    echo_table(("limit", "in force", "release"), rows, [row[0] in looser for row in rows])
    for words in now.loosened:
        echo_red(f"LOOSER than the mandate's: {words}")
    if now.set_by:
        click.echo(f"Set by {now.set_by}")


# A short position begins like an option.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("position", nargs=-1, metavar="[SYMBOL CONTRACT CONTRACTS]")
@click.option("--csv", "positions_csv", type=FILE, help="The broker's list of all positions.")
@click.option("--fills", "fills_csv", type=FILE, help="The broker's list of fills, for the report.")
@click.option("--all-flat", is_flag=True, help="The broker holds nothing at all.")
@click.option("--reason", required=True, help="What you looked at; kept with who and when.")
@places
def reconcile(
    position: tuple[str, ...],
    positions_csv: Path | None,
    fills_csv: Path | None,
    all_flat: bool,
    reason: str,
    lake: Path | None,
    state: Path | None,
    as_json: bool,
) -> None:
    """Tell the trader what the broker holds: confirms its ledger, or corrects it.

    By hand, one contract: `reconcile ES ESZ26 -2 --reason ...` (two short; 0 for none). Or with the
    broker's file of all positions, where what is not in it is flat; a file without any row counts
    only with --all-flat.
    """
    is_empty_file = positions_csv is not None and all_flat
    given = (bool(position), positions_csv is not None, fills_csv is not None, all_flat)
    if sum(given) - is_empty_file != 1 or len(position) not in (0, 3):
        raise click.UsageError("Give SYMBOL CONTRACT CONTRACTS, --csv, --fills or --all-flat.")
    settings = read_settings(lake=lake, state=state)
    release = _release(settings)
    with _journal(settings) as journal:
        if fills_csv is not None:
            _print_fills(_take_fills(journal, release, fills_csv, reason), as_json)
            return
        found, others = _compare(journal, release, position, positions_csv, all_flat, reason)
    from rooney_live.instance import nudge

    nudge(settings.live)
    _print_compared(found, others, as_json)


def _compare(
    journal: Journal,
    release: Release,
    position: tuple[str, ...],
    positions_csv: Path | None,
    all_flat: bool,
    reason: str,
) -> tuple[list[Compared], Mapping[str, int]]:
    from rooney_live.broker_csv import read_positions
    from rooney_live.reconcile import open_positions, reconcile_all, reconcile_one
    from rooney_live.risk.record import now_us

    at_us, instruments = now_us(), release.config.instruments
    known = [(row["symbol"], row["contract"]) for row in open_positions(journal)]
    if position:
        key, held = _by_hand(position, instruments, known)
        return [reconcile_one(journal, key, held, instruments, reason, at_us)], {}
    if positions_csv is None:
        return reconcile_all(journal, {}, "person", instruments, reason, at_us), {}
    listed = read_positions(positions_csv, list(instruments.values()), known, date.today())
    _hold_to_word(listed, positions_csv, all_flat)
    found = reconcile_all(journal, listed.held, "broker", instruments, reason, at_us)
    return found, listed.others


def _hold_to_word(listed: BrokerPositions, path: Path, all_flat: bool) -> None:
    """An empty file may be a failed download: that nothing is held, a person has to say."""
    if not listed.n_rows and not all_flat:
        raise InvalidSetting(
            f"{path} lists no position at all. Nothing was changed: if the broker holds nothing, "
            "say so with --all-flat; else download the list again."
        )
    if all_flat and any((*listed.held.values(), *listed.others.values())):
        raise InvalidSetting(
            f"{path} lists positions, and --all-flat says that there are none. Nothing was "
            "changed: which is it?"
        )


def _by_hand(
    position: tuple[str, ...], instruments: Mapping[str, Instrument], known: list[Key]
) -> tuple[Key, int]:
    from rooney_live.broker_csv import contract_key

    symbol, contract, text = position
    try:
        held = int(text)
    except ValueError:
        raise InvalidSetting(f"{text!r} contracts arrived; write 2, -2 or 0.") from None
    return contract_key(symbol, contract, instruments, known, date.today()), held


def _take_fills(journal: Journal, release: Release, path: Path, reason: str) -> Matched:
    from rooney_live.broker_csv import read_fills
    from rooney_live.reported import record_fills
    from rooney_live.risk.record import now_us

    fills = read_fills(path)
    return record_fills(journal, fills, release.config.instruments, reason, now_us())


def _print_fills(found: Matched, as_json: bool) -> None:
    if as_json:
        echo_json(
            {
                "recorded": list(found.recorded),
                "known": list(found.known),
                "strangers": [vars(one) for one in found.strangers],
            }
        )
        return
    click.echo(f"{len(found.recorded)} orders with new fills, {len(found.known)} known already.")
    for one in found.strangers:
        echo_red(f"Of no order of ours: {one.contracts:+d} {one.contract} at {one.price:.10g}")
    click.echo("Next: `rooney-live report`")


def _print_compared(found: list[Compared], others: Mapping[str, int], as_json: bool) -> None:
    if as_json:
        echo_json({"positions": [vars(one) for one in found], "others": dict(others)})
        return
    rows = [
        (one.symbol, one.contract, f"{one.believed:+d}", f"{one.held:+d}", str(one.finding))
        for one in found
    ]
    red = [one.believed != one.held for one in found]
    echo_table(("symbol", "contract", "ledger", "broker", "finding"), rows, red)
    if not found:
        click.echo("Nothing is held, and nothing was believed to be.")
    for name, quantity in others.items():
        echo_red(f"The account holds {quantity:+d} {name}, which this release does not trade.")


@click.command()
@click.option("--to", "folder", type=FOLDER, help="Folder of the copies [<state>/backups].")
@click.option(
    "--keep", type=click.IntRange(min=1), default=KEPT_BACKUPS, show_default=True, help="Copies."
)
@explained
@places
def backup(
    folder: Path | None,
    keep: int,
    reason: str,
    lake: Path | None,
    state: Path | None,
    as_json: bool,
) -> None:
    """Copy the journal, whole and checked, while the trader runs."""
    from rooney_live.backup import back_up

    settings = read_settings(lake=lake, state=state)
    made = back_up(settings.journal, folder or settings.state / "backups", keep)
    facts = {
        "path": str(made.path),
        "n_bytes": made.n_bytes,
        "removed": [one.name for one in made.removed],
    }
    note(settings, "BACKUP", "copied", facts, reason)
    if as_json:
        echo_json(facts)
    else:
        click.echo(f"{made.path} ({made.n_bytes} bytes, checked); removed {len(made.removed)} old")


@click.command()
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="First session.")
@explained
@places
def report(
    since: datetime | None, reason: str, lake: Path | None, state: Path | None, as_json: bool
) -> None:
    """Daily results, slippage per fill, and how both compare with what was expected.

    Exit code 1 when something is off: look at it before trading on.
    """
    from rooney_live.cli.report_shown import print_report, report_facts
    from rooney_live.report import make_report
    from rooney_live.risk.reading import answering

    settings = read_settings(lake=lake, state=state)
    instruments = _release(settings).config.instruments
    place, words = _place(settings)
    with answering(place.journal) as journal:
        made = make_report(journal, instruments, since.date() if since else None)
    if as_json:
        echo_json(report_facts(made) | {"journal": str(place.journal)})
    else:
        print_report(made, words)
    off = [one.symbol for one in made.expectations if one.is_off]
    note(place, "REPORT", "off" if off else "as expected", {"off": off}, reason)
    if off:
        raise SystemExit(1)


def _place(settings: Settings) -> tuple[Settings, str]:
    """The live journal where anything was traded in it, else the rehearsal's; and which it is."""
    from rooney_live.status import traded

    place = traded(settings)
    if place is None:
        raise MissingArtifact(
            f"Nothing was traded yet at {settings.state}; run `rooney-live rehearse`."
        )
    return place, "live" if place == settings else "the rehearsal's"


def _release(settings: Settings) -> Release:
    from rooney_live.release_store import read_release

    return read_release(settings.lake)


def _journal(settings: Settings) -> Journal:
    from rooney_live.journal import Journal

    return Journal.open(settings.journal)


COMMANDS = (limits, reconcile, backup, report)
