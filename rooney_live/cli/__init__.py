"""The `rooney-live` command: what a person at the trader's server can ask and do.

Belongs here: the group, made of every file of this folder that has COMMANDS. Does not belong here:
a command; nor, in any of those files, what a program would want too. Imports are inside the
commands, so that --help answers at once. Exit codes: 0 fine, 1 refused or failed, 2 usage.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import click

from rooney_live.cli.group import RefusingGroup


@click.group(cls=RefusingGroup, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The trader. It reads one verified release from the lake and remembers every decision."""


def _add_commands() -> None:
    for module in sorted(one.name for one in iter_modules(__path__) if one.name != "__main__"):
        for command in getattr(import_module(f"{__name__}.{module}"), "COMMANDS", ()):
            main.add_command(command)


_add_commands()
