"""The peers of one backtest: what the lake holds of them up to its window, and nothing later."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from factory_market import ES, NQ, sessions, universe

from rooney_assets.backtests.run import read_peers
from rooney_assets.lake import Lake, ManifestFacts
from rooney_core.strategies import VARIANTS, Variant
from rooney_core.strategies.peers import PeerSessions

FACTS = ManifestFacts(run_id="r", code_version="c", git_commit="g")
LAST = date(2018, 6, 29)
COMPARING = next(one for one in VARIANTS.values() if one.peers == "partner")


def peers_of(folder: Path, table: pl.DataFrame, variant: Variant = COMPARING) -> PeerSessions:
    lake = Lake(folder)
    lake.write("session_bars", ("symbol", NQ), table, FACTS)
    peers, versions, absent = read_peers(ES, variant, universe(), lake, LAST)
    assert list(versions) == [f"session_bars[{NQ}]"]
    assert absent == ()
    return peers[NQ]


@pytest.mark.parametrize("later", [1.37, -9.59])
def test_a_roll_after_the_window_leaves_no_bit_in_the_peers(tmp_path: Path, later: float) -> None:
    """It moves every adjusted price before it by one constant, here one that no float64 holds."""
    before = sessions(NQ)
    cut = before.filter(pl.col("session") <= LAST)
    alone = cut.with_columns(pl.col("adjustment") - cut["adjustment"][-1]).with_columns(
        pl.col("adjustment").round(9)
    )
    moved = before.with_columns(pl.col("adjustment") + later)
    expected = peers_of(tmp_path / "alone", alone)
    found = peers_of(tmp_path / "moved", moved)
    for name in PeerSessions.__dataclass_fields__:
        assert getattr(found, name).tobytes() == getattr(expected, name).tobytes(), name
    # The contract in front at the window's end keeps its prices.
    assert found.close[-1] == cut["close"][-1]
    assert found.close[0] != cut["close"][0]
