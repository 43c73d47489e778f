"""What an asset is: a small declaration around one core function. No Dagster in here.

Belongs here: the declaration types and the registries that they fill by existing. Does not belong
here: running them (`to_dagster`), or deciding whether they are stale (`plan`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import polars as pl
from pydantic import BaseModel

from rooney_core.errors import MissingArtifact, UnknownName
from rooney_core.market.instruments import Instrument, Universe

if TYPE_CHECKING:
    from rooney_assets.lake import Lake
    from rooney_assets.sources import BarSource


class Partitioning(Enum):
    """By what an asset is split, as (partition column, which keys)."""

    SYMBOL = ("symbol", "every symbol")
    TRADABLE = ("symbol", "tradable symbols")
    SIMULATED = ("symbol", "symbols of the simulated market")
    MONTH = ("rebalance_month", "months")
    PAGE = ("", "one table, made before the months")
    JOURNAL = ("", "one table, from the trader's journal")
    NONE = ("", "one table")
    ON_DEMAND = ("", "one table, made only when it is asked for")

    @property
    def column(self) -> str:
        """Name of the partition column; empty when the asset is one table."""
        return self.value[0]

    @property
    def is_whole(self) -> bool:
        """Whether the asset is one table."""
        return not self.column


class Reach(Enum):
    """Which partitions of an input a partition depends on."""

    SAME = "the same partition"
    REFERENCES = "the partition of every reference symbol"
    PEERS = "the partition of every symbol that its rules compare it with"
    INFORMING = "its own, and the partition of every tradable and every reference symbol"
    EVERY = "every partition there is"


@dataclass(frozen=True)
class Input:
    """One upstream asset and which of its partitions are read."""

    asset: str
    reach: Reach = Reach.SAME


@dataclass(frozen=True)
class Here:
    """Where a body runs: which partition, of which universe, with which parameters.

    `lake` is for the two assets that are allowed past the plain inputs (the evaluation opens the
    sealed window through it, the look log is read from it); all others take what they are given.
    `duckdb` is the dagster-duckdb resource on the lake's views, read-only. `beside` holds, for a
    check, the small tables that were made with the table it looks at. What `progress` is told is
    overwritten by the next; `milestone` takes the few lines that a log keeps.
    """

    asset: str
    partition: str | None
    universe: Universe
    source: BarSource
    lake: Lake
    params: Any
    run_id: str
    code_version: str
    state_folder: Any
    input_versions: Mapping[str, str]
    progress: Callable[[str], None] = lambda text: None
    milestone: Callable[[str], None] = lambda text: None
    tracking: Any = None
    duckdb: Any = None
    beside: Mapping[str, pl.DataFrame] = field(default_factory=dict)

    @property
    def instrument(self) -> Instrument:
        """Facts of this partition's symbol."""
        return self.universe[self.symbol]

    @property
    def symbol(self) -> str:
        """This partition's symbol."""
        if self.partition is None:
            raise MissingArtifact(f"{self.asset} is one table; it has no symbol of its own.")
        return self.partition


@dataclass(frozen=True)
class Made:
    """What a body made when a table alone does not say it all.

    `sealed`: rows that only `Lake.open_test_window` hands out. `beside`: small tables kept with
    this one, by name (`quarantine`), each a view `<asset>_<name>`. `notes`: facts for the metadata.
    `pictures`: name -> PNG bytes, or an SVG document (`rooney_assets.graph.svg`). `announce` is
    called with the data version once the table is in the lake, and not where one is reused: for
    telling others of what is there now; what it returns are further notes.
    """

    table: pl.DataFrame
    sealed: pl.DataFrame | None = None
    beside: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, bytes | str] = field(default_factory=dict)
    announce: Callable[[str], Mapping[str, Any]] | None = None


@dataclass(frozen=True)
class Outcome:
    """What a check found. `facts` are shown beside the verdict.

    `sample`: some of the offending rows; empty or None when there are none. `picture`: an SVG
    document (`rooney_assets.graph.svg`).
    """

    passed: bool
    facts: Mapping[str, Any] = field(default_factory=dict)
    sample: pl.DataFrame | None = None
    picture: str | None = None


class Severity(Enum):
    """How bad it is when a check fails; whether the write is stopped is another matter."""

    WARN = "worth a look"
    ERROR = "what comes of it is wrong"


@dataclass(frozen=True)
class Check:
    """One property of one asset's table. `blocking`: a failure keeps the table from the lake."""

    asset: str
    name: str
    description: str
    blocking: bool
    severity: Severity
    look: Callable[[pl.DataFrame, Here], Outcome]


@dataclass(frozen=True)
class Asset:
    """One asset of the graph. `rooms` hold the code that decides its content."""

    name: str
    description: str
    group: str
    kinds: frozenset[str]
    partitioning: Partitioning
    inputs: Mapping[str, Input]
    params: type[BaseModel] | None
    rooms: tuple[str, ...]
    body: Callable[..., pl.DataFrame | Made]
    plots_column: str | None
    uses_tracking: bool


ASSETS: dict[str, Asset] = {}
CHECKS: dict[str, list[Check]] = {}


def lake_asset(
    *,
    group: str,
    rooms: tuple[str, ...],
    partitioning: Partitioning = Partitioning.TRADABLE,
    kinds: tuple[str, ...] = ("polars", "parquet"),
    reach: Mapping[str, Reach] | None = None,
    params: type[BaseModel] | None = None,
    plots_column: str | None = None,
    uses_tracking: bool = False,
) -> Callable[[Callable[..., pl.DataFrame | Made]], Asset]:
    """Declare the decorated function as an asset; its arguments after `here` name its inputs."""

    def declare(body: Callable[..., pl.DataFrame | Made]) -> Asset:
        names = list(inspect.signature(body).parameters)[1:]
        asset = Asset(
            name=body.__name__,
            description=inspect.cleandoc(body.__doc__ or ""),
            group=group,
            kinds=frozenset(kinds),
            partitioning=partitioning,
            inputs={name: Input(name, (reach or {}).get(name, Reach.SAME)) for name in names},
            params=params,
            # The body decides content too.
            rooms=(*rooms, body.__module__),
            body=body,
            plots_column=plots_column,
            uses_tracking=uses_tracking,
        )
        ASSETS[asset.name] = asset
        return asset

    return declare


def check(
    asset: str, *, blocking: bool = False, severity: Severity | None = None
) -> Callable[[Callable[[pl.DataFrame, Here], Outcome]], Check]:
    """Declare the decorated function as a check of `asset`; blocking: a failure stops the write.

    Severity is independent of that; where it is not stated, a blocking check is an ERROR and any
    other a WARN.
    """
    stated = severity or (Severity.ERROR if blocking else Severity.WARN)

    def declare(look: Callable[[pl.DataFrame, Here], Outcome]) -> Check:
        words = inspect.cleandoc(look.__doc__ or "")
        one = Check(asset, look.__name__, words, blocking, stated, look)
        CHECKS.setdefault(asset, []).append(one)
        return one

    return declare


def partition_keys(asset: Asset, universe: Universe) -> tuple[str, ...]:
    """The symbols an asset has a partition for; empty for months and single tables."""
    if asset.partitioning is Partitioning.SYMBOL:
        return universe.symbols
    if asset.partitioning is Partitioning.TRADABLE:
        return universe.tradable
    if asset.partitioning is Partitioning.SIMULATED:
        return tuple(symbol for symbol in universe.symbols if universe[symbol].is_simulated)
    return ()


def offered_names(universe: Universe) -> list[str]:
    """Names of the assets with a partition in this universe; real bars have no simulated truth."""
    return [
        one.name
        for one in ASSETS.values()
        if one.partitioning.is_whole
        or one.partitioning is Partitioning.MONTH
        or partition_keys(one, universe)
    ]


def upstream_closure(targets: Iterable[str]) -> list[str]:
    """The targets and everything above them, inputs first. Raises UnknownName."""
    order: list[str] = []

    def visit(name: str) -> None:
        if name not in ASSETS:
            raise UnknownName.among("asset", name, ASSETS)
        if name not in order:
            for one in ASSETS[name].inputs.values():
                visit(one.asset)
            order.append(name)

    for target in targets:
        visit(target)
    return order


def partition_of(asset: Asset, key: str | None) -> tuple[str, str] | None:
    """The lake's name of a partition: (column, key), or None for a single table."""
    return None if key is None else (asset.partitioning.column, key)
