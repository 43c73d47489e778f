"""`rooney-live serve-history`: stored bars, served as the vendor would serve them.

Belongs here: the command. Does not belong here: the server (`rehearsal/`).
"""

from __future__ import annotations

from pathlib import Path

import click

from rooney_live.cli.group import FOLDER
from rooney_live.settings import read_settings


@click.command("serve-history")
@click.argument("folder", type=click.Path(file_okay=False, exists=True, path_type=Path))
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0: a free one."
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND[:ENDPOINT[:TIMES]]",
    help="Go wrong on purpose, such as cut_stream or too_many:*:3; may be given again.",
)
@click.option("--random-faults", type=click.IntRange(min=0), metavar="SEED", help="At random.")
@click.option("--key", help="Refuse any key but this made-up one; never give a real one.")
@click.option("--state", type=FOLDER, help="Where the certificate is written [ROONEY_STATE].")
def serve_history(
    folder: Path,
    port: int,
    faults: tuple[str, ...],
    random_faults: int | None,
    key: str | None,
    state: Path | None,
) -> None:
    """Serve the bars in FOLDER as Databento's historical service would, on this machine only.

    They are your own bars: nothing is fetched from the vendor, and nothing is billed.
    """
    from rooney_live.rehearsal.serve import serve_until_stopped

    settings = read_settings(state=state)
    serve_until_stopped(folder, settings.state, click.echo, port, faults, random_faults, key)


COMMANDS = (serve_history,)
