"""`rooney why-not`: which condition kept a variant out of the market at some time."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from operator import methodcaller
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rooney_core.backtest.why_not import WhyNot


class Moment(click.ParamType):
    """2015-03-05, a session; or 2015-03-05T21:00 with or without a zone, UTC without."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """A date, or a time with a zone."""
        if isinstance(value, date):
            return value
        try:
            if not set("T: ") & set(value.upper()):
                return date.fromisoformat(value)
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"{value!r} is no date and no time; write 2015-03-05, 2015-03-05T21:00Z or "
                "2015-03-05T15:00-06:00.",
                param,
                ctx,
            )
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


@click.command("why-not")
@click.argument("symbol")
@click.argument("variant")
@click.argument("time", type=Moment())
@click.option("--params", help="JSON object; what it does not name keeps its default.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def why_not(symbol: str, variant: str, time: date, params: str | None, as_json: bool) -> None:
    """Print why VARIANT did not enter SYMBOL at TIME, with the numbers of each condition.

    It is asked of a run over all of the lake's bars, which may hold a position where one that began
    later would not.
    TIME is the end of a bar, or a time inside one (UTC unless it has a zone); a date means the
    session's bars that the variant decides at. Prices are adjusted ones, in quote units.
    """
    from rooney_assets.backtests.run import read_peers
    from rooney_assets.cli.context import Place
    from rooney_core.backtest.why_not import Inquiry
    from rooney_core.market.bars import BarArrays
    from rooney_core.strategies import find_variant

    place = Place.from_environment()
    found, chosen = place.symbol(symbol), find_variant(variant)
    parsed = chosen.parse_params(params)
    bars = place.lake.read("continuous_bars", ("symbol", found))
    peers, _, absent = read_peers(found, chosen, place.universe, place.lake, None)
    for one in absent:
        click.echo(f"The lake holds no session_bars of {one}, which counts as unknown.", err=True)
    instrument = place.universe[found]
    arrays = BarArrays.from_frame(bars, instrument)
    asked = Inquiry.of(arrays, chosen, parsed, instrument, peers)
    answers = [asked.why_not(bar) for bar in asked.bars_at(time)]
    if as_json:
        click.echo(json.dumps([asdict(one) for one in answers], default=methodcaller("isoformat")))
    else:
        _print(answers)


def _print(answers: list[WhyNot]) -> None:
    for one in answers:
        click.echo(
            f"session {one.session}, bar {one.bar_start:%Y-%m-%d %H:%M} to {one.bar_end:%H:%M} UTC"
            f": {one.cause}: {one.text}"
        )
        for words in one.also:
            click.echo(f"  besides: {words}")
        if len(answers) == 1:
            for told in one.conditions:
                click.echo(f"  {'yes' if told.holds else 'NO ':<3} {told.side}: {told.text}")
