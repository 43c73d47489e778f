"""A small simulated market in which the edge of one symbol dies, its factory, and its trader.

Belongs here: the pages of the market, moving its end, and the trader's days. Does not belong here:
assertions about what the factory makes of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from growing_market import ROOT, Market

DYING, LIVING = "SIM_ES", "SIM_GC"
FIRST = date(2014, 1, 2)
DIES = date(2021, 6, 30)
"""The last session that has the dying symbol's edge, and of the market that is researched."""
EDGE = 2.0
"""So strong that half a year of test proves it."""
MANDATE = {
    "ranking": {"max_trades_per_year": 1500},
    "verdict": {"min_deflated_sharpe_z": 4.0},
    "portfolio": {"target_annual_volatility": 0.1},
    "live": {"max_daily_loss_usd": 50_000.0, "max_drawdown": 0.5},
}
"""A strategy that trades several times a day may be chosen, so that a few weeks tell something of
it; and more proof than usual is asked for, so that these weeks can take it away. The trader's own
limits are wide: with the shipped ones it stops itself after a few trades, before anybody knows."""
PACE_SECONDS = 10
"""Ticks cost a core; a test that shares it with others need not look more often."""


@dataclass(frozen=True)
class Drill(Market):
    """A factory whose source is the page of a market, and a trader on a server of its own."""

    @property
    def environment(self) -> dict[str, str]:
        """Its settings, for this process and others."""
        return {
            **super().environment,
            "ROONEY_SOURCE": f"simulated:{self.folder / 'market.yaml'}",
            "ROONEY_MANDATE": str(self.folder / "mandate.yaml"),
            "ROONEY_LIVE_JOURNAL": str(self.folder / "journal.sqlite"),
            "ROONEY_SENSOR_SECONDS": str(PACE_SECONDS),
        }

    def let_pass(self, last: date) -> None:
        """Let the market go on up to this session (inclusive)."""
        page = {"first_session": FIRST, "last_session": last}
        written = self.folder / "market.yaml.new"
        written.write_text(yaml.safe_dump(page), encoding="utf-8")
        written.replace(self.folder / "market.yaml")

    def trader(self, *arguments: str, state: str = "trader") -> Any:
        """What the trader's real command answers; its state is not the factory's."""
        command = [str(Path(sys.executable).parent / "rooney-live"), *arguments, "--json"]
        places = ["--lake", str(self.lake.root), "--state", str(self.folder / state)]
        environment = self.process_environment()
        done = subprocess.run(
            [*command, *places], capture_output=True, text=True, env=environment, check=False
        )
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def trade(self, n_sessions: int) -> Any:
        """Let the trader trade the last sessions, and bring its journal to the factory whole."""
        report = self.trader("rehearse", "--sessions", str(n_sessions))
        copied = self.trader(
            "backup", "--to", str(self.folder / "copies"), state="trader/rehearsal"
        )
        Path(copied["path"]).replace(self.folder / "journal.sqlite")
        return report


def make_drill(folder: Path) -> Drill:
    """Two symbols with an edge, one of which dies; nothing is made yet."""
    document = yaml.safe_load((ROOT / "universe.yaml").read_text(encoding="utf-8"))
    pages = [one for one in document["instruments"] if one["symbol"] in (DYING, LIVING)]
    for one in pages:
        one.pop("partner")
        one["sources"]["simulated"]["reversion_edge"] = EDGE
        if one["symbol"] == DYING:
            one["sources"]["simulated"]["edge_ends"] = DIES
    folder.mkdir(parents=True)
    written = {"universe.yaml": {"instruments": pages}, "mandate.yaml": MANDATE}
    for name, page in written.items():
        (folder / name).write_text(yaml.safe_dump(page), encoding="utf-8")
    drill = Drill(folder)
    drill.let_pass(DIES)
    return drill
