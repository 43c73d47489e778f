"""gate_calibration in the graph: only on demand, and what its checks say of hand-made rates."""

from __future__ import annotations

from types import SimpleNamespace

import polars as pl
import pytest

from rooney_assets.assets.calibration import power_curve
from rooney_assets.build import build_defs
from rooney_assets.graph.declaration import CHECKS, Here, Outcome, Severity
from rooney_assets.headless import everything
from rooney_assets.settings import Settings, load_universe
from rooney_core.gates.calibration.oracle import TrueSharpe
from rooney_core.gates.calibration.report import UNIVERSES_SCHEMA, rates_table, rules_table
from rooney_core.gates.calibration.settings import CalibrationSettings

TRUTH = {0.5: TrueSharpe(1.5, 0.1, 8), 1.0: TrueSharpe(3.2, 0.1, 8)}


def universes(**counts: tuple[float, int, int]) -> pl.DataFrame:
    """Rows of so many universes of an edge, of which so many are promoted."""
    rows = [
        {
            "kind": kind,
            "reversion_edge": edge,
            "number": number,
            "seed": hash((edge, number)),
            "promoted": number < promoted,
            "rejected_by": [] if number < promoted else ["verdict.win_rate_too_low"],
        }
        for kind, (edge, n, promoted) in counts.items()
        for number in range(n)
    ]
    return pl.DataFrame(rows, schema=UNIVERSES_SCHEMA)


def looked(name: str, rows: pl.DataFrame, settings: CalibrationSettings | None = None) -> Outcome:
    one = next(one for one in CHECKS["gate_calibration"] if one.name == name)
    beside = {"universes": rows, "rules": rules_table(rows, TRUTH)}
    here: Here = SimpleNamespace(beside=beside, params=settings)  # type: ignore[assignment]
    return one.look(rates_table(rows, TRUTH), here)


@pytest.mark.parametrize(("n", "promoted", "passed"), [(101, 1, True), (100, 1, False)])
def test_one_in_a_hundred_of_noise_promoted_is_too_many(n, promoted, passed) -> None:
    rows = universes(null=(0.0, n, promoted), planted=(1.0, 1, 1))
    assert looked("noise_is_rarely_promoted", rows).passed is passed


@pytest.mark.parametrize(("n", "promoted", "passed"), [(21, 20, True), (20, 19, False)])
def test_one_in_twenty_strong_edges_rejected_is_too_many(n, promoted, passed) -> None:
    rows = universes(null=(0.0, 1, 0), planted=(1.0, n, promoted))
    found = looked("strong_edges_are_rarely_rejected", rows)
    assert found.passed is passed
    assert found.facts["wrong"] == 1
    assert found.sample["rule"].to_list() == ["verdict.win_rate_too_low"]


def test_weak_edges_may_be_rejected() -> None:
    rows = universes(null=(0.0, 1, 0), planted=(0.5, 20, 0))
    rows = pl.concat([rows, universes(planted=(1.0, 5, 5))])
    assert looked("strong_edges_are_rarely_rejected", rows).passed


def test_without_a_strong_edge_nothing_is_known_of_them() -> None:
    rows = universes(null=(0.0, 1, 0), planted=(0.5, 20, 20))
    assert not looked("strong_edges_are_rarely_rejected", rows).passed


@pytest.mark.parametrize(("n", "passed"), [(367, False), (368, True)])
def test_few_universes_are_not_enough_to_be_sure_of_noise(n, passed) -> None:
    rows = universes(null=(0.0, n, 0), planted=(1.0, 1, 1))
    assert looked("enough_noise_to_be_sure", rows).passed is passed


@pytest.mark.parametrize(("n", "passed"), [(71, False), (72, True)])
def test_few_universes_are_not_enough_to_be_sure_of_strong_edges(n, passed) -> None:
    rows = universes(null=(0.0, 1, 0), planted=(1.0, n, n))
    assert looked("enough_strong_edges_to_be_sure", rows).passed is passed


def test_a_universe_that_is_missing_or_there_twice_stops_the_write() -> None:
    rows = universes(null=(0.0, 3, 0), planted=(1.0, 2, 2))
    asked = CalibrationSettings(n_null=3, n_planted=2, reversion_edges=(1.0,))
    assert looked("every_universe_is_counted_once", rows, asked).passed
    more = asked.model_copy(update={"n_null": 4})
    assert not looked("every_universe_is_counted_once", rows, more).passed
    twice = pl.concat([rows, rows.head(1)])
    assert not looked("every_universe_is_counted_once", twice, more).passed


def test_a_rejection_without_a_rule_stops_the_write() -> None:
    rows = universes(null=(0.0, 3, 1))
    assert looked("whoever_is_not_promoted_has_a_rule", rows).passed
    mute = rows.with_columns(rejected_by=pl.lit([], pl.List(pl.String)))
    assert not looked("whoever_is_not_promoted_has_a_rule", mute).passed


def test_the_error_rates_are_errors() -> None:
    severities = {one.name: one.severity for one in CHECKS["gate_calibration"]}
    assert severities["noise_is_rarely_promoted"] is Severity.ERROR
    assert severities["strong_edges_are_rarely_rejected"] is Severity.ERROR


def test_it_is_made_only_when_it_is_asked_for() -> None:
    settings = Settings.from_environment({})
    universe = load_universe(settings)
    wanted = everything(universe)
    assert "gate_report" in wanted
    assert "gate_calibration" not in wanted
    defs = build_defs(settings, universe)
    own = defs.resolve_job_def("calibration").asset_layer.executable_asset_keys
    assert {one.to_user_string() for one in own} == {"gate_calibration"}
    others = defs.resolve_job_def("release").asset_layer.executable_asset_keys
    assert "gate_calibration" not in {one.to_user_string() for one in others}


def test_the_power_curve_marks_what_is_on_the_wrong_side() -> None:
    fine = universes(null=(0.0, 200, 0), planted=(0.5, 10, 3))
    drawn = power_curve(rates_table(pl.concat([fine, universes(planted=(1.0, 40, 40))]), TRUTH))
    assert drawn.startswith("<svg")
    assert drawn.count("<circle") == 3
    alarmed = power_curve(rates_table(pl.concat([fine, universes(planted=(1.0, 40, 30))]), TRUTH))
    circles = [part for part in alarmed.split("<circle")[1:] if "#c53030" in part.split("/>")[0]]
    assert len(circles) == 1
