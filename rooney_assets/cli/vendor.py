"""`rooney data plan` and `fetch`: what Databento's bars cost, and bringing them into the lake.

Belongs here: arguments, the order of questions, printing. Does not belong here: what a symbol needs
or what is kept of it (`rooney_assets.sources.databento`). Works whatever ROONEY_SOURCE says.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from rooney_core.errors import InvalidSetting, UnknownName

if TYPE_CHECKING:
    from rooney_assets.settings import Settings
    from rooney_assets.sources.databento.access import VendorAccess
    from rooney_assets.sources.databento.archive import Archive
    from rooney_assets.sources.databento.client import VendorClient
    from rooney_assets.sources.databento.download import Downloaded
    from rooney_assets.sources.databento.fetch import Purchase
    from rooney_core.market.instruments import Instrument

SCHEMAS = ("ohlcv-1m", "ohlcv-1h", "ohlcv-1d")
COLUMNS = ("symbol", "dataset", "schema", "start", "until", "state", "records", "cost_usd")


@dataclass(frozen=True)
class Order:
    """What one symbol needs: the instrument, the schema, and what is there and what it costs."""

    instrument: Instrument
    schema: str
    purchase: Purchase

    def rows(self) -> list[dict[str, Any]]:
        """One row per range, in order of time, with the names of `COLUMNS`."""
        kept = [
            (piece.receipt.request.during(piece.days), "present", piece.receipt.rows, 0.0)
            for piece in self.purchase.pieces
        ]
        wanted = {one.request.days for one in self.purchase.estimates}
        missing = [
            (one.request, "to fetch", one.records, one.cost_usd) for one in self.purchase.estimates
        ]
        # With --refresh a range is both, and is shown as what will happen to it.
        shown = [one for one in kept if one[0].days not in wanted] + missing
        shown.sort(key=lambda one: one[0].days.start)
        return [
            dict(
                zip(
                    COLUMNS,
                    (
                        *(self.instrument.symbol, one.dataset, one.schema),
                        *(str(one.days.start), str(one.days.end), state, records, cost),
                    ),
                    strict=True,
                )
            )
            for one, state, records, cost in shown
        ]


@dataclass(frozen=True)
class Vendor:
    """Who is asked, what is kept, and which symbols are meant."""

    access: VendorAccess
    client: VendorClient
    archive: Archive
    instruments: tuple[Instrument, ...]

    @classmethod
    def from_environment(cls, symbols: str | None) -> Vendor:
        """Read the settings. Raises InputError for a wrong one, a missing key, another symbol."""
        from rooney_assets.settings import Settings
        from rooney_assets.sources.databento.archive import Archive
        from rooney_assets.sources.databento.source import connect

        settings = Settings.from_environment(os.environ)
        instruments = _instruments(settings, symbols)
        names = ", ".join(one.symbol for one in instruments)
        client = connect(settings.vendor, f"What {names} costs")
        return cls(settings.vendor, client, Archive(settings.vendor.downloads), instruments)

    def orders(
        self, first: date | None, schema: str | None, *, refresh: bool = False
    ) -> list[Order]:
        """Ask what each symbol needs and what it costs; spends nothing."""
        from rooney_assets.sources.databento.fetch import plan_purchase
        from rooney_assets.sources.databento.plan import SCHEMAS as BY_MINUTES
        from rooney_assets.sources.databento.plan import chunks, vendor_page

        found = []
        for one in self.instruments:
            wanted = schema or BY_MINUTES[one.bar_minutes]
            datasets = dict.fromkeys(feed.dataset for feed in vendor_page(one).feeds)
            available = {name: self.client.available(name, wanted) for name in datasets}
            needed = chunks(one, wanted, available, first)
            purchase = plan_purchase(needed, self.client, self.archive, refresh=refresh)
            found.append(Order(one, wanted, purchase))
        return found


class YearOrDate(click.ParamType):
    """2010, or 2010-06-07."""

    name = "YEAR or DATE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The first day that is meant."""
        if isinstance(value, date):
            return value
        text = f"{value}-01-01" if len(str(value)) == 4 else str(value)
        try:
            return date.fromisoformat(text)
        except ValueError:
            self.fail(f"{value!r} is no year and no date; write 2010 or 2010-06-07.", param, ctx)


def _choosing(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which bars are meant."""
    options = (
        click.option(
            "--symbols",
            help="Comma-separated; default: all with a databento page that are not watched only.",
        ),
        click.option(
            "--from",
            "first",
            type=YearOrDate(),
            help="Leave out what lies before; `materialize` begins with the first kept day.",
        ),
        click.option(
            "--schema",
            type=click.Choice(SCHEMAS),
            help="Default: what the symbol's bar_minutes says.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@_choosing
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def plan(symbols: str | None, first: date | None, schema: str | None, as_json: bool) -> None:
    """Print what Databento's bars would cost; spends nothing.

    One line per range: what is here already, and what would be fetched, with its records and cost.
    """
    orders = Vendor.from_environment(symbols).orders(first, schema)
    if as_json:
        rows = [row for one in orders for row in one.rows()]
        click.echo(json.dumps({"ranges": rows, "totals": _totals(orders)}))
    else:
        _print_plan(orders)
        _print_empty(orders, first)


@click.command()
@_choosing
@click.option(
    "--max-cost-usd",
    "limit",
    type=click.FloatRange(min=0),
    help="Refuse above this cost in all; default: ROONEY_MAX_COST_USD, or 5.",
)
@click.option("--refresh", is_flag=True, help="Download what is here again; tells what changed.")
def fetch(
    symbols: str | None,
    first: date | None,
    schema: str | None,
    limit: float | None,
    refresh: bool,
) -> None:
    """Download Databento's bars into the lake, each range verified before it is kept.

    Asks for the cost first, and refuses above the limit before any money is spent. What is here is
    not downloaded again; a run that was stopped goes on where it stood.
    """
    from rooney_assets.sources.databento.fetch import Purchase, require_affordable

    vendor = Vendor.from_environment(symbols)
    orders = vendor.orders(first, schema, refresh=refresh)
    everything = Purchase((), tuple(one for order in orders for one in order.purchase.estimates))
    enough = math.ceil(everything.cost_usd * 100) / 100
    names = ", ".join(one.symbol for one in vendor.instruments)
    require_affordable(
        everything,
        vendor.access.max_cost_usd if limit is None else limit,
        names,
        f"Ask for fewer symbols or later years, or allow it with --max-cost-usd {enough:.2f}.",
    )
    _print_fetched(_fetch_with_progress(everything, vendor, refresh), orders)
    _print_empty(orders, first)


def _instruments(settings: Settings, symbols: str | None) -> tuple[Instrument, ...]:
    from rooney_assets.settings import known_universe

    known = known_universe(settings)
    offered = known.offered_by("databento")
    if not offered.instruments:
        raise InvalidSetting(
            f"{settings.universe} has no instrument with a page `databento` below `sources`."
        )
    if symbols is None:
        return tuple(one for one in offered.instruments if one.symbol not in offered.watched)
    names = [one.strip().upper() for one in symbols.split(",") if one.strip()]
    if not names:
        raise click.UsageError("--symbols names no symbol; write for example --symbols ES,GC")
    for name in names:
        if name in known.symbols and name not in offered.symbols:
            raise InvalidSetting(
                f"{name} has no page `databento` below `sources` in {settings.universe}; "
                f"{', '.join(offered.symbols)} have one."
            )
        if name not in offered.symbols:
            raise UnknownName.among("symbol", name, offered.symbols)
    return tuple(offered[name] for name in dict.fromkeys(names))


def _totals(orders: Sequence[Order]) -> dict[str, Any]:
    purchases = [one.purchase for one in orders]
    return {
        "ranges_present": sum(len(one.pieces) for one in purchases),
        "ranges_to_fetch": sum(len(one.estimates) for one in purchases),
        "records_to_fetch": sum(one.records for one in purchases),
        "cost_usd": sum(one.cost_usd for one in purchases),
    }


def _print_empty(orders: Sequence[Order], first: date | None) -> None:
    """Say of which symbols the vendor has no complete day that is meant."""
    names = ", ".join(
        one.instrument.symbol
        for one in orders
        if not one.purchase.pieces and not one.purchase.estimates
    )
    if names:
        since = "the `since` of its page" if first is None else str(first)
        click.echo(f"{names}: the vendor has no complete day from {since} on.")


def _print_plan(orders: Sequence[Order]) -> None:
    from rich.table import Table

    from rooney_assets.cli.tables import open_console
    from rooney_assets.sources.databento.access import shown_usd

    table = Table(box=None, header_style="bold")
    for name in COLUMNS:
        right = name in ("records", "cost_usd")
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for row in (row for one in orders for row in one.rows()):
        *words, records, cost = (row[name] for name in COLUMNS)
        table.add_row(*words, f"{records:,}", f"{cost:,.4f}")
    totals = _totals(orders)
    console = open_console()
    console.print(table)
    console.print(
        f"{totals['ranges_present']} ranges are here; {totals['ranges_to_fetch']} are to fetch, "
        f"with {totals['records_to_fetch']:,} records, for {shown_usd(totals['cost_usd'])} USD. "
        "`until` is not included; days are UTC. No money was spent.",
        soft_wrap=True,
    )


def _fetch_with_progress(everything: Purchase, vendor: Vendor, refresh: bool) -> list[Downloaded]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from rooney_assets.cli.tables import open_console
    from rooney_assets.sources.databento.fetch import fetch as fetch_all

    console = open_console()
    progress = Progress(
        TextColumn("Databento"),
        *(BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn()),
        TextColumn("{task.fields[now]}", style="dim"),
        console=console,
        disable=not console.is_terminal,
    )
    with progress:
        task = progress.add_task("", total=len(everything.estimates), now="")

        def tell(done: Downloaded) -> None:
            text = f"{done.receipt.request.label}: {done.receipt.rows:,} records, {done.state}"
            progress.update(task, advance=1, now=text)
            if not console.is_terminal:
                console.print(text, soft_wrap=True)

        return fetch_all(
            everything.estimates, vendor.client, vendor.archive, refresh=refresh, tell=tell
        )


def _print_fetched(done: Sequence[Downloaded], orders: Sequence[Order]) -> None:
    from rooney_assets.sources.databento.access import shown_usd

    if not done:
        if any(one.purchase.pieces for one in orders):
            click.echo("Nothing to fetch: every complete day is here.")
        return
    cost_usd = sum(one.purchase.cost_usd for one in orders)
    rows = sum(one.receipt.rows for one in done)
    click.echo(
        f"{len(done)} ranges fetched and verified, {rows:,} records, for about "
        f"{shown_usd(cost_usd)} USD."
    )
    for one in done:
        if one.state == "restated":
            click.echo(f"  RESTATED by the vendor: {one.receipt.request.label}")
        for said in one.receipt.warnings:
            click.echo(f"  {one.receipt.request.label}: {said}")
