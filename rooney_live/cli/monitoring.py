"""`rooney-live monitor`, `drill` and `kill`: watching the trader, and stopping it for sure.

Belongs here: the commands. Does not belong here: what they do (`risk.monitor`, `risk.drill`,
`risk.kill`).
"""

from __future__ import annotations

from pathlib import Path

import click

from rooney_core.errors import RooneyError
from rooney_live.cli.group import explained, places, reasoned
from rooney_live.cli.operations import note
from rooney_live.cli.shown import echo_json, echo_red, echo_table
from rooney_live.settings import read_settings

PEM = click.Path(dir_okay=False, exists=True, path_type=Path)


@click.command()
@click.option(
    "--max-heartbeat",
    type=click.FloatRange(1.0, 600.0),
    default=60.0,
    show_default=True,
    help="Seconds without a heartbeat until everything is left.",
)
@click.option("--drill", "authority", type=PEM, hidden=True, help="Only for `rooney-live drill`.")
@places
def monitor(
    max_heartbeat: float,
    authority: Path | None,
    lake: Path | None,
    state: Path | None,
    as_json: bool,
) -> None:
    """Watch the trader from a process of its own; on a breach leave everything and halt.

    A breach: the kill flag, a heartbeat that stands still, a broken limit, a position held beyond
    its flat deadline (by a trader that was stopped, too), an unreadable journal.
    It works while the trader hangs, and never lets trading go on again: a person does, with
    `rooney-live resume --after-kill`. Logs are JSON lines on stdout. Needs TRADERSPOST_WEBHOOK_URL.
    """
    settings = read_settings(lake=lake, state=state)
    from rooney_live.risk.watching import run_monitor

    run_monitor(settings, max_heartbeat, authority)


@click.command()
@explained
@places
def drill(reason: str, lake: Path | None, state: Path | None, as_json: bool) -> None:
    """Pull every kill switch, against a local venue and with the real monitor.

    The trader and its state are not touched; nothing leaves this machine. Exit code 1 when a switch
    does not do what it says.
    """
    import tempfile

    from rooney_live.release_store import read_release
    from rooney_live.risk.drill import Drill
    from rooney_live.risk.kill import WHAT_IT_STOPS

    settings = read_settings(lake=lake, state=state)
    release = read_release(settings.lake)
    with tempfile.TemporaryDirectory(prefix="rooney-drill-") as folder:
        steps = Drill(Path(folder), settings.lake, release).run()
    failed = [one.name for one in steps if not one.passed]
    if as_json:
        echo_json([vars(one) for one in steps])
    else:
        rows = [(one.name, "pass" if one.passed else "FAIL", one.seen) for one in steps]
        echo_table(("step", "result", "seen"), rows, [not one.passed for one in steps])
        click.echo(f"\n{WHAT_IT_STOPS}")
    note(settings, "DRILL", "failed" if failed else "passed", {"failed": failed}, reason)
    if failed:
        raise SystemExit(1)


@click.command()
@reasoned
def kill(reason: str, lake: Path | None, state: Path | None) -> None:
    """Stop every new entry now, and leave what is held. Only `resume --after-kill` ends it.

    The flag file is written first: it works while the journal cannot be written, and whoever has no
    shell to type this in can make it by hand: `touch <state>/live/KILL_NOW`.
    """
    from rooney_live.instance import nudge
    from rooney_live.journal import Journal
    from rooney_live.risk.controls_schema import Command
    from rooney_live.risk.kill import WHAT_IT_STOPS, raise_flag
    from rooney_live.risk.record import record, whoami

    settings = read_settings(lake=lake, state=state)
    path = raise_flag(settings.live, f"{whoami()}: {reason}")
    echo_red(f"KILLED by {path}.")
    try:
        with Journal.open(settings.journal) as journal:
            record(journal, Command.KILL, reason)
    except RooneyError as error:
        click.echo(f"Not in the journal, and killed all the same: {error}", err=True)
    told = "The trader was told." if nudge(settings.live) else "No trader listens."
    click.echo(f"{told}\n{WHAT_IT_STOPS}")


COMMANDS = (monitor, drill, kill)
