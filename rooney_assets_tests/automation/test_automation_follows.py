"""What follows a new day by itself: the real conditions on a real instance, run by run."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from growing_market import Market, instance_of, make_market

from rooney_assets.automation import FOLLOWS, FRESHNESS
from rooney_assets.build import build_defs
from rooney_assets.following import FOLLOWERS, following
from rooney_assets.graph.declaration import ASSETS
from rooney_assets.graph.plan import basis_of, default_params
from rooney_assets.lake import ManifestFacts
from rooney_assets.mandate import load_mandate
from rooney_assets.recalibration import Workshop
from rooney_assets.sources.selection import source_from
from rooney_assets.ticking import Tick, tick
from rooney_core.errors import MissingArtifact

BARS = ("raw_bars", "roll_calendar", "continuous_bars", "session_bars")
FACTORY = ("strategy_results", "strategy_ranking", "best_strategy")


class Factory:
    """The definitions of a market, ticked and run in this process, with the sensors' memory."""

    def __init__(self, market: Market, instance: dg.DagsterInstance) -> None:
        self.market = market
        self.instance = instance
        self.defs = build_defs(market.settings, market.universe)
        self.cursors: dict[str, str | None] = {}

    def tick(self, name: str) -> Tick:
        """What the automation asks for now; its memory is kept for the next tick."""
        told = tick(self.defs, name, self.instance, cursor=self.cursors.get(name))
        self.cursors[name] = told.cursor
        return told

    def run(self, requests: tuple[dg.RunRequest, ...], job: str | None = None) -> None:
        """Execute what was asked for."""
        for one in requests:
            chosen = (
                self.defs.resolve_implicit_global_asset_job_def()
                if job is None
                else self.defs.resolve_job_def(job)
            )
            result = chosen.execute_in_process(
                instance=self.instance,
                partition_key=one.partition_key,
                asset_selection=one.asset_selection,
                tags=one.tags,
            )
            assert result.success

    def asked(self, name: str) -> dict[str, set[str]]:
        """Assets by symbol that the automation asks for now."""
        return wanted(self.tick(name))


def wanted(told: Tick) -> dict[str, set[str]]:
    """Assets by partition of what a tick asks for."""
    return {
        str(one.partition_key): {key.to_user_string() for key in one.asset_selection or ()}
        for one in told.requests
    }


def test_every_asset_has_a_line_with_its_reason() -> None:
    assert set(FOLLOWS) == set(ASSETS)
    for name, follows in FOLLOWS.items():
        assert follows.reason.strip(), name
        assert set(follows.whatever) <= set(ASSETS[name].inputs), name
    assert set(FRESHNESS) <= set(ASSETS)


CHAIN = {"portfolio_config", "release_candidate", "paper_report", "gate_report", "release_evidence"}
RELEASED = {"production_model", "production_config"}


def made(instance: dg.DagsterInstance, asset: str, key: str | None, version: str) -> None:
    """An event as a run would leave it."""
    tags = {"dagster/data_version": version}
    event = dg.AssetMaterialization(asset, partition=key, tags=tags)
    instance.report_runless_asset_event(event)


def test_what_was_judged_anew_is_followed_in_the_month_that_trades_next(tmp_path: Path) -> None:
    market = make_market(tmp_path / "market")
    facts = ManifestFacts(run_id="r", code_version="c", git_commit="g")
    last = pl.DataFrame({"symbol": ["ES"], "session": [date(2026, 3, 31)]})
    market.lake.write("session_bars", ("symbol", "ES"), last, facts)
    with instance_of(market) as instance:
        factory = Factory(market, instance)
        for symbol in ("ES", "GC"):
            made(instance, "equity_curve", symbol, "1")
            made(instance, "training_set", symbol, "1")
        made(instance, "mandate", None, "1")
        assert factory.asked("follow_months") == {}
        # New trades alone are judged with the next training.
        made(instance, "training_set", "ES", "2")
        assert factory.asked("follow_months") == {}
        # Made again with the same content.
        made(instance, "equity_curve", "ES", "1")
        assert factory.asked("follow_months") == {}
        made(instance, "equity_curve", "ES", "2")
        assert factory.asked("follow_months") == {"2026-04": CHAIN}
        assert factory.asked("follow_months") == {}
        for name in CHAIN:
            made(instance, name, "2026-04", "1")
        # One table each, not of a month; both in one run.
        assert factory.asked("follow_months") == {"None": RELEASED}


def test_a_round_by_hand_leaves_what_the_conditions_leave(tmp_path: Path) -> None:
    """New rows alone are judged with the next training; a model that was trained is judged."""
    market = make_market(tmp_path / "market")
    settings, lake = market.settings, market.lake
    source = source_from(settings.source, settings.base, settings.vendor)
    shop = Workshop(settings, market.universe, source, lake)

    def write(name: str, number: int) -> None:
        """A table as a run would leave it, of what the lake holds."""
        asset = ASSETS[name]
        params = default_params(asset, load_mandate(settings))
        try:
            basis = basis_of(asset, "ES", market.universe, source, lake, params)
            made = (basis.code_version, dict(basis.inputs), dict(basis.config))
        except MissingArtifact:
            made = ("c", {}, {})
        facts = ManifestFacts(
            run_id="r", code_version=made[0], git_commit="g", inputs=made[1], config=made[2]
        )
        row = {"symbol": ["ES"], "session": [date(2026, 3, 31)], "number": [number]}
        table = pl.DataFrame(row)
        lake.write(name, ("symbol", "ES"), table, facts)

    def followed() -> set[str]:
        return {name for one in following(shop, FOLLOWERS) for name in one.assets}

    inputs = {*ASSETS["model_evaluation"].inputs} - {"meta_model"}
    for name in (*sorted(inputs), "meta_model", "model_evaluation"):
        if not ASSETS[name].partitioning.is_whole:
            write(name, 1)
    assert "model_evaluation" not in followed()
    write("training_set", 2)
    assert "model_evaluation" not in followed()
    write("meta_model", 2)
    assert "model_evaluation" in followed()
    # ES has no peers here, which is no reason to search nothing.
    assert market.universe.peers_of("ES") == ()
    assert "strategy_results" not in followed()
    for name in ("continuous_bars", "cost_model"):
        write(name, 1)
    assert "strategy_results" in followed()


def test_a_candidate_is_not_promoted_before_its_gates_have_spoken(tmp_path: Path) -> None:
    """A candidate is there minutes before gates and evidence of it; those of before are no word."""
    market = make_market(tmp_path / "market")
    lake, month = market.lake, ("rebalance_month", "2026-04")

    def write(asset: str, of: str, **inputs: str) -> str:
        facts = ManifestFacts(run_id="r", code_version="c", git_commit="g", inputs=inputs)
        table = pl.DataFrame({"rebalance_month": ["2026-04"], "of": [of]})
        version = lake.write(asset, month, table, facts).data_version
        made(instance, asset, "2026-04", version)
        return version

    with instance_of(market) as instance:
        factory = Factory(market, instance)
        made(instance, "mandate", None, "1")
        candidate = write("release_candidate", "old")
        write("gate_report", "old", **{"release_candidate[2026-04]": candidate})
        write("release_evidence", "old", **{"release_candidate[2026-04]": candidate})
        assert factory.asked("follow_months") == {}
        newer = write("release_candidate", "new")
        assert RELEASED & set().union(*factory.asked("follow_months").values()) == set()
        write("gate_report", "new", **{"release_candidate[2026-04]": newer})
        assert RELEASED & set().union(*factory.asked("follow_months").values()) == set()
        write("release_evidence", "new", **{"release_candidate[2026-04]": newer})
        assert factory.asked("follow_months") == {"None": RELEASED}
        assert factory.asked("follow_months") == {}


@pytest.mark.slow
def test_a_new_day_updates_only_what_depends_on_it(market: Market) -> None:
    before = market.versions(*BARS, *FACTORY, "training_set")
    with instance_of(market) as instance:
        factory = Factory(market, instance)
        assert factory.tick("arrivals").skipped == "No file has other bars than the lake."
        assert factory.asked("follow_symbols") == {}

        market.write_bars("ES", date(2021, 6, 3))
        arrived = factory.tick("arrivals")
        assert [one.partition_key for one in arrived.requests] == ["ES"]
        assert arrived.requests[0].tags["rooney/reason"] == "the source has other bars"
        factory.run(arrived.requests, "bars_of_symbol")
        assert factory.tick("arrivals").requests == ()

        # GC's features read ES; its bars and its search do not.
        follow = factory.tick("follow_symbols")
        assert wanted(follow) == {"ES": {*FACTORY, "training_set"}, "GC": {"training_set"}}
        factory.run(follow.requests)
        # The search is of other years: what it found has the same version, and nothing follows.
        assert factory.asked("follow_symbols") == {}
    after = market.versions(*before_names(before))
    moved = {name for name, version in after.items() if version != before[name]}
    assert {f"{name}[ES]" for name in ("raw_bars", "continuous_bars", "session_bars")} <= moved
    assert not {name for name in moved if name.endswith("[ZN]")}
    assert {name for name in moved if name.endswith("[GC]")} <= {"training_set[GC]"}
    assert not {f"{name}[ES]" for name in FACTORY} & moved


def before_names(versions: dict[str, Any]) -> list[str]:
    """The assets of some `asset[symbol]` labels."""
    return sorted({label.partition("[")[0] for label in versions})


@pytest.mark.slow
def test_the_same_content_is_no_news(market: Market) -> None:
    """Made again by force, of the same bars: a new run, the same data version, no follower."""
    with instance_of(market) as instance:
        factory = Factory(market, instance)
        assert factory.asked("follow_symbols") == {}
        market.write_bars("ES", date(2021, 6, 1))
        assert factory.tick("arrivals").requests == ()
        again = dg.RunRequest(partition_key="ES", tags={"rooney/force": "true"})
        factory.run((again,), "bars_of_symbol")
        assert factory.asked("follow_symbols") == {}


@pytest.mark.slow
def test_the_stop_halts_what_follows_and_nothing_is_lost(market: Market) -> None:
    with instance_of(market) as instance:
        factory = Factory(market, instance)
        factory.tick("follow_symbols")
        market.write_bars("GC", date(2021, 6, 3))
        stop = market.lake.root / "EMERGENCY_STOP"
        stop.write_text("oil is negative", encoding="utf-8")
        assert factory.tick("arrivals").skipped.startswith("EMERGENCY STOP: oil is negative")
        asked_by_hand = (dg.RunRequest(partition_key="GC"),)
        factory.run(asked_by_hand, "bars_of_symbol")
        halted = factory.tick("follow_symbols")
        assert (halted.requests, halted.skipped[:31]) == ((), "EMERGENCY STOP: oil is negative")
        stop.unlink()
        assert "GC" in factory.asked("follow_symbols")
