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
from whole_trader import broken, whole

from rooney_live.rehearsal.plan import draw_plan

N_RUNS = int(os.environ.get("SOAK_RUNS", "60"))
N_SESSIONS = 3


@pytest.mark.independent
@pytest.mark.parametrize("seed", range(N_RUNS))
def test_nothing_breaks_whatever_the_seed(released, tmp_path, seed):
    report = whole(released, tmp_path, N_SESSIONS, plan=draw_plan(seed))
    assert not broken(report), report.faults
    assert report.holds
    assert report.n_emergency_stops == 0
    assert report.n_starts >= 1
    assert len(report.invariants) == 6
    # Only the folders of broken runs are worth keeping.
    shutil.rmtree(tmp_path)
