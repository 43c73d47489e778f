"""One configuration on the lake's bars: the window that may be seen, the run, and its record.

Belongs here: refusing the test window, spending a look at it, and recording the trial. Does not
belong here: the page and files that tell about the run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from rooney_assets.backtests.costs import InForce, costs_in_force
from rooney_assets.factory_tables import in_window
from rooney_assets.graph.code_version import code_version
from rooney_assets.lake import Lake
from rooney_assets.lake.trials import HandMadeTrial
from rooney_core.backtest.costs import CostModel
from rooney_core.backtest.engine import BacktestResult, run_backtest
from rooney_core.backtest.summary import Summary, summarize
from rooney_core.errors import HoldoutRefused, InvalidSetting, NotEnoughData
from rooney_core.gates.settings import EvaluationSettings
from rooney_core.market.instruments import Universe
from rooney_core.strategies import Variant, VariantParams, params_json
from rooney_core.strategies.peers import Peers, PeerSessions
from rooney_core.validation.windows import SPLITS

ROOMS: Final = (
    *("market", "indicators", "strategies", "backtest", "validation", "feedback.costs"),
)
WHO: Final = "rooney backtest"


@dataclass(frozen=True)
class Wanted:
    """What is asked for. `first`, `last`: sessions, inclusive; None: the first there is, and the
    last of the train window. `may_look`: spend a look at the test window where `last` is in it.

    Raises InvalidSetting for costs that are no finite number of at least 0.
    """

    symbol: str
    variant: Variant
    params: VariantParams
    first: date | None = None
    last: date | None = None
    costs_times: float = 1.0
    may_look: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.costs_times) and self.costs_times >= 0.0):
            raise InvalidSetting(
                f"Costs times {self.costs_times:g} mean nothing; choose a number of at least 0."
            )

    @property
    def end(self) -> date:
        """The last session that may be seen."""
        return self.last or SPLITS.train_end

    @property
    def is_in_test(self) -> bool:
        """True when the window reaches beyond the validation window."""
        return self.end > SPLITS.validation_end

    @property
    def is_of_search(self) -> bool:
        """True for the window and the costs of the factory's search."""
        return self.first is None and self.end == SPLITS.train_end and self.costs_times == 1.0

    @property
    def identity(self) -> str:
        """Variant and parameters: what a look at the test window is spent on."""
        return f"{self.variant.name} {params_json(self.params)}"


@dataclass(frozen=True)
class Done:
    """A run with its facts. `inputs`: data versions by what was read; `absent_peers`: symbols whose
    sessions the variant would compare with, and the lake does not hold. `trial`: its name on the
    record, None where the search of the factory scores the same and counts it. `priced`: the costs
    in force; `costs` are these, times what was wanted."""

    wanted: Wanted
    priced: InForce
    costs: CostModel
    result: BacktestResult
    summary: Summary
    inputs: Mapping[str, str]
    absent_peers: tuple[str, ...]
    code_version: str
    trial: str | None


def run(wanted: Wanted, universe: Universe, lake: Lake, looks: EvaluationSettings) -> Done:
    """Refuse, record the look, run, record the trial; in this order: no look is spent on nothing.

    `looks`: how often the test window may be opened, the mandate's as for `model_evaluation`.
    Raises InvalidSetting, HoldoutRefused, MissingArtifact and NotEnoughData.
    """
    require_window(wanted)
    _require_bars(wanted, lake)
    priced = costs_in_force(universe[wanted.symbol], lake)
    instrument = priced.instrument
    code = code_version(ROOMS)
    bars, version = _bars(wanted, lake, code, looks)
    first = 0
    if wanted.first is not None:
        first = int((bars["session"] < wanted.first).sum())
    peers, inputs, absent = read_peers(wanted.symbol, wanted.variant, universe, lake, wanted.end)
    costs = CostModel.of(instrument).times(wanted.costs_times)
    result = run_backtest(bars, wanted.variant, wanted.params, costs, instrument, peers, first)
    summary = summarize(result, bars.height - first)
    trial = _record(wanted, lake, summary, version, code, priced)
    read = {f"continuous_bars[{wanted.symbol}]": version, **inputs}
    if priced.version is not None:
        read[f"cost_model[{wanted.symbol}]"] = priced.version
    return Done(
        wanted=wanted,
        priced=priced,
        costs=costs,
        result=result,
        summary=summary,
        inputs=read,
        absent_peers=absent,
        code_version=code,
        trial=trial,
    )


def read_peers(
    symbol: str, variant: Variant, universe: Universe, lake: Lake, last: date | None
) -> tuple[Peers, dict[str, str], tuple[str, ...]]:
    """(peers, data versions, symbols that the lake lacks): of a variant that compares, else none.

    Sessions up to `last`, adjusted onto its contract: no roll after it leaves a bit; None: all.
    """
    if variant.peers == "none":
        return {}, {}, ()
    peers, versions, absent = {}, {}, []
    for one in universe.peers_of(symbol):
        if lake.version("session_bars", ("symbol", one)) is None:
            absent.append(one)
            continue
        table, version = lake.read_versioned("session_bars", ("symbol", one))
        if last is not None:
            table = in_window(table, last)
        peers[one] = PeerSessions.from_session_bars(table)
        versions[f"session_bars[{one}]"] = version
    return peers, versions, tuple(absent)


def require_window(wanted: Wanted) -> None:
    """Raise InvalidSetting for a window that ends before it begins, HoldoutRefused for one in the
    test window that nobody allowed."""
    if wanted.first is not None and wanted.first > wanted.end:
        raise InvalidSetting(
            f"The window begins on {wanted.first} and ends on {wanted.end}; without --to it ends "
            "with the train window. Choose --from before --to."
        )
    if wanted.is_in_test and not wanted.may_look:
        raise HoldoutRefused(
            f"The window ends on {wanted.end}, and what is after {SPLITS.validation_end} is the "
            "sealed test window. A test that is looked at before the choice is made is no test: "
            f"end with --to {SPLITS.validation_end} or earlier. --spend-holdout-look opens it, on "
            "the record and within the budget of looks."
        )


def _require_bars(wanted: Wanted, lake: Lake) -> None:
    """Raise NotEnoughData for a window without a session; only dates are read for it."""
    table = lake.columns("continuous_bars", ("symbol", wanted.symbol), ("session",))
    sessions = table["session"]
    if not sessions.is_between(wanted.first or date.min, wanted.end).any():
        raise NotEnoughData(
            f"{wanted.symbol}: no bars from {wanted.first or 'the beginning'} to {wanted.end}; the "
            f"lake's sessions run from {sessions.min()} to {sessions.max()}. Choose --from and "
            "--to within them."
        )


def _bars(
    wanted: Wanted, lake: Lake, code: str, looks: EvaluationSettings
) -> tuple[pl.DataFrame, str]:
    if wanted.is_in_test:
        return lake.open_test_bars(
            wanted.symbol,
            wanted.end,
            who=WHO,
            model_version=wanted.identity,
            code_version=code,
            budget=looks.holdout_budget,
            min_new_sessions=looks.min_new_sessions,
        )
    bars, version = lake.read_versioned("continuous_bars", ("symbol", wanted.symbol))
    return bars.filter(pl.col("session") <= wanted.end), version


def _record(
    wanted: Wanted, lake: Lake, summary: Summary, bars_version: str, code: str, priced: InForce
) -> str | None:
    if wanted.is_of_search and wanted.params in wanted.variant.grid():
        return None
    trial = HandMadeTrial(
        who=WHO,
        variant=wanted.variant.name,
        params=params_json(wanted.params),
        first_session=str(summary.first_session),
        last_session=str(summary.last_session),
        costs_times=wanted.costs_times,
        bars_version=bars_version,
        code_version=code,
        is_comparable=wanted.is_of_search,
        sharpe_per_day=summary.sharpe_per_day,
        n_obs=summary.n_sessions,
        costs=priced.differing,
    )
    return lake.record_trial(wanted.symbol, trial)
