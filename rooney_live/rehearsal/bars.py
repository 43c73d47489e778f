"""The market's stand-in: serves stored bars as a feed; the last sessions live, the rest as past.

Belongs here: finding, checking and cutting the bars of a rehearsal. Does not belong here: the
trader, which sees a Feed and cannot tell. Bars of the simulated market need no files: they are a
function of the instrument and are drawn again when a folder does not hold them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from rooney_core.decision import Bar, DecisionBundle, bars_of, is_warm_after
from rooney_core.errors import LakeError, MissingArtifact, NotEnoughData
from rooney_core.features import FeedNames
from rooney_core.features.hourly import HOURLY_CLOSES, hourly_rows
from rooney_core.lineage import combined_version, content_version
from rooney_core.market.bars import BarArrays, validate_bars
from rooney_core.market.instruments import Instrument
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import SESSION_BARS_SCHEMA, session_bars
from rooney_core.market.simulation import SimulatedMarket, simulate_bars
from rooney_core.release import Release
from rooney_live.feeds.facts_of_tables import hour_closes, peer_sessions, session_closes
from rooney_live.feeds.records import HourClose, Moment, PeerSession, SessionClose, WarmUp
from rooney_live.rehearsal.moments import moments_of, warm_up_of

EMBEDDED = SimulatedMarket()
"""The simulated market of `make demo`."""

# Sessions before the first live one, beyond the bars of a full window: warm-up ends with a session.
_WARM_UP_SESSIONS = 5


@dataclass(frozen=True)
class SymbolBars:
    """continuous_bars of one symbol; live starts with row `first_live`, history before it."""

    instrument: Instrument
    frame: pl.DataFrame
    first_live: int


@dataclass(frozen=True)
class RehearsalMarket:
    """A Feed over the last sessions of stored bars; both session dates are inclusive.

    `references`: session_bars, `hours`: the hours (`hourly_rows`), of every symbol that informs
    features; `peers`: session_bars of those that variants compare with.
    """

    symbols: Mapping[str, SymbolBars]
    references: Mapping[str, pl.DataFrame]
    hours: Mapping[str, pl.DataFrame]
    peers: Mapping[str, pl.DataFrame]
    sessions: tuple[date, ...]

    def history(self, symbol: str) -> BarArrays:
        """The bars before the first live session."""
        one = self.symbols[symbol]
        return BarArrays.from_frame(one.frame.head(one.first_live), one.instrument)

    def live(self, symbol: str) -> Iterable[Bar]:
        """The bars of the live sessions."""
        one = self.symbols[symbol]
        live = one.frame.slice(one.first_live)
        return bars_of(live, one.instrument) if live.height else ()

    def session_closes(self) -> Iterable[SessionClose]:
        """Sessions of every symbol that informs features, by the time they became known."""
        return session_closes(self.references)

    def hour_closes(self) -> Iterable[HourClose]:
        """Hours of every symbol that informs features hourly, by the time they became known."""
        return hour_closes(self.hours)

    def lacking(self, names: FeedNames) -> tuple[str, ...]:
        """Symbols of `names` without any sessions, or without any hours, that features need."""
        gone = {*names.daily} - self.references.keys() | {*names.hourly} - self.hours.keys()
        return tuple(sorted(gone))

    def peer_sessions(self) -> Iterable[PeerSession]:
        """Sessions of all peers, by the time they became known."""
        return peer_sessions(self.peers)

    def warm_up(self) -> WarmUp:
        """What is known before the first live bar, with prices as they were known then."""
        return warm_up_of(self)

    def moments(self) -> Iterator[Moment]:
        """What became known from then on, bar by bar: exactly what a live feed tells."""
        return moments_of(self)

    @property
    def version(self) -> str:
        """Content version of every bar and close that is served."""
        parts = {f"bars {name}": content_version(one.frame) for name, one in self.symbols.items()}
        parts |= {f"closes {name}": content_version(one) for name, one in self.references.items()}
        parts |= {f"hours {name}": content_version(one) for name, one in self.hours.items()}
        parts |= {f"peers {name}": content_version(one) for name, one in self.peers.items()}
        return combined_version(parts)


def open_market(
    folder: Path, release: Release, n_sessions: int, simulated: SimulatedMarket | None = EMBEDDED
) -> RehearsalMarket:
    """The last `n_sessions` of the released symbols' bars below `folder`, and their warm-up.

    Reads <folder>/continuous_bars/symbol=X/current.parquet of these and of every symbol that
    informs features hourly, and session_bars of those that do daily, and of peers. Simulated
    symbols that are absent are drawn again from `simulated`, unless that is None; any other symbol
    that only informs, and is absent, is unknown. A variant that holds overnight warms up on all
    bars there are, because its position depends on them.

    Raises MissingArtifact (no bars), LakeError (unreadable), BarsRejected (bad bars),
    NotEnoughData (fewer sessions than asked, or too few bars before them to warm up).
    """
    stored = {
        symbol: _continuous(folder, bundle.instrument, simulated)
        for symbol, bundle in release.bundles.items()
    }
    sessions = _last_sessions(stored, n_sessions)
    symbols = {
        symbol: _cut(stored[symbol], bundle, sessions) for symbol, bundle in release.bundles.items()
    }
    config, draw = release.config, simulated
    if not release.bundles:
        return RehearsalMarket(symbols, {}, {}, {}, sessions)
    named, known = config.feed_names, config.instruments
    return RehearsalMarket(
        symbols,
        references=_sessions_by_symbol(folder, (known[one] for one in named.daily), draw),
        hours=_hours_by_symbol(folder, (known[one] for one in named.hourly), draw, sessions[0]),
        peers=_sessions_by_symbol(folder, config.peer_instruments, draw),
        sessions=sessions,
    )


def _sessions_by_symbol(
    folder: Path, instruments: Iterable[Instrument], simulated: SimulatedMarket | None
) -> dict[str, pl.DataFrame]:
    """session_bars by symbol; one without bars is left out: unknown, as in training."""
    found = {one.symbol: _sessions_of(folder, one, simulated) for one in instruments}
    return {symbol: frame for symbol, frame in found.items() if frame is not None}


def _hours_by_symbol(
    folder: Path, instruments: Iterable[Instrument], simulated: SimulatedMarket | None, first: date
) -> dict[str, pl.DataFrame]:
    """Hours by symbol, from session `first` on and as many before it as a feature looks at."""
    found = {}
    for one in instruments:
        path = _path(folder, "continuous_bars", one)
        if path.is_file() or (simulated is not None and one.is_simulated):
            hours = hourly_rows(_continuous(folder, one, simulated))
            n_past = hours.filter(pl.col("session") < first).height
            found[one.symbol] = hours.slice(max(0, n_past - HOURLY_CLOSES)).drop("known_at")
    return found


def stored_bars(
    folder: Path, instrument: Instrument, simulated: SimulatedMarket | None = EMBEDDED
) -> pl.DataFrame | None:
    """continuous_bars of one symbol below a folder, or drawn again; None where there are none."""
    is_there = _path(folder, "continuous_bars", instrument).is_file()
    is_drawn = simulated is not None and instrument.is_simulated
    return _continuous(folder, instrument, simulated) if is_there or is_drawn else None


def _path(folder: Path, table: str, instrument: Instrument) -> Path:
    return folder / table / f"symbol={instrument.symbol}" / "current.parquet"


def _last_sessions(frames: Mapping[str, pl.DataFrame], n_sessions: int) -> tuple[date, ...]:
    if not frames:
        return ()
    every = pl.concat([frame["session"] for frame in frames.values()]).unique().sort()
    if len(every) < n_sessions:
        raise NotEnoughData(
            f"{n_sessions} sessions were asked for, the bars hold {len(every)}; "
            "ask for fewer with --sessions."
        )
    return tuple(every.tail(n_sessions).to_list())


def _cut(frame: pl.DataFrame, bundle: DecisionBundle, sessions: Sequence[date]) -> SymbolBars:
    """Live sessions, and as many bars before them as `decide` needs to be ready."""
    n_past = frame.filter(pl.col("session") < sessions[0]).height
    days = frame.head(n_past)["session"].unique().sort().tail(_WARM_UP_SESSIONS)
    n_warm_up = (
        bundle.warm_up_bars
        + frame.head(n_past).filter(pl.col("session").is_in(days.implode())).height
    )
    start = 0 if bundle.variant.overnight else max(0, n_past - n_warm_up)
    one = SymbolBars(bundle.instrument, frame.slice(start), n_past - start)
    past = BarArrays.from_frame(frame.slice(start, n_past - start), bundle.instrument)
    if n_past < frame.height and not is_warm_after(past, bundle):
        raise NotEnoughData(
            f"{bundle.instrument.symbol}: {n_past} bars lie before session {sessions[0]}; "
            f"{bundle.variant.name} needs {bundle.warm_up_bars}"
            f"{'' if bundle.variant.overnight else ' and the end of a session'} to warm up. "
            "Ask for fewer --sessions, or give it a longer history."
        )
    return one


def _continuous(
    folder: Path, instrument: Instrument, simulated: SimulatedMarket | None
) -> pl.DataFrame:
    path = _path(folder, "continuous_bars", instrument)
    if simulated is not None and instrument.is_simulated and not path.is_file():
        return _drawn(instrument, simulated)
    frame = _read(path)
    validate_bars(frame, instrument)
    return frame


def _sessions_of(
    folder: Path, instrument: Instrument, simulated: SimulatedMarket | None
) -> pl.DataFrame | None:
    path = _path(folder, "session_bars", instrument)
    if path.is_file():
        frame = _read(path)
        lacking = [name for name in SESSION_BARS_SCHEMA if name not in frame.columns]
        if lacking:
            raise LakeError(f"{path} is not session_bars: column(s) {', '.join(lacking)} missing.")
        return frame
    if simulated is not None and instrument.is_simulated:
        return session_bars(_drawn(instrument, simulated), instrument)
    return None


def _drawn(instrument: Instrument, simulated: SimulatedMarket) -> pl.DataFrame:
    raw = simulate_bars(instrument, simulated)
    return stitch(raw, find_rolls(raw, instrument), instrument)


def _read(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise MissingArtifact(
            f"{path} does not exist; a rehearsal needs it. Run `rooney materialize --to "
            f"{path.parent.parent.name}`, or name the folder that holds bars with --bars."
        )
    try:
        return pl.read_parquet(path, hive_partitioning=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise LakeError(f"{path} cannot be read as Parquet: {error}.") from None
