"""Every configuration of every variant on one symbol: one row each, walked forward by variant.

Belongs here: the search. Does not belong here: one backtest (`engine`), one configuration's numbers
(`scores`), choosing among the rows (`ranking`). All bars given are used, and every row is a trial:
pass the train window only, and enter all rows into the trial ledger.

Rules run in Python, a handful of array operations each on indicators that all configurations share;
everything after the rule is one compiled pass without the interpreter's lock, so threads share the
configurations of a variant. Results do not depend on the number of threads.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.backtest.accounts import Books, books_of
from rooney_core.backtest.anchor import anchored
from rooney_core.backtest.costs import CostModel
from rooney_core.backtest.days import FloatArray, TradingDays
from rooney_core.backtest.robustness import WalkForward, neighbours_keep_sharpe, walk_forward
from rooney_core.backtest.scores import DAYS_PER_YEAR, SCORES, Desk, score
from rooney_core.backtest.tape import IntArray, Tape, opinions_of, tape_of
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument
from rooney_core.strategies import Signals, Variant, find_variant, params_json
from rooney_core.strategies.peers import NO_PEERS, Peers
from rooney_core.strategies.prices import Prices

RESULTS_SCHEMA: Final[dict[str, Any]] = {
    "variant": pl.String(),
    "params": pl.String(),
    "annual_sharpe": pl.Float64(),
    "sharpe_per_day": pl.Float64(),
    "n_trades": pl.Int64(),
    "trades_per_year": pl.Float64(),
    "max_drawdown": pl.Float64(),
    "win_rate": pl.Float64(),
    "profit_factor": pl.Float64(),
    "net_profit_usd": pl.Float64(),
    "walk_forward_sharpe": pl.Float64(),
    "is_robust": pl.Boolean(),
    "n_obs": pl.Int64(),
    "skewness": pl.Float64(),
    "kurtosis": pl.Float64(),
    "sharpe_at_double_costs": pl.Float64(),
    "sharpe_at_five_costs": pl.Float64(),
    "annual_return_on_margin": pl.Float64(),
}
"""One row per configuration. Sharpe: of daily returns, flat sessions included. max_drawdown: <= 0.
n_obs: sessions. trades_per_year: per 252 sessions. win_rate, profit_factor: net of costs. Undefined
(no trade, returns that never vary) is NaN. walk_forward_sharpe: one per variant, see `robustness`.
is_robust: the walk-forward holds in enough years, the grid neighbours keep enough of the Sharpe,
and doubled costs leave it positive. annual_return_on_margin: net profit per 252 sessions over the
margin of one contract, NaN where the margin is unknown."""

# Configurations that one thread takes at a time, and variants begun before the first is finished.
BLOCK: Final = 32
VARIANTS_AT_ONCE: Final = 4


@dataclass(frozen=True)
class SweepResult:
    """`results`: RESULTS_SCHEMA, a row per configuration. `returns`: their daily returns, in order,
    f4[n_configurations, n_sessions]: for PBO and the count of effective trials, which need no more
    digits; every number in `results` comes from float64. `sessions`: days since 1970-01-01.
    `walk_forwards`: by variant.
    """

    results: pl.DataFrame
    returns: npt.NDArray[np.float32]
    sessions: npt.NDArray[np.int32]
    walk_forwards: dict[str, WalkForward]


def sweep(
    bars: pl.DataFrame | BarArrays,
    variants: Iterable[Variant | str] | Variant | str,
    costs: CostModel,
    instrument: Instrument,
    peers: Peers = NO_PEERS,
) -> pl.DataFrame:
    """Backtest every configuration of the variants' grids; columns are RESULTS_SCHEMA.

    Rows in order of variants (names, or themselves; one alone will do) and of their grids. Raises
    UnknownName (variant), BarsRejected, NotEnoughData (no bars).
    """
    return sweep_all(bars, variants, costs, instrument, peers).results


def sweep_all(
    bars: pl.DataFrame | BarArrays,
    variants: Iterable[Variant | str] | Variant | str,
    costs: CostModel,
    instrument: Instrument,
    peers: Peers = NO_PEERS,
    n_threads: int | None = None,
) -> SweepResult:
    """`sweep`, with the daily returns of every configuration. `n_threads`: None for all cores."""
    given = bars if isinstance(bars, BarArrays) else BarArrays.from_frame(bars, instrument)
    arrays = anchored(given)
    several = [variants] if isinstance(variants, Variant | str) else variants
    chosen = [find_variant(one) for one in several]
    ground = _Ground(arrays, costs, instrument, peers)
    n_configurations = sum(one.n_configurations for one in chosen)
    returns = np.empty((n_configurations, len(ground.days)), np.float32)
    frames, forwards, first = [], {}, 0
    with ThreadPoolExecutor(n_threads or os.cpu_count()) as pool:
        for swept in _in_order(chosen, ground, pool):
            frames.append(swept.rows(costs))
            forwards[swept.variant.name] = swept.forward
            returns[first : first + len(swept.grid)] = swept.returns
            first += len(swept.grid)
    results = pl.concat(frames) if frames else pl.DataFrame(schema=RESULTS_SCHEMA)
    return SweepResult(results, returns, ground.days.sessions, forwards)


class _Ground:
    """What all configurations share: bars, their days, and how money is counted."""

    def __init__(
        self, bars: BarArrays, costs: CostModel, instrument: Instrument, peers: Peers
    ) -> None:
        self.days = TradingDays.of(bars, instrument)
        self.prices = Prices(bars, instrument, peers)
        self.books: Books = books_of(bars, costs, instrument)
        self.tapes: dict[bool, Tape] = {
            overnight: tape_of(bars, overnight=overnight) for overnight in (False, True)
        }
        self._decisions: dict[int, tuple[Any, IntArray]] = {}
        self._desks = threading.local()

    def score(self, signals: Signals, returns: FloatArray, scores: FloatArray) -> None:
        """Fill one configuration's rows."""
        if not hasattr(self._desks, "own"):
            self._desks.own = Desk.for_sessions(len(self.days))
        score(
            self.tapes[signals.overnight],
            opinions_of(signals, self._decision_bars(signals)),
            self.books,
            self.days.notional_usd,
            signals.overnight,
            self._desks.own,
            returns,
            scores,
        )

    def _decision_bars(self, signals: Signals) -> IntArray | None:
        if signals.decides is None:
            return None
        # Shared by all configurations of a grid: known by identity, and kept, so that it lasts.
        known = self._decisions.get(id(signals.decides))
        if known is None:
            known = signals.decides, np.flatnonzero(signals.decides)
            self._decisions[id(signals.decides)] = known
        return known[1]


class _Swept:
    """One variant's grid: the work in the pool, and what comes of it."""

    def __init__(self, variant: Variant, ground: _Ground, pool: ThreadPoolExecutor) -> None:
        self.variant = variant
        self.grid = variant.grid()
        self.returns = np.empty((len(self.grid), len(ground.days)))
        self._scores = np.empty((len(self.grid), len(SCORES)))
        self._ground = ground
        self._work: list[Future[None]] = [
            pool.submit(self._fill, range(first, min(first + BLOCK, len(self.grid))))
            for first in range(0, len(self.grid), BLOCK)
        ]

    def _fill(self, block: range) -> None:
        for index in block:
            signals = self.variant.signals_of(self._ground.prices, self.grid[index])
            self._ground.score(signals, self.returns[index], self._scores[index])

    def finish(self) -> None:
        """Wait for the pool, then walk forward."""
        for one in self._work:
            one.result()
        self.forward = walk_forward(self.returns, self._ground.days.sessions)

    def rows(self, costs: CostModel) -> pl.DataFrame:
        """RESULTS_SCHEMA."""
        numbers = dict(zip(SCORES, self._scores.T, strict=True))
        sharpes = numbers["annual_sharpe"]
        robust = (
            (numbers["sharpe_at_double_costs"] > 0.0)
            & neighbours_keep_sharpe(sharpes, self.variant.grid_shape)
            & self.forward.holds
        )
        years = numbers["n_obs"] / DAYS_PER_YEAR
        margin = costs.margin_per_contract_usd or np.nan
        columns: dict[str, Any] = {
            **numbers,
            "variant": [self.variant.name] * len(self.grid),
            "params": [params_json(one) for one in self.grid],
            "walk_forward_sharpe": [self.forward.annual_sharpe] * len(self.grid),
            "is_robust": robust,
            "annual_return_on_margin": numbers["net_profit_usd"] / years / margin,
        }
        return pl.DataFrame(
            [pl.Series(name, columns[name]).cast(kind) for name, kind in RESULTS_SCHEMA.items()]
        )


def _in_order(
    variants: list[Variant], ground: _Ground, pool: ThreadPoolExecutor
) -> Iterator[_Swept]:
    """The variants' grids, finished, in order; a few are under way at a time to bound memory."""
    waiting = iter(variants)
    under_way: deque[_Swept] = deque()
    while True:
        room = VARIANTS_AT_ONCE - len(under_way)
        under_way.extend(_Swept(one, ground, pool) for one in islice(waiting, room))
        if not under_way:
            return
        first = under_way.popleft()
        first.finish()
        yield first
