"""`rooney data`: what a vendor's bars cost, bringing them here, and what a change of them touches.

Belongs here: the group of these commands. Does not belong here: the commands themselves.
"""

from __future__ import annotations

import click

from rooney_assets.cli.impact import impact
from rooney_assets.cli.vendor import fetch, plan


@click.group()
def data() -> None:
    """Bars from a vendor: cost before money is spent, download, and the impact of a change."""


for command in (plan, fetch, impact):
    data.add_command(command)
