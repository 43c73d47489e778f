"""A replay of a whole market through the engine, on paper, into the journal: no clock, no venue.

Belongs here: the loop over a feed that is there already. Does not belong here: deciding
(`engine`), what a row of the journal holds (`recorder`), or a market as it happens (`runtime`). A
replay that was killed is decided again from its first bar, and the journal keeps one copy of what
it already knew.
"""

from __future__ import annotations

from rooney_core.errors import RooneyError
from rooney_core.release import Release
from rooney_live.codes import TraderCode
from rooney_live.engine import Engine
from rooney_live.feed import Feed, FeedMoments
from rooney_live.feeds.records import Moment
from rooney_live.journal import Journal, JournalRefused, Run
from rooney_live.recorder import Recorder


class Trader:
    """Decides on one run of bars and trades the decisions on paper."""

    def __init__(self, release: Release, journal: Journal, run: Run) -> None:
        self._symbols = tuple(release.bundles)
        self._journal = journal
        self._engine = Engine(release, order_prefix=f"{run.run_id}:")
        self._recorder = Recorder(journal, run)
        self._lapsed: tuple[str, ...] = ()

    @property
    def n_new_decisions(self) -> int:
        """Decisions that the journal did not know before."""
        return self._recorder.n_new_decisions

    @property
    def open_positions(self) -> tuple[str, ...]:
        """Symbols with a position or an entry order that may become one."""
        return self._engine.open_positions

    def run(self, feed: Feed) -> None:
        """Warm up on the feed's history, then decide on each of its live bars.

        Raises BarsRejected for a bar that cannot follow, JournalRefused when the journal cannot
        remember; what was recorded before stays.
        """
        played = FeedMoments(feed, self._symbols)
        self._engine.begin(played.warm_up())
        is_first = True
        for moment in played.moments():
            if is_first:
                self._leave_alone(moment.end_us)
            is_first = False
            try:
                self._take(moment)
            except JournalRefused:
                raise
            except RooneyError as error:
                with self._journal.transaction():
                    self._recorder.event(moment.end_us, "", TraderCode.EMERGENCY_STOP, str(error))
                raise

    def _leave_alone(self, moment_us: int) -> None:
        """Note whose position is from before the run: nobody here bought it."""
        with self._journal.transaction():
            for symbol in self._engine.engaged:
                self._recorder.held_from_before(moment_us, symbol)

    def _take(self, moment: Moment) -> None:
        outcomes = self._engine.take(moment)
        # One transaction per moment: after a kill, a moment is known whole or not at all.
        with self._journal.transaction():
            now = self._engine.lapsed(moment)
            if len(now) > len(self._lapsed):
                self._lapsed = now
                self._recorder.event(moment.end_us, "", TraderCode.REDUCING, "; ".join(now))
            for outcome in outcomes:
                self._recorder.orders(outcome)
                self._recorder.outcome(outcome)
