"""Rehearsals with drawn faults: killed at every step of an order, cut off, refused, lied to.

Each is the whole trader over real sockets, with kill -9 of its own process, and each must end with
every invariant intact, and every difference to the batch path explained by its own journal. As many
seeds are run as SOAK_RUNS says; `make soak` sets 500. `rooney-live rehearse --faults SEED` does
the same to any release.
"""

from __future__ import annotations

import os
import shutil

import pytest
from small_release import write_release

from rooney_live.rehearsal.harness import Rehearsal, rehearse_whole
from rooney_live.rehearsal.launch import forked
from rooney_live.rehearsal.plan import draw_plan
from rooney_live.release_store import read_release
from rooney_live.settings import Settings

N_RUNS = int(os.environ.get("SOAK_RUNS", "60"))
N_SESSIONS = 3
TIMEOUT_S = 300.0


@pytest.fixture(scope="module")
def released(parts, tmp_path_factory):
    """A lake that all runs read."""
    root = tmp_path_factory.mktemp("lake")
    parts.write_bars(root)
    write_release(parts.release({"SIM_CL": 1, "SIM_ES": 2}), root)
    return root


@pytest.mark.parametrize("seed", range(N_RUNS))
def test_nothing_breaks_whatever_the_seed(released, tmp_path, seed):
    settings = Settings(lake=released, state=tmp_path)
    asked = Rehearsal(
        release=read_release(released),
        settings=settings,
        bars=released,
        n_sessions=N_SESSIONS,
        plan=draw_plan(seed),
        timeout_s=TIMEOUT_S,
        launch=forked,
    )
    report = rehearse_whole(asked, simulated=None)
    broken = {one["name"]: one["broken"] for one in report.invariants if not one["holds"]}
    assert not broken, report.faults
    assert report.holds
    assert report.n_emergency_stops == 0
    assert report.n_starts >= 1
    assert len(report.invariants) == 6
    # Only the folders of broken runs are worth keeping.
    shutil.rmtree(tmp_path)
