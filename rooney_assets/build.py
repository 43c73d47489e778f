"""Assembles the definitions from a universe and settings; a test swaps any resource.

Belongs here: putting declarations, jobs and resources together. Does not belong here: reading the
environment or the network; that is `definitions.py`'s one line.
"""

from collections.abc import Mapping

import dagster as dg
from dagster_duckdb import DuckDBResource

import rooney_assets.assets  # noqa: F401  (importing it fills the registries)
from rooney_assets.feedback.automation import STAGE as JOURNAL_STAGE
from rooney_assets.feedback.automation import build_journal_sensor
from rooney_assets.graph.declaration import ASSETS, offered_names
from rooney_assets.graph.to_dagster import to_dagster
from rooney_assets.jobs import build_jobs
from rooney_assets.mandate import load_mandate
from rooney_assets.notices.automation import build_notices
from rooney_assets.resources import BarsResource, LakeResource, ProgressResource
from rooney_assets.schedules import (
    FETCHED_STAGE,
    TRAINED_STAGE,
    build_fetching,
    build_rebalance,
    build_recalibration,
    build_training,
)
from rooney_assets.sensors import build_arrivals, build_followers, build_retraining
from rooney_assets.settings import Settings
from rooney_assets.tracking import late_mlflow, tracking_uri
from rooney_core.market.instruments import Universe


def build_defs(
    settings: Settings, universe: Universe, resources: Mapping[str, object] | None = None
) -> dg.Definitions:
    """The whole code location for one universe and one lake."""
    declared = [ASSETS[name] for name in offered_names(universe)]
    mandate = load_mandate(settings)
    recalibration, quarterly = build_recalibration(settings, universe)
    rebalance, monthly = build_rebalance(settings, universe)
    stages = {one.name: one for one in build_jobs(declared)}
    alarms, digest_job, daily = build_notices(settings)
    # A universe of references alone has nothing to train.
    trained = [stages[TRAINED_STAGE]] if TRAINED_STAGE in stages else []
    return dg.Definitions(
        assets=[to_dagster(one, universe, mandate, settings) for one in declared],
        jobs=[*stages.values(), recalibration, rebalance, digest_job],
        schedules=[
            *build_fetching(settings, universe, stages[FETCHED_STAGE]),
            *(build_training(settings, universe, one) for one in trained),
            monthly,
            quarterly,
            daily,
        ],
        sensors=[
            *build_followers(settings, declared),
            build_arrivals(settings, universe, stages[FETCHED_STAGE]),
            *(build_retraining(settings, universe, one) for one in trained),
            build_journal_sensor(settings, stages[JOURNAL_STAGE]),
            alarms,
        ],
        executor=dg.in_process_executor,
        resources={**default_resources(settings), **(resources or {})},
    )


def default_resources(settings: Settings) -> dict[str, object]:
    """The resources that a run uses unless a caller swaps them."""
    return {
        "lake": LakeResource(root=str(settings.lake)),
        "bars": BarsResource(
            setting=settings.source,
            base=str(settings.base),
            downloads=str(settings.vendor.downloads),
            gateway=settings.gateway,
            max_cost_usd=settings.max_cost_usd,
        ),
        "progress": ProgressResource(state_folder=str(settings.state)),
        "duckdb": DuckDBResource(
            database=str(settings.lake / "lake.duckdb"),
            # Views only, and nobody but the lake rebuilds them.
            connection_config={"access_mode": "READ_ONLY"},
        ),
        "mlflow": late_mlflow.configured({"mlflow_tracking_uri": tracking_uri(settings)}),
    }
