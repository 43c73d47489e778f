"""Pure functions of prices: numpy float64 arrays, oldest first, in and out; NaN until defined.

Belongs here: one number per bar that needs no parameters but a period. Does not belong here: a
decision (`rooney_core.strategies`) or a model input with a meaning (`rooney_core.features`).
Every function named in `__all__` is swept by the causality test.
"""

from rooney_core.indicators.bar_shape import (
    donchian_channel,
    internal_bar_strength,
    williams_percent_r,
)
from rooney_core.indicators.momentum import average_directional_index, relative_strength_index
from rooney_core.indicators.trend import exponential_moving_average, macd, simple_moving_average
from rooney_core.indicators.volatility import (
    average_true_range,
    bollinger_bands,
    mean_true_range,
    rolling_zscore,
    true_range,
)

__all__ = [
    "average_directional_index",
    "average_true_range",
    "bollinger_bands",
    "donchian_channel",
    "exponential_moving_average",
    "internal_bar_strength",
    "macd",
    "mean_true_range",
    "relative_strength_index",
    "rolling_zscore",
    "simple_moving_average",
    "true_range",
    "williams_percent_r",
]
