"""The sensor that asks for trainings: a real lake and instance, reports as assets write them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from growing_market import Market, instance_of, make_market

from rooney_assets.build import build_defs
from rooney_assets.lake import ManifestFacts
from rooney_assets.mandate import load_mandate
from rooney_assets.sensors import retraining_tick
from rooney_assets.sources.selection import source_from
from rooney_assets.ticking import tick
from rooney_assets.watching import Watched
from rooney_core.gates.drift import DRIFT_SCHEMA

FACTS = ManifestFacts(run_id="r", code_version="c", git_commit="g")
DAY = timedelta(days=1)


@pytest.fixture
def market(tmp_path: Path) -> Market:
    """Two tradable symbols with a model each, trained just now; nothing has drifted."""
    market = make_market(tmp_path / "market")
    for symbol in ("ES", "GC"):
        for name in ("training_set", "session_bars"):
            write(market, name, symbol, pl.DataFrame({"symbol": [symbol], "of": [name]}))
        write(market, "meta_model", symbol, pl.DataFrame({"model_version": [f"{symbol}-1"]}))
        report(market, symbol, 1)
    return market


@pytest.fixture
def watched(market: Market) -> Iterator[Watched]:
    with instance_of(market) as instance:
        settings = market.settings
        yield Watched(
            market.lake,
            market.universe,
            source_from(settings.source, settings.base, settings.vendor),
            load_mandate(settings),
            instance,
        )


def write(market: Market, asset: str, symbol: str, table: pl.DataFrame) -> None:
    own = table.with_columns(pl.lit(symbol).alias("symbol"))
    market.lake.write(asset, ("symbol", symbol), own, FACTS)


def report(
    market: Market, symbol: str, day: int, *, share: float | None = 0.0, z: float | None = 0.0
) -> None:
    """The drift report of a day."""
    row = {
        "symbol": symbol,
        "model_version": f"{symbol}-1",
        "first_session": date(2026, 1, 2),
        "last_session": date(2026, 3, 1) + day * DAY,
        "n_recent_trades": 100,
        "n_features": 66,
        "n_drifted": None if share is None else round(66 * share),
        "drifted_share": share,
        "worst_feature": "ibs",
        "worst_psi": 0.9,
        "calibration_of": None if z is None else "live",
        "calibration_first_session": date(2026, 1, 5),
        "calibration_last_session": date(2026, 2, 27),
        "calibration_trades": 80,
        "promised_win_rate": 0.6,
        "recent_win_rate": 0.5,
        "calibration_z": z,
        "has_feature_drift": False,
        "has_calibration_drift": False,
        "note": "",
        "calibration_note": "",
    }
    write(market, "drift_report", symbol, pl.DataFrame([row], schema=DRIFT_SCHEMA))


def after(days: float) -> datetime:
    return datetime.now(UTC) + days * DAY


def asked(result: dg.SensorResult) -> dict[str, str]:
    """Codes of the reasons by symbol."""
    return {str(one.partition_key): one.tags["rooney/reasons"] for one in result.run_requests or ()}


def test_nothing_is_asked_without_a_reason_and_each_symbol_is_told(watched: Watched) -> None:
    result = retraining_tick(watched, None, after(0))
    assert asked(result) == {}
    assert result.skip_reason is not None
    assert result.skip_reason.skip_message == "ES: no reason; GC: no reason"


def test_only_the_symbol_that_drifted_is_asked_for(market: Market, watched: Watched) -> None:
    report(market, "ES", 2, share=0.5, z=-4.0)
    first = retraining_tick(watched, None, after(1))
    assert asked(first) == {}
    report(market, "ES", 3, share=0.5, z=-4.0)
    second = retraining_tick(watched, first.cursor, after(2))
    assert asked(second) == {"ES": "feature_drift,calibration_drift"}
    (request,) = second.run_requests or ()
    words = request.tags["rooney/reason"]
    assert "33 of 66 features drifted by 2026-03-04, most of all ibs (PSI 0.90); 25% may" in words
    told = "50.0% of 80 trades to 2026-02-27 won (live), 60.0% promised: -4.0 standard errors"
    assert told in words
    assert request.tags["rooney/automation"] == "retraining"
    # A daemon that starts anew has the memory; the same day is asked for once.
    assert asked(retraining_tick(watched, second.cursor, after(3))) == {}
    report(market, "ES", 20, share=0.5)
    later = retraining_tick(watched, second.cursor, after(20))
    assert asked(later) == {"ES": "feature_drift"}


def test_an_old_model_is_asked_for_until_a_run_found_it_unchanged(
    market: Market, watched: Watched
) -> None:
    result = retraining_tick(watched, None, after(101))
    assert asked(result) == {"ES": "model_age", "GC": "model_age"}
    event = dg.AssetMaterialization("meta_model", partition="GC")
    watched.instance.report_runless_asset_event(event)
    later = replace(watched, mandate=load_mandate(market.settings))
    limit = later.mandate.retraining.max_model_age_days
    assert asked(retraining_tick(later, None, after(limit + 0.5))).keys() == {"ES", "GC"}
    assert asked(retraining_tick(later, None, after(limit - 0.5))) == {}


def test_a_report_of_another_model_or_without_numbers_says_nothing(
    market: Market, watched: Watched
) -> None:
    report(market, "ES", 2, share=None, z=None)
    report(market, "GC", 2, share=0.9)
    write(market, "meta_model", "GC", pl.DataFrame({"model_version": ["GC-2"]}))
    cursor = None
    for day in range(4):
        result = retraining_tick(watched, cursor, after(day))
        assert asked(result) == {}
        cursor = result.cursor


def test_a_report_that_counted_outcomes_from_bars_is_no_witness(
    market: Market, watched: Watched
) -> None:
    """As reports were before they named one: of the outcomes in it nobody had a look on record."""
    report(market, "ES", 2, z=-9.0)
    before = market.lake.read("drift_report", ("symbol", "ES"))
    write(market, "drift_report", "ES", before.drop("calibration_of", "calibration_trades"))
    first = retraining_tick(watched, None, after(1))
    assert first.skip_reason is not None
    assert first.skip_reason.skip_message == "ES: no reason; GC: no reason"


def test_a_model_of_exactly_these_rows_is_not_trained_again(
    market: Market, watched: Watched
) -> None:
    """The basis of the model in the lake is that of now: a training would give the same one."""
    from rooney_assets.graph.declaration import ASSETS
    from rooney_assets.graph.plan import basis_of, default_params

    params = default_params(ASSETS["meta_model"], watched.mandate)
    basis = basis_of(
        ASSETS["meta_model"], "ES", watched.universe, watched.source, watched.lake, params
    )
    facts = ManifestFacts(
        run_id="r",
        code_version=basis.code_version,
        git_commit="g",
        inputs=dict(basis.inputs),
        config=dict(basis.config),
    )
    table = pl.DataFrame({"symbol": ["ES"], "model_version": ["ES-1"]})
    market.lake.write("meta_model", ("symbol", "ES"), table, facts)
    result = retraining_tick(watched, None, after(101))
    assert asked(result) == {"GC": "model_age"}
    assert result.cursor is not None
    assert json.loads(result.cursor)["ES"]["asked_at"] is None
    # A new trade changes the rows, and the reason that still holds is heard.
    write(market, "training_set", "ES", pl.DataFrame({"symbol": ["ES"], "of": ["more"]}))
    assert asked(retraining_tick(watched, result.cursor, after(102))) == {"ES": "model_age"}


def live(market: Market, symbol: str, **facts: object) -> None:
    row = {
        "symbol": symbol,
        "n_trades": 40,
        "win_rate": 0.4,
        "win_rate_low": 0.25,
        "win_rate_high": 0.57,
        "expected_win_rate": 0.62,
        "is_win_rate_inside": False,
        "drawdown_usd": 900.0,
        "simulated_drawdown_p95_usd": 1000.0,
        "is_drawdown_inside": True,
        **facts,
    }
    write(market, "live_performance", symbol, pl.DataFrame([row]))


def test_live_results_are_reasons_too(market: Market, watched: Watched) -> None:
    cursor = None
    for day in (1, 2):
        live(market, "ES", n_trades=40 + day)
        live(
            market,
            "GC",
            n_trades=40 + day,
            drawdown_usd=1500.0,
            is_drawdown_inside=False,
            win_rate=0.6,
            win_rate_low=0.5,
            win_rate_high=0.7,
            is_win_rate_inside=True,
        )
        result = retraining_tick(watched, cursor, after(day))
        cursor = result.cursor
    assert asked(result) == {"ES": "live_win_rate", "GC": "live_drawdown"}
    words = {one.partition_key: one.tags["rooney/reason"] for one in result.run_requests or ()}
    assert "40.0% of 42 live trades won" in words["ES"]
    assert "62.0% was expected" in words["ES"]
    assert "live drawdown 1,500 USD; 95 % of simulated ones stay within 1,000" in words["GC"]


def test_live_results_that_say_nothing_are_no_reason(market: Market, watched: Watched) -> None:
    live(market, "ES", is_win_rate_inside=None, win_rate=None, is_drawdown_inside=None)
    cursor = None
    for day in (1, 2, 3):
        result = retraining_tick(watched, cursor, after(day))
        cursor = result.cursor
        assert asked(result) == {}


def test_the_real_sensor_asks_with_the_job_that_trains(market: Market, watched: Watched) -> None:
    defs = build_defs(market.settings, market.universe)
    assert tick(defs, "retraining", watched.instance).skipped == "ES: no reason; GC: no reason"
    sensor = defs.resolve_sensor_def("retraining")
    assert sensor.job_name == "research_of_symbol"
