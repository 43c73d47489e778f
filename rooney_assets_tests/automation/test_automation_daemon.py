"""The real daemon, as a process: what follows a new day, and what a kill in the middle costs."""

from __future__ import annotations

import os
import signal
import subprocess
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from daemon_process import BIN, DONE, daemon, runs, until
from growing_market import ROOT, SYMBOLS, Market, instance_of, make_market

from rooney_core.lineage import content_version

pytestmark = pytest.mark.slow


def backfill(market: Market, job: str) -> None:
    """Every partition of a job onto the queue, by Dagster's own command."""
    what = ["-j", job, "--all", "--noprompt", "--tags", '{"asked": "by the test"}']
    where = ["-w", str(ROOT / "workspace.yaml")]
    done = subprocess.run(
        [str(BIN / "dagster"), "job", "backfill", *what, *where],
        env=market.process_environment(),
        cwd=market.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def assert_whole(market: Market, assets: tuple[str, ...], symbols: tuple[str, ...]) -> None:
    """Every current table is the content that its version names; nothing half written is left."""
    for asset in assets:
        for symbol in symbols:
            folder = market.lake.root / asset / f"symbol={symbol}"
            version = content_version(pl.read_parquet(folder / "current.parquet"))
            assert (folder / "versions" / f"{version}.parquet").is_file()
            assert (folder / "versions" / f"{version}.json").is_file()


def test_the_daemon_fetches_and_follows_a_new_day(market: Market) -> None:
    before = market.versions("raw_bars", "session_bars", "training_set")
    with instance_of(market) as instance, daemon(market, ROONEY_AUTOMATION="on"):
        until(
            "a first tick of the follower, which is what changes are counted from",
            lambda: any(
                one.instigator_name == "follow_symbols" and one.instigator_data.last_tick_timestamp
                for one in instance.all_instigator_state()
                if one.instigator_data is not None
            ),
        )
        market.write_bars("ES", date(2021, 6, 3))

        def followed() -> list[dg.DagsterRun]:
            return runs(instance, **{"rooney/automation": "follow_symbols"})

        until(
            "both symbols' runs end",
            lambda: len(followed()) >= 2 and all(one.status in DONE for one in followed()),
        )
        fetched = runs(instance, **{"rooney/automation": "arrivals"})
        assert [one.tags["dagster/partition"] for one in fetched] == ["ES"]
        assert fetched[0].tags["rooney/reason"] == "the source has other bars"
        assert {one.tags["dagster/partition"] for one in followed()} == {"ES", "GC"}
        assert {one.status for one in (*fetched, *followed())} == {dg.DagsterRunStatus.SUCCESS}
    after = market.versions("raw_bars", "session_bars", "training_set")
    moved = {name for name in after if after[name] != before[name]}
    assert {"raw_bars[ES]", "session_bars[ES]"} <= moved
    assert not {"raw_bars[GC]", "session_bars[GC]", "raw_bars[ZN]", "session_bars[ZN]"} & moved


def test_a_daemon_that_is_killed_in_the_middle_loses_nothing(tmp_path: Path) -> None:
    market = make_market(tmp_path / "market")
    backfill(market, "bars_of_symbol")
    with instance_of(market) as instance:

        def mine() -> list[dg.DagsterRun]:
            return runs(instance, asked="by the test")

        with daemon(market) as first:
            until(
                "a run starts",
                lambda: any(one.status is dg.DagsterRunStatus.STARTED for one in mine()),
            )
            first.end(signal.SIGKILL)
        assert len(mine()) == len(SYMBOLS)
        with daemon(market):
            until("all runs end", lambda: all(one.status in DONE for one in mine()))
        assert [one.status for one in mine()] == [dg.DagsterRunStatus.SUCCESS] * len(SYMBOLS)
    assert_whole(market, ("raw_bars", "continuous_bars", "session_bars"), SYMBOLS)


def test_a_run_that_is_killed_is_tried_again_and_one_that_is_cancelled_is_not(
    tmp_path: Path,
) -> None:
    market = make_market(tmp_path / "market", ("ES", "GC"))
    with instance_of(market) as instance, daemon(market, ROONEY_AUTOMATION="on"):

        def fetched(symbol: str) -> list[dg.DagsterRun]:
            """The newest first."""
            return runs(instance, **{"rooney/automation": "arrivals", "dagster/partition": symbol})

        def runs_now(symbol: str) -> bool:
            return any(one.status is dg.DagsterRunStatus.STARTED for one in fetched(symbol))

        until("the first one runs", lambda: runs_now("ES") or runs_now("GC"))
        first, other = ("ES", "GC") if runs_now("ES") else ("GC", "ES")
        os.kill(int(fetched(first)[0].tags["rooney/pid"]), signal.SIGKILL)
        until("the other one runs", lambda: runs_now(other))
        assert instance.run_coordinator.cancel_run(fetched(other)[0].run_id)
        until("it is cancelled", lambda: fetched(other)[0].status in DONE)
        until("the first one ran again", lambda: len(fetched(first)) > 1)
        until("to its end", lambda: fetched(first)[0].status in DONE)
        second, killed = fetched(first)
        assert killed.status is dg.DagsterRunStatus.FAILURE
        assert second.status is dg.DagsterRunStatus.SUCCESS
        assert second.parent_run_id == killed.run_id
        assert [one.status for one in fetched(other)] == [dg.DagsterRunStatus.CANCELED]
    assert_whole(market, ("raw_bars", "session_bars"), (first,))
    whole = [one for one in ("raw_bars", "session_bars") if other in market.lake.partitions(one)]
    assert_whole(market, tuple(whole), (other,))
