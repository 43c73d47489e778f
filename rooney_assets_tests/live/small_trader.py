"""The whole trader in this process, on bars without sockets and a venue with them.

Belongs here: a market that is played moment by moment, with something done in between, and running
the trader on it. Does not belong here: tests. Only the market stands in for the vendor's; journal,
orders, connection and venue are the real ones.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np

from rooney_core.market.bars import BarArrays
from rooney_core.release import Release
from rooney_live.boot import Start, trade
from rooney_live.clock import DrivenClock
from rooney_live.feeds.records import FeedHealth, FeedState, Moment, WarmUp
from rooney_live.journal import Journal, Run
from rooney_live.rehearsal.bars import RehearsalMarket, open_market
from rooney_live.rehearsal.receiver import Receiver
from rooney_live.release_store import read_release
from rooney_live.secrets import TRADERSPOST_WEBHOOK_URL
from rooney_live.settings import Settings

RUN_ID = "of-a-test"
Item = Moment | Callable[[], object]


class Killed(BaseException):
    """As if the process had been killed: nothing of the trader catches it."""


class PlayedMarket:
    """A `Market` of stored bars. `script`: moments, and what is done between two of them."""

    def __init__(self, whole: RehearsalMarket, script: Iterable[Item]) -> None:
        self._whole = whole
        self._script = tuple(script)
        self._after_us = 0
        self.states: dict[str, FeedState] = {}

    async def warm_up(self, since_us: int | None = None) -> WarmUp:
        """History, and the moments up to `since_us` as history."""
        begun = self._whole.warm_up()
        self._after_us = since_us or begun.past.end_us
        seen = [one for one in self._whole.moments() if one.end_us <= self._after_us]
        history = {
            symbol: _with_bars(
                bars, [bar for one in seen for bar in one.bars if bar.symbol == symbol]
            )
            for symbol, bars in begun.history.items()
        }
        past = replace(
            begun.past,
            end_us=self._after_us,
            sessions=(*begun.past.sessions, *(fact for one in seen for fact in one.sessions)),
            hours=(*begun.past.hours, *(fact for one in seen for fact in one.hours)),
            peers=(*begun.past.peers, *(fact for one in seen for fact in one.peers)),
        )
        return WarmUp(history, past, begun.contracts)

    async def events(self):
        """The script after the warm-up."""
        for item in self._script:
            if not isinstance(item, Moment):
                item()
            elif item.end_us > self._after_us:
                yield item

    def health(self, now_us: int) -> Mapping[str, FeedHealth]:
        """LIVE, but for what `states` says."""
        names = {*self._whole.symbols, *self._whole.references, *self._whole.hours}
        return {
            one: FeedHealth(now_us, 0.0, "", 0, self.states.get(one, FeedState.LIVE))
            for one in names
        }

    async def close(self) -> None:
        """Nothing to hang up."""


def _with_bars(past: BarArrays, bars: list[object]) -> BarArrays:
    columns = {}
    for one in fields(BarArrays):
        before = getattr(past, one.name)
        after = np.array([getattr(bar, one.name) for bar in bars], dtype=before.dtype)
        columns[one.name] = np.concatenate((before, after))
    return BarArrays(**columns)


@dataclass
class Desk:
    """A lake, a state folder and a venue, and the trader between them."""

    settings: Settings
    receiver: Receiver
    release: Release
    whole: RehearsalMarket
    moments: list[Moment] = field(default_factory=list)
    run_id: str = RUN_ID
    mode: str = "rehearsal"

    def play(self, script: Iterable[Item], killed: str | None = None, **states: FeedState) -> int:
        """One process of the trader from its start to the script's end; its exit code."""
        market = PlayedMarket(self.whole, script)
        market.states = dict(states)
        config = self.release.config
        run = Run(
            self.run_id, config.release_id, config.rebalance_month, "code", "bars",
            tuple(self.release.bundles), None, None, self.mode,
        )  # fmt: skip
        with Journal.open(self.settings.journal) as journal:
            journal.check()
            journal.begin(run, "2026-01-01T00:00:00")
            last = journal.query("SELECT max(bar_end_us) AS at FROM decisions")[0]["at"]
            clock = DrivenClock(max(last or 0, self.whole.warm_up().past.end_us))
            start = Start(self.settings, self.release, journal, run, clock, market, killed=killed)
            return asyncio.run(trade(start))

    def rows(self, sql: str, *arguments: object) -> list[dict[str, object]]:
        """Rows of the journal."""
        with Journal.open(self.settings.journal) as journal:
            return journal.query(sql, arguments)

    def sent(self, action: str = "") -> list[dict[str, object]]:
        """What the venue was sent, in order; only of an action."""
        path = self.settings.live / "receiver.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        every = [json.loads(line) for line in lines]
        return [one for one in every if action in ("", one["action"])]

    @property
    def entries(self) -> list[str]:
        """order_id of every entry that arrived."""
        return [one["order_id"] for one in self.sent() if one["action"] in ("buy", "sell")]

    def denials(self) -> dict[str, int]:
        """Code -> entries denied when they were decided."""
        rows = self.rows(
            "SELECT code, count(*) AS n FROM decisions WHERE side <> 0 AND action = 'none' "
            "AND code NOT LIKE 'VETOED%' AND code NOT IN ('IN_POSITION', 'EXIT_PENDING', "
            "'MODEL_BELOW_THRESHOLD') GROUP BY code"
        )
        return {row["code"]: row["n"] for row in rows}


@contextmanager
def opened_desk(lake: Path, state: Path, monkeypatch, n_sessions: int) -> Iterator[Desk]:
    """A desk whose venue is open, and whose address the trader is given."""
    settings = Settings(lake=lake, state=state)
    release = read_release(lake)
    whole = open_market(lake, release, n_sessions, None)
    with Receiver(settings.live) as receiver:
        monkeypatch.setenv(TRADERSPOST_WEBHOOK_URL, receiver.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(receiver.certificate))
        yield Desk(settings, receiver, release, whole, list(whole.moments()))
