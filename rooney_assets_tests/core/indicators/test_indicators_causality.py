"""No indicator looks ahead: change only the last bar, and every earlier value is bit-identical.

A new indicator is swept by being in `indicators.__all__`; arguments are filled in by their names.
"""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from rooney_core import indicators

N_BARS = 90
PERIODS = {"n": 7, "k": 2.0, "fast": 4, "slow": 9, "signal": 3, "memory": 23, "longest": 5}
# Their value at a bar is a function of this many last bars, to the bit: strategies rely on it.
WINDOWED = {
    "simple_moving_average": 7,
    "mean_true_range": 8,
    "rolling_zscore": 7,
    "bollinger_bands": 7,
    "donchian_channel": 7,
    "williams_percent_r": 7,
    "internal_bar_strength": 1,
    "true_range": 2,
    "point_change": 8,
    "rate_of_change": 8,
    "percent_rank": 8,
    "streak": 6,
    "rolling_max": 7,
    "rolling_min": 7,
    "rolling_median": 7,
    "rolling_std": 7,
    "bounded_average_directional_index": 23,
    "bounded_average_true_range": 23,
    "bounded_exponential_moving_average": 23,
    "bounded_keltner_channel": 23,
    "bounded_macd": 23,
    "bounded_relative_strength_index": 23,
}


def _prices(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    close = 50 + rng.normal(0, 0.3, N_BARS).cumsum()
    low, high = close - rng.exponential(0.2, N_BARS), close + rng.exponential(0.2, N_BARS)
    return {"high": high, "low": low, "close": close, "x": close}


def _outputs(name: str, prices: dict[str, np.ndarray]) -> np.ndarray:
    function = getattr(indicators, name)
    required = [
        one.name
        for one in inspect.signature(function).parameters.values()
        if one.name in prices or one.name in PERIODS
    ]
    return np.atleast_2d(function(**{one: (prices | PERIODS)[one] for one in required}))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", indicators.__all__)
def test_changing_only_the_last_bar_changes_no_earlier_value(name, seed):
    prices = _prices(seed)
    changed = {key: np.append(values[:-1], values[-1] * 3) for key, values in prices.items()}
    before, after = _outputs(name, prices), _outputs(name, changed)
    assert before[:, :-1].tobytes() == after[:, :-1].tobytes()
    shorter = _outputs(name, {key: values[:-1] for key, values in prices.items()})
    assert before[:, :-1].tobytes() == shorter.tobytes()


@pytest.mark.parametrize("name", WINDOWED)
def test_a_windowed_indicator_depends_on_its_window_only(name):
    prices, size = _prices(11), WINDOWED[name]
    whole = _outputs(name, prices)
    for last in range(size - 1, N_BARS):
        window = {key: values[last - size + 1 : last + 1] for key, values in prices.items()}
        assert _outputs(name, window)[:, -1].tobytes() == whole[:, last].tobytes()
