"""Paper trading by the batch path alone: what a trader without a defect would have written down.

Belongs here: the batch path's decisions and trades in the form of a trader's journal. Does not
belong here: the trader, or gate 3. That the trader decides as the batch path does is held by the
parity tests and by every paper report of a real candidate; here its process would only take time.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from rooney_assets.graph.declaration import Here
from rooney_assets.paper_trading import PaperTrading
from rooney_core.gates.paper import POSITIONS_SCHEMA
from rooney_core.release.replay import Decided

BATCH: Final = "batch path"


def by_the_batch_path(
    here: Here, release_candidate: pl.DataFrame, decided: Decided, sessions: pl.Series
) -> PaperTrading:
    """The trading of these sessions from a flat account, without a stop and without a difference.

    A position that is open at the end is left out, as it is in the batch path's trades.
    """
    replay = decided.replay(sessions.to_list())
    release = decided.release
    commission = {
        symbol: here.universe[symbol].commission_per_contract_usd for symbol in release.sizes
    }
    size = pl.col("symbol").replace_strict(release.sizes, return_dtype=pl.Int64)
    paid = pl.col("symbol").replace_strict(commission, return_dtype=pl.Float64)
    positions = replay.trades.with_columns(size=size).with_columns(
        entry_commission_usd=paid * pl.col("size")
    )
    bars = pl.concat(decided.decisions.values()).select("symbol", "bar_end", "session")
    return PaperTrading(
        run_id=BATCH,
        trader_code_version=here.code_version,
        decisions=replay.decisions.join(bars, on=("symbol", "bar_end"), maintain_order="left"),
        trades=replay.trades,
        positions=positions.select(pl.col(one).cast(to) for one, to in POSITIONS_SCHEMA.items()),
        n_unexplained=0,
        stops=(),
    )
