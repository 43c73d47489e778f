"""A rehearsal of the whole trader: stand-ins, the real process, its faults, and what must hold.

Belongs here: the order of these, from a release to a report. Does not belong here: sockets and
processes (`stage.py`), what an invariant is (`invariants.py`), printing (`cli`).
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from rooney_core.errors import NotEnoughData
from rooney_core.market.simulation import SimulatedMarket
from rooney_core.release import Release
from rooney_live.instance import Lock
from rooney_live.journal import Journal, JournalRefused, Run
from rooney_live.journal_reading import last_run
from rooney_live.rehearsal import evidence
from rooney_live.rehearsal import invariants as must
from rooney_live.rehearsal.bars import EMBEDDED, RehearsalMarket, open_market
from rooney_live.rehearsal.launch import Launch, fresh
from rooney_live.rehearsal.moments import warm_up_of
from rooney_live.rehearsal.parity import Parity, parity
from rooney_live.rehearsal.plan import NO_FAULTS, FaultPlan
from rooney_live.rehearsal.receiver_prices import VenuePrices
from rooney_live.rehearsal.rehearsal_file import RehearsalFile
from rooney_live.rehearsal.report import RehearsalReport, name_run, now, report_of
from rooney_live.rehearsal.stage import TIMEOUT_S, Play, Stage, staged
from rooney_live.rehearsal.vendor import StoredMarket
from rooney_live.settings import Settings

REHEARSAL: Final = "rehearsal"
GRACE_US: Final = 600_000_000
"""So long an exit that was begun in time may be repeated beyond its deadline: two back-offs."""

VERDICT_FILE: Final = "verdict.json"
_FINISHED: Final = "finished"


@dataclass(frozen=True)
class Rehearsal:
    """What is rehearsed. `lake`: of the release, `bars`: a lake too; both only read.

    `settings`: of the trader whose rehearsal it is; its state is below theirs. `speed`: seconds
    that pass in one, None for no waiting. `timeout_s`: for each process of the trader, beyond
    the time that the market takes at `speed`; `launch` starts it.
    """

    release: Release
    settings: Settings
    bars: Path
    n_sessions: int
    plan: FaultPlan = NO_FAULTS
    speed: float | None = None
    timeout_s: float = TIMEOUT_S
    launch: Launch = fresh

    @property
    def own(self) -> Settings:
        """Settings of the process that is rehearsed."""
        return self.settings.rehearsal


def rehearse_whole(
    asked: Rehearsal, simulated: SimulatedMarket | None = EMBEDDED
) -> RehearsalReport:
    """Let the real trader trade the last sessions against stand-ins, and judge what it left.

    The rehearsal's own state folder holds one run: the same run, finished before, is reported again
    and nothing is started; any other one takes its place. An empty portfolio is a run without bars.
    Raises what open_market raises, AlreadyRunning while another rehearsal uses the folder, and
    TraderFailed when the trader ends in a way that the plan does not ask for.
    """
    if asked.n_sessions < 1:
        raise NotEnoughData(f"{asked.n_sessions} sessions were asked for; at least 1 is needed.")
    market = open_market(asked.bars, asked.release, asked.n_sessions, simulated)
    run = name_run(asked.release, market, REHEARSAL, asked.plan)
    own = asked.own
    with Lock.take(own.state.with_suffix(".lock")):
        verdict = _verdict_of(own, run)
        is_new = verdict is None
        if verdict is None:
            shutil.rmtree(own.state, ignore_errors=True)
            verdict = _play(asked, market, run, simulated)
        with Journal.open(own.journal) as journal:
            return _reported(asked, market, journal, run, verdict, is_new)


def _verdict_of(own: Settings, run: Run) -> dict[str, Any] | None:
    """What was found when this very run was played to its end; None when it was not."""
    path = own.live / VERDICT_FILE
    if not (path.is_file() and _is_over(own, run)):
        return None
    verdict: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return verdict


def _is_over(own: Settings, run: Run) -> bool:
    """Whether the journal says that this run was played to its end."""
    if not own.journal.is_file():
        return False
    try:
        with Journal.open(own.journal) as journal:
            last = last_run(journal)
    except JournalRefused:
        return False
    return last is not None and (last["run_id"], last["status"]) == (run.run_id, _FINISHED)


def _play(
    asked: Rehearsal, market: RehearsalMarket, run: Run, simulated: SimulatedMarket | None
) -> dict[str, Any]:
    """Play the run to its end; what must hold, and how many processes it took."""
    own, n_starts = asked.own, 0
    found: tuple[must.Invariant, ...] = ()
    if asked.release.bundles:
        with staged(play_of(asked, market, simulated), asked.launch) as stage:
            file = file_of(market, run, stage)
            stage.perform(file, asked.plan.crashes, lambda: _is_over(own, run), asked.timeout_s)
        found, n_starts = judge(asked, market, stage), len(stage.starts)
    else:
        with Journal.open(own.journal) as journal:
            journal.begin(run, now())
            journal.finish(run.run_id, now())
    verdict = {"invariants": [one.as_row() for one in found], "n_starts": n_starts}
    (own.live / VERDICT_FILE).write_text(json.dumps(verdict, indent=2), encoding="utf-8")
    return verdict


def play_of(
    asked: Rehearsal, market: RehearsalMarket, simulated: SimulatedMarket | None = EMBEDDED
) -> Play:
    """The market of a rehearsal as vendor and venue play it."""
    live = [one.frame.slice(one.first_live)["bar_end"] for one in market.symbols.values()]
    first_us = warm_up_of(market).past.end_us
    ends = [int(end[-1]) for end in (one.dt.timestamp("us") for one in live) if len(end)]
    return Play(
        lake=asked.settings.lake,
        state=asked.own.state,
        stored=StoredMarket.of(asked.release, asked.bars, simulated),
        prices=VenuePrices.from_frames(
            (one.instrument, one.frame) for one in market.symbols.values()
        ),
        first_us=first_us,
        last_us=max(ends, default=first_us),
        plan=asked.plan,
        speed=asked.speed,
    )


def file_of(market: RehearsalMarket, run: Run, stage: Stage) -> RehearsalFile:
    """What tells the trader that it is a rehearsal, and of what."""
    play = stage.play
    return RehearsalFile(
        run_id=run.run_id,
        bars_version=run.bars_version,
        gateway=stage.vendor.gateway,
        history=stage.vendor.history,
        certificate=stage.certificate,
        first_us=play.first_us,
        last_us=play.last_us,
        speed=play.speed,
        began_ns=None if play.speed is None else stage.vendor.began_ns,
        sessions=market.sessions,
    )


def judge(asked: Rehearsal, market: RehearsalMarket, stage: Stage) -> tuple[must.Invariant, ...]:
    """What must hold of orders and outputs, of a run that was played; its servers have ended."""
    live = asked.own.live
    requests = evidence.requests_below(live)
    arrivals = evidence.arrivals_of(requests)
    with Journal.open(asked.own.journal) as journal:
        sent = evidence.sent_orders(journal)
        ledger = evidence.ledger(journal)
        deadlines = evidence.deadlines(asked.release, market, journal)
    outputs = evidence.outputs_below(asked.own.state, stage.outputs())
    return (
        must.no_duplicate_entry(arrivals),
        must.flat_by_deadline(arrivals, deadlines, sent, GRACE_US),
        must.ledger_equals_receiver(ledger, evidence.held_by_receiver(live), sent, arrivals),
        must.no_order_while_killed(arrivals, evidence.killed_windows(live, requests)),
        must.no_secret_in_output(stage.secrets, outputs),
    )


def _parity(asked: Rehearsal, market: RehearsalMarket, journal: Journal, run: Run) -> Parity:
    told = evidence.explained(journal, run.run_id)
    if asked.plan == NO_FAULTS and (asked.speed or 1.0) > 1.0:
        # Seconds of the host are minutes of the market: what came late is told as such.
        told = evidence.by_timing(told, journal, run.run_id)
    elif asked.plan == NO_FAULTS:
        # Nothing went wrong, so only a limit that somebody set is a reason.
        told = evidence.by_limits(told)
    return parity(asked.release, market, journal, run.run_id, told)


def _told(held: Parity) -> list[str]:
    return [
        f"{one['symbol']} {one['at'].isoformat()} {one['what']}: recorded {one['recorded']}, "
        f"replayed {one['replayed']}"
        for one in held.differences.to_dicts()
    ]


def _reported(
    asked: Rehearsal,
    market: RehearsalMarket,
    journal: Journal,
    run: Run,
    verdict: dict[str, Any],
    is_new: bool,
) -> RehearsalReport:
    held = _parity(asked, market, journal, run)
    n_compared = held.n_decisions + held.n_trades
    equal = must.decisions_equal_backtest(n_compared, _told(held)).as_row()
    report = report_of(asked.release, market, journal, run, held, evidence.open_symbols(journal), 0)
    return replace(
        report,
        n_new_decisions=report.n_decisions if is_new else 0,
        invariants=(*verdict["invariants"], equal) if verdict["n_starts"] else (),
        faults=asked.plan.as_row(),
        n_starts=verdict["n_starts"],
    )
