"""Every own-symbol feature as a page of facts, in the order of the matrix's columns.

Belongs here: name, lookback, meaning and what a missing value means. Does not belong here: the
arithmetic (`own_symbol.py`), or features of other symbols (`references.py`).

Differences are of adjusted prices, rebased to the contract of the current bar: price[i] +
(adjustment[i] - adjustment[t]). A roll is then no move, and a roll after t changes nothing. Ratios
divide by bar ranges or by the current raw close (its absolute value: prices may be negative).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Feature:
    """One column. `lookback` counts the bars it reads, the current one included."""

    name: str
    lookback: int
    meaning: str
    null_means: str


_SHORT = "fewer bars of history than the lookback"

OWN_FEATURES: Final = (
    Feature(
        "ibs", 1, "(close - low) / (high - low), in [0, 1]; 0.5 for a bar without range", "never"
    ),
    Feature("ibs_mean_5", 5, "mean ibs of 5 bars", _SHORT),
    Feature(
        "range_percentile_100",
        100,
        "rank of this bar's range among the last 100, in (0, 1); ties count half",
        _SHORT,
    ),
    Feature(
        "rsi_14",
        15,
        "Cutler's RSI in [0, 100]: simple means of 14 rises and falls; 50 when nothing moved",
        _SHORT,
    ),
    Feature(
        "volume_z_20",
        20,
        "standard deviations (ddof 1) of this bar's volume above the mean of 20 bars",
        f"{_SHORT}, or 20 equal volumes",
    ),
    Feature("return_1", 2, "change of close over 1 bar / |close|", f"{_SHORT}, or a close of 0"),
    Feature("return_5", 6, "change of close over 5 bars / |close|", f"{_SHORT}, or a close of 0"),
    Feature(
        "return_23",
        24,
        "change of close over 23 bars (about a session) / |close|",
        f"{_SHORT}, or a close of 0",
    ),
    Feature(
        "distance_to_sma_50",
        50,
        "close minus its 50-bar mean, in units of the 50-bar mean range",
        f"{_SHORT}, or 50 bars without range",
    ),
    Feature(
        "realised_volatility_23",
        24,
        "standard deviation (ddof 1) of 23 changes of close / |close|, per bar",
        f"{_SHORT}, or a close of 0",
    ),
    Feature(
        "session_progress",
        1,
        "elapsed share of the session's scheduled hours at bar_end: 0 open, 1 close",
        "a day without scheduled hours",
    ),
    Feature("weekday", 1, "weekday of the session's date, 0 = Monday to 6 = Sunday", "never"),
)

FEATURES: Final = {one.name: one for one in OWN_FEATURES}
"""Own-symbol features by name, in column order; one more per reference symbol follows them."""

MAX_LOOKBACK: Final = max(one.lookback for one in OWN_FEATURES)
"""Bars, the current one included, that give every own-symbol feature its exact bits."""
