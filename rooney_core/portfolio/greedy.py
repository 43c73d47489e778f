"""The greedy portfolio: best Sharpe first, then whatever adds most, as long as it is different.

Belongs here: the selection and its reasons. Does not belong here: sizing by volatility, simulated
limits on open positions, and the choice of the selection window (the caller passes only that).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.errors import InputError, InvalidSetting
from rooney_core.validation.samples import FloatArray, finite_vector
from rooney_core.validation.sharpe import DAYS_PER_YEAR

# Less than this is rounding, not diversification.
SMALLEST_GAIN = 1e-9
FEWEST_SESSIONS = 2
FEWEST_DECIMALS = 2
SESSION = "session"


class ExclusionCode(StrEnum):
    """Why a symbol is not in the portfolio."""

    NO_SHARPE = "no_sharpe"  # fewer than two sessions, or returns that never vary
    SHARPE_BELOW_MINIMUM = "sharpe_below_minimum"
    CORRELATED = "correlated"
    ADDS_NOTHING = "adds_nothing"


Refusal = tuple[ExclusionCode, str]
Correlations = Mapping[tuple[str, str], float]


@dataclass(frozen=True)
class Member:
    """One selected symbol, `size` contracts.

    `sharpe` is its own annual Sharpe; `marginal_sharpe` what it added to the portfolio's when it
    was chosen; `correlation` its highest with the members chosen before it (0.0 for the first).
    """

    symbol: str
    sharpe: float
    marginal_sharpe: float
    correlation: float
    size: int = 1


@dataclass(frozen=True)
class Portfolio:
    """Members in the order of their choice, and why every other symbol stayed out.

    `sharpe` is the annual Sharpe of the sum of the members' daily results, NaN when there is none.
    `excluded` gives plain words per symbol, `excluded_codes` their codes. `max_positions` is how
    many positions may be open at the same time; it does not limit the number of members.
    """

    members: tuple[Member, ...]
    sharpe: float
    excluded: Mapping[str, str]
    excluded_codes: Mapping[str, ExclusionCode]
    max_positions: int


def greedy_portfolio(
    daily_returns: pl.DataFrame | Mapping[str, npt.ArrayLike],
    max_correlation: float = 0.7,
    min_sharpe: float = 1.2,
    max_positions: int = 2,
) -> Portfolio:
    """Select symbols on their daily results: all of one selection window, and nothing later.

    `daily_returns`: a frame with `session` and one column per symbol, or a mapping of symbol to
    f8[n_sessions], on the same sessions, flat days as 0.0. Any unit that adds up across symbols:
    fractions of equal notionals, or USD of one contract each.

    Starts with the highest Sharpe; adds, while one does, the symbol that raises the Sharpe of the
    summed results most, among those with annual Sharpe >= `min_sharpe` and correlation <=
    `max_correlation` (signed: opposites are welcome) with each member. Equals go by name. No
    qualifying symbol, or no symbol, is an empty portfolio with reasons, not an error.

    Raises:
        InputError: null, NaN or infinite results, a session twice, columns of different lengths.
        InvalidSetting: a limit that is not a number in its range.
    """
    _require_limits(max_correlation, min_sharpe, max_positions)
    results = _aligned_results(daily_returns)
    sharpes = dict(zip(results, _sharpes(list(results.values())), strict=True))
    refused = {
        symbol: _refusal(sharpe, min_sharpe)
        for symbol, sharpe in sharpes.items()
        if not sharpe >= min_sharpe
    }
    candidates = {symbol: results[symbol] for symbol in results if symbol not in refused}
    correlations = _correlations(candidates)
    members = _choose(candidates, correlations, max_correlation)
    names = [member.symbol for member in members]
    rest = [symbol for symbol in candidates if symbol not in names]
    together = _portfolio_sharpe(names, candidates)
    with_one_more = dict(zip(rest, _sharpes_with(rest, names, candidates), strict=True))
    refused |= {
        symbol: _too_close(symbol, names, correlations, max_correlation)
        or _adds_nothing(with_one_more[symbol] - (together if names else 0.0))
        for symbol in rest
    }
    return Portfolio(
        members=members,
        sharpe=together,
        excluded={symbol: refused[symbol][1] for symbol in sorted(refused)},
        excluded_codes={symbol: refused[symbol][0] for symbol in sorted(refused)},
        max_positions=max_positions,
    )


def _choose(
    candidates: Mapping[str, FloatArray], correlations: Correlations, max_correlation: float
) -> tuple[Member, ...]:
    members: list[Member] = []
    names: list[str] = []
    own = dict(zip(candidates, _sharpes(list(candidates.values())), strict=True))
    while True:
        sharpe_before = _portfolio_sharpe(names, candidates) if names else 0.0
        open_to_all = [
            symbol
            for symbol in sorted(set(candidates) - set(names))
            if not names or _closest(symbol, names, correlations)[0] <= max_correlation
        ]
        sharpes = _sharpes_with(open_to_all, names, candidates)
        # A sum that never varies has no Sharpe and cannot be compared: not a gain.
        sharpes = [-math.inf if math.isnan(one) else one for one in sharpes]
        gains = {
            one: sharpe - sharpe_before for one, sharpe in zip(open_to_all, sharpes, strict=True)
        }
        most = max(gains.values(), default=-math.inf)
        if most <= SMALLEST_GAIN:
            return tuple(members)
        best = next(symbol for symbol in gains if gains[symbol] >= most - SMALLEST_GAIN)
        correlation = _closest(best, names, correlations)[0] if names else 0.0
        members.append(Member(best, own[best], gains[best], correlation))
        names.append(best)


def _portfolio_sharpe(names: Sequence[str], results: Mapping[str, FloatArray]) -> float:
    """Annual Sharpe of the summed daily results, NaN for no names."""
    return _sharpes([np.sum([results[name] for name in names], axis=0)])[0] if names else math.nan


def _sharpes_with(
    symbols: Sequence[str], names: Sequence[str], results: Mapping[str, FloatArray]
) -> list[float]:
    """Annual Sharpe of the summed results of `names` and one more, for each of `symbols`."""
    if not names:
        return _sharpes([results[symbol] for symbol in symbols])
    together = np.sum([results[name] for name in names], axis=0)
    return _sharpes([together + results[symbol] for symbol in symbols])


def _sharpes(rows: Sequence[FloatArray]) -> list[float]:
    """`annual_sharpe` of many at once: a selection asks for hundreds."""
    if not rows or len(rows[0]) < FEWEST_SESSIONS:
        return [math.nan] * len(rows)
    matrix = np.vstack(rows)
    flat = np.ptp(matrix, axis=1) == 0.0
    spread = np.where(flat, np.nan, matrix.std(axis=1, ddof=1))
    sharpes: list[float] = (matrix.mean(axis=1) / spread * math.sqrt(DAYS_PER_YEAR)).tolist()
    return sharpes


def _closest(symbol: str, names: Sequence[str], correlations: Correlations) -> tuple[float, str]:
    """Highest correlation with the given symbols, and with which."""
    return max((correlations[symbol, name], name) for name in names)


def _correlations(results: Mapping[str, FloatArray]) -> Correlations:
    """Pearson correlation of every pair; the results must vary."""
    names = list(results)
    if not names:
        return {}
    matrix = np.atleast_2d(np.corrcoef(np.vstack([results[name] for name in names])))
    rows = np.clip(matrix, -1.0, 1.0).tolist()
    return {
        (one, other): correlation
        for one, row in zip(names, rows, strict=True)
        for other, correlation in zip(names, row, strict=True)
    }


def _refusal(sharpe: float, min_sharpe: float) -> Refusal:
    if math.isnan(sharpe):
        return ExclusionCode.NO_SHARPE, "no Sharpe: fewer than two sessions, or it never traded"
    text = f"Sharpe {_told_below(sharpe, min_sharpe)} below {min_sharpe:g}"
    return ExclusionCode.SHARPE_BELOW_MINIMUM, text


def _told_below(sharpe: float, minimum: float) -> str:
    """`1.1`, `0.97`: two decimals, or more where fewer would read as the minimum."""
    for decimals in range(FEWEST_DECIMALS, sys.float_info.dig):
        if round(sharpe, decimals) < minimum:
            # Adding 0.0 takes the sign from a zero.
            return f"{round(sharpe, decimals) + 0.0:.{decimals}f}".rstrip("0").rstrip(".")
    return repr(sharpe)


def _too_close(
    symbol: str, names: Sequence[str], correlations: Correlations, max_correlation: float
) -> Refusal | None:
    """The refusal of a symbol that moves with a member of the finished portfolio."""
    if not names:
        return None
    correlation, other = _closest(symbol, names, correlations)
    if correlation <= max_correlation:
        return None
    text = f"correlation {correlation:.2f} with {other} above {max_correlation:g}"
    return ExclusionCode.CORRELATED, text


def _adds_nothing(gain: float) -> Refusal:
    return ExclusionCode.ADDS_NOTHING, f"adds nothing: marginal Sharpe {gain:.2f}"


def _aligned_results(
    daily_returns: pl.DataFrame | Mapping[str, npt.ArrayLike],
) -> dict[str, FloatArray]:
    """Finite columns of equal length, by symbol."""
    columns: Mapping[str, npt.ArrayLike | pl.Series]
    if isinstance(daily_returns, pl.DataFrame):
        if SESSION not in daily_returns.columns or daily_returns[SESSION].is_duplicated().any():
            raise InputError(
                f"daily_returns needs a column {SESSION!r} without repetition; "
                f"{daily_returns.height} rows of {daily_returns.columns} arrived."
            )
        columns = {name: daily_returns[name] for name in daily_returns.columns if name != SESSION}
    else:
        columns = daily_returns
    results = {
        symbol: finite_vector(values, f"daily_returns of {symbol}")
        for symbol, values in columns.items()
    }
    lengths = {symbol: len(values) for symbol, values in results.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"Symbols need the same sessions; {lengths} arrived, flat days are 0.0.")
    return results


def _require_limits(max_correlation: float, min_sharpe: float, max_positions: int) -> None:
    if not -1.0 <= max_correlation <= 1.0:
        raise InvalidSetting(f"max_correlation={max_correlation} arrived; -1 to 1 is allowed.")
    if math.isnan(min_sharpe):
        raise InvalidSetting("min_sharpe is NaN; a number is needed (1.2 unless told otherwise).")
    if max_positions < 1:
        raise InvalidSetting(f"max_positions={max_positions} arrived; at least 1.")
