"""Signals do not look ahead, and a live window gives the bits of the whole history."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from random_markets import Shape, market, shapes

from rooney_core.market.bars import BarArrays
from rooney_core.strategies import VARIANTS, Signals, Variant, VariantParams

BUSY = Shape(1, 30, 20, 0.05, 0.05, 0.05, 0.05, 0.0, 0.1, 0.1)


def configurations() -> list[tuple[Variant, VariantParams]]:
    """Of every variant: the default, and both ends of its grid."""
    return [
        (one, params)
        for one in VARIANTS.values()
        for params in (one.default_params, one.grid()[0], one.grid()[-1])
    ]


CONFIGURATIONS = configurations()
IDS = [f"{variant.name}-{index % 3}" for index, (variant, _) in enumerate(CONFIGURATIONS)]


def bits(signals: Signals, last: int | None = None) -> tuple[bytes, ...]:
    return tuple(
        one[:last].tobytes() for one in (signals.entry, signals.exit, signals.stop_distance)
    )


def with_last_bar_changed(bars: BarArrays) -> BarArrays:
    changed = {}
    for name in ("open", "high", "low", "close", "volume", "adjustment"):
        values = getattr(bars, name).copy()
        values[-1] = values[-1] * 1.7 + 3
        changed[name] = values
    return replace(bars, **changed)


@pytest.mark.parametrize(("variant", "params"), CONFIGURATIONS, ids=IDS)
def test_changing_or_dropping_the_last_bar_changes_no_earlier_signal(variant, params):
    bars = market(BUSY)
    before = bits(variant.signals(bars, params), -1)
    assert bits(variant.signals(with_last_bar_changed(bars), params), -1) == before
    assert bits(variant.signals(bars.window(0, len(bars) - 1), params)) == before


@pytest.mark.parametrize(("variant", "params"), CONFIGURATIONS, ids=IDS)
def test_a_window_of_lookback_bars_gives_the_bits_of_the_whole_history(variant, params):
    bars = market(BUSY)
    lookback = variant.lookback(params)
    whole = variant.signals(bars, params)
    for last in range(lookback - 1, len(bars)):
        window = bars.window(last - lookback + 1, last + 1)
        one = variant.signals(window, params, first=lookback - 1)
        assert len(one) == 1
        assert bits(one) == bits(
            Signals(
                whole.entry[last : last + 1],
                whole.exit[last : last + 1],
                whole.stop_distance[last : last + 1],
                whole.max_bars,
            )
        )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(shape=shapes(max_sessions=6))
def test_signals_since_a_bar_are_the_tail_of_all_signals(shape):
    bars = market(shape)
    first = len(bars) // 2
    for variant, params in CONFIGURATIONS:
        tail = variant.signals(bars, params, first=first)
        assert bits(tail) == bits(variant.signals(bars, params).since(first))


def test_a_history_shorter_than_the_lookback_has_no_entry():
    bars = market(BUSY)
    for variant, params in CONFIGURATIONS:
        short = variant.lookback(params) - 1
        assert not variant.signals(bars.window(0, short), params).entry.any()


def test_a_later_roll_shifts_levels_and_leaves_signals_alone():
    # Backward adjustment moves the whole past when a roll is added; quarters add without rounding.
    bars = market(BUSY)
    shifted = replace(bars, adjustment=bars.adjustment + 12.5)
    assert {one.name for one in fields(bars)} >= {"adjustment"}
    for variant, params in CONFIGURATIONS:
        before, after = variant.signals(bars, params), variant.signals(shifted, params)
        assert np.array_equal(before.entry, after.entry)
        assert np.array_equal(before.exit, after.exit)
