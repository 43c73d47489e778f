"""What every subcommand needs: settings, universe, source and lake, from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from rooney_core.errors import UnknownName

if TYPE_CHECKING:
    from rooney_assets.lake import Lake
    from rooney_assets.mandate import Mandate
    from rooney_assets.settings import Settings
    from rooney_assets.sources import BarSource
    from rooney_core.market.instruments import Universe


@dataclass(frozen=True)
class Place:
    """Where a command works."""

    settings: Settings
    universe: Universe
    source: BarSource
    lake: Lake
    mandate: Mandate

    @classmethod
    def from_environment(cls, *, quick: bool = False) -> Place:
        """Read the settings once; `quick` stands for ROONEY_TUNING=quick.

        Raises InputError for an unknown or wrong one.
        """
        from rooney_assets.lake import Lake
        from rooney_assets.mandate import load_mandate
        from rooney_assets.settings import Settings, load_universe
        from rooney_assets.sources.selection import source_from

        settings = Settings.from_environment(os.environ)
        if quick:
            settings = replace(settings, tuning="quick")
        universe = load_universe(settings)
        source = source_from(settings.source, settings.base, settings.vendor)
        return cls(settings, universe, source, Lake(settings.lake), load_mandate(settings))

    def symbol(self, arrived: str) -> str:
        """The universe's spelling of a symbol.

        In the simulated market `ES` stands for SIM_ES, and is told so: nobody shall mistake one for
        the other. Raises UnknownName.
        """
        wanted = arrived.strip().upper()
        if wanted in self.universe.symbols:
            return wanted
        simulated = f"SIM_{wanted}"
        if simulated in self.universe.symbols:
            click.echo(f"{wanted} is simulated here: {simulated}", err=True)
            return simulated
        raise UnknownName.among("symbol", arrived, self.universe.symbols)
