"""The one hand-off from factory to trader: how a release is written, and what makes it valid.

Belongs here: the types, columns, hashes and verification of production_config and
production_model. Does not belong here: deciding what is released, files, clocks.
"""

from rooney_core.release.build import ReleaseTables, build_release
from rooney_core.release.config import (
    PRODUCTION_CONFIG_SCHEMA,
    ProductionConfig,
    ReleaseRow,
    release_id,
)
from rooney_core.release.limits import LiveLimits
from rooney_core.release.load import Release, check_models_version, load_release
from rooney_core.release.terms import ReleaseTerms

__all__ = [
    "PRODUCTION_CONFIG_SCHEMA",
    "LiveLimits",
    "ProductionConfig",
    "Release",
    "ReleaseRow",
    "ReleaseTables",
    "ReleaseTerms",
    "build_release",
    "check_models_version",
    "load_release",
    "release_id",
]
