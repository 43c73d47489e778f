"""A replay of the last sessions through the engine alone: no socket, no venue, no process.

Belongs here: naming such a run, running it and reporting it. Does not belong here: the whole trader
against stand-ins (`harness.py`, which is what `rooney-live rehearse` does) or deciding (`engine`).
"""

from __future__ import annotations

from pathlib import Path

from rooney_core.errors import NotEnoughData
from rooney_core.market.simulation import SimulatedMarket
from rooney_core.release import Release
from rooney_live.journal import Journal
from rooney_live.rehearsal.bars import EMBEDDED, open_market
from rooney_live.rehearsal.parity import parity
from rooney_live.rehearsal.report import RehearsalReport, name_run, now, report_of
from rooney_live.trader import Trader

REPLAY = "replay"


def rehearse(
    release: Release,
    bars: Path,
    journal: Journal,
    n_sessions: int,
    simulated: SimulatedMarket | None = EMBEDDED,
) -> RehearsalReport:
    """Replay the last `n_sessions` of the bars below `bars` through the engine, on paper.

    `simulated` draws the simulated symbols that have no bars there; None draws nothing.

    The same release, bars, sessions and code are the same run: a second rehearsal adds nothing,
    and one that was killed is completed. An empty portfolio is a run without bars.
    Raises what open_market and Trader.run raise.
    """
    if n_sessions < 1:
        raise NotEnoughData(f"{n_sessions} sessions were asked for; at least 1 is needed.")
    market = open_market(bars, release, n_sessions, simulated)
    run = name_run(release, market, REPLAY)
    trader = Trader(release, journal, run)
    journal.begin(run, now())
    trader.run(market)
    journal.finish(run.run_id, now())
    found = parity(release, market, journal, run.run_id)
    return report_of(
        release, market, journal, run, found, trader.open_positions, trader.n_new_decisions
    )
