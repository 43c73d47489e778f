"""The RSI rules against their definitions in plain Python."""

from __future__ import annotations

import pytest
from plain_sessions import agrees, at, mean_close, rsi, some_params

from rooney_core.errors import InvalidSetting
from rooney_core.strategies import VARIANTS


def above(i, n):
    return at("close", i) > mean_close(i, n)


def below(i, n):
    return at("close", i) < mean_close(i, n)


def fell_three_times(i):
    a, b, c, d = (rsi(i - n, 2) for n in (3, 2, 1, 0))
    return 60 > a > b > c > d


RULES = {
    "rsi2_classic": (
        lambda i, p: above(i, p.trend_sessions) and rsi(i, 2) < p.entry_below,
        lambda i, p: above(i, p.exit_sessions),
    ),
    "rsi2_unfiltered": (
        lambda i, p: rsi(i, 2) < p.entry_below,
        lambda i, p: rsi(i, 2) > p.exit_above,
    ),
    "rsi2_cumulative": (
        lambda i, p: above(i, p.trend_sessions) and rsi(i, 2) + rsi(i - 1, 2) < p.sum_below,
        lambda i, p: rsi(i, 2) > p.exit_above,
    ),
    "rsi2_three_falls": (
        lambda i, p: (
            above(i, p.trend_sessions) and fell_three_times(i) and rsi(i, 2) < p.entry_below
        ),
        lambda i, p: rsi(i, 2) > p.exit_above,
    ),
    "rsi2_short": (
        lambda i, p: below(i, p.trend_sessions) and rsi(i, 2) > p.entry_above,
        lambda i, p: below(i, p.exit_sessions),
    ),
    "rsi14_reclaim": (
        lambda i, p: rsi(i - 1, 14) <= p.entry_crossed < rsi(i, 14),
        lambda i, p: rsi(i, 14) > p.exit_above,
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_says_what_its_definition_says(name):
    enter, leave = RULES[name]
    assert sum(agrees(name, params, enter, leave) for params in some_params(name)) > 20


def test_every_rule_of_the_family_is_defined_here():
    assert set(RULES) == {one.name for one in VARIANTS.values() if one.family == "rsi"}


def test_levels_out_of_order_are_refused():
    for name in ("rsi2_unfiltered", "rsi14_reclaim"):
        first = next(iter(VARIANTS[name].axes))
        with pytest.raises(InvalidSetting, match="must be smaller than exit_above"):
            VARIANTS[name].parse_params({first: 80.0, "exit_above": 70.0})
