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
    unknown = [name for name, value in zip(names, values, strict=True) if not np.isfinite(value)]
    return Coverage(bundle.instrument.symbol, int(bars.bar_end_us[-1]), len(names), tuple(unknown))


def coverage_recorded(journal: Journal, n_decisions: int) -> list[Coverage]:
    """Of the newest decisions of each symbol that asked its model, the least that was known.

    By symbol in alphabetical order; a symbol whose model was never asked has no row.
    """
    found = []
    for row in journal.query(
        "SELECT DISTINCT symbol FROM decisions WHERE probability IS NOT NULL ORDER BY symbol"
    ):
        asked = journal.query(
            "SELECT bar_end_us, features FROM decisions WHERE symbol = ? "
            "AND probability IS NOT NULL ORDER BY bar_end_us DESC LIMIT ?",
            (row["symbol"], n_decisions),
        )
        worst = max((_recorded(one) for one in asked), key=lambda one: len(one[1]))
        at_us, unknown, n_features = worst
        found.append(Coverage(row["symbol"], at_us, n_features, unknown, len(asked)))
    return found


def _recorded(decision: dict[str, object]) -> tuple[int, tuple[str, ...], int]:
    features = json.loads(str(decision["features"]))
    unknown = tuple(name for name, value in features.items() if value is None)
    return int(str(decision["bar_end_us"])), unknown, len(features)
