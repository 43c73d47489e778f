"""What every `rooney-live` command shares: its group, its exit codes and its two places.

Belongs here: options and refusals that no command does differently. Does not belong here: a command
(one file per kind of question), or what is printed (`shown.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from rooney_core.errors import RooneyError

Command = TypeVar("Command", bound=Callable[..., Any])
FOLDER = click.Path(file_okay=False, path_type=Path)


class RefusingGroup(click.Group):
    """A group whose commands may raise any RooneyError: one clear message, its exit code."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; never show a traceback for what Rooney raises on purpose."""
        try:
            return super().invoke(ctx)
        except RooneyError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)


def places(command: Command) -> Command:
    """Add the options every command has: where the lake and the trader's state are."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table."),
        click.option("--state", type=FOLDER, help="The trader's own folder [ROONEY_STATE]."),
        click.option("--lake", type=FOLDER, help="Root of the lake, only read [ROONEY_LAKE]."),
    ):
        command = option(command)
    return command


def explained(command: Command) -> Command:
    """Add what a command that only asks has: a reason that may be given."""
    return click.option("--reason", default="", help="Why you ask; kept with who and when.")(
        command
    )


def reasoned(command: Command) -> Command:
    """Add what every command that changes something has: why, and the two places."""
    for option in (
        click.option("--state", type=FOLDER, help="The trader's own folder [ROONEY_STATE]."),
        click.option("--lake", type=FOLDER, help="Root of the lake, only read [ROONEY_LAKE]."),
        click.option("--reason", required=True, help="Why, for whoever reads the journal later."),
    ):
        command = option(command)
    return command
