"""Indicators against TA-Lib (its Python package 0.8.2): the numbers below are its output, not ours.

For an environment without TA-Lib, such as the trader's; `test_indicators_talib_bars` asks TA-Lib
itself. They were printed by this script (it needs only numpy and TA-Lib):

    i = np.arange(40)
    c = 100 + ((i * 37) % 23) / 4.0 - ((i * i * 5) % 31) / 8.0 + i / 4.0
    h = c + ((i * 11) % 7 + 1) / 4.0
    l = c - ((i * 13) % 5 + 1) / 4.0
    for each call in CASES: first defined index, and round(value, 9) at 20, 30, 39
"""

from __future__ import annotations

import numpy as np
import pytest

from rooney_core import indicators as ours

_I = np.arange(40)
CLOSE = 100 + ((_I * 37) % 23) / 4.0 - ((_I * _I * 5) % 31) / 8.0 + _I / 4.0
HIGH = CLOSE + ((_I * 11) % 7 + 1) / 4.0
LOW = CLOSE - ((_I * 13) % 5 + 1) / 4.0

CASES = {
    "SMA(c, 5)": (
        lambda: ours.simple_moving_average(CLOSE, 5),
        4,
        (106.225, 108.1, 110.2),
    ),
    "EMA(c, 5)": (
        lambda: ours.exponential_moving_average(CLOSE, 5),
        4,
        (105.661436532, 107.650585717, 110.257270227),
    ),
    "RSI(c, 6)": (
        lambda: ours.relative_strength_index(CLOSE, 6),
        6,
        (46.386587258, 55.200704197, 58.049098361),
    ),
    "ATR(h, l, c, 6)": (
        lambda: ours.average_true_range(HIGH, LOW, CLOSE, 6),
        6,
        (3.612739786, 3.501906156, 4.879506842),
    ),
    "ADX(h, l, c, 6)": (
        lambda: ours.average_directional_index(HIGH, LOW, CLOSE, 6),
        11,
        (21.921924669, 16.417402821, 15.204488443),
    ),
    "WILLR(h, l, c, 6)": (
        lambda: ours.williams_percent_r(HIGH, LOW, CLOSE, 6),
        5,
        (-86.79245283, -51.428571429, -26.582278481),
    ),
    "MAX(h, 6)": (
        lambda: ours.donchian_channel(HIGH, LOW, 6)[0],
        5,
        (109.75, 112.875, 115.375),
    ),
    "MIN(l, 6)": (
        lambda: ours.donchian_channel(HIGH, LOW, 6)[1],
        5,
        (103.125, 104.125, 105.5),
    ),
    "BBANDS(c, 6, 1.5, 1.5)[0]": (
        lambda: ours.bollinger_bands(CLOSE, 6, 1.5)[0],
        5,
        (108.906095293, 110.772299911, 114.116952604),
    ),
    "BBANDS(c, 6, 1.5, 1.5)[1]": (
        lambda: ours.bollinger_bands(CLOSE, 6, 1.5)[1],
        5,
        (105.75, 107.479166667, 110.291666667),
    ),
    "BBANDS(c, 6, 1.5, 1.5)[2]": (
        lambda: ours.bollinger_bands(CLOSE, 6, 1.5)[2],
        5,
        (102.593904707, 104.186033423, 106.46638073),
    ),
    "MACD(c, 4, 9, 3)[0]": (
        lambda: ours.macd(CLOSE, 4, 9, 3)[0],
        10,
        (0.296759787, 0.552947524, 0.635140279),
    ),
    "MACD(c, 4, 9, 3)[1]": (
        lambda: ours.macd(CLOSE, 4, 9, 3)[1],
        10,
        (0.626713082, 0.465120792, 0.463592202),
    ),
    "MACD(c, 4, 9, 3)[2]": (
        lambda: ours.macd(CLOSE, 4, 9, 3)[2],
        10,
        (-0.329953295, 0.087826731, 0.171548077),
    ),
}


@pytest.mark.parametrize("call", CASES)
def test_values_and_first_defined_bar_are_those_of_talib(call):
    compute, first, expected = CASES[call]
    values = compute()
    assert np.isnan(values[:first]).all()
    assert np.isfinite(values[first:]).all()
    assert values[[20, 30, 39]] == pytest.approx(expected, abs=1e-9)
