"""Beside the stages: how often the gates themselves are wrong, on markets whose truth is known."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from rooney_assets.calibration.limits import (
    MAX_FALSE_PROMOTION_RATE,
    MAX_FALSE_REJECTION_RATE,
    STRONG_SHARPE,
)
from rooney_assets.calibration.runs import run_universes
from rooney_assets.graph.declaration import Here, Made, Partitioning, lake_asset
from rooney_assets.graph.power_picture import Point, power_picture
from rooney_assets.mandate import Mandate
from rooney_core.gates.calibration.oracle import true_sharpe
from rooney_core.gates.calibration.rates import rate_of
from rooney_core.gates.calibration.report import rates_table, rules_table
from rooney_core.gates.calibration.settings import CalibrationSettings

# The whole chain decides what comes out: every room of it is part of the code version.
ROOMS = (
    "market",
    "indicators",
    "strategies",
    "backtest",
    "features",
    "labeling",
    "modeling",
    "validation",
    "decision",
    "gates",
    "portfolio",
    "rooney_assets.assets",
    "rooney_assets.calibration",
    "rooney_assets.factory_tables",
    "rooney_assets.ledger",
)


@lake_asset(
    group="calibration",
    rooms=ROOMS,
    partitioning=Partitioning.ON_DEMAND,
    kinds=("simulation", "parquet"),
    params=CalibrationSettings,
)
def gate_calibration(here: Here, mandate: pl.DataFrame) -> Made:
    """How often noise is promoted, and a true edge rejected: the gates' own error rates.

    The whole chain, from bars to the gates, runs on many small simulated universes: without an
    edge, and with one of several strengths. What a strength is worth, its true annual Sharpe after
    costs, is measured by one fixed strategy on other markets (`rooney_core.gates.calibration`).
    Rates have 95 % Clopper-Pearson intervals. Made only when asked for: `rooney materialize --to
    gate_calibration`. Beside it: each universe (`gate_calibration_universes`), and which rules
    rejected how many (`gate_calibration_rules`). Simulated: it measures the gates, and no market.
    """
    settings: CalibrationSettings = here.params
    truth = {edge: true_sharpe(edge, settings) for edge in settings.reversion_edges}
    finished = run_universes(
        settings,
        Mandate.from_frame(mandate),
        here.code_version,
        Path(here.state_folder) / "calibration",
        lambda done, planned: here.progress(f"universe {done} of {planned}"),
    )
    table, rules = rates_table(finished.rows, truth), rules_table(finished.rows, truth)
    notes = {
        "rates": table,
        "rules that rejected": rules,
        "universes": finished.rows.height,
        "CPU seconds a universe": round(finished.cpu_seconds / finished.rows.height, 1),
    }
    return Made(
        table,
        beside={"universes": finished.rows, "rules": rules},
        notes=notes,
        pictures={"power curve": power_curve(table)},
    )


def power_curve(table: pl.DataFrame) -> str:
    """The picture of a table of rates, with the limits that the checks ask for."""
    points = []
    for row in table.iter_rows(named=True):
        rate = rate_of(row["n_promoted"], row["n_universes"])
        points.append(Point(row["true_annual_sharpe"], *rate, row["n_universes"]))
    return power_picture(
        points, MAX_FALSE_PROMOTION_RATE, 1.0 - MAX_FALSE_REJECTION_RATE, STRONG_SHARPE
    )
