"""A release of two symbols with all that is known about it, in a real lake. No assertions.

Belongs here: making it. Tables are small, but each has the columns of the real one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from rooney_assets.evidence import Known
from rooney_assets.graph.lineage import lineage_of
from rooney_assets.lake import Lake, ManifestFacts
from rooney_assets.mandate import Mandate
from rooney_core.gates.approvals import Override
from rooney_core.gates.evaluation import EVALUATION_SCHEMA
from rooney_core.gates.paper import PaperLimits, paper_facts, paper_row
from rooney_core.gates.report import GATE_SCHEMA
from rooney_core.gates.stress import StressLimits
from rooney_core.gates.stress.report import STRESS_SCHEMA, Outcome, fan_of
from rooney_core.gates.stress.trades import trade_sequence
from rooney_core.portfolio.monthly import SUMMARY_SCHEMA
from rooney_core.release.config import PRODUCTION_CONFIG_SCHEMA

MONTH = "2026-01"
RELEASE = "0123456789abcdef0123456789abcdef"
CASH = 250_000.0
N_SESSIONS, N_SCENARIOS = 250, 40
OVERRIDE = Override(
    symbol="SIM_CL", gate="paper", reason="<b>vendor outage</b>", until=date(2026, 3, 1), who="ada"
)
CHAIN = ("raw_bars", "continuous_bars", "session_bars", "training_set", "meta_model")


def candidate(overrides: tuple[Override, ...] = (OVERRIDE,), sizes: Any = None) -> pl.DataFrame:
    """production_config rows of SIM_CL and SIM_ES, and SIM_NQ left out."""
    sizes = {"SIM_CL": 2, "SIM_ES": 1, "SIM_NQ": 0} if sizes is None else sizes
    shared = {
        "release_id": RELEASE,
        "rebalance_month": MONTH,
        "production_model_version": "feed" * 8,
        "max_positions": 2,
        "data_through": date(2025, 12, 31),
        "is_simulated": True,
        "approved_until": date(2026, 4, 10),
        "mandate_version": Mandate().version,
        "evidence_version": "",
        "overrides": json.dumps([one.model_dump(mode="json") for one in overrides]),
        "live_limits": Mandate().live.model_dump_json(),
    }
    rows = [
        {
            "symbol": symbol,
            "size": size,
            "reason": "chosen" if size else "model verdict fail: Sharpe test 0.1",
            "variant": "ibs_baseline",
            "params": '{"n": 3}',
            "model_version": f"{symbol}-model" if size else None,
            "threshold": 0.55 if size else None,
        }
        for symbol, size in sizes.items()
    ]
    return pl.DataFrame([shared | one for one in rows], schema=dict(PRODUCTION_CONFIG_SCHEMA))


def gate_rows() -> pl.DataFrame:
    """Of the traded symbols every gate; SIM_CL fails one row of the paper gate, overridden."""
    rows = []
    for symbol in ("SIM_CL", "SIM_ES", "SIM_NQ"):
        for gate, codes in {
            "backtest": ("total_return", "sharpe", "drawdown"),
            "stress": ("profitable_share",),
            "paper": ("win_rate", "emergency_stops"),
            "selection": ("chosen",),
        }.items():
            for code in codes:
                red = symbol == "SIM_NQ" or (symbol == "SIM_CL" and code == "win_rate")
                over = red and symbol == "SIM_CL"
                rows.append(
                    {
                        "rebalance_month": MONTH,
                        "symbol": symbol,
                        "gate": gate,
                        "code": code,
                        "value": 0.25,
                        "limit": 0.5 if red else 0.1,
                        "passed": not red,
                        "reason": f"{code}: 0.25 is {'below 0.5' if red else 'above 0.1'}",
                        "max_positions": 2,
                        "model_version": f"{symbol}-model",
                        "candidate_id": RELEASE,
                        "mandate_version": Mandate().version,
                        "overridden_until": OVERRIDE.until if over else None,
                        "override_reason": f"ada: {OVERRIDE.reason}" if over else None,
                    }
                )
    return pl.DataFrame(rows, schema=dict(GATE_SCHEMA))


def evaluation(symbol: str, sharpe: float = 1.5) -> pl.DataFrame:
    """A row of EVALUATION_SCHEMA."""
    row: dict[str, Any] = dict.fromkeys(EVALUATION_SCHEMA)
    row |= {name: sharpe for name, kind in EVALUATION_SCHEMA.items() if kind == pl.Float64()}
    row |= {name: 240 for name, kind in EVALUATION_SCHEMA.items() if kind == pl.Int64()}
    reason = {"code": "test_sharpe", "text": f"Sharpe test {sharpe} is above 0.3"}
    row |= {"symbol": symbol, "model_version": f"{symbol}-model", "verdict": "pass"}
    row |= {"n_trials_raw": 4321, "significant": True, "reasons": [reason], "warnings": []}
    return pl.DataFrame([row], schema=EVALUATION_SCHEMA)


def outcomes(seed: int) -> list[Outcome]:
    """Scenarios of a symbol that earns a little."""
    rng = np.random.default_rng(seed)
    return [
        Outcome(rng.normal(60.0, 700.0, N_SESSIONS), 120, "drawn by a test")
        for _ in range(N_SCENARIOS)
    ]


def stress(symbol: str, seed: int) -> pl.DataFrame:
    """A row of STRESS_SCHEMA per scenario, of two kinds."""
    rows = []
    for number, one in enumerate(outcomes(seed)):
        profit = float(one.daily_pnl_usd.sum())
        rows.append(
            {
                "symbol": symbol,
                "model_version": f"{symbol}-model",
                "scenario": number,
                "kind": "block_bootstrap" if number % 2 else "costs_times_five",
                "detail": one.detail,
                "seed": number,
                "n_sessions": N_SESSIONS,
                "net_profit_usd": profit,
                "total_return": profit / CASH,
                "annual_sharpe": profit / CASH * 4,
                "max_drawdown": -0.05,
                "worst_loss": -0.03,
                "n_trades": one.n_trades,
                "contracts": 1,
                "starting_cash_usd": CASH,
            }
        )
    return pl.DataFrame(rows, schema=STRESS_SCHEMA)


def paper_days() -> pl.DataFrame:
    """Twenty sessions of two symbols."""
    rng = np.random.default_rng(9)
    sessions = [date(2025, 12, 1) + timedelta(days=at) for at in range(20)]
    return pl.DataFrame(
        {
            "session": sessions * 2,
            "symbol": ["SIM_CL"] * 20 + ["SIM_ES"] * 20,
            "daily_pnl_usd": rng.normal(80.0, 500.0, 40),
            "buy_hold_pnl_usd": rng.normal(10.0, 900.0, 40),
        }
    )


def paper() -> pl.DataFrame:
    """The report of those sessions, by the real rule."""
    days = paper_days().group_by("session").agg(pl.col("daily_pnl_usd", "buy_hold_pnl_usd").sum())
    return paper_row(
        paper_facts(days.sort("session"), [120.0, -80.0, 200.0], CASH, 0.9),
        PaperLimits(),
        n_emergency_stops=0,
        n_unexplained=0,
        n_unexplained_by_trader=0,
        rebalance_month=MONTH,
        candidate_id=RELEASE,
        symbols=["SIM_CL", "SIM_ES"],
    )


def portfolio() -> pl.DataFrame:
    """The summary of the month."""
    row: dict[str, Any] = {
        name: 1.25 for name, kind in SUMMARY_SCHEMA.items() if kind == pl.Float64()
    }
    row |= {name: 2 for name, kind in SUMMARY_SCHEMA.items() if kind == pl.Int64()}
    row |= {"first_session": date(2019, 1, 2), "last_session": date(2020, 12, 31)}
    return pl.DataFrame([row | {"rebalance_month": MONTH}], schema=dict(SUMMARY_SCHEMA))


def looks(symbol: str, used: int = 2) -> pl.DataFrame:
    """Looks of as many models in window 1, the first of them twice."""
    models = [f"model {at}" for at in range(used)]
    rows = [("code", 1, one, False) for one in models] + [("code", 1, models[0], True)]
    names = {"code_version": pl.String, "window": pl.Int64, "model_version": pl.String}
    table = pl.DataFrame(rows, schema={**names, "is_repeat": pl.Boolean}, orient="row")
    return table.with_columns(symbol=pl.lit(symbol))


def chain_in(lake: Lake, symbol: str, run_id: str = "run 1") -> dict[str, str]:
    """Bars to model of a symbol, each made of the one before; label to version of the last."""
    made: dict[str, str] = {}
    for name in CHAIN:
        frame = pl.DataFrame({"symbol": [symbol], "made": [name]})
        facts = ManifestFacts(
            run_id=run_id,
            code_version=f"code of {name}",
            git_commit=run_id,
            inputs=made,
            extra={"checks": {"is_sound": True, "is_new": name != "session_bars"}},
        )
        version = lake.write(name, ("symbol", symbol), frame, facts).data_version
        made = {f"{name}[{symbol}]": version}
    return made


def known(lake: Lake, **changes: Any) -> Known:
    """All that is known; `changes` replace some of it."""
    traded = ("SIM_CL", "SIM_ES")
    inputs: Mapping[str, str] = {
        label: version for one in traded for label, version in chain_in(lake, one).items()
    }
    facts: dict[str, Any] = {
        "candidate": candidate(),
        "gates": gate_rows(),
        "paper": paper(),
        "paper_days": paper_days(),
        "portfolio": portfolio(),
        "mandate": Mandate().to_frame(),
        "evaluations": {one: evaluation(one) for one in traded},
        "stress": {one: stress(one, at) for at, one in enumerate(traded)},
        "fans": {one: fan_of(outcomes(at), CASH) for at, one in enumerate(traded)},
        "sequences": {
            one: trade_sequence(np.array([250.0, -180.0] * 60), CASH, StressLimits())[0]
            for one in traded
        },
        "trials": {one: {"strategy_sweep": 4000, "meta_tuning": 420} for one in traded},
        "looks": {one: looks(one) for one in traded},
        "budget": 5,
        "lineage": lineage_of(lake, inputs),
    }
    return Known(**{**facts, **changes})
