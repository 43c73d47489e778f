"""What every variant can do: parameters, grid, look-back, signals.

Belongs here: behaviour that all variants share. Does not belong here: a rule or a number of one
variant; those are a page of facts each, in a file of its own. `Variant` is final: a new strategy
is a new declaration, never a subclass.

Timing: a signal at bar t is known at that bar's end. What is done with it, and at which price, is
the business of `rooney_core.backtest.kernel`.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Annotated, Any, Final, Literal, final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rooney_core.errors import InvalidSetting, UnknownName
from rooney_core.indicators.arrays import FloatArray
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument
from rooney_core.strategies.peers import NO_PEERS, Peers
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.session_view import bars_of_sessions

BoolArray = npt.NDArray[np.bool_]
MaxBars = Annotated[int, Field(ge=1, le=500)]


class VariantParams(BaseModel):
    """Base of every variant's parameters: frozen, keyword-only, ranges in the types.

    `max_bars`: after how many decisions a position is closed at the next open, the entry's own bar
    (or session) counted: bars of an hourly variant, sessions of a daily one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    max_bars: MaxBars = 12

    @property
    def lookback(self) -> int:
        """Bars of an hourly rule, the current one included, that a signal is a function of."""
        return 1

    @property
    def lookback_sessions(self) -> int:
        """Finished sessions that a signal is a function of; 0 for a rule that sees bars alone."""
        return 0


@dataclass(frozen=True)
class Signals:
    """A rule's opinion at the close of each bar, oldest first, all arrays of one length.

    `entry` int8: side in {-1, 0, +1} to enter. `exit` bool: leave whatever is held.
    `max_bars`: decisions after which a position is closed (see `decides`).

    What follows is float64 and optional; None is the same as NaN at every bar, and NaN means that
    there is none. `stop_distance`, `target_distance`, `trail_distance`: quote units from the entry
    price; a trailing stop follows the best close since the entry. `target_level`: an adjusted
    price. `entry_level`: the adjusted price of the entry order; with `order` "stop" or "limit" the
    order works during the next bar only, and a rule that wants it longer says so again at each
    bar.

    `decides` bool: bars at which a daily rule decides; time is counted in these; None: all.
    `overnight`: positions and entries may pass the flat deadline and the session's end.
    """

    entry: npt.NDArray[np.int8]
    exit: BoolArray
    stop_distance: FloatArray | None
    max_bars: int
    target_distance: FloatArray | None = None
    target_level: FloatArray | None = None
    trail_distance: FloatArray | None = None
    entry_level: FloatArray | None = None
    order: Literal["market", "stop", "limit"] = "market"
    decides: BoolArray | None = None
    overnight: bool = False

    def __len__(self) -> int:
        return len(self.entry)

    def since(self, first: int) -> Signals:
        """The signals of bars from `first` on."""
        cut: list[Any] = [
            value[first:] if isinstance(value, np.ndarray) else value for value in _VALUES(self)
        ]
        return Signals(*cut)


# Once, not at every bar: a decision cuts its signals to the last one.
_VALUES: Final = attrgetter(*(one.name for one in fields(Signals)))


def long_only(
    enter: BoolArray,
    leave: BoolArray,
    max_bars: int,
    stop_distance: FloatArray | None = None,
) -> Signals:
    """Signals that buy where `enter` holds and sell where `leave` does."""
    # A view: configurations that differ in their exits share one array of entries.
    return Signals(enter.view(np.int8), leave, stop_distance, max_bars)


@final
@dataclass(frozen=True, eq=False)
class Variant:
    """One strategy as a page of facts.

    `rule` maps prices and parameters to signals; its value at bar t may depend on the last
    `lookback(params)` bars only. `axes` are the grid's values per parameter, in order, ascending;
    parameters that it does not name keep their default. `timeframe`: decisions at every bar, or at
    the last bar of each session. `overnight`: positions may be held past the flat deadline.
    `sides` it may take. `peers`: whose sessions it compares with: nobody's, the `partner` on the
    instrument's page, or every symbol of the product `group`.
    """

    name: str
    summary: str
    source: str
    params_type: type[VariantParams]
    axes: Mapping[str, tuple[float, ...]]
    rule: Callable[[Prices, Any], Signals]
    timeframe: Literal["hourly", "session"] = "hourly"
    overnight: bool = False
    sides: tuple[int, ...] = (1,)
    peers: Literal["none", "partner", "group"] = "none"
    family: str = "ibs"

    @property
    def default_params(self) -> VariantParams:
        """The parameters of the source, or the nearest that suits hourly bars."""
        return self.params_type()

    @property
    def grid_shape(self) -> tuple[int, ...]:
        """Number of values on each axis; `grid()` runs through it in C order."""
        return tuple(len(values) for values in self.axes.values())

    @property
    def n_configurations(self) -> int:
        """Configurations of the grid: what a search adds to the trial ledger."""
        return math.prod(self.grid_shape)

    def grid(self) -> tuple[VariantParams, ...]:
        """Every combination of the axes, the last axis running fastest."""
        return tuple(
            self.params_type(**dict(zip(self.axes, values, strict=True)))
            for values in itertools.product(*self.axes.values())
        )

    def parse_params(self, document: object) -> VariantParams:
        """Parameters from JSON text, a mapping, or parameters of this variant; None: the default.

        Raises UnknownName with a suggestion for a name that does not exist, and InvalidSetting
        for a value out of range, a wrong type, or text that is not a JSON object.
        """
        if isinstance(document, self.params_type):
            return document
        if document is None:
            return self.default_params
        values = _as_mapping(document, self.name)
        for name in values:
            if name not in self.params_type.model_fields:
                raise UnknownName.among(
                    f"parameter of {self.name}", name, self.params_type.model_fields
                )
            # pydantic would read true as 1.
            if isinstance(values[name], bool):
                raise InvalidSetting(f"{name} of {self.name} is a number; a truth value arrived.")
        try:
            return self.params_type(**values)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(str(part) for part in one['loc']) or 'parameters'}={one['input']!r}: "
                f"{one['msg']}"
                for one in error.errors()
            )
            raise InvalidSetting(
                f"Parameters of {self.name} are not allowed: {problems}."
            ) from None

    def lookback(self, params: VariantParams) -> int:
        """Bars, the current one included, that a signal of these parameters needs."""
        # One session more: the first one of a window may be cut, and is not looked at.
        of_sessions = bars_of_sessions(params.lookback_sessions + 1)
        if not params.lookback_sessions:
            of_sessions = 1
        return max(params.lookback, of_sessions)

    def signals(
        self,
        bars: BarArrays,
        params: VariantParams,
        instrument: Instrument,
        peers: Peers = NO_PEERS,
        first: int = 0,
    ) -> Signals:
        """Signals of bars[first:]; the one of bar t is a function of its last `lookback` bars.

        Only these bars are looked at, so a window that holds them gives the same bits as the
        whole history. Bars with a shorter past have no signal.
        """
        start = max(0, first - self.lookback(params) + 1)
        prices = Prices(bars.window(start, len(bars)), instrument, peers)
        return self.signals_of(prices, params).since(first - start)

    def signals_of(self, prices: Prices, params: VariantParams) -> Signals:
        """Signals of all bars of `prices`, which a sweep shares between configurations."""
        signals = self.rule(prices, params)
        early = self.lookback(params) - 1
        if not signals.entry[:early].any():
            return signals
        # A copy: configurations that differ in their exits share the array.
        entry = signals.entry.copy()
        entry[:early] = 0
        return replace(signals, entry=entry)


def params_json(params: VariantParams) -> str:
    """Canonical JSON with sorted keys: how parameters are stored and compared."""
    return json.dumps(params.model_dump(mode="json"), sort_keys=True)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object of these pairs; of a name that is there twice, neither value is the right one.

    Raises ValueError for such a name.
    """
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"{', '.join(twice)} is there more than once")
    return values


def _as_mapping(document: object, name: str) -> dict[str, Any]:
    if isinstance(document, VariantParams):
        document = document.model_dump()
    if isinstance(document, str):
        text = document
        try:
            document = json.loads(text, object_pairs_hook=_each_once)
        except (ValueError, RecursionError) as error:
            raise InvalidSetting(
                f"Parameters of {name} must be a JSON object; {text[:80]!r} arrived ({error})."
            ) from None
    if not isinstance(document, Mapping):
        raise InvalidSetting(
            f"Parameters of {name} must be a mapping or a JSON object; "
            f"a {type(document).__name__} arrived."
        )
    return {str(key): value for key, value in document.items()}
