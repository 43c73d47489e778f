"""Dagster's instance of these settings, in the process of a command.

Belongs here: opening it. Does not belong here: what is asked of it. A worker process has its
settings from its parent, and opens it as `rooney_assets.worker` does.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from rooney_assets.settings import Settings
from rooney_assets.worker import open_instance


@contextmanager
def dagster_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance that runs of these settings are recorded in.

    dagster.yaml takes its folders from the environment, and so do the runs that are launched from
    here: this process has the settings in its environment from now on.
    """
    os.environ |= settings.as_environment() | {"DAGSTER_HOME": str(settings.dagster_home)}
    with open_instance(settings) as instance:
        yield instance
