"""What recorded faults explain is replayed, with all that follows from it; everything else counts.

The engine is really run, with entries denied and orders lost at random, and its journal is held to
the batch path twice: with what the journal says of these, and without.
"""

from __future__ import annotations

import random

import polars as pl
import pytest
from small_release import make_parts

from rooney_core.release import load_release
from rooney_live.codes import Denial
from rooney_live.engine import Engine
from rooney_live.feed import FeedMoments
from rooney_live.journal import Journal, Run
from rooney_live.recorder import Recorder
from rooney_live.rehearsal.bars import open_market
from rooney_live.rehearsal.evidence import explained
from rooney_live.rehearsal.parity import Explained, parity

RUN = Run("r", "release", "2021-04", "code", "bars", ("SIM_CL", "SIM_ES"), None, None)
N_SESSIONS = 30


@pytest.fixture(scope="module")
def parts():
    return make_parts()


@pytest.fixture(scope="module")
def lake(parts, tmp_path_factory):
    root = tmp_path_factory.mktemp("lake")
    parts.write_bars(root)
    return root


def disturbed(release, market, journal, seed, share_denied, share_lost):
    """Run the engine; deny and lose entries at random, as a live trader would record it."""
    drawn = random.Random(seed)
    engine, recorder = Engine(release), Recorder(journal, RUN)
    journal.begin(RUN, "2021-04-01T00:00:00+00:00")

    def admit(order, decision, moment):
        return Denial.PAUSED if drawn.random() < share_denied else None

    played = FeedMoments(market, tuple(release.bundles))
    engine.begin(played.warm_up())
    for moment in played.moments():
        outcomes = engine.take(moment, admit)
        with journal.transaction():
            for outcome in outcomes:
                recorder.orders(outcome)
                recorder.outcome(outcome)
                for order in outcome.orders:
                    is_lost = order.intent == "enter" and drawn.random() < share_lost
                    if is_lost:
                        engine.refuse(order.order_id, order.symbol)
                    state = "REJECTED" if is_lost else "ACKED"
                    journal.execute(
                        "UPDATE orders SET state = ? WHERE order_id = ?", (state, order.order_id)
                    )


@pytest.mark.parametrize("max_positions", [1, 2])
@pytest.mark.parametrize(("denied", "lost"), [(0.0, 0.0), (0.3, 0.0), (0.2, 0.2), (0.0, 1.0)])
def test_what_was_denied_and_lost_explains_all_that_followed(
    parts, lake, tmp_path, max_positions, denied, lost
):
    release = load_release(*parts.release({"SIM_CL": 1, "SIM_ES": 2}, max_positions))
    market = open_market(lake, release, N_SESSIONS, None)
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        disturbed(release, market, journal, 7, denied, lost)
        told = explained(journal, RUN.run_id)
        held = parity(release, market, journal, RUN.run_id, told)
        bare = parity(release, market, journal, RUN.run_id)
    assert held.differences.is_empty(), held.differences
    assert held.n_decisions > 1000
    assert held.n_explained == told.n_explained
    assert bare.differences.is_empty() is (denied == lost == 0.0)
    codes = {str(code) for code in told.denied.values()}
    # One that wants in at the moment of an order that is lost finds no room, and then there is.
    full = {"MAX_POSITIONS"} if lost == 1.0 and max_positions == 1 else set()
    assert codes - {"PAUSED"} == full
    assert ("PAUSED" in codes) is (denied > 0)
    assert bool(told.lost) is (lost > 0)


def test_a_decision_that_nothing_explains_is_still_a_difference(parts, lake, tmp_path):
    release = load_release(*parts.release({"SIM_CL": 1, "SIM_ES": 2}))
    market = open_market(lake, release, N_SESSIONS, None)
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        disturbed(release, market, journal, 7, 0.2, 0.2)
        told = explained(journal, RUN.run_id)
        (one,) = journal.query(
            "SELECT symbol, bar_end_us FROM decisions WHERE code = 'NO_SIGNAL' LIMIT 1"
        )
        with journal.transaction():
            journal.execute(
                "UPDATE decisions SET code = 'FLAT_WINDOW' WHERE symbol = ? AND bar_end_us = ?",
                (one["symbol"], one["bar_end_us"]),
            )
        (found,) = parity(release, market, journal, RUN.run_id, told).differences.to_dicts()
        assert (found["symbol"], found["what"], found["recorded"], found["replayed"]) == (
            *(one["symbol"], "code"),
            *("FLAT_WINDOW", "NO_SIGNAL"),
        )


def test_bars_that_nobody_decided_on_are_explained_one_by_one(parts, lake, tmp_path):
    release = load_release(*parts.release({"SIM_CL": 1, "SIM_ES": 2}))
    market = open_market(lake, release, N_SESSIONS, None)
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        disturbed(release, market, journal, 7, 0.0, 0.0)
        gone = journal.query("SELECT symbol, bar_end_us FROM decisions WHERE code = 'NO_SIGNAL'")[
            :5
        ]
        with journal.transaction():
            for one in gone:
                journal.execute(
                    "DELETE FROM decisions WHERE symbol = ? AND bar_end_us = ?",
                    (one["symbol"], one["bar_end_us"]),
                )
        keys = [(one["symbol"], one["bar_end_us"]) for one in gone]
        bare = parity(release, market, journal, RUN.run_id)
        partly = parity(release, market, journal, RUN.run_id, Explained(absent=keys[:4]))
        whole = parity(release, market, journal, RUN.run_id, Explained(absent=keys))
    assert bare.differences.height == 5
    assert partly.differences["at"].dt.timestamp("us").to_list() == [keys[4][1]]
    assert whole.differences.is_empty()
    assert whole.differences.schema["at"] == pl.Datetime("us", "UTC")
