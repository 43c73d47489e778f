"""Instruments of the shipped universe, for tests of feedback."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from rooney_core.market.instruments import Instrument, Universe

ROOT = Path(__file__).resolve().parents[3]


@cache
def _shipped() -> Universe:
    return Universe.parse(yaml.safe_load((ROOT / "universe.yaml").read_text()), "shipped")


def instrument_of(symbol: str) -> Instrument:
    """The page of facts of a symbol."""
    return _shipped()[symbol]
