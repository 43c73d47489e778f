"""Orders with levels, targets, trailing stops and nights: each rule on bars checked by eye."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hand_made import bars, flat_bars, signals

from rooney_core.backtest.play import RoundTrips, play, trace
from rooney_core.strategies import Signals

QUIET = (100.0, 101.0, 99.0, 100.0)


def chosen(n: int, **more: object) -> Signals:
    """Buy at the close of bar 0, unless `side` says sell; levels and distances as given."""
    plain = {one: more.pop(one) for one in ("leave", "max_bars", "stop") if one in more}
    where = {"short" if more.pop("side", 1) < 0 else "long": more.pop("at", (0,))}
    full = {
        name: np.full(n, value) if isinstance(value, float) else value
        for name, value in more.items()
    }
    return replace(signals(n, **where, **plain), **full)


def mirrored(prices: list) -> list:
    return [(200 - o, 200 - low, 200 - high, 200 - c) for o, high, low, c in prices]


def story(trips: RoundTrips) -> list[tuple]:
    return [
        (
            int(trips.entry_index[i]),
            float(trips.entry_price[i]),
            int(trips.exit_index[i]),
            float(trips.exit_price[i]),
            trips.exit_reason[i],
        )
        for i in range(len(trips.side))
    ]


def both_ways(prices: list, long: Signals) -> list[tuple]:
    """What a long position does; the short one on mirrored prices must do the mirrored same."""
    flip = {
        name: None if getattr(long, name) is None else 200 - getattr(long, name)
        for name in ("entry_level", "target_level")
    }
    short = replace(long, entry=-long.entry, **flip)
    told = story(play(bars(prices), long))
    other = story(play(bars(mirrored(prices)), short))
    assert other == [(i, 200 - a, j, 200 - b, why) for i, a, j, b, why in told]
    return told


@pytest.mark.parametrize(
    ("order", "bar", "price"),
    [
        ("stop", (100, 103, 99, 102), 102.0),  # reached within the bar
        ("stop", (100, 102, 99, 101), 102.0),  # a touch is enough for a stop
        ("stop", (104, 105, 103, 104), 104.0),  # a gap fills at the open
        ("stop", (100, 101.75, 99, 101), None),
        ("limit", (104, 105, 101, 103), 102.0),  # traded through
        ("limit", (104, 105, 102, 103), None),  # a touch is not enough for a limit
        ("limit", (101, 103, 100, 102), 101.0),  # an open below it is better
    ],
)
def test_an_entry_order_of_102(order, bar, price):
    prices = [QUIET, bar, (102, 102.5, 101.5, 102), (102, 103, 101, 102)]
    told = both_ways(prices, chosen(4, order=order, entry_level=102.0, leave=(2,)))
    assert told == ([] if price is None else [(1, price, 3, 102.0, "SIGNAL")])


def test_an_order_works_in_the_next_bar_only_and_may_be_given_anew():
    prices = [QUIET, QUIET, (101, 103, 100, 102), QUIET, QUIET]
    once = chosen(5, order="stop", entry_level=102.0, leave=(3,))
    assert both_ways(prices, once) == []
    assert trace(bars(prices), once).lapsed.tolist() == [0, 1, 0, 0, 0]
    again = chosen(5, order="stop", entry_level=102.0, at=(0, 1), leave=(3,))
    assert both_ways(prices, again) == [(2, 102.0, 4, 100.0, "SIGNAL")]


def test_an_order_needs_volume_and_a_level():
    market = bars([QUIET, (101, 103, 100, 102), QUIET, QUIET], volume=[1, 0, 1, 1])
    assert story(play(market, chosen(4, order="stop", entry_level=102.0, leave=(2,)))) == []
    assert not trace(market, chosen(4, order="stop")).entry_ordered.any()


def test_a_level_is_an_adjusted_price_of_the_bar_that_it_works_in():
    # Adjusted 108 is 102 in the contract of bar 1.
    market = bars([QUIET, (101, 103, 100, 102), QUIET, QUIET], adjustment=[8.0, 6.0, 6.0, 6.0])
    told = story(play(market, chosen(4, order="stop", entry_level=108.0, leave=(2,))))
    assert told == [(1, 102.0, 3, 100.0, "SIGNAL")]


@pytest.mark.parametrize(
    ("order", "bar", "end"),
    [
        # Bought at 102 on the way up; the low of 99 may have come later: the worse is believed.
        ("stop", (101, 103, 99, 102.5), (100.0, "STOP")),
        ("stop", (101, 103, 100.25, 102.5), None),
        # Opened below the stop of 100: it was passed on the way up; did the bar come back?
        ("stop", (99, 103, 98, 102.5), None),
        ("stop", (99, 103, 98, 100), (100.0, "STOP")),
        # Bought at 102 on the way down: what is below it comes after.
        ("limit", (104, 105, 100, 103), (100.0, "STOP")),
        ("limit", (104, 105, 100.25, 103), None),
    ],
)
def test_a_stop_in_the_bar_of_an_entry_inside_it(order, bar, end):
    prices = [QUIET, bar, (102, 102.5, 101.5, 102), QUIET]
    told = both_ways(prices, chosen(4, order=order, entry_level=102.0, stop=2.0, leave=(2,)))
    assert told == [(1, 102.0, 1, *end) if end else (1, 102.0, 3, 100.0, "SIGNAL")]


def test_the_target_is_not_granted_in_the_bar_of_an_entry_inside_it():
    prices = [QUIET, (101, 110, 100, 103), (103, 103.5, 102.5, 103), (103, 105, 102, 103), QUIET]
    inside = chosen(5, order="stop", entry_level=102.0, target_distance=2.0)
    assert both_ways(prices, inside) == [(1, 102.0, 3, 104.0, "TARGET")]
    at_open = chosen(5, target_distance=2.0)
    assert both_ways(prices, at_open) == [(1, 101.0, 1, 103.0, "TARGET")]


def test_a_limit_order_at_the_open_may_have_waited_for_its_fill():
    prices = [QUIET, (102, 110, 101, 103), (103, 103.5, 102.5, 103), QUIET]
    told = both_ways(
        prices, chosen(4, order="limit", entry_level=102.0, target_distance=2.0, leave=(2,))
    )
    assert told == [(1, 102.0, 3, 100.0, "SIGNAL")]


@pytest.mark.parametrize(
    ("bar", "end"),
    [
        ((100, 102.25, 99.5, 101), (102.0, "TARGET")),
        ((100, 102, 99.5, 101), None),  # a touch is not enough
        ((103, 104, 102, 103), (103.0, "TARGET")),  # an open beyond it is better
        ((103, 104, 97, 98), (103.0, "TARGET")),  # the open comes before the stop
        ((100, 103, 97, 101), (98.0, "STOP")),  # both within the bar: the stop is believed
        ((97, 103, 96, 101), (97.0, "STOP")),
    ],
)
def test_a_target_of_two_points_above_a_stop_of_two(bar, end):
    still = (100, 100.5, 99.5, 100)
    prices = [QUIET, still, bar, QUIET, QUIET]
    told = both_ways(prices, chosen(5, stop=2.0, target_distance=2.0, leave=(2,)))
    assert told == [(1, 100.0, 2, *end) if end else (1, 100.0, 3, 100.0, "SIGNAL")]


def test_of_two_targets_the_nearer_counts_and_one_behind_the_entry_is_reached_at_once():
    prices = [QUIET, (100, 100.5, 99.5, 100), (100, 104, 99.5, 100), QUIET, QUIET]
    level = chosen(5, target_distance=3.0, target_level=101.5)
    assert both_ways(prices, level) == [(1, 100.0, 2, 101.5, "TARGET")]
    distance = chosen(5, target_distance=1.25, target_level=103.5)
    assert both_ways(prices, distance) == [(1, 100.0, 2, 101.25, "TARGET")]
    behind = chosen(5, target_level=99.75)
    assert both_ways(prices, behind) == [(1, 100.0, 1, 100.0, "TARGET")]


def test_a_trailing_stop_follows_the_best_close_from_the_next_bar_on():
    rising = [(100, 101, 99, 100.5), (101, 106, 100, 105), (105, 105, 103.5, 104)]
    prices = [QUIET, *rising, (104, 104.5, 103.5, 104), (104, 104, 102.5, 103), QUIET]
    # Best close 105: the stop is at 103 from the bar after it.
    assert both_ways(prices, chosen(7, trail_distance=2.0)) == [(1, 100.0, 5, 103.0, "TRAIL")]


def test_a_trailing_stop_protects_from_the_entry_and_the_tighter_one_names_the_exit():
    prices = [QUIET, (100, 101, 97.5, 99), QUIET]
    assert both_ways(prices, chosen(3, trail_distance=2.0)) == [(1, 100.0, 1, 98.0, "TRAIL")]
    both = chosen(3, trail_distance=2.0, stop=1.0)
    assert both_ways(prices, both) == [(1, 100.0, 1, 99.0, "STOP")]


def test_a_bar_without_volume_moves_no_trailing_stop():
    prices = [QUIET, QUIET, (100, 108, 100, 108), (104, 104, 103, 104), QUIET]
    market = bars(prices, volume=[1, 1, 0, 1, 1])
    told = story(play(market, chosen(5, trail_distance=2.0, leave=(3,))))
    assert told == [(1, 100.0, 4, 100.0, "SIGNAL")]


def test_levels_move_with_the_contract():
    # The next contract trades 8 higher from bar 2 on: target 104 -> 112, trailing 103 -> 111.
    prices = [QUIET, (100, 105, 99.5, 105), (112, 112.5, 111.25, 112), (112, 113, 111, 111.5)]
    market = bars([*prices, QUIET], adjustment=[8.0, 8.0, 0.0, 0.0, 0.0])
    assert story(play(market, chosen(5, trail_distance=2.0))) == [(1, 100.0, 3, 111.0, "TRAIL")]
    # Entered before the roll of bar 3 with a target of adjusted 122: 114 -> 122.
    rolled = bars([*prices, (121, 123, 121, 122)], adjustment=[8.0] * 3 + [0.0] * 2)
    told = story(play(rolled, chosen(5, target_level=122.0, at=(1,))))
    assert told == [(2, 112.0, 4, 122.0, "TARGET")]


def test_overnight_positions_pass_deadlines_and_gaps_in_the_bars():
    market = flat_bars(
        6, hours=[0, 1, 24, 25, 50, 51], sessions=[0, 0, 1, 1, 2, 2], deadline_hour=2
    )
    held = replace(signals(6, long=(1,), leave=(4,)), overnight=True)
    assert story(play(market, held)) == [(2, 102.0, 5, 105.0, "SIGNAL")]
    assert story(play(market, replace(held, overnight=False))) == []


def test_time_is_counted_in_decisions():
    decides = np.array([0, 1, 0, 1, 0, 0, 1, 0, 0, 1], np.bool_)
    chosen_ = replace(signals(10, long=(1,), max_bars=2), decides=decides, overnight=True)
    # Entered at bar 2; decisions at bars 3 and 6; out at the next open.
    assert story(play(flat_bars(10), chosen_)) == [(2, 102.0, 7, 107.0, "TIME")]
