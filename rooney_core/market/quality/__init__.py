"""How good are these bars? Measurements on finished frames, and the limits that judge them.

Belongs here: one pure, vectorised function per property; each answers with numbers, the offending
rows and what a plot of it shows. The limits of all of them are in `limits.py`, nowhere else. Does
not belong here: mending bars, refusing single rows at ingestion (`market/quarantine.py`), pictures,
or the verdict's severity (`rooney_assets/checks`).
"""

from __future__ import annotations

from rooney_core.market.quality.clock import volume_by_hour
from rooney_core.market.quality.form import impossible_prices, unordered_rows, wrong_columns
from rooney_core.market.quality.limits import QualityLimits, limits_for
from rooney_core.market.quality.measured import Measured
from rooney_core.market.quality.moves import long_runs, prices_off_grid, spikes
from rooney_core.market.quality.presence import missing_bars, missing_sessions, staleness
from rooney_core.market.quality.versions import restated_bars, second_source

__all__ = [
    "Measured",
    "QualityLimits",
    "impossible_prices",
    "limits_for",
    "long_runs",
    "missing_bars",
    "missing_sessions",
    "prices_off_grid",
    "restated_bars",
    "second_source",
    "spikes",
    "staleness",
    "unordered_rows",
    "volume_by_hour",
    "wrong_columns",
]
