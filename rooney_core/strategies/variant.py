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
from dataclasses import dataclass
from typing import Annotated, Any, Literal, final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rooney_core.errors import InvalidSetting, UnknownName
from rooney_core.indicators.arrays import FloatArray
from rooney_core.market.bars import BarArrays
from rooney_core.strategies.prices import Prices

MaxBars = Annotated[int, Field(ge=1, le=500)]


class VariantParams(BaseModel):
    """Base of every variant's parameters: frozen, keyword-only, ranges in the types.

    `max_bars`: bars after which a position is closed at the next open, the entry bar counted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    max_bars: MaxBars = 12

    @property
    def lookback(self) -> int:
        """Bars, the current one included, that a signal is a function of."""
        return 1


@dataclass(frozen=True)
class Signals:
    """A rule's opinion at the close of each bar, oldest first, all arrays of one length.

    `entry` int8: side in {-1, 0, +1} to enter. `exit` bool: leave whatever is held.
    `stop_distance` float64: distance of the stop from the entry price, quote units; NaN means no
    stop. `max_bars`: bars after which a position is closed.
    """

    entry: npt.NDArray[np.int8]
    exit: npt.NDArray[np.bool_]
    stop_distance: FloatArray
    max_bars: int

    def __len__(self) -> int:
        return len(self.entry)

    def since(self, first: int) -> Signals:
        """The signals of bars from `first` on."""
        return Signals(
            self.entry[first:], self.exit[first:], self.stop_distance[first:], self.max_bars
        )


def long_only(
    enter: npt.NDArray[np.bool_],
    leave: npt.NDArray[np.bool_],
    max_bars: int,
    stop_distance: FloatArray,
) -> Signals:
    """Signals that buy where `enter` holds and sell where `leave` does."""
    return Signals(enter.astype(np.int8), leave, stop_distance, max_bars)


@final
@dataclass(frozen=True, eq=False)
class Variant:
    """One strategy as a page of facts.

    `rule` maps prices and parameters to signals; its value at bar t may depend on the last
    `params.lookback` bars only. `axes` are the grid's values per parameter, in order, ascending;
    parameters that it does not name keep their default.
    """

    name: str
    summary: str
    source: str
    params_type: type[VariantParams]
    axes: Mapping[str, tuple[float, ...]]
    rule: Callable[[Prices, Any], Signals]
    timeframe: Literal["hourly"] = "hourly"

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
        return params.lookback

    def signals(self, bars: BarArrays, params: VariantParams, first: int = 0) -> Signals:
        """Signals of bars[first:]; the one of bar t is a function of its last `lookback` bars.

        Only these bars are looked at, so a window that holds them gives the same bits as the
        whole history. Bars with a shorter past have no signal.
        """
        start = max(0, first - params.lookback + 1)
        prices = Prices(bars.window(start, len(bars)))
        return self.signals_of(prices, params).since(first - start)

    def signals_of(self, prices: Prices, params: VariantParams) -> Signals:
        """Signals of all bars of `prices`, which a sweep shares between configurations."""
        signals = self.rule(prices, params)
        signals.entry[: params.lookback - 1] = 0
        return signals


def params_json(params: VariantParams) -> str:
    """Canonical JSON with sorted keys: how parameters are stored and compared."""
    return json.dumps(params.model_dump(mode="json"), sort_keys=True)


def _as_mapping(document: object, name: str) -> dict[str, Any]:
    if isinstance(document, VariantParams):
        document = document.model_dump()
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except json.JSONDecodeError as error:
            raise InvalidSetting(
                f"Parameters of {name} must be a JSON object; {document!r} arrived ({error})."
            ) from None
    if not isinstance(document, Mapping):
        raise InvalidSetting(
            f"Parameters of {name} must be a mapping or a JSON object; "
            f"a {type(document).__name__} arrived."
        )
    return {str(key): value for key, value in document.items()}
