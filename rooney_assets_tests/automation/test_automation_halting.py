"""The emergency stop: every schedule and sensor says so and asks for nothing; so do queued runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from growing_market import Market, instance_of, make_market

from rooney_assets.build import build_defs
from rooney_assets.halting import AUTOMATION_TAG, refusal_of_a_run, stop_words
from rooney_assets.ticking import automations, tick

NOTICES = {"notices", "daily_digest"}
"""They tell of the stop, so it does not halt them."""


@pytest.fixture
def market(tmp_path: Path) -> Market:
    made = make_market(tmp_path / "market")
    made.lake.root.mkdir()
    return made


@pytest.fixture
def instance(market: Market) -> Iterator[dg.DagsterInstance]:
    with instance_of(market) as instance:
        yield instance


def stop(market: Market, words: str = "oil is negative") -> Path:
    path = market.lake.root / "EMERGENCY_STOP"
    path.write_text(words, encoding="utf-8")
    return path


def test_every_automation_is_halted_with_the_words(
    market: Market, instance: dg.DagsterInstance
) -> None:
    defs = build_defs(market.settings, market.universe)
    names = {one.name for one in automations(defs, instance)}
    assert {"follow_symbols", "follow_months", "arrivals", "retraining"} <= names
    assert {"fetch_equity_index", "weekly_retraining", "monthly_rebalance"} <= names
    stop(market)
    for name in sorted(names - NOTICES):
        told = tick(defs, name, instance, cursor="kept" if name == "retraining" else None)
        assert told.requests == (), name
        assert told.skipped.startswith("EMERGENCY STOP: oil is negative (remove /"), name
        if name == "retraining":
            assert told.cursor == "kept"


def test_without_the_file_they_ask(market: Market, instance: dg.DagsterInstance) -> None:
    defs = build_defs(market.settings, market.universe)
    path = stop(market)
    assert tick(defs, "fetch_metals", instance).requests == ()
    path.unlink()
    (asked,) = tick(defs, "fetch_metals", instance).requests
    assert (asked.partition_key, asked.tags["rooney/reason"]) == ("GC", "never fetched")


def test_a_run_that_was_queued_before_the_stop_begins_no_step(
    market: Market, instance: dg.DagsterInstance
) -> None:
    defs = build_defs(market.settings, market.universe)
    stop(market, "wait")
    job = defs.resolve_job_def("bars_of_symbol")

    def run(tags: dict[str, str]) -> dg.ExecuteInProcessResult:
        return job.execute_in_process(
            instance=instance, partition_key="GC", tags=tags, raise_on_error=False
        )

    for tag in (AUTOMATION_TAG, "dagster/schedule_name", "dagster/sensor_name"):
        refused = run({tag: "fetch_metals"})
        assert not refused.success
        (failure, *_) = refused.get_step_failure_events()
        said = failure.step_failure_data.error.message
        assert "EMERGENCY STOP: wait" in said
        assert "asked for by fetch_metals" in said
    assert market.lake.version("raw_bars", ("symbol", "GC")) is None
    # A person's own run goes on: the stop halts automations, and every promotion.
    assert run({}).success
    assert market.lake.version("raw_bars", ("symbol", "GC")) is not None


def test_the_words_of_every_kind_of_stop(market: Market) -> None:
    root = market.lake.root
    assert stop_words(root) is None
    assert refusal_of_a_run({AUTOMATION_TAG: "x"}, market.lake) is None
    stop(market, "")
    assert str(stop_words(root)).startswith("EMERGENCY STOP: (no reason given)")
    (root / "EMERGENCY_STOP").unlink()
    (root / "EMERGENCY_STOP").symlink_to(root / "nowhere")
    assert "cannot be read" in str(stop_words(root))
    assert refusal_of_a_run({}, market.lake) is None
    assert "asked for by x" in str(refusal_of_a_run({AUTOMATION_TAG: "x"}, market.lake))
