"""What the meta model knows about a moment: numbers known when a bar closes, NaN where unknown.

Belongs here: model inputs, declared once and computed by the same compiled function in a backtest
and in live. Does not belong here: signals (`rooney_core.strategies`), labels, or a model.
"""

from rooney_core.features.compute import compute_features, feature_names
from rooney_core.features.coverage import feature_coverage
from rooney_core.features.declarations import FEATURES, MAX_LOOKBACK, Feature
from rooney_core.features.references import ReferenceCloses

__all__ = [
    "FEATURES",
    "MAX_LOOKBACK",
    "Feature",
    "ReferenceCloses",
    "compute_features",
    "feature_coverage",
    "feature_names",
]
