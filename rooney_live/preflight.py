"""May the trader start? One question per check, answered without trading anything.

Belongs here: checks of what the trader depends on. Does not belong here: repair, or checks of the
factory's quality (those are asset checks).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile

from rooney_core.errors import LakeError, RooneyError
from rooney_core.release import Release
from rooney_core.release.standing import lapsed, overrides_shown
from rooney_live.journal import Journal
from rooney_live.preflight_answers import Check, ask, skipped
from rooney_live.preflight_host import host_checks
from rooney_live.preflight_risk import risk_checks
from rooney_live.preflight_venue import venue_checks
from rooney_live.rehearsal.bars import RehearsalMarket, open_market
from rooney_live.release_store import config_path, day_of, read_release
from rooney_live.settings import Settings
from rooney_live.verify_features import Coverage, coverage

__all__ = ["Check", "preflight"]


def preflight(
    settings: Settings,
    bars: Path,
    today: date | None = None,
    environment: Mapping[str, str] | None = None,
) -> list[Check]:
    """Every check, in the order of start-up; one that depends on a failed one is not asked.

    `today` is what approvals and overrides are held to. Without it: the day it is in UTC, and for a
    release of the simulated market the last session of its bars, where that market's time stands.
    `environment`: secrets and the kill switch; the process's own without it.
    """
    checks = [ask("lake readable", lambda: _lake(settings.lake))]
    release: Release | None = None
    try:
        release = read_release(settings.lake)
    except RooneyError as error:
        checks.append(Check("release verifies", False, str(error)))
    else:
        checks.append(Check("release verifies", True, _describe(release)))
    market, of_bars = _of_bars(release, bars)
    last = market.sessions[-1] if market else None
    day = None if release is None else today or day_of(release.config, last)
    checks += [*_of_terms(release, day), *of_bars]
    checks += risk_checks(settings, release, day, environment)
    checks += host_checks(
        settings.state,
        None if release is None else release.config.data_through,
        release is None or release.config.is_simulated,
    )
    checks += venue_checks(release, environment)
    checks.append(ask("journal writable", lambda: _journal(settings.journal)))
    return checks


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


def _of_terms(release: Release | None, day: date | None) -> list[Check]:
    """Until when and on whose word the release trades.

    One that may open no more trades can still be started, to leave what is open. It fails here all
    the same: nobody shall believe that it trades.
    """
    names = ("approval holds", "overrides")
    if release is None or day is None:
        return skipped(names, "needs a release")
    config = release.config
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
        return None, skipped(names, "needs a release")
    if not release.bundles:
        return None, [Check(name, True, "nothing is traded") for name in names]
    try:
        market = open_market(bars, release, n_sessions=1)
    except RooneyError as error:
        # This is what refuses a history that is too short, too.
        return None, [Check(names[0], False, str(error)), *skipped(names[1:], "needs bars")]
    return market, [
        ask(names[0], partial(_history, release, market)),
        _features(names[1], release, market),
        ask(names[2], partial(_peers, release, market)),
    ]


def _features(name: str, release: Release, market: RehearsalMarket) -> Check:
    """Full coverage at the last bar, or no trade."""
    try:
        found = coverage(release, market)
    except RooneyError as error:
        return Check(name, False, str(error))
    detail = ", ".join(f"{one.symbol} {one.n_known}/{one.n_features} known" for one in found)
    rows = [_row(one) for one in found]
    return Check(name, all(one.is_full for one in found), detail, rows=rows)


def _row(one: Coverage) -> dict[str, object]:
    return {
        "symbol": one.symbol,
        "known": one.n_known,
        "of": one.n_features,
        "percent": round(one.percent, 1),
        "unknown": list(one.unknown),
    }


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


def _journal(path: Path) -> str:
    """One that is there is opened and locked; of one that is not, only whether it could be made:
    an empty journal would say that the trader was here."""
    if path.is_file():
        with Journal.open(path) as journal, journal.transaction():
            return str(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=path.parent) as probe:
            probe.write(b"rooney")
            probe.flush()
    except OSError as error:
        raise LakeError(f"{path.parent} cannot be written: {error.strerror}") from None
    return f"{path} (will be made)"
