"""What may enter a statistic: finite float64 arrays, oldest first, and nothing silently repaired.

Belongs here: the one doorway through which returns and trade results reach this package.
Does not belong here: any statistic, and any filling of gaps.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rooney_core.errors import InputError

FloatArray = npt.NDArray[np.float64]


def finite_vector(values: npt.ArrayLike, what: str) -> FloatArray:
    """`values` as f8[n], n >= 0; `what` names them in the message.

    Accepts anything numpy turns into numbers, polars Series included (a null counts as NaN).

    Raises:
        InputError: not one-dimensional, not numeric, or holding NaN or infinity.
    """
    return _finite(values, what, n_dims=1)


def finite_matrix(values: npt.ArrayLike, what: str) -> FloatArray:
    """`values` as f8[n_rows, n_columns]; like `finite_vector` otherwise."""
    return _finite(values, what, n_dims=2)


def _finite(values: npt.ArrayLike, what: str, n_dims: int) -> FloatArray:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what}: not numeric ({error}); pass numbers, oldest first.") from error
    if array.ndim != n_dims:
        raise InputError(f"{what}: {n_dims} dimension(s) are needed, {array.shape} arrived.")
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        first = tuple(int(i) for i in bad[0])
        raise InputError(
            f"{what}: {len(bad)} of {array.size} values are NaN or infinite, first at {first}. "
            "Only finite numbers are allowed: a flat day is 0.0; drop or repair what is unknown."
        )
    return array
