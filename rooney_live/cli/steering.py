"""`rooney-live pause`, `resume`, `flatten` and `trade`: what a person tells the trader.

Belongs here: the commands. Does not belong here: what they lead to (`hand`, `runtime`). Each is on
record with who, when and why, works while the trader runs, and where it does not.
"""

from __future__ import annotations

import re
import time
from datetime import timedelta
from pathlib import Path

import click

from rooney_live.cli.group import reasoned
from rooney_live.settings import Settings, read_settings

_SPAN = re.compile(r"(\d{1,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_NS_A_US = 1_000


class Span(click.ParamType[timedelta]):
    """A time such as 90m, 24h or 3d."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """The span; a usage error for anything else, and for nothing at all."""
        found = _SPAN.fullmatch(str(value))
        if found is None or int(found[1]) == 0:
            self.fail(f"{value!r} is no time; write 90m, 24h or 3d.", param, ctx)
        return timedelta(**{_UNITS[found[2]]: int(found[1])})


@click.command()
@click.option("--for", "span", type=Span(), help="How long, such as 24h; without: until `resume`.")
@reasoned
def pause(span: timedelta | None, reason: str, lake: Path | None, state: Path | None) -> None:
    """Send no new entries for a while. Positions are left as the strategy leaves them.

    Of several pauses the one that ends last counts; `resume` ends all of them.
    """
    settings = read_settings(lake=lake, state=state)
    from rooney_live.hand import tell
    from rooney_live.risk.controls_schema import Command

    until_us = None
    if span is not None:
        until_us = time.time_ns() // _NS_A_US + span // timedelta(microseconds=1)
    click.echo(tell(settings, Command.PAUSE, reason, until_us=until_us))
    _tell_longer(settings, until_us)


def _tell_longer(settings: Settings, until_us: int | None) -> None:
    """Say so where an earlier pause goes on after this one."""
    from rooney_live.control import Controls
    from rooney_live.journal_reading import as_text
    from rooney_live.risk.reading import reading
    from rooney_live.risk.record import now_us

    with reading(settings.journal) as journal:
        controls = Controls(journal)
        controls.look()
        standing = controls.state(now_us()).paused
    if standing is not None and standing.until_us != until_us:
        end = "`resume`" if standing.until_us is None else as_text(standing.until_us)
        click.echo(
            f"An earlier pause lasts longer, until {end} ({standing.who}: {standing.reason}). "
            "To shorten it: `rooney-live resume`, then pause again."
        )


@click.command()
@click.option(
    "--after-kill", is_flag=True, help="After the kill switch, or a halt: remove it, and go on."
)
@reasoned
def resume(after_kill: bool, reason: str, lake: Path | None, state: Path | None) -> None:
    """Go on after a pause; with --after-kill after the kill switch or a halt as well."""
    settings = read_settings(lake=lake, state=state)
    from rooney_live.hand import resume as go_on

    click.echo(go_on(settings, reason, after_kill))


@click.command()
@click.option("--symbol", "symbols", multiple=True, help="Only this symbol; may be given again.")
@reasoned
def flatten(symbols: tuple[str, ...], reason: str, lake: Path | None, state: Path | None) -> None:
    """Leave every position now, at the market. Without a trader this command sends the exits."""
    settings = read_settings(lake=lake, state=state)
    from rooney_live.hand import act
    from rooney_live.risk.controls_schema import Command

    asked = {"symbols": list(symbols)} if symbols else {}
    lines, is_done = act(settings, Command.FLATTEN, reason, asked)
    click.echo("\n".join(lines))
    raise SystemExit(0 if is_done else 1)


@click.command()
@click.argument("symbol")
@click.argument("what", type=click.Choice(["buy", "sell", "exit"]))
@click.option("--size", type=click.IntRange(min=1), default=1, show_default=True, help="Contracts.")
@reasoned
def trade(
    symbol: str, what: str, size: int, reason: str, lake: Path | None, state: Path | None
) -> None:
    """Order by hand: buy or sell opens a position, exit leaves it. The same checks as ever."""
    settings = read_settings(lake=lake, state=state)
    from rooney_live.hand import act
    from rooney_live.risk.controls_schema import Command

    intent = "exit" if what == "exit" else "enter"
    asked = {"symbol": symbol, "intent": intent, "side": -1 if what == "sell" else 1, "size": size}
    lines, is_done = act(settings, Command.TRADE, reason, asked)
    click.echo("\n".join(lines))
    raise SystemExit(0 if is_done else 1)


COMMANDS = (pause, resume, flatten, trade)
