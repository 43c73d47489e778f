"""What is taken off a past before it is used again, because luck was part of it.

Belongs here: the allowance. Does not belong here: which scenarios it concerns.

The past of a strategy that got as far as this gate is a good one: it was searched for. Drawn again
as it was, it would be as good again, and a lucky strategy would pass every scenario. Lowered to the
lower end of its mean's confidence interval, it is good only where luck does not explain it.
"""

from __future__ import annotations

import math

import numpy as np

from rooney_core.gates.stress.report import FloatArray


def allowance_usd(daily_pnl_usd: FloatArray, errors: float) -> float:
    """USD to take off each day with a result, so that the mean of f8[n] days falls by `errors`.

    Counted in standard errors of that mean, sd (ddof 1) / sqrt(n), flat days included, as of
    independent days. Flat days stay flat: the days with a result carry all of it. 0 where no day
    differs from another.
    """
    n_held = int(np.count_nonzero(daily_pnl_usd))
    if n_held == 0 or len(daily_pnl_usd) < 2:
        return 0.0
    error = float(daily_pnl_usd.std(ddof=1)) / math.sqrt(len(daily_pnl_usd))
    return errors * error * len(daily_pnl_usd) / n_held


def lowered(daily_pnl_usd: FloatArray, allowance: float) -> FloatArray:
    """The days f8[n], each one with a result less the allowance."""
    less: FloatArray = np.where(daily_pnl_usd != 0.0, daily_pnl_usd - allowance, 0.0)
    return less
