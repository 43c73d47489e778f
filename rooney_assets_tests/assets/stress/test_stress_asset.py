"""The asset where nothing is run; each check lets a sound report through and sees its own fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from rooney_assets.assets.stress import stress_report
from rooney_assets.checks import stress as checks
from rooney_assets.graph.declaration import CHECKS, Check, Here, Made
from rooney_assets.settings import Settings, load_universe
from rooney_core.errors import RefusedError
from rooney_core.gates.stress import STRESS_SCHEMA, StressLimits, stress_gate
from rooney_core.gates.stress.history import UNDISTURBED_SCHEMA
from rooney_core.gates.stress.trades import SEQUENCE_SCHEMA

SYMBOL, N = "SIM_ES", 20
Change = Callable[[pl.DataFrame], pl.DataFrame]


@pytest.fixture
def here() -> Here:
    """A place without a lake: the stress report needs none."""
    nothing = {"source": None, "lake": None, "state_folder": None, "input_versions": {}}
    return Here(
        asset="stress_report",
        partition=SYMBOL,
        universe=load_universe(Settings.from_environment({})),
        params=StressLimits(n_scenarios=N),
        run_id="r",
        code_version="c",
        **nothing,  # type: ignore[arg-type]
    )


def made_of(here: Here, verdict: str, versions: tuple[str, str, str]) -> Made:
    meta, evaluated, drawn = (pl.DataFrame({"model_version": [one]}) for one in versions)
    evaluated = evaluated.with_columns(verdict=pl.lit(verdict))
    made = stress_report.body(here, drawn, evaluated, meta, pl.DataFrame(), {}, {})
    assert isinstance(made, Made)
    return made


def test_a_failed_verdict_is_not_stressed_and_fails_the_gate(here: Here) -> None:
    made = made_of(here, "fail", ("m1", "m1", "m1"))
    assert made.table.is_empty()
    assert made.table.schema == pl.Schema(STRESS_SCHEMA)
    (row,) = stress_gate(made.table, here.params)
    assert not row.passed
    assert row.reason == "not run: verdict failed" == made.notes["gate 2"]
    assert set(made.beside) == {"fan", "kinds", "trades", "bands", "undisturbed"}
    for one in made.beside.values():
        assert one.is_empty()
        assert one.columns[0] == "symbol"


def test_what_was_not_run_stops_at_no_blocking_check(here: Here) -> None:
    made = made_of(here, "fail", ("m1", "m1", "m1"))
    looking = replace(here, beside=made.beside)
    for one in CHECKS["stress_report"]:
        assert one.look(made.table, looking).passed or not one.blocking, one.name


def test_tables_of_different_models_are_refused(here: Here) -> None:
    with pytest.raises(RefusedError, match="of the models m1, m1, m0; one model is needed"):
        made_of(here, "pass", ("m1", "m1", "m0"))


@pytest.fixture
def sound(here: Here) -> Here:
    """With tables beside a report that passes."""
    sequence = dict.fromkeys(SEQUENCE_SCHEMA, 0)
    trades = pl.DataFrame([sequence | {"method": "redrawn"}], schema=SEQUENCE_SCHEMA)
    days = {"session": [None] * 40, "published_pnl_usd": [5.0] * 40, "replayed_pnl_usd": [5.0] * 40}
    undisturbed = pl.DataFrame(days, schema=UNDISTURBED_SCHEMA)
    return replace(here, beside={"trades": trades, "undisturbed": undisturbed})


def report() -> pl.DataFrame:
    row: dict[str, Any] = {
        "symbol": SYMBOL,
        "model_version": "m1",
        "kind": "gaps",
        "detail": "x",
        "seed": 1,
        "n_sessions": 252,
        "net_profit_usd": 2500.0,
        "luck_allowance_usd": 100.0,
        "total_return": 0.01,
        "annual_sharpe": 1.0,
        "max_drawdown": -0.02,
        "worst_loss": -0.01,
        "n_trades": 40,
        "contracts": 1,
        "starting_cash_usd": 250_000.0,
    }
    return pl.DataFrame([row | {"scenario": number} for number in range(N)], schema=STRESS_SCHEMA)


@pytest.mark.parametrize("one", CHECKS["stress_report"], ids=lambda one: one.name)
def test_a_sound_report_passes(one: Check, sound: Here) -> None:
    assert one.look(report(), sound).passed


@pytest.mark.parametrize(
    ("check", "change"),
    [
        (checks.every_scenario_is_there, lambda table: table.head(N - 1)),
        (checks.every_scenario_is_there, lambda table: table.reverse()),
        (checks.numbers_are_possible, lambda table: with_first(table, "max_drawdown", 0.1)),
        (checks.numbers_are_possible, lambda table: with_first(table, "worst_loss", None)),
        (checks.numbers_are_possible, lambda table: with_first(table, "net_profit_usd", 2501.0)),
        (checks.stress_gate_passes, lambda table: with_first(table, "worst_loss", -0.95)),
    ],
)
def test_each_check_sees_its_own_fault(check: Check, change: Change, sound: Here) -> None:
    assert not check.look(change(report()), sound).passed


def test_a_replay_that_is_another_one_is_seen(sound: Here) -> None:
    days = sound.beside["undisturbed"]
    changed = days.with_columns(
        replayed_pnl_usd=pl.when(pl.int_range(pl.len()) < 3).then(6.0).otherwise(5.0)
    )
    looking = replace(sound, beside={**sound.beside, "undisturbed": changed})
    outcome = checks.replay_is_what_was_published.look(report(), looking)
    assert not outcome.passed, "3 of 40 sessions are more than 5 %"
    assert outcome.facts["that differ"] == 3


def test_a_ruined_sequence_is_seen(sound: Here) -> None:
    ruined = sound.beside["trades"].with_columns(probability_of_ruin=pl.lit(0.001))
    looking = replace(sound, beside={**sound.beside, "trades": ruined})
    assert not checks.ruin_is_out_of_sight.look(report(), looking).passed


def with_first(table: pl.DataFrame, name: str, value: float | None) -> pl.DataFrame:
    values = table[name].to_list()
    return table.with_columns(pl.Series(name, [value, *values[1:]], table.schema[name]))
