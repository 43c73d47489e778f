"""Sessions as lists, and indicators in plain Python: a second opinion on daily rules.

Belongs here: the definitions, written as slowly as they are said. Does not belong here: a variant.

Every function answers for session number i from the sessions up to it, each time from scratch.
"""

from __future__ import annotations

import itertools
import random
import statistics
from collections.abc import Callable
from functools import cache

import numpy as np
from simulated_market import SYMBOLS, continuous, instrument, simulated_bars

from rooney_core.market.sessions import session_bars
from rooney_core.strategies import VARIANTS, Variant, VariantParams

Opinion = Callable[[int, VariantParams], bool]
FORGETTING = 10
SHORTEST = 50


@cache
def table() -> dict[str, list[float]]:
    """Columns of the simulated sessions: adjusted prices by name, raw ones with raw_ before."""
    frame = session_bars(continuous(SYMBOLS[0]), instrument())
    raw = {f"raw_{name}": frame[name].to_list() for name in ("open", "high", "low", "close")}
    adjusted = {
        name: (frame[name] + frame["adjustment"]).to_list()
        for name in ("open", "high", "low", "close")
    }
    weekday = frame["session"].dt.weekday().to_list()
    return raw | adjusted | {"weekday": weekday}


def col(name: str, i: int, n: int = 1) -> list[float]:
    """The last n values of a column, oldest first."""
    return table()[name][i - n + 1 : i + 1]


def at(name: str, i: int) -> float:
    return table()[name][i]


def ibs(i: int) -> float:
    low, high = at("raw_low", i), at("raw_high", i)
    return 0.5 if high == low else (at("raw_close", i) - low) / (high - low)


def mean_close(i: int, n: int) -> float:
    return statistics.fmean(col("close", i, n))


def memory(n: int) -> int:
    return max(SHORTEST, FORGETTING * n)


def wilder(values: list[float], n: int) -> float:
    """The mean of the first n, then each further value with weight 1 / n."""
    mean = statistics.fmean(values[:n])
    for value in values[n:]:
        mean += (value - mean) / n
    return mean


def rsi_of(values: list[float], n: int) -> float:
    moves = [b - a for a, b in itertools.pairwise(values)]
    gain = wilder([max(one, 0.0) for one in moves], n)
    loss = wilder([max(-one, 0.0) for one in moves], n)
    return 50.0 if gain + loss == 0.0 else 100.0 * gain / (gain + loss)


@cache
def rsi(i: int, n: int) -> float:
    return rsi_of(col("close", i, memory(n)), n)


@cache
def average_range(i: int, n: int) -> float:
    days = range(i - memory(n) + 2, i + 1)
    ranges = [
        max(at("high", d), at("close", d - 1)) - min(at("low", d), at("close", d - 1)) for d in days
    ]
    return wilder(ranges, n)


def exponential_mean(i: int, n: int) -> float:
    values = col("close", i, memory(n))
    mean = statistics.fmean(values[:n])
    for value in values[n:]:
        mean += (value - mean) * 2.0 / (n + 1)
    return mean


def run_of_closes(i: int, longest: int) -> int:
    """Closes in a row that rose (positive) or fell (negative), up to `longest`."""
    closes = col("close", i, longest + 1)
    signs = [(b > a) - (b < a) for a, b in itertools.pairwise(closes)][::-1]
    n = 0
    while n < len(signs) and signs[n] == signs[0] != 0:
        n += 1
    return n * signs[0]


def agrees(variant_name: str, params: VariantParams, enter: Opinion, leave: Opinion) -> int:
    """Compare a daily variant with plain opinions on many sessions; how many of them entered.

    Looked at: 60 sessions at random, 25 that enter, and the session after each of these.
    """
    variant: Variant = VARIANTS[variant_name]
    bars = simulated_bars()
    signals = variant.signals(bars, params, instrument())
    last_bar = np.flatnonzero(np.append(bars.session[1:] != bars.session[:-1], True))
    # Bars without a past of `lookback` bars have no entry, whatever the sessions say.
    known = np.flatnonzero(last_bar >= variant.lookback(params) - 1)
    entered = known[signals.entry[last_bar[known]] != 0].tolist()
    rng = random.Random(params.model_dump_json())
    some = rng.sample(entered, min(25, len(entered)))
    looked_at = {*rng.sample(known.tolist(), 60), *some, *(min(i + 1, known[-1]) for i in some)}
    (side,) = variant.sides
    for i in sorted(looked_at):
        bar = last_bar[i]
        assert signals.entry[bar] == (side if enter(i, params) else 0), (i, params)
        assert signals.exit[bar] == leave(i, params), (i, params)
    assert not np.delete(signals.entry, last_bar).any()
    assert not np.delete(signals.exit, last_bar).any()
    return len(entered)


def some_params(name: str) -> list[VariantParams]:
    """The default, both ends of the grid, and four from between."""
    variant = VARIANTS[name]
    rng = random.Random(name)
    return [
        variant.default_params,
        variant.grid()[0],
        variant.grid()[-1],
        *rng.sample(variant.grid(), 4),
    ]
