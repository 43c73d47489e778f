"""All scenarios of one symbol, and the tables that they become.

Belongs here: running a plan. Does not belong here: what a kind does, or the rule that judges.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from rooney_core.gates.stress.history import History
from rooney_core.gates.stress.kinds import PUBLISHED, Scenario, plan
from rooney_core.gates.stress.limits import StressLimits
from rooney_core.gates.stress.published import PublishedDays, published_outcome
from rooney_core.gates.stress.replay import replayed_outcome
from rooney_core.gates.stress.report import STRESS_SCHEMA, Outcome, fan_of, report_row

Listener = Callable[[str], None]


@dataclass(frozen=True)
class Stressed:
    """`report`: STRESS_SCHEMA. `fan`: quantiles of equity by session, over all of its scenarios."""

    report: pl.DataFrame
    fan: pl.DataFrame


def run_scenarios(
    symbol: str,
    model_version: str,
    days: PublishedDays,
    history: History,
    limits: StressLimits,
    tell: Listener = lambda text: None,
) -> Stressed:
    """Run `limits.n_scenarios` of them; the same arguments give the same tables.

    Raises what a backtest raises. `tell` hears of every finished scenario.
    """
    planned = plan(limits.n_scenarios, limits.seed, symbol, len(days.crises))
    rows, outcomes = [], []
    for number, scenario in enumerate(planned):
        outcome = run_scenario(scenario, days, history, limits)
        outcomes.append(outcome)
        row = report_row(scenario, outcome, days.starting_cash_usd)
        named = {"symbol": symbol, "model_version": model_version, "scenario": number}
        rows.append({**named, **row})
        tell(f"{number + 1} of {len(planned)} scenarios, {scenario.kind}")
    report = pl.DataFrame(rows, schema=STRESS_SCHEMA)
    return Stressed(report, fan_of(outcomes, days.starting_cash_usd))


def run_scenario(
    scenario: Scenario, days: PublishedDays, history: History, limits: StressLimits
) -> Outcome:
    """Run one scenario by itself; it depends on nothing that ran before."""
    if scenario.kind in PUBLISHED:
        return published_outcome(scenario, days, limits)
    return replayed_outcome(scenario, history, limits)
