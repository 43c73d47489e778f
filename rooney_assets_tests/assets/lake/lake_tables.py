"""Small tables and facts that the lake's tests and their child processes share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from rooney_assets.lake import ManifestFacts

ES = ("symbol", "ES")


def bars(first_price: float, n_bars: int = 50, symbol: str = "ES") -> pl.DataFrame:
    """A few bars whose content follows from the first price."""
    start = datetime(2024, 1, 2, tzinfo=UTC)
    return pl.DataFrame(
        {
            "symbol": [symbol] * n_bars,
            "bar_start": [start + timedelta(hours=row) for row in range(n_bars)],
            "close": [first_price + row / 4 for row in range(n_bars)],
        },
        schema={"symbol": pl.String, "bar_start": pl.Datetime("us", "UTC"), "close": pl.Float64},
    )


def facts(run_id: str = "run 1", **changed: object) -> ManifestFacts:
    """Facts of a maker, with some of them changed."""
    known: dict[str, object] = {
        "run_id": run_id,
        "code_version": "code 1",
        "git_commit": "abc",
        "inputs": {"raw_bars[ES]": "v1"},
        "config": {"n": 1, "grid": [1, 2]},
    }
    return ManifestFacts.model_validate({**known, **changed})
