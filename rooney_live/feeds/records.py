"""What a market tells the trader: moments, notes, a warm-up and the health of each feed.

Belongs here: the shapes, and the protocol of whoever tells them. Does not belong here: a vendor, a
file, or what is decided.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from rooney_core.decision import Bar
from rooney_core.market.bars import BarArrays


class SessionClose(NamedTuple):
    """One session of a symbol that informs features, known from `known_at_us` on.

    `close` is adjusted; `ibs` is the session's internal bar strength.
    """

    known_at_us: int
    symbol: str
    close: float
    ibs: float


class HourClose(NamedTuple):
    """The last bar of an hour of a symbol that informs features, known from `known_at_us` on.

    `close` is raw, and close + adjustment adjusted; `ibs` is the bar's internal bar strength.
    """

    known_at_us: int
    symbol: str
    close: float
    adjustment: float
    ibs: float


class PeerSession(NamedTuple):
    """One session of a peer symbol (adjusted prices), known from `known_at_us` on."""

    known_at_us: int
    symbol: str
    session: int
    open: float
    high: float
    low: float
    close: float


@dataclass(frozen=True)
class Moment:
    """All that became known after the moment before and by `end_us`; moments rise strictly.

    `end_us`: microseconds since 1970 UTC, the end of every bar in it; only a LATE_BAR, which comes
    in a moment of its own, ended before. `arrived_ns`:
    `time.perf_counter_ns` when the last bar arrived; 0 where nothing arrives (a replay without
    sockets). `bars` in the release's order of priority, possibly none. `sessions`, `hours` and
    `peers` rise by (known_at_us, symbol), and known_at_us <= end_us. `is_late`: state advances with
    these bars, but nothing may be entered on them, because they arrived too long after `end_us`.
    """

    end_us: int
    bars: tuple[Bar, ...] = ()
    sessions: tuple[SessionClose, ...] = ()
    hours: tuple[HourClose, ...] = ()
    peers: tuple[PeerSession, ...] = ()
    arrived_ns: int = 0
    is_late: bool = False


class FeedCode(StrEnum):
    """What became of something that a feed did, or failed to do.

    Bars, one by one; "dropped" means that no decision ever sees it:
    DUPLICATE        the same bar again, equal in every field: dropped, nothing changes.
    REVISED          the same bar again with other values: the first one stays, since it may have
                     been decided on; what the vendor says now is in the message.
    OUT_OF_ORDER     a bar that starts before one that was already taken in: dropped.
    LATE_BAR         a bar that came after its interval was declared complete, with nothing newer of
                     the symbol taken in: it advances the state in a moment that `is_late`.
    FUTURE_BAR       a bar that ends after the present by more than clocks may differ: dropped.
    INCONSISTENT     high below low, or open or close outside [low, high]: dropped.
    UNDEFINED_PRICE  the vendor's value for "no price", or not finite: dropped.
    BAD_VOLUME       a volume that cannot be: dropped.
    WRONG_INTERVAL   a bar of another length, or that starts off its grid: dropped.
    UNKNOWN_ID       a bar of an instrument that no mapping names: dropped.
    MISSING_BAR      an hour in which the market of a traded symbol was open is over, and no bar of
                     it came: nothing traded, or it is lost. Told once the next moment is there.
    A negative price is legal and is no fault. A minute without trade has no bar and no note.

    Symbols:
    UNRESOLVED       the vendor does not know a symbol (or says so in an error): it has no bars, the
                     others go on. Features made of it are unknown, and it is not traded.
    MAPPING_CHANGED  within a session a symbol was mapped to another contract: its bars of the new
                     one are taken in as after a roll.
    ROLLED           a fresh subscription gave another contract than before; the message names both.
    SYMBOL_SILENT    a traded symbol has had no bar for longer than its market ever pauses.

    Sessions with the vendor, one per dataset:
    CONNECTED        subscribed, and replaying from where the last one ended.
    DISCONNECTED     the session ended (closed, reset, garbage, silent, refused); another follows.
    RECONNECTING     the next try, and how long it waits.
    FEED_SILENT      no record, not even a heartbeat, for longer than the watchdog allows: hung up.
    VENDOR_ERROR     an error record that is not about a symbol.
    NOT_ENTITLED     the vendor refuses key or dataset: tried again slowly, a person has to act.
    GAP              bars are missing that replay does not give: more than the vendor keeps.
    GAP_TOO_LONG     the gap is longer than a decision looks back: the symbol warms up anew and is
                     not traded until it has.

    Warm-up:
    HISTORY_FAULT    a question to the historical service failed and is asked again.
    HISTORY_TORN     an answer had fewer or more bars than the vendor counts: thrown away, asked
                     again.
    HISTORY_EMPTY    the vendor has no bars of a symbol: unknown if it informs, not traded if not.
    HISTORY_QUALITY  the vendor warns of a day of reduced quality; the bars are used.
    HISTORY_BAD_BARS rows that cannot be were left out, as the factory leaves them out.
    WARM_UP_SHORT    fewer bars than a decision is a function of: not traded until there are.
    """

    DUPLICATE = "DUPLICATE"
    REVISED = "REVISED"
    OUT_OF_ORDER = "OUT_OF_ORDER"
    LATE_BAR = "LATE_BAR"
    FUTURE_BAR = "FUTURE_BAR"
    INCONSISTENT = "INCONSISTENT"
    UNDEFINED_PRICE = "UNDEFINED_PRICE"
    BAD_VOLUME = "BAD_VOLUME"
    WRONG_INTERVAL = "WRONG_INTERVAL"
    UNKNOWN_ID = "UNKNOWN_ID"
    MISSING_BAR = "MISSING_BAR"
    UNRESOLVED = "UNRESOLVED"
    MAPPING_CHANGED = "MAPPING_CHANGED"
    ROLLED = "ROLLED"
    SYMBOL_SILENT = "SYMBOL_SILENT"
    CONNECTED = "CONNECTED"
    DISCONNECTED = "DISCONNECTED"
    RECONNECTING = "RECONNECTING"
    FEED_SILENT = "FEED_SILENT"
    VENDOR_ERROR = "VENDOR_ERROR"
    NOT_ENTITLED = "NOT_ENTITLED"
    GAP = "GAP"
    GAP_TOO_LONG = "GAP_TOO_LONG"
    HISTORY_FAULT = "HISTORY_FAULT"
    HISTORY_TORN = "HISTORY_TORN"
    HISTORY_EMPTY = "HISTORY_EMPTY"
    HISTORY_QUALITY = "HISTORY_QUALITY"
    HISTORY_BAD_BARS = "HISTORY_BAD_BARS"
    WARM_UP_SHORT = "WARM_UP_SHORT"


@dataclass(frozen=True)
class FeedNote:
    """One thing worth knowing of a feed. `feed`: the dataset. `symbol`: empty for a whole feed.

    `at_us`: microseconds UTC of the bar concerned, or of the clock. `message` holds no secret.
    """

    code: FeedCode
    feed: str
    symbol: str
    at_us: int
    message: str


@dataclass(frozen=True)
class WarmUp:
    """What is known when the first moment comes.

    `history`: continuous bars by traded symbol, oldest first; it may be empty for a symbol that has
    none. `past`: sessions, hours and peers known before the first moment, without bars; its
    `end_us` is where history ends. `contracts`: the dated contract in front, by symbol.
    """

    history: Mapping[str, BarArrays]
    past: Moment
    contracts: Mapping[str, str] = field(default_factory=dict)


class FeedState(StrEnum):
    """What can be expected of a symbol's feed now.

    WARMING_UP: history, or replay of what happened since, is not complete. LIVE: bars come as they
    end. RECONNECTING: there is no session. UNRESOLVED: the vendor does not know the symbol.
    SILENT: its market is open, and bars do not come.
    """

    WARMING_UP = "WARMING_UP"
    LIVE = "LIVE"
    RECONNECTING = "RECONNECTING"
    UNRESOLVED = "UNRESOLVED"
    SILENT = "SILENT"


@dataclass(frozen=True)
class FeedHealth:
    """A symbol's feed at one time.

    `last_bar_end_us`: end of its last bar, 0 before the first. `age_s`: seconds since then, by the
    clock that asked; infinite before the first. `contract`: of the last bar. `n_gaps`: gaps that
    were noted since the start.
    """

    last_bar_end_us: int
    age_s: float
    contract: str
    n_gaps: int
    state: FeedState


class Market(Protocol):
    """Whoever plays the market: the vendor, his stand-in, or a replay without sockets."""

    async def warm_up(self, since_us: int | None = None) -> WarmUp:
        """Everything before the first moment; once, before `events`.

        `since_us`: the moments after this one are wanted (a run that was killed replays them).
        None, or longer ago than the vendor replays, begins with the present. Raises VendorRefused
        and VendorUnavailable where a traded symbol has no history.
        """

    def events(self) -> AsyncIterator[Moment | FeedNote]:
        """Moments and notes as they come; ends when the market does, or is closed."""

    def health(self, now_us: int) -> Mapping[str, FeedHealth]:
        """Every symbol's feed, traded or informing, at `now_us`."""

    async def close(self) -> None:
        """Hang up, and end `events`. May be called twice."""
