"""What an indicator accepts: float64 arrays of one length, oldest first, and a sane period.

Belongs here: refusing input that no indicator can answer for. Does not belong here: prices' truth
(`rooney_core.market.bars` rejects bad bars) or any formula.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rooney_core.errors import InvalidSetting

FloatArray = npt.NDArray[np.float64]


def checked(**inputs: npt.ArrayLike) -> tuple[FloatArray, ...]:
    """The inputs as contiguous float64 arrays, in the order given; None is NaN.

    Raises InvalidSetting when one is not of numbers or not one-dimensional, or the lengths differ.
    """
    arrays = {name: _numbers(name, values) for name, values in inputs.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    if any(len(shape) != 1 for shape in shapes.values()) or len(set(shapes.values())) > 1:
        raise InvalidSetting(
            f"Arrays of shape {shapes} arrived; one-dimensional arrays of equal length are "
            "allowed, oldest value first."
        )
    return tuple(arrays.values())


def _numbers(name: str, values: npt.ArrayLike) -> FloatArray:
    try:
        return np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidSetting(
            f"{name} is not made of numbers ({error}); a one-dimensional array of numbers is "
            "allowed, oldest value first."
        ) from None


def checked_period(n: int, *, at_least: int = 1, name: str = "n") -> int:
    """The period, when it is a whole number >= `at_least`; else InvalidSetting."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < at_least:
        raise InvalidSetting(
            f"{name}={n!r} arrived; a whole number of bars from {at_least} up is allowed."
        )
    return int(n)
