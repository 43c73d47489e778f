"""The stages as Dagster jobs.

Belongs here: turning stages into jobs. Does not belong here: when they run.
"""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from rooney_assets.graph.declaration import Asset
from rooney_assets.run_control import stage_tags
from rooney_assets.stages import STAGES


def build_jobs(declared: list[Asset]) -> list[UnresolvedAssetJobDefinition]:
    """A job per stage that has an asset."""
    jobs = []
    for stage in STAGES:
        names = [one.name for one in declared if one.partitioning is stage.partitioning]
        if names:
            selection = dg.AssetSelection.assets(*names)
            jobs.append(
                dg.define_asset_job(
                    stage.job,
                    selection=selection,
                    description=stage.description,
                    tags=stage_tags(stage.job),
                )
            )
    return jobs
