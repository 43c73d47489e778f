"""A lake whose bars the assets' own bodies made, from a short simulated market.

Belongs here: making them, as a run would. Does not belong here: assertions.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import rooney_assets.assets  # noqa: F401  (importing it fills the registries)
from rooney_assets.explain.reproduce import Bench
from rooney_assets.graph.declaration import ASSETS, Here, Made, partition_of
from rooney_assets.graph.inputs import load_inputs
from rooney_assets.graph.plan import basis_of
from rooney_assets.lake import Lake, ManifestFacts
from rooney_assets.provenance import ROOT
from rooney_assets.sources.simulated import SimulatedSource
from rooney_assets.yaml_pages import parse_yaml
from rooney_core.market.instruments import Universe
from rooney_core.market.simulation import SimulatedMarket

STAGE = ("raw_bars", "roll_calendar", "continuous_bars", "session_bars")
SHORT = SimulatedMarket(first_session=date(2020, 1, 2), last_session=date(2020, 12, 31))
SYMBOL = "SIM_ES"


def universe() -> Universe:
    """The shipped simulated instruments."""
    page = ROOT / "universe.yaml"
    every = Universe.parse(parse_yaml(page, "universe", "ROONEY_UNIVERSE"), str(page))
    return every.offered_by("simulated")


def bench(folder: Path, market: SimulatedMarket = SHORT, **changed: Any) -> Bench:
    """Where steps are made anew; `changed`: other facts of the symbol."""
    known = universe()
    if changed:
        ours = [
            one.model_copy(update=changed) if one.symbol == SYMBOL else one
            for one in known.instruments
        ]
        known = Universe(instruments=tuple(ours))
    return Bench(Lake(folder / "lake"), known, SimulatedSource(market), folder / "scratch")


def make_bars(at: Bench, stage: tuple[str, ...] = STAGE) -> dict[str, str]:
    """The bars stage of one symbol, or some of it, in the lake of the bench; versions by label."""
    versions = {}
    for name in stage:
        asset = ASSETS[name]
        basis = basis_of(asset, SYMBOL, at.universe, at.source, at.lake, None)
        here = Here(
            asset=name,
            partition=SYMBOL,
            universe=at.universe,
            source=at.source,
            lake=at.lake,
            params=None,
            run_id="made",
            code_version=basis.code_version,
            state_folder=at.state,
            input_versions=basis.inputs,
        )
        answer = asset.body(here, **load_inputs(asset, here))
        made = answer if isinstance(answer, Made) else Made(answer)
        facts = ManifestFacts(
            run_id="made",
            code_version=basis.code_version,
            git_commit="abc",
            inputs=dict(basis.inputs),
            config=dict(basis.config),
        )
        partition = partition_of(asset, SYMBOL)
        written = at.lake.write(name, partition, made.table, facts, beside=made.beside)
        versions[f"{name}[{SYMBOL}]"] = written.data_version
    return versions
