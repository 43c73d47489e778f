"""`rooney-live run` and `stop`: beginning to trade, and ending.

Belongs here: the commands. Does not belong here: starting and ending (`boot`, `runtime`).
"""

from __future__ import annotations

from pathlib import Path

import click

from rooney_live.cli.group import FOLDER, reasoned
from rooney_live.settings import FLATTEN, HOLD, read_settings


@click.command()
@click.option(
    "--rehearsal",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Only for `rooney-live rehearse`: the file that makes this a rehearsal.",
)
@click.option("--state", type=FOLDER, help="The trader's own folder [ROONEY_STATE].")
@click.option("--lake", type=FOLDER, help="Root of the lake, only read [ROONEY_LAKE].")
def run(rehearsal: Path | None, lake: Path | None, state: Path | None) -> None:
    """Trade, until told to end. Logs are JSON lines on stdout.

    Needs TRADERSPOST_WEBHOOK_URL and DATABENTO_API_KEY: as systemd credentials, as files named by
    <NAME>_FILE, or as variables. SIGTERM ends it: no new entries, what is in flight is resolved,
    positions by ROONEY_AT_STOP (hold or flatten). A second SIGTERM ends it at once.
    """
    settings = read_settings(lake=lake, state=state)
    from rooney_live.boot import run_trader

    raise SystemExit(run_trader(settings, rehearsal))


@click.command()
@click.option(
    "--positions",
    type=click.Choice([HOLD, FLATTEN]),
    help="What becomes of open positions [ROONEY_AT_STOP].",
)
@reasoned
def stop(positions: str | None, reason: str, lake: Path | None, state: Path | None) -> None:
    """End the trader that runs: no new entries, what is in flight is resolved."""
    settings = read_settings(lake=lake, state=state)
    from rooney_live.hand import tell
    from rooney_live.risk.controls_schema import Command

    asked = {} if positions is None else {"positions": positions}
    click.echo(tell(settings, Command.STOP, reason, asked))


COMMANDS = (run, stop)
