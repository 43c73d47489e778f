"""`rooney-live preflight`: may the trader start?

Belongs here: the command and its table. Does not belong here: the checks (`preflight.py`).
"""

from __future__ import annotations

from pathlib import Path

import click

from rooney_live.cli.group import FOLDER, places
from rooney_live.cli.shown import echo_json, echo_table
from rooney_live.settings import read_settings


@click.command()
@click.option("--bars", type=FOLDER, help="Folder of bars, laid out as the lake [the lake].")
@places
def preflight(bars: Path | None, lake: Path | None, state: Path | None, as_json: bool) -> None:
    """Check all that the trader depends on; exit code 1 when anything would stop it."""
    settings = read_settings(lake=lake, state=state)
    from rooney_live.preflight import preflight as run_preflight

    checks = run_preflight(settings, bars or settings.lake)
    if as_json:
        echo_json([vars(check) for check in checks])
    else:
        words = {True: "pass", False: "FAIL", None: "skipped"}
        rows = [(check.name, words[check.passed], check.detail) for check in checks]
        red = [check.passed is False or check.is_red for check in checks]
        echo_table(("check", "result", "detail"), rows, red)
    if not all(check.passed for check in checks):
        raise SystemExit(1)


COMMANDS = (preflight,)
