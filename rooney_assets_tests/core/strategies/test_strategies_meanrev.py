"""The mean-reversion rules against their definitions in plain Python."""

from __future__ import annotations

import statistics
from functools import cache

import pytest
from plain_sessions import (
    agrees,
    at,
    average_range,
    col,
    exponential_mean,
    mean_close,
    memory,
    rsi,
    rsi_of,
    run_of_closes,
    some_params,
)

from rooney_core.errors import InvalidSetting
from rooney_core.strategies import VARIANTS


def rises(i, p):
    return at("close", i) > mean_close(i, p.trend_sessions)


def above_short_mean(i, p):
    return at("close", i) > mean_close(i, p.exit_sessions)


def lower_band(i, p):
    deviation = statistics.pstdev(col("close", i, p.band_sessions))
    return mean_close(i, p.band_sessions) - p.deviations * deviation


def percent_b(i):
    deviation = statistics.pstdev(col("close", i, 5))
    return (at("close", i) - mean_close(i, 5) + deviation) / (2 * deviation)


def score(i, n):
    return (at("close", i) - mean_close(i, n)) / statistics.stdev(col("close", i, n))


def percent_r(i, n):
    high, low = max(col("high", i, n)), min(col("low", i, n))
    return -100 * (high - at("close", i)) / (high - low)


def change(i):
    return (at("close", i) - at("close", i - 1)) / at("raw_close", i - 1)


@cache
def connors_rsi(i):
    runs = [float(run_of_closes(d, 20)) for d in range(i - memory(2) + 1, i + 1)]
    rank = statistics.fmean(change(i - n) < change(i) for n in range(1, 101))
    return (rsi(i, 3) + rsi_of(runs, 2) + 100 * rank) / 3


def below_channel(i, p):
    n = p.channel_sessions
    return at("close", i) < exponential_mean(i, n) - p.ranges * average_range(i, n)


RULES = {
    "meanrev_bollinger": (
        lambda i, p: at("close", i) < lower_band(i, p),
        lambda i, p: at("close", i) > mean_close(i, p.band_sessions),
    ),
    "meanrev_percent_b": (
        lambda i, p: rises(i, p) and max(percent_b(i - n) for n in range(3)) < p.entry_below,
        lambda i, p: percent_b(i) > p.exit_above,
    ),
    "meanrev_zscore": (
        lambda i, p: score(i, p.score_sessions) < p.entry_below,
        lambda i, p: score(i, p.score_sessions) > p.exit_above,
    ),
    "meanrev_zscore_uptrend": (
        lambda i, p: rises(i, p) and score(i, p.score_sessions) < p.entry_below,
        lambda i, p: score(i, p.score_sessions) > p.exit_above,
    ),
    "meanrev_connors_rsi": (
        lambda i, p: rises(i, p) and connors_rsi(i) < p.entry_below,
        above_short_mean,
    ),
    "meanrev_falling_closes": (
        lambda i, p: rises(i, p) and run_of_closes(i, p.falls) == -p.falls,
        above_short_mean,
    ),
    "meanrev_double_sevens": (
        lambda i, p: rises(i, p) and at("close", i) == min(col("close", i, p.extreme_sessions)),
        lambda i, p: at("close", i) == max(col("close", i, p.extreme_sessions)),
    ),
    "meanrev_williams": (
        lambda i, p: percent_r(i, p.range_sessions) < p.entry_below,
        lambda i, p: percent_r(i, p.range_sessions) > p.exit_above,
    ),
    "meanrev_keltner": (
        below_channel,
        lambda i, p: at("close", i) > exponential_mean(i, p.channel_sessions),
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_says_what_its_definition_says(name):
    enter, leave = RULES[name]
    assert sum(agrees(name, params, enter, leave) for params in some_params(name)) > 20


def test_every_rule_of_the_family_is_defined_here():
    assert set(RULES) == {one.name for one in VARIANTS.values() if one.family == "meanrev"}


def test_levels_out_of_order_are_refused():
    wrong = {
        "meanrev_percent_b": {"entry_below": 0.9, "exit_above": 0.8},
        "meanrev_zscore": {"entry_below": -1.0, "exit_above": -1.5},
        "meanrev_williams": {"entry_below": -20.0, "exit_above": -30.0},
    }
    for name, values in wrong.items():
        with pytest.raises(InvalidSetting, match="must be smaller than exit_above"):
            VARIANTS[name].parse_params(values)
