"""The limits of all quality checks, in one place.

Belongs here: numbers, and the reason for each. Does not belong here: measuring. "Real futures" are
eleven of them, hourly, 2009 to 2025, from a retail vendor; only counts and shares of theirs are
quoted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from rooney_core.market.bars import MAX_OUTSIDE_HOURS
from rooney_core.market.instruments import Instrument, ProductGroup


@dataclass(frozen=True, kw_only=True)
class QualityLimits:
    """What a series of bars may show and still be trusted. Shares are fractions.

    - `missing_bars`: of the bars that the calendar expects. Liquid futures miss 0.1 to 0.2 %; the
      Russell future misses 3.8 %, having had an hour less a day at another exchange before 2017.
      Above 4 % are the series that are known to be thin. No trade, no bar: minutes may miss half.
    - `longest_gap_bars`: two whole sessions; a longer hole is an outage of the vendor.
    - `missing_sessions`: sessions without any bar. Real futures miss up to 0.4 %; an index series
      whose impossible rows went to quarantine 0.6 %.
    - `sessions_stale`: a vendor's history ends a day before now, and a holiday may be in between.
    - `spike_z_score`: a move that the next bar takes back. The largest true one in real futures
      was 22 robust deviations (a flash rally), and a bad print is usually beyond 100.
    - `wick_z_score`: a high or low that neither this bar's body nor its neighbours come near; up
      to 23 in real futures, 45 in an index that is computed from option quotes.
    - `move_z_score`: any other move. The largest true one was 41 (an announcement of the Fed).
    - `flat_bars`: identical prices in a row. The longest true run was 13, in a limit halt; a whole
      session without a change is a frozen feed.
    - `silent_bars`: bars in a row without volume; None where nothing is traded (an index).
    - `on_grid`: share of prices that are multiples of the tick. Futures have all but a few; a
      vendor of shares quotes some averages between cents.
    - `grid_tolerance`: fraction of a tick; what a decimal loses as a 32-bit number is far less.
    - `core_volume`: least share of volume in the main market's hours (`clock.CORE_HOURS`). Real
      futures: equity 76 to 85 %, rates 68 %, metals 49 to 61 %, fx 35 to 51 %; a file that is five
      hours off has less than half of that.
    - `outside_hours`: share of bars that start while the market is closed; below 0.0001 in the
      right zone, above 0.033 in a wrong one.
    - `half_years_off`: half-years whose quietest hour is not the daily break: none may be.
    - `daily_agreement`: share of sessions whose high, and share of those whose low, is that of the
      vendor's daily bar.
    - `daily_tolerance_ticks`: a vendor rounds a daily bar, or takes one print more, within a tick.
    - `second_agreement`: share of common bars within one tick of a second source.
    - `quarantined`: share of a source's rows that were refused.
    - `thin_sessions`: sessions in a row with less than half of their bars in the front contract;
      liquid chains have 1, on a holiday; a market's first weeks have more.
    - `roll_days_off`: days that a roll may be away from the usual distance to the last safe day.
      Metals and energies roll up to three weeks apart over the months; a wrong roll is months off.
    - `front_agreement`: share of sessions on which two chains have the same contract.
    """

    missing_bars: float
    longest_gap_bars: int
    missing_sessions: float = 0.01
    sessions_stale: int = 3
    spike_z_score: float = 25.0
    wick_z_score: float = 35.0
    move_z_score: float = 60.0
    flat_bars: int
    silent_bars: int | None
    on_grid: float = 0.999
    grid_tolerance: float = 0.01
    core_volume: float = 0.0
    outside_hours: float = MAX_OUTSIDE_HOURS
    half_years_off: int = 0
    daily_agreement: float = 0.99
    daily_tolerance_ticks: float = 1.0
    second_agreement: float = 0.99
    quarantined: float = 0.001
    thin_sessions: int = 3
    roll_days_off: int = 25
    front_agreement: float = 0.99


_BY_LENGTH: Final = {
    1: QualityLimits(missing_bars=0.5, longest_gap_bars=2 * 1380, flat_bars=1380, silent_bars=1380),
    60: QualityLimits(missing_bars=0.04, longest_gap_bars=2 * 24, flat_bars=24, silent_bars=24),
    1440: QualityLimits(missing_bars=0.01, longest_gap_bars=2, flat_bars=5, silent_bars=5),
}
_CORE_VOLUME: Final[dict[ProductGroup, float]] = {
    "equity_index": 0.5,
    "energy": 0.4,
    "metals": 0.38,
    "fx": 0.28,
    "rates": 0.5,
    "us_equity": 0.5,
    "volatility_index": 0.0,
    "volatility": 0.4,
}
_SHARES_ON_GRID: Final = 0.99
_QUARANTINED_OF_AN_INDEX: Final = 0.01
"""Cboe's own VIX history has impossible opens in 0.5 % of its days, the latest in 2006."""


def limits_for(instrument: Instrument) -> QualityLimits:
    """The limits for an instrument: by the length of its bars, then by its product group."""
    limits = _BY_LENGTH[instrument.bar_minutes]
    limits = replace(limits, core_volume=_CORE_VOLUME[instrument.product_group])
    if instrument.product_group == "us_equity":
        limits = replace(limits, on_grid=_SHARES_ON_GRID)
    if instrument.product_group == "volatility_index":
        limits = replace(
            limits,
            silent_bars=None,
            wick_z_score=limits.move_z_score,
            quarantined=_QUARANTINED_OF_AN_INDEX,
        )
    return limits
