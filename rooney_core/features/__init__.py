"""What the meta model knows about a moment: numbers known when a bar closes, NaN where unknown.

Belongs here: model inputs, declared once and computed by the same compiled function in a backtest
and in live. Does not belong here: signals (`rooney_core.strategies`), labels, or a model.
"""

from rooney_core.features.compute import compute_features, declared_features, feature_names
from rooney_core.features.coverage import feature_coverage
from rooney_core.features.declarations import FEATURES, MAX_LOOKBACK, Feature
from rooney_core.features.feeds import NO_FEEDS, FeedNames, Feeds
from rooney_core.features.hourly import HourlyCloses
from rooney_core.features.pair import PAIR_FEATURES, PartnerIbs
from rooney_core.features.prior_trades import PRIOR_TRADE_BARS, PRIOR_TRADE_FEATURES, PriorTrades
from rooney_core.features.references import ReferenceCloses

__all__ = [
    "FEATURES",
    "MAX_LOOKBACK",
    "NO_FEEDS",
    "PAIR_FEATURES",
    "PRIOR_TRADE_BARS",
    "PRIOR_TRADE_FEATURES",
    "Feature",
    "FeedNames",
    "Feeds",
    "HourlyCloses",
    "PartnerIbs",
    "PriorTrades",
    "ReferenceCloses",
    "compute_features",
    "declared_features",
    "feature_coverage",
    "feature_names",
]
