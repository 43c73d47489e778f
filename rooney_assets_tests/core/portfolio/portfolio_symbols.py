"""Made-up symbols with trades, for portfolios. No assertions of their own."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

from rooney_core.market.instruments import Instrument, Universe
from rooney_core.market.source_pages import SimulatedFacts, SourceFacts
from rooney_core.portfolio.candidates import Candidate
from rooney_core.portfolio.simulation import TRADES_SCHEMA

DAYS = pl.date_range(date(2017, 1, 1), date(2020, 12, 31), eager=True)
SESSIONS = DAYS.filter(DAYS.dt.weekday() <= 5).rename("session")
COST = 0.0001


def instrument(symbol: str, margin_usd: float | None = None) -> Instrument:
    return Instrument(
        symbol=symbol,
        name="Made up",
        role="tradable",
        exchange="SIMULATED",
        product_group="equity_index",
        multiplier=50,
        tick_size=0.25,
        commission_per_contract_usd=1.25,
        slippage_ticks=0.5,
        margin_per_contract_usd=margin_usd,
        contract_months="HMUZ",
        sources=SourceFacts(simulated=SimulatedFacts(start_price=4000, annual_volatility=0.2)),
    )


def trades(rows: list[tuple[datetime, datetime, list[tuple[date, float]]]]) -> pl.DataFrame:
    """Signal, exit, and what each session earned."""
    return pl.DataFrame(
        [
            (start, end, [day for day, _ in held], [one for _, one in held], COST)
            for start, end, held in rows
        ],
        schema=TRADES_SCHEMA,
        orient="row",
    )


def drawn_trades(
    seed: int, edge: float = 0.0008, sigma: float = 0.004, n: int = 500
) -> pl.DataFrame:
    """n trades of a day or two, one at a time, signalled at full hours."""
    rng = np.random.default_rng(seed)
    picked = np.sort(rng.choice(len(SESSIONS) - 1, n, replace=False))
    rows, free_from = [], datetime(2000, 1, 1, tzinfo=UTC)
    for at in picked.tolist():
        day, night = SESSIONS[at], SESSIONS[at + 1]
        start = datetime(day.year, day.month, day.day, int(rng.integers(10, 20)), tzinfo=UTC)
        if start <= free_from:
            continue
        overnight = bool(rng.random() < 0.2)
        end = start + timedelta(hours=int(rng.integers(1, 4)))
        held = [(day, float(rng.normal(edge, sigma)))]
        if overnight:
            end = datetime(night.year, night.month, night.day, 9, tzinfo=UTC)
            held.append((night, float(rng.normal(edge, sigma))))
        rows.append((start, end, held))
        free_from = end
    return trades(rows)


def candidate(
    symbol: str,
    seed: int,
    *,
    edge: float = 0.0008,
    sigma: float = 0.004,
    value_usd: float = 50_000.0,
    margin_usd: float | None = None,
) -> Candidate:
    return Candidate(
        instrument(symbol, margin_usd), drawn_trades(seed, edge, sigma), SESSIONS, value_usd
    )


def universe_of(*symbols: str) -> Universe:
    return Universe(instruments=tuple(instrument(one) for one in symbols))
