"""Have the markets moved away from what a model learnt?"""

from rooney_core.gates.drift.report import (
    DRIFT_SCHEMA,
    FEATURES_SCHEMA,
    DriftLimits,
    Witness,
    compared_features,
    drift_of,
    newest_sessions,
)

__all__ = [
    "DRIFT_SCHEMA",
    "FEATURES_SCHEMA",
    "DriftLimits",
    "Witness",
    "compared_features",
    "drift_of",
    "newest_sessions",
]
