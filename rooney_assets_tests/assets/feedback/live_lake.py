"""A lake with bars and a release, a journal that the real trader wrote of it, and the live assets.

Belongs here: making them. Does not belong here: assertions.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl
from small_release import Parts, universe

import rooney_assets.assets  # noqa: F401  (importing it fills the registries)
from rooney_assets.feedback.landing import land
from rooney_assets.graph.declaration import ASSETS, CHECKS, Here, Made, Outcome
from rooney_assets.graph.inputs import load_inputs
from rooney_assets.graph.plan import default_params
from rooney_assets.lake import Lake, ManifestFacts
from rooney_assets.mandate import Mandate
from rooney_core.feedback.limits import FeedbackLimits

ROOT = Path(__file__).resolve().parents[3]
FACTS = ManifestFacts(run_id="r", code_version="c", git_commit="g")
JOURNAL_ASSETS = ("live_runs", "live_decisions", "live_orders", "live_fills", "live_trades")
ES, CL = "SIM_ES", "SIM_CL"
SIZES = {CL: 1, ES: 2}
N_SESSIONS = 10


@dataclass(frozen=True)
class LiveLake:
    """The lake, the trader's state, and the limits that the assets are made under."""

    lake: Lake
    state: Path
    limits: FeedbackLimits = field(default_factory=FeedbackLimits)

    @property
    def journal(self) -> Path:
        """The journal that the real trader writes in a rehearsal."""
        rehearsed = self.state / "rehearsal" / "live" / "journal.sqlite"
        return rehearsed if rehearsed.exists() else self.state / "live" / "journal.sqlite"

    def copy_to(self, folder: Path) -> LiveLake:
        """The same, to be changed."""
        # What only a running trader needs is no file that could be copied.
        ignored = shutil.ignore_patterns("*.sock", "*.lock")
        shutil.copytree(self.lake.root.parent, folder, ignore=ignored)
        return LiveLake(Lake(folder / "lake"), folder / "state", self.limits)

    def with_limits(self, **limits: Any) -> LiveLake:
        """The same under other limits."""
        return replace(self, limits=FeedbackLimits(**limits))

    def here(self, asset: str, key: str | None = None, beside: Any = None) -> Here:
        """Where a body or a check of this asset runs."""
        mandate = Mandate(feedback=self.limits)
        return Here(
            asset=asset,
            partition=key,
            universe=universe(),
            source=None,  # type: ignore[arg-type]
            lake=self.lake,
            params=default_params(ASSETS[asset], mandate),
            run_id="r",
            code_version="c",
            state_folder=self.state,
            input_versions={},
            beside=beside or {},
        )

    def make(self, asset: str, key: str | None = None) -> Made:
        """Run the body on what the lake holds, hold it to its blocking checks, and write it."""
        one, here = ASSETS[asset], self.here(asset, key)
        answer = one.body(here, **load_inputs(one, here))
        made = answer if isinstance(answer, Made) else Made(answer)
        for check in CHECKS[asset]:
            outcome = check.look(made.table, replace(here, beside=made.beside))
            assert outcome.passed or not check.blocking, (check.name, outcome.facts)
        partition = None if key is None else ("symbol", key)
        self.lake.write(asset, partition, made.table, FACTS, beside=made.beside)
        return made

    def ingest(self) -> dict[str, Made]:
        """Land the journal, and make every table of it."""
        land(self.journal, self.lake)
        return {name: self.make(name) for name in JOURNAL_ASSETS}

    def look(self, asset: str, check: str, made: Made, key: str | None = None) -> Outcome:
        """One check of what was made."""
        (one,) = (this for this in CHECKS[asset] if this.name == check)
        return one.look(made.table, self.here(asset, key, made.beside))

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The journal, to be changed by hand."""
        with closing(sqlite3.connect(self.journal)) as connection, connection:
            connection.row_factory = sqlite3.Row
            yield connection


def live_lake(parts: Parts, folder: Path, sizes: Mapping[str, int] = SIZES) -> LiveLake:
    """Bars and a release in a lake of its own; nothing was traded yet."""
    lake = Lake(folder / "lake")
    for asset, tables in (("continuous_bars", parts.continuous), ("session_bars", parts.sessions)):
        for symbol, table in tables.items():
            lake.write(asset, ("symbol", symbol), table, FACTS)
    config, models = parts.release(dict(sizes))
    lake.write("production_model", None, models, FACTS)
    lake.write("production_config", None, config, FACTS)
    return LiveLake(lake, folder / "state")


def rehearse(one: LiveLake, n_sessions: int = N_SESSIONS) -> None:
    """Let the real trader trade the release on the newest sessions of the lake."""
    command = [sys.executable, "-m", "rooney_live.cli", "rehearse", "--json"]
    places = ["--lake", str(one.lake.root), "--bars", str(one.lake.root), "--state", str(one.state)]
    done = subprocess.run(
        [*command, "--sessions", str(n_sessions), *places],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def report_fills(one: LiveLake, worse_by_ticks: float, commission_usd: float) -> pl.DataFrame:
    """What a broker would have told: every order of the journal, a bit worse than expected."""
    table = one.lake.read("live_fills", None).filter(pl.col("fill_source") == "expected")
    known = universe()
    with one.writing() as journal:
        for row in table.iter_rows(named=True):
            buys = (row["intent"] == "enter") == (row["side"] > 0)
            worse = worse_by_ticks * known[row["symbol"]].tick_size * (1 if buys else -1)
            journal.execute(
                "INSERT INTO fills (order_id, source, run_id, symbol, filled_at_us, price, size, "
                "commission_usd) VALUES (?, 'reported', ?, ?, ?, ?, ?, ?)",
                (
                    row["order_id"],
                    row["run_id"],
                    row["symbol"],
                    int(row["filled_at"].timestamp() * 1_000_000) + 1_000_000,
                    row["fill_price"] + worse,
                    row["size"],
                    commission_usd * row["size"],
                ),
            )
    return table
