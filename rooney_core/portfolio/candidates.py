"""Who can be chosen for a month, as arrays on common days, and why somebody is left out.

Belongs here: what selection, sizes and simulation read of a symbol. Does not belong here: judging
whether a model is good enough (`rooney_core.gates` did), or choosing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from rooney_core.errors import InputError
from rooney_core.market.instruments import Instrument
from rooney_core.portfolio.settings import PortfolioLimits
from rooney_core.portfolio.simulation import TradeBook
from rooney_core.validation.samples import FloatArray
from rooney_core.validation.sharpe import DAYS_PER_YEAR


class StandingCode(StrEnum):
    """Why a symbol is in the portfolio or out of it, beside the codes of the greedy selection."""

    CHOSEN = "chosen"
    NOT_EVALUATED = "not_evaluated"
    OTHER_MODEL = "other_model"
    VERDICT_FAILED = "verdict_failed"
    BACKTEST_GATE_FAILED = "backtest_gate_failed"
    STRESS_GATE_FAILED = "stress_gate_failed"
    NO_PRICE = "no_price"
    TOO_LARGE = "too_large"
    TURNOVER = "turnover"


OVERRIDE: Final = "OVERRIDE"
"""Begins what a reason says of a gate that a person has overridden: to be shown in red."""


class Standing(NamedTuple):
    """A code and the words with the numbers."""

    code: str
    text: str


@dataclass(frozen=True, eq=False)
class Candidate:
    """What is known of a symbol that may be chosen.

    `trades`: simulation.TRADES_SCHEMA, taken trades up to the end of the selection window, those of
    earlier years too. `sessions`: all trading sessions (Date, ascending) up to there.
    `contract_value_usd`: of one contract, at the last session before the month. `is_in_sample`: the
    model was trained on the selection window too (`windows: two_way`), so that its results there
    say less. `overrides`: in words, which gates a person has overridden for it. The reason of a
    member tells both.
    """

    instrument: Instrument
    trades: pl.DataFrame
    sessions: pl.Series
    contract_value_usd: float
    is_in_sample: bool = False
    overrides: tuple[str, ...] = ()

    def margin_usd(self, limits: PortfolioLimits) -> float:
        """Of one contract: as its page states, or else the assumed share of its value."""
        stated = self.instrument.margin_per_contract_usd
        return stated or limits.assumed_margin_share * self.contract_value_usd


@dataclass(frozen=True, eq=False)
class Panel:
    """Candidates on the same sessions.

    `returns` f8[n_sessions] by symbol: daily, flat days as 0, of one contract over its value at
    each entry. `books`: the trades behind them.
    """

    sessions: pl.Series
    returns: Mapping[str, FloatArray]
    books: Mapping[str, TradeBook]

    @classmethod
    def of(
        cls, candidates: Mapping[str, Candidate], first: date, last: date, cost_factor: float
    ) -> Panel:
        """The days from `first` to `last` (dates, inclusive), costs multiplied by `cost_factor`."""
        days = [
            one.sessions.filter(one.sessions.is_between(first, last)).rename("session")
            for one in candidates.values()
        ]
        empty = pl.Series("session", [], dtype=pl.Date)
        sessions = pl.concat([empty, *(one.cast(pl.Date) for one in days)]).unique().sort()
        books = {
            symbol: TradeBook.of(one.trades, sessions, cost_factor)
            for symbol, one in candidates.items()
        }
        returns = {symbol: book.daily(len(sessions)) for symbol, book in books.items()}
        return cls(sessions, returns, books)

    def without(self, symbol: str) -> Panel:
        """The same days, as if this symbol did not exist."""
        return Panel(
            self.sessions,
            {name: one for name, one in self.returns.items() if name != symbol},
            {name: one for name, one in self.books.items() if name != symbol},
        )

    def matrix(self, symbols: Sequence[str]) -> FloatArray:
        """Returns f8[n_sessions, len(symbols)]."""
        if not symbols:
            return np.empty((len(self.sessions), 0))
        return np.column_stack([self.returns[symbol] for symbol in symbols])

    def covariance(self, symbols: Sequence[str]) -> FloatArray:
        """Annual covariance of returns f8[n, n], ddof 1. Raises InputError for fewer than two
        sessions."""
        if len(self.sessions) < 2:
            raise InputError(f"{len(self.sessions)} sessions arrived; a covariance needs two.")
        matrix = self.matrix(symbols)
        return np.atleast_2d(np.cov(matrix, rowvar=False)) * DAYS_PER_YEAR

    def average_correlation(self, symbols: Sequence[str]) -> float:
        """Mean of the correlations of all pairs; NaN for fewer than two symbols."""
        n = len(symbols)
        if n < 2:
            return float("nan")
        correlations = np.corrcoef(self.matrix(symbols), rowvar=False)
        return float((correlations.sum() - n) / (n * (n - 1)))
