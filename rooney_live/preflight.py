"""May the trader start? One question per check, answered without trading anything.

Belongs here: checks of what the trader depends on. Does not belong here: repair, or checks of the
factory's quality (those are asset checks).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np

from rooney_core.decision import DecisionBundle, features_at
from rooney_core.errors import LakeError, RooneyError
from rooney_core.features import Feeds, feature_names
from rooney_core.market.bars import BarArrays
from rooney_core.release import Release
from rooney_core.release.standing import lapsed, overrides_shown
from rooney_core.strategies.peers import Peers, PeerSessions
from rooney_live.journal import Journal
from rooney_live.rehearsal.bars import RehearsalMarket, SymbolBars, open_market
from rooney_live.release_store import config_path, day_of, read_release
from rooney_live.settings import Settings


@dataclass(frozen=True)
class Check:
    """One answer. `passed` is None for a check that could not be asked.

    `is_red`: shown in red all the same, because it goes on a person's word.
    """

    name: str
    passed: bool | None
    detail: str
    is_red: bool = False


def preflight(settings: Settings, bars: Path, today: date | None = None) -> list[Check]:
    """Every check, in the order of start-up; one that depends on a failed one is not asked.

    `today` is what approvals and overrides are held to. Without it: the day it is in UTC, and for a
    release of the simulated market the last session of its bars, where that market's time stands.
    """
    checks = [_ask("lake readable", lambda: _lake(settings.lake))]
    release: Release | None = None
    try:
        release = read_release(settings.lake)
    except RooneyError as error:
        checks.append(Check("release verifies", False, str(error)))
    else:
        checks.append(Check("release verifies", True, _describe(release)))
    market, of_bars = _of_bars(release, bars)
    last = market.sessions[-1] if market else None
    checks += [*_of_terms(release, today, last), *of_bars]
    checks.append(_ask("journal writable", lambda: _journal(settings.journal)))
    return checks


def _ask(name: str, question: Callable[[], str]) -> Check:
    try:
        return Check(name, True, question())
    except RooneyError as error:
        return Check(name, False, str(error))


def _lake(lake: Path) -> str:
    if not lake.is_dir():
        raise LakeError(f"{lake} is not a folder; point ROONEY_LAKE (or --lake) at the lake.")
    if not os.access(lake, os.R_OK | os.X_OK):
        raise LakeError(f"{lake} cannot be read; give this user read access.")
    return str(config_path(lake).parent.parent)


def _describe(release: Release) -> str:
    config = release.config
    symbols = ", ".join(release.bundles) or "no symbol: the portfolio is empty"
    return (
        f"release {config.release_id} of {config.rebalance_month} "
        f"(production_model {config.production_model_version}): {symbols}"
    )


def _of_terms(release: Release | None, today: date | None, last: date | None) -> list[Check]:
    """Until when and on whose word the release trades.

    One that may open no more trades can still be started, to leave what is open. It fails here all
    the same: nobody shall believe that it trades.
    """
    names = ("approval holds", "overrides")
    if release is None:
        return [Check(name, None, "needs a release") for name in names]
    config = release.config
    day = today or day_of(config, last)
    ended = lapsed(config, release.bundles, day)
    until = f"until {config.approved_until}, under mandate {config.mandate_version}"
    overridden = overrides_shown(config, day)
    return [
        Check(names[0], not ended, "; ".join(ended) or until),
        Check(
            names[1],
            True,
            "; ".join(overridden) or "none: every gate passed by itself",
            is_red=bool(overridden),
        ),
    ]


def _of_bars(release: Release | None, bars: Path) -> tuple[RehearsalMarket | None, list[Check]]:
    names = ("history long enough", "features computable", "peers known")
    if release is None:
        return None, [Check(name, None, "needs a release") for name in names]
    if not release.bundles:
        return None, [Check(name, True, "nothing is traded") for name in names]
    try:
        market = open_market(bars, release, n_sessions=1)
    except RooneyError as error:
        # This is what refuses a history that is too short, too.
        rest = [Check(name, None, "needs bars") for name in names[1:]]
        return None, [Check(names[0], False, str(error)), *rest]
    questions = (_history, _compute, _peers)
    return market, [
        _ask(name, partial(question, release, market))
        for name, question in zip(names, questions, strict=True)
    ]


def _history(release: Release, market: RehearsalMarket) -> str:
    """Bars before the last session, and how many of them a decision is a function of."""
    return ", ".join(
        f"{symbol} {one.first_live} bars, {release.bundles[symbol].variant.name} needs "
        f"{release.bundles[symbol].warm_up_bars}"
        for symbol, one in market.symbols.items()
    )


def _peers(release: Release, market: RehearsalMarket) -> str:
    wanted = {peer for bundle in release.bundles.values() for peer in bundle.peer_symbols}
    missing = sorted(wanted - set(market.peers))
    if missing:
        raise LakeError(
            f"No session_bars of {', '.join(missing)}, which a traded variant compares with: it "
            "would not trade. Materialize session_bars, or synchronize the lake again."
        )
    return ", ".join(sorted(wanted)) or "no variant compares"


def _compute(release: Release, market: RehearsalMarket) -> str:
    """How many features of each symbol are known at its last bar. A feed without bars is refused:
    a feature can be unknown for a while, but not by nobody delivering it."""
    absent = market.lacking(release.config.feed_names)
    if absent:
        raise LakeError(
            f"No bars of {', '.join(absent)}, which the models' features need: they would all be "
            "unknown. Materialize session_bars, or synchronize the lake again."
        )
    peers = {name: PeerSessions.from_session_bars(frame) for name, frame in market.peers.items()}
    return ", ".join(
        _computed(release.bundles[symbol], one, market, peers)
        for symbol, one in market.symbols.items()
    )


def _computed(
    bundle: DecisionBundle, one: SymbolBars, market: RehearsalMarket, peers: Peers
) -> str:
    symbol, names = bundle.instrument.symbol, feature_names(bundle.feed_names)
    bars = BarArrays.from_frame(one.frame, one.instrument)
    feeds = Feeds.from_tables(bundle.feed_names, market.hours, market.references)
    values = features_at(bars, np.array([len(bars) - 1]), bundle, feeds, peers)[0]
    unknown = [name for name, value in zip(names, values, strict=True) if not np.isfinite(value)]
    if len(unknown) == len(names):
        raise LakeError(f"{symbol}: no feature is known at its last bar; check its bars.")
    lacking = f" (unknown: {', '.join(unknown)})" if unknown else ""
    return f"{symbol} {len(names) - len(unknown)}/{len(names)} known{lacking}"


def _journal(path: Path) -> str:
    with Journal.open(path) as journal, journal.transaction():
        return str(path)
