"""Is every feature known, for every traded symbol? One row each: known, of, and which are not.

Belongs here: coverage at the last bar, and of what was recorded. Does not belong here: the
arithmetic of a feature (core), or what an unknown one leads to.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rooney_core.decision import DecisionBundle, features_at
from rooney_core.decision.coverage import required_features
from rooney_core.errors import LakeError
from rooney_core.features import Feeds, feature_names
from rooney_core.market.bars import BarArrays
from rooney_core.release import Release
from rooney_core.strategies.peers import Peers, PeerSessions
from rooney_live.journal import Journal
from rooney_live.rehearsal.bars import RehearsalMarket, SymbolBars, open_market


@dataclass(frozen=True)
class Coverage:
    """One symbol: how many of its model's features are known, and the names of the others.

    `at_us`: end of the bar, microseconds since 1970 UTC. `n_asked`: decisions that asked the model,
    for a coverage of what was recorded: then `n_known` of `n_features` is the worst of them.
    """

    symbol: str
    at_us: int
    n_features: int
    unknown: tuple[str, ...]
    n_asked: int = 1

    @property
    def n_known(self) -> int:
        """Features with a value."""
        return self.n_features - len(self.unknown)

    @property
    def is_full(self) -> bool:
        """Whether nothing is unknown: otherwise the symbol would not trade on that bar."""
        return not self.unknown

    @property
    def percent(self) -> float:
        """Share of known features, 0 to 100."""
        return 100.0 * self.n_known / self.n_features if self.n_features else 100.0


def coverage_of_bars(release: Release, folder: Path) -> list[Coverage]:
    """Coverage at the last bar that the folder holds, by symbol in order of priority.

    Raises LakeError, or MissingArtifact, where bars are missing.
    """
    if not release.bundles:
        return []
    return coverage(release, open_market(folder, release, n_sessions=1))


def coverage(release: Release, market: RehearsalMarket) -> list[Coverage]:
    """As `coverage_of_bars`. Raises LakeError for a feed without any bars: a feature can be unknown
    for a while, but not by nobody delivering it."""
    absent = market.lacking(release.config.feed_names)
    if absent:
        raise LakeError(
            f"No bars of {', '.join(absent)}, which the models' features need: they would all be "
            "unknown. Materialize session_bars, or synchronize the lake again."
        )
    peers = {name: PeerSessions.from_session_bars(frame) for name, frame in market.peers.items()}
    return [
        _covered(release.bundles[symbol], one, market, peers)
        for symbol, one in market.symbols.items()
    ]


def _covered(
    bundle: DecisionBundle, one: SymbolBars, market: RehearsalMarket, peers: Peers
) -> Coverage:
    names = feature_names(bundle.feed_names)
    bars = BarArrays.from_frame(one.frame, one.instrument)
    feeds = Feeds.from_tables(bundle.feed_names, market.hours, market.references)
    values = features_at(bars, np.array([len(bars) - 1]), bundle, feeds, peers)[0]
    known = dict(zip(names, np.isfinite(values).tolist(), strict=True))
    asked = required_features(bundle.feed_names)
    unknown = tuple(name for name in asked if not known[name])
    return Coverage(bundle.instrument.symbol, int(bars.bar_end_us[-1]), len(asked), unknown)


def coverage_recorded(journal: Journal, release: Release, n_decisions: int) -> list[Coverage]:
    """Of the newest decisions of each traded symbol that asked its model, the least that was known.

    A symbol whose model was never asked has no row.
    """
    found = []
    for symbol, bundle in release.bundles.items():
        asked = journal.query(
            "SELECT bar_end_us, features FROM decisions WHERE symbol = ? "
            "AND probability IS NOT NULL ORDER BY bar_end_us DESC LIMIT ?",
            (symbol, n_decisions),
        )
        if not asked:
            continue
        names = required_features(bundle.feed_names)
        lacking = [_unknown(one["features"], names) for one in asked]
        worst = max(range(len(asked)), key=lambda at: len(lacking[at]))
        at_us = asked[worst]["bar_end_us"]
        found.append(Coverage(symbol, at_us, len(names), lacking[worst], len(asked)))
    return found


def _unknown(recorded: str, names: tuple[str, ...]) -> tuple[str, ...]:
    features = json.loads(recorded)
    return tuple(name for name in names if features.get(name) is None)
