"""The whole vendor on loopback for one rehearsal: history below a time that moves, live after it.

Belongs here: one market's stored bars in both services, and their common clock. Does not belong
here: either service (`historical.py`, `gateway.py`).

Stored chains are served as they are: contracts under their own names, changing where the stored
bars change. What the other contract of a roll traded at is in no table, but for the gap; so the new
contract gets one bar beside the old one's last, at that distance, in history alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import polars as pl

from rooney_core.market.simulation import SimulatedMarket
from rooney_core.release import Release
from rooney_live.feeds.plan import Leg, legs_of, schema_of
from rooney_live.rehearsal.bars import EMBEDDED, stored_bars
from rooney_live.rehearsal.gateway import Gateway
from rooney_live.rehearsal.gateway_bars import GatewayBars, chain_of
from rooney_live.rehearsal.gateway_faults import GatewayFault, random_faults
from rooney_live.rehearsal.historical import LocalHistory
from rooney_live.rehearsal.history_faults import Fault
from rooney_live.rehearsal.history_folder import IN_FRONT

_HOUR_US: Final = 3_600 * 1_000_000
BRIDGE_US: Final = 3 * _HOUR_US
"""So much of what happened before live begins is in no history yet, and is replayed live."""

_PRICES: Final = ("open", "high", "low", "close")


@dataclass(frozen=True)
class StoredMarket:
    """continuous_bars of every symbol that a release follows, and its legs."""

    legs: tuple[Leg, ...]
    bars: Mapping[str, pl.DataFrame]

    @classmethod
    def of(
        cls, release: Release, folder: Path, simulated: SimulatedMarket | None = EMBEDDED
    ) -> Self:
        """From the tables below `folder`; a symbol that only informs may be absent."""
        legs = legs_of(release, stand_in=True)
        found = {leg.symbol: stored_bars(folder, leg.instrument, simulated) for leg in legs}
        return cls(legs, {one: bars for one, bars in found.items() if bars is not None})


class LocalVendor:
    """A context manager: both services over one market, from entering to leaving.

    `first_us`: live begins there; `speed`: seconds of the market in one, None for as fast as it is
    read. `faults` and `history_faults` happen once each; `seed` draws the live ones that lose
    nothing, up to `last_us`. `key`: any other is refused; None takes any. History ends `bridge_us`
    before live begins, and from then on `lag_us` behind what live has told.
    """

    def __init__(
        self,
        market: StoredMarket,
        state: Path,
        first_us: int,
        *,
        last_us: int | None = None,
        speed: float | None = None,
        faults: Sequence[GatewayFault] = (),
        history_faults: Sequence[Fault] = (),
        seed: int | None = None,
        key: str | None = None,
        bridge_us: int = BRIDGE_US,
        lag_us: int = 0,
    ) -> None:
        planned = list(faults)
        if seed is not None:
            planned += random_faults(seed, first_us, last_us or first_us + 24 * _HOUR_US)
        self._market, self._state, self._key = market, state, key
        self._first_us, self._bridge_us, self._lag_us = first_us, bridge_us, lag_us
        self._history_faults = history_faults
        chains = [
            chain_of(leg, market.bars[leg.symbol], first_us - 8 * 24 * _HOUR_US)
            for leg in market.legs
            if leg.symbol in market.bars
        ]
        self.live = Gateway(GatewayBars(chains), first_us, speed, planned, key)
        self._open = ExitStack()
        self._history: LocalHistory | None = None

    @property
    def gateway(self) -> str:
        """host:port of the live service, while it serves."""
        return self.live.address

    @property
    def history(self) -> str:
        """host:port of the historical service, while it serves."""
        return self.local_history.gateway

    @property
    def certificate(self) -> Path:
        """PEM that the historical service is trusted by."""
        return self.local_history.certificate

    @property
    def began_ns(self) -> int:
        """`time.time_ns()` at which it was `first_us`, for a clock of the same speed."""
        return self.live.began_ns

    @property
    def local_history(self) -> LocalHistory:
        """The historical service itself."""
        if self._history is None:
            raise RuntimeError("LocalVendor serves only inside its `with` block.")
        return self._history

    def __enter__(self) -> Self:
        folder = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="rooney-bars-")))
        for leg in self._market.legs:
            if leg.symbol in self._market.bars:
                write_chain(folder, leg, self._market.bars[leg.symbol])
        history = LocalHistory(
            folder,
            faults=self._history_faults,
            key=self._key,
            state=self._state,
            ends_us=self._history_ends_us,
        )
        self._history = self._open.enter_context(history)
        self._open.enter_context(self.live)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        self._history = None

    def _history_ends_us(self) -> int:
        """History is complete up to where live has come, and lags behind where live begins."""
        reached_us = max(self.live.now_us(self.live.position_us), self.live.position_us)
        lagging_us = self._first_us - self._bridge_us
        return reached_us - self._lag_us if reached_us > self._first_us else lagging_us


def write_chain(folder: Path, leg: Leg, continuous_bars: pl.DataFrame) -> None:
    """A stored chain as a file that the historical service plays."""
    path = folder / leg.dataset / schema_of(leg.minutes) / f"{leg.symbol}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = ["bar_start", "contract", *_PRICES, "volume"]
    own = continuous_bars.select(*columns, pl.lit(True).alias(IN_FRONT))
    beside = pl.col("contract").shift(-1)
    gap = pl.col("adjustment") - pl.col("adjustment").shift(-1)
    common = (
        continuous_bars.with_columns(_next=beside, _gap=gap)
        .filter(pl.col("contract") != pl.col("_next"))
        .with_columns(pl.col(_PRICES) + pl.col("_gap"), contract="_next")
        .select(*columns, pl.lit(False).alias(IN_FRONT))
    )
    pl.concat([own, common]).sort("bar_start", "contract").write_parquet(path)
