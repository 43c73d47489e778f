"""What every indicator does about the unknown: NaN before, inside and after, in one sweep.

A new indicator is swept by being in `indicators.__all__`; arguments are filled in by their names.
"""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from rooney_core import indicators
from rooney_core.errors import InvalidSetting

N_BARS = 120
SETTINGS = {"n": 5, "k": 2.0, "fast": 3, "slow": 6, "signal": 4, "memory": 24, "longest": 4}
# Bars from its first value to its first known one, that one included; and whether it forgets.
FIRST_KNOWN = {
    "average_directional_index": (10, False),
    "average_true_range": (6, False),
    "bollinger_bands": (5, True),
    "bounded_average_directional_index": (24, True),
    "bounded_average_true_range": (24, True),
    "bounded_exponential_moving_average": (24, True),
    "bounded_keltner_channel": (24, True),
    "bounded_macd": (24, True),
    "bounded_relative_strength_index": (24, True),
    "directional_indicators": (6, False),
    "donchian_channel": (5, True),
    "exponential_moving_average": (5, False),
    "internal_bar_strength": (1, True),
    "keltner_channel": (6, False),
    "macd": (9, False),
    "mean_true_range": (6, True),
    "percent_rank": (6, True),
    "point_change": (6, True),
    "rate_of_change": (6, True),
    "relative_strength_index": (6, False),
    "rolling_max": (5, True),
    "rolling_median": (5, True),
    "rolling_min": (5, True),
    "rolling_std": (5, True),
    "rolling_zscore": (5, True),
    "simple_moving_average": (5, True),
    "streak": (2, True),
    "true_range": (2, True),
    "williams_percent_r": (5, True),
}


def _prices() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    close = 50 + rng.normal(0, 0.3, N_BARS).cumsum()
    low, high = close - rng.exponential(0.2, N_BARS), close + rng.exponential(0.2, N_BARS)
    return {"high": high, "low": low, "close": close, "x": close}


def _outputs(name: str, prices: dict[str, np.ndarray]) -> np.ndarray:
    function = getattr(indicators, name)
    known = prices | SETTINGS
    wanted = [one for one in inspect.signature(function).parameters if one in known]
    return np.atleast_2d(function(**{one: known[one] for one in wanted}))


def test_every_indicator_says_when_it_is_known():
    assert sorted(FIRST_KNOWN) == sorted(indicators.__all__)


@pytest.mark.parametrize("name", FIRST_KNOWN)
def test_unknown_until_defined_and_known_from_then_on(name):
    outputs, first = _outputs(name, _prices()), FIRST_KNOWN[name][0] - 1
    assert np.isnan(outputs[:, :first]).all()
    assert np.isfinite(outputs[:, first:]).all()


@pytest.mark.parametrize("name", FIRST_KNOWN)
def test_leading_unknowns_only_delay(name):
    prices = _prices()
    later = {key: np.concatenate(([np.nan] * 9, values)) for key, values in prices.items()}
    outputs = _outputs(name, later)
    assert np.isnan(outputs[:, :9]).all()
    assert np.array_equal(outputs[:, 9:], _outputs(name, prices), equal_nan=True)


@pytest.mark.parametrize("name", FIRST_KNOWN)
def test_an_unknown_inside_spoils_its_windows_and_for_ever_the_recursions(name):
    first, forgets = FIRST_KNOWN[name]
    hole = {key: values.copy() for key, values in _prices().items()}
    for values in hole.values():
        values[60] = np.nan
    whole, outputs = _outputs(name, _prices()), _outputs(name, hole)
    assert np.array_equal(outputs[:, :60], whole[:, :60], equal_nan=True)
    assert np.isnan(outputs[:, 60]).all()
    if not forgets:
        assert np.isnan(outputs[:, 60:]).all()
        return
    assert np.isnan(outputs[:, 60 : 60 + first]).all()
    assert np.isfinite(outputs[:, 60 + first :]).all()
    assert outputs[:, 90:].tobytes() == whole[:, 90:].tobytes()


@pytest.mark.parametrize("n_bars", [0, 1, 4])
@pytest.mark.parametrize("name", FIRST_KNOWN)
def test_too_short_a_history_is_unknown(name, n_bars):
    outputs = _outputs(name, {key: values[:n_bars] for key, values in _prices().items()})
    assert outputs.shape[1] == n_bars
    assert np.isnan(outputs[:, : FIRST_KNOWN[name][0] - 1]).all()


@pytest.mark.parametrize("name", FIRST_KNOWN)
def test_no_indicator_writes_into_what_it_reads(name):
    prices = _prices()
    for values in prices.values():
        values.flags.writeable = False
    outputs = _outputs(name, prices)
    assert outputs.flags.owndata or not np.shares_memory(outputs, prices["close"])


@pytest.mark.parametrize("name", [name for name in FIRST_KNOWN if name.startswith("bounded_")])
def test_a_memory_shorter_than_the_seed_is_refused(name):
    function = getattr(indicators, name)
    known = _prices() | SETTINGS | {"memory": 4}
    wanted = [one for one in inspect.signature(function).parameters if one in known]
    with pytest.raises(InvalidSetting, match="memory=4"):
        function(**{one: known[one] for one in wanted})
