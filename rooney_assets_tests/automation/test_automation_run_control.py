"""Pools, priorities, retries, timeouts, the process of a run: real instances and processes."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.launcher import WorkerStatus
from growing_market import ROOT, Market, instance_of, make_market

from rooney_assets.build import build_defs
from rooney_assets.graph.deadline import StepTimeout, deadline
from rooney_assets.run_control import (
    POOL_LIMITS,
    RETRIES,
    pool_of,
    set_pool_limits,
    stage_tags,
    step_seconds,
)
from rooney_assets.run_launcher import HOST_TAG, WatchedRunLauncher, is_alive
from rooney_assets.stages import STAGES


@pytest.fixture
def market(tmp_path: Path) -> Market:
    return make_market(tmp_path / "market")


def test_every_stage_says_how_it_runs_and_a_release_is_not_tried_again() -> None:
    tags = {one.job: stage_tags(one.job) for one in STAGES}
    for job, told in tags.items():
        assert set(told) == {"dagster/priority", "dagster/max_retries", "dagster/max_runtime"}, job
        assert int(told["dagster/max_runtime"]) >= 3600
    assert tags["release"][RETRIES] == "0"
    assert tags["bars_of_symbol"][RETRIES] != "0"
    first = sorted(tags, key=lambda job: -int(tags[job]["dagster/priority"]))
    assert first.index("release") < first.index("bars_of_symbol")
    assert first.index("bars_of_symbol") < first.index("research_of_symbol")


def test_jobs_and_steps_carry_them(market: Market) -> None:
    defs = build_defs(market.settings, market.universe)
    for stage in STAGES:
        if stage.job in {one.name for one in defs.get_repository_def().get_all_jobs()}:
            job = defs.resolve_job_def(stage.job)
            assert stage_tags(stage.job).items() <= dict(job.tags).items()
    graph = defs.resolve_asset_graph()
    for name in ("raw_bars", "meta_model", "best_strategy"):
        pools = graph.get(dg.AssetKey(name)).pools
        assert pools == ({pool_of(name)} if pool_of(name) else set())
    assert (pool_of("raw_bars"), pool_of("meta_model")) == ("vendor", "training")
    assert step_seconds("meta_model") > step_seconds("best_strategy") > 0


def test_pools_get_their_limits_and_a_persons_choice_stays(market: Market) -> None:
    with instance_of(market) as instance:
        storage = instance.event_log_storage
        storage.set_concurrency_slots("vendor", 3)
        set_pool_limits(instance)
        set_pool_limits(instance)
        limits = {one.name: one.limit for one in storage.get_pool_limits()}
        assert limits == {"vendor": 3, "training": POOL_LIMITS["training"]}


def test_instance_watches_runs_and_tries_only_crashes_again(market: Market) -> None:
    with instance_of(market) as instance:
        assert isinstance(instance.run_launcher, WatchedRunLauncher)
        assert instance.run_monitoring_enabled
        assert instance.run_retries_enabled
        assert instance.run_retries_max_retries == 0
        assert instance.run_retries_retry_on_asset_or_op_failure is False
        config = instance.get_concurrency_config()
        assert config.pool_config.pool_granularity.value == "run"
        assert config.run_queue_config.max_concurrent_runs == 3
    page = yaml.safe_load((ROOT / "dagster.yaml").read_text(encoding="utf-8"))
    assert page["telemetry"] == {"enabled": False}


def test_a_process_is_alive_until_it_is_gone_or_another_has_its_number() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    )
    now = time.time()
    assert is_alive(process.pid, now)
    # Whoever had this number an hour ago was another process.
    assert not is_alive(process.pid, now - 3600)
    process.kill()
    # Not waited for yet: a zombie has a number, and works no more.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(process.pid, now)
    process.wait()
    assert not is_alive(process.pid, now)
    assert process.stdin is not None
    process.stdin.close()


def test_a_run_of_a_killed_process_is_known_to_be_dead(market: Market) -> None:
    """What `rooney materialize` leaves behind when it is killed in the middle of a step."""
    with instance_of(market) as instance:
        launcher = instance.run_launcher
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        run = instance.create_run_for_job(
            build_defs(market.settings, market.universe).resolve_job_def("mandate_page")
        )
        assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
        instance.report_engine_event(f"Executing steps in process (pid: {gone.pid})", run)
        found = launcher.check_run_worker_health(run)
        assert (found.status, str(gone.pid) in str(found.msg)) == (WorkerStatus.FAILED, True)
        instance.add_run_tags(run.run_id, {HOST_TAG: f"not-{socket.gethostname()}"})
        elsewhere = instance.get_run_by_id(run.run_id)
        assert elsewhere is not None
        assert launcher.check_run_worker_health(elsewhere).status is WorkerStatus.RUNNING
        instance.report_engine_event(f"Executing steps in process (pid: {os.getpid()})", run)
        assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING


DEAF = (
    "import signal, subprocess, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "child = subprocess.Popen([sys.executable, '-c', 'import sys; sys.stdin.read()'], "
    "stdin=subprocess.PIPE); print(child.pid, flush=True); child.wait()"
)
"""A run in compiled code that never returns, with a process of its own."""


def has_ended(pid: int) -> bool:
    """Whether a process is gone, or goes within a minute."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], 60)[0])
    finally:
        os.close(watched)


def test_a_run_that_does_not_stop_is_killed_with_its_processes(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rooney_assets.run_launcher.KILLED_AFTER_SECONDS", 0.05)
    with instance_of(market) as instance:
        defs = build_defs(market.settings, market.universe)
        run = instance.create_run_for_job(defs.resolve_job_def("mandate_page"))
        deaf = subprocess.Popen(
            [sys.executable, "-c", DEAF],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert deaf.stdout is not None
        child = int(deaf.stdout.readline())
        instance.report_engine_event(f"Launched as process {deaf.pid}", run)
        assert instance.run_launcher.terminate(run.run_id)
        assert deaf.wait(60) == -signal.SIGKILL
        deaf.stdout.close()
        assert has_ended(child)
        stopping = instance.get_run_by_id(run.run_id)
        assert stopping is not None
        assert stopping.status is dg.DagsterRunStatus.CANCELING


def test_a_step_that_takes_too_long_is_given_up() -> None:
    def hangs() -> None:
        with deadline(0.05, "raw_bars[ES]"):
            while True:
                sum(range(1000))

    with pytest.raises(StepTimeout, match=r"raw_bars\[ES\] took longer than 0.05 seconds"):
        hangs()
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_step_in_time_and_a_step_in_a_thread_go_on() -> None:
    with deadline(3600, "x"):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 3500
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    done = []

    def in_a_thread() -> None:
        with deadline(0.001, "x"):
            done.append(sum(range(1_000_000)))

    thread = threading.Thread(target=in_a_thread)
    thread.start()
    thread.join()
    assert done
