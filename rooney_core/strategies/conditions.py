"""The conditions of an entry, each with a name: computed once, and told afterwards if anyone asks.

Belongs here: comparing arrays so that the comparison can be put in words. Does not belong here: any
rule, or why an entry that was signalled did not happen (`rooney_core.backtest.why_not`).

A rule writes its entry as `all_of(prices, below("IBS", ...), above("close", ...))`, which is the
conjunction of the comparisons and nothing else. Where `prices.recorder` is a list, the conditions
are kept in it as well, so what explains an entry is the array that decided it. Without a recorder
that costs a handful of small objects per configuration, and no array.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from rooney_core.indicators.arrays import FloatArray

if TYPE_CHECKING:
    from rooney_core.strategies.prices import Prices

BoolArray = npt.NDArray[np.bool_]
Numbers = FloatArray | npt.NDArray[np.int64]
Limit = Numbers | float


class Condition(NamedTuple):
    """`holds`: one truth per bar or per session. `value` is compared with `limit`, which is called
    `than`; without a value the name alone says what holds. `either`: conditions of which one is
    enough."""

    name: str
    relation: str
    holds: BoolArray
    value: Numbers | None = None
    limit: Limit | None = None
    than: str = ""
    either: tuple[Condition, ...] = ()

    def taken(self, positions: npt.NDArray[np.int64]) -> Condition:
        """The same for other places: at each, the condition of that position; False at -1."""

        def take(values: Limit | None) -> Limit | None:
            if not isinstance(values, np.ndarray):
                return values
            taken: FloatArray = np.append(values.astype(np.float64), np.nan)[positions]
            return taken

        value = take(self.value)
        return self._replace(
            holds=np.append(self.holds, False)[positions],
            value=value if isinstance(value, np.ndarray) else None,
            limit=take(self.limit),
            either=tuple(one.taken(positions) for one in self.either),
        )

    def told(self, at: int) -> str:
        """What is the case at one position, with its numbers."""
        if self.either:
            return " and ".join(one.told(at) for one in self.either)
        negation = "" if self.holds[at] else "not "
        if self.value is None:
            return f"{negation}{self.name}"
        value = float(self.value[at])
        if math.isnan(value):
            return f"{self.name} is not known"
        if self.limit is None:
            return f"{self.name} is known: {shown(value)}"
        limit = float(self.limit[at] if isinstance(self.limit, np.ndarray) else self.limit)
        if math.isnan(limit):
            return f"{self.than} is not known"
        left, right = shown(value), shown(limit)
        if left == right and value != limit:
            left, right = repr(value), repr(limit)
        than = f"{self.than} {right}" if self.than else right
        return f"{self.name} {left} is {negation}{self.relation} {than}"


class Entry(NamedTuple):
    """One way into the market: the `side` that is taken where all of the conditions hold."""

    side: int
    conditions: tuple[Condition, ...]


Recorder = list[Entry]


def all_of(prices: Prices, *conditions: Condition, side: int = 1) -> BoolArray:
    """Where every condition holds; `side` is the one that the rule takes there."""
    if prices.recorder is not None:
        prices.recorder.append(Entry(side, conditions))
    holds = conditions[0].holds
    for one in conditions[1:]:
        holds = holds & one.holds
    return holds


def any_of(*conditions: Condition) -> Condition:
    """A condition that holds where one of these does."""
    holds = conditions[0].holds
    for one in conditions[1:]:
        holds = holds | one.holds
    return Condition(" or ".join(one.name for one in conditions), "", holds, either=conditions)


def below(name: str, value: Numbers, limit: Limit, than: str = "") -> Condition:
    """`value` < `limit`, which is called `than`; False where either is unknown."""
    return Condition(name, "below", value < limit, value, limit, than)


def above(name: str, value: Numbers, limit: Limit, than: str = "") -> Condition:
    """`value` > `limit`."""
    return Condition(name, "above", value > limit, value, limit, than)


def at_most(name: str, value: Numbers, limit: Limit, than: str = "") -> Condition:
    """`value` <= `limit`."""
    return Condition(name, "at most", value <= limit, value, limit, than)


def at_least(name: str, value: Numbers, limit: Limit, than: str = "") -> Condition:
    """`value` >= `limit`."""
    return Condition(name, "at least", value >= limit, value, limit, than)


def equal(name: str, value: Numbers, limit: Limit, than: str = "") -> Condition:
    """`value` == `limit`."""
    return Condition(name, "equal to", value == limit, value, limit, than)


def known(name: str, value: FloatArray) -> Condition:
    """`value` is no NaN."""
    return Condition(name, "known", ~np.isnan(value), value)


def is_so(name: str, holds: BoolArray) -> Condition:
    """A fact without a number; `name` is what holds, in words that bear a "not" before them."""
    return Condition(name, "", holds)


def shown(value: float) -> str:
    """A number with as many digits as a person compares."""
    digits = 6 if abs(value) < 10 else 4 if abs(value) < 1000 else 2
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
