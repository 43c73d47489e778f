"""Pure functions of prices: numpy float64 arrays, oldest first, in and out; NaN until defined.

Belongs here: one number per bar that needs no parameters but a period. Does not belong here: a
decision (`rooney_core.strategies`) or a model input with a meaning (`rooney_core.features`).
Every function named in `__all__` is swept by the causality test. `bounded` has those with a bounded
memory, `incremental` all of them bar by bar: the same compiled steps, so the same bits.
"""

from rooney_core.indicators.bar_shape import (
    donchian_channel,
    internal_bar_strength,
    rolling_max,
    rolling_min,
    williams_percent_r,
)
from rooney_core.indicators.bounded import (
    bounded_average_directional_index,
    bounded_average_true_range,
    bounded_exponential_moving_average,
    bounded_keltner_channel,
    bounded_macd,
    bounded_relative_strength_index,
)
from rooney_core.indicators.momentum import (
    average_directional_index,
    directional_indicators,
    percent_rank,
    point_change,
    rate_of_change,
    relative_strength_index,
    streak,
)
from rooney_core.indicators.trend import (
    exponential_moving_average,
    macd,
    rolling_median,
    simple_moving_average,
)
from rooney_core.indicators.volatility import (
    average_true_range,
    bollinger_bands,
    keltner_channel,
    mean_true_range,
    rolling_std,
    rolling_zscore,
    true_range,
)

__all__ = [
    "average_directional_index",
    "average_true_range",
    "bollinger_bands",
    "bounded_average_directional_index",
    "bounded_average_true_range",
    "bounded_exponential_moving_average",
    "bounded_keltner_channel",
    "bounded_macd",
    "bounded_relative_strength_index",
    "directional_indicators",
    "donchian_channel",
    "exponential_moving_average",
    "internal_bar_strength",
    "keltner_channel",
    "macd",
    "mean_true_range",
    "percent_rank",
    "point_change",
    "rate_of_change",
    "relative_strength_index",
    "rolling_max",
    "rolling_median",
    "rolling_min",
    "rolling_std",
    "rolling_zscore",
    "simple_moving_average",
    "streak",
    "true_range",
    "williams_percent_r",
]
