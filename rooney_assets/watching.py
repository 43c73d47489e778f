"""What the retraining sensor sees of each symbol: numbers over their limits, with words.

Belongs here: reading the drift report, the live performance and the model's age. Does not belong
here: what a number leads to (`rooney_core.gates.retraining`), or a sensor's tick (`sensors`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import dagster as dg
import polars as pl

from rooney_assets.graph.declaration import ASSETS, partition_of
from rooney_assets.graph.plan import basis_of, default_params, is_current
from rooney_assets.lake import Lake
from rooney_assets.mandate import Mandate
from rooney_assets.sources import BarSource
from rooney_core.errors import MissingArtifact, RooneyError
from rooney_core.gates.drift import Witness
from rooney_core.gates.retraining import Reading, RetrainingCode
from rooney_core.market.instruments import Universe

DRIFT: Final = "drift_report"
LIVE: Final = "live_performance"
MODEL: Final = "meta_model"
_TOLD_BY: Final = {
    Witness.LIVE: "live",
    Witness.EVALUATION: "as its evaluation published",
}
_SECONDS_A_DAY: Final = 86_400.0


@dataclass(frozen=True)
class Watched:
    """Where the sensor looks, and by which limits."""

    lake: Lake
    universe: Universe
    source: BarSource
    mandate: Mandate
    instance: dg.DagsterInstance


def readings_of(watched: Watched, symbol: str, now: datetime) -> tuple[Reading, ...]:
    """Every number that is known of a symbol; none for one without a model. `now`: UTC.

    A report that was never made says nothing, and is no reason. Raises LakeError for a damaged one.
    """
    if watched.lake.version(MODEL, ("symbol", symbol)) is None:
        return ()
    return (*_drift(watched, symbol), *_live(watched, symbol), _age(watched, symbol, now))


def would_train_on_something_else(watched: Watched, symbol: str) -> bool:
    """Whether a training would read anything that the model was not trained on already.

    The same rows and code give the same model, so asking again would change nothing.
    """
    asset = ASSETS[MODEL]
    params = default_params(asset, watched.mandate)
    try:
        basis = basis_of(asset, symbol, watched.universe, watched.source, watched.lake, params)
        return not is_current(asset, symbol, basis, watched.lake)
    except (MissingArtifact, RooneyError):
        # The run tells what is missing, where everybody sees it.
        return True


def _drift(watched: Watched, symbol: str) -> list[Reading]:
    version = watched.lake.version(DRIFT, ("symbol", symbol))
    if version is None:
        return []
    row = watched.lake.read(DRIFT, ("symbol", symbol)).row(0, named=True)
    if row["model_version"] != _model_version(watched, symbol):
        return []
    limits, found = watched.mandate.drift, []
    if row["drifted_share"] is not None:
        words = (
            f"{row['n_drifted']} of {row['n_features']} features drifted by "
            f"{row['last_session']}, most of all {row['worst_feature']} "
            f"(PSI {row['worst_psi']:.2f}); {limits.max_drifted_share:.0%} may"
        )
        excess = row["drifted_share"] / limits.max_drifted_share
        found.append(Reading(RetrainingCode.FEATURE_DRIFT, excess, words, version))
    # A report of before witnesses were named counted unpaid outcomes.
    if row.get("calibration_of") and row["calibration_z"] is not None:
        words = (
            f"{row['recent_win_rate']:.1%} of {row['calibration_trades']} trades to "
            f"{row['calibration_last_session']} won ({_TOLD_BY[Witness(row['calibration_of'])]}), "
            f"{row['promised_win_rate']:.1%} promised: "
            f"{row['calibration_z']:+.1f} standard errors, {limits.max_calibration_z:g} may be"
        )
        excess = abs(row["calibration_z"]) / limits.max_calibration_z
        found.append(Reading(RetrainingCode.CALIBRATION_DRIFT, excess, words, version))
    return found


def _model_version(watched: Watched, symbol: str) -> str:
    return str(watched.lake.read(MODEL, ("symbol", symbol))["model_version"][0])


def _live(watched: Watched, symbol: str) -> list[Reading]:
    """Of the trader's own results; nothing as long as none are in the lake."""
    row, version = _live_row(watched.lake, symbol)
    found = []
    if row.get("is_win_rate_inside") is not None:
        won, low, high = (row[name] for name in ("win_rate", "win_rate_low", "win_rate_high"))
        expected = row["expected_win_rate"]
        # The interval is of the rate that the live trades can be of; the expectation lies in it.
        half = won - low if expected < won else high - won
        words = (
            f"{won:.1%} of {row['n_trades']} live trades won, which can be luck of {low:.1%} to "
            f"{high:.1%}; {expected:.1%} was expected"
        )
        excess = _over(abs(expected - won), half)
        found.append(Reading(RetrainingCode.LIVE_WIN_RATE, excess, words, version))
    if row.get("is_drawdown_inside") is not None:
        deep, simulated = abs(row["drawdown_usd"]), abs(row["simulated_drawdown_p95_usd"])
        words = (
            f"live drawdown {deep:,.0f} USD; 95 % of simulated ones stay within {simulated:,.0f}"
        )
        found.append(Reading(RetrainingCode.LIVE_DRAWDOWN, _over(deep, simulated), words, version))
    return found


def _live_row(lake: Lake, symbol: str) -> tuple[Mapping[str, Any], str]:
    """The newest row of a symbol and what it is a version of, from one table or from partitions."""
    for partition in (("symbol", symbol), None):
        version = lake.version(LIVE, partition)
        if version is None:
            continue
        table = lake.read(LIVE, partition)
        rows = table.filter(pl.col("symbol") == symbol) if "symbol" in table.columns else table
        if rows.height:
            return rows.row(-1, named=True), version
    return {}, ""


def _age(watched: Watched, symbol: str, now: datetime) -> Reading:
    limit = watched.mandate.retraining.max_model_age_days
    days = (now - last_trained(watched, symbol)).total_seconds() / _SECONDS_A_DAY
    words = f"trained {days:.0f} days ago, {limit} may pass"
    return Reading(RetrainingCode.MODEL_AGE, days / limit, words)


def last_trained(watched: Watched, symbol: str) -> datetime:
    """When the model was made, or found unchanged by a run; UTC."""
    made = watched.lake.manifest(MODEL, partition_of(ASSETS[MODEL], symbol)).created_at
    records = watched.instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey(MODEL), asset_partitions=[symbol]), limit=1
    ).records
    seen = [datetime.fromtimestamp(one.timestamp, UTC) for one in records]
    return max((made, *seen))


def _over(distance: float, limit: float) -> float:
    """How often the limit goes into the distance; any distance is over a limit of 0."""
    if limit > 0:
        return distance / limit
    return math.inf if distance > 0 else 0.0
