"""Where things are: the one place that knows the names of the lake's folders and files.

Belongs here: paths, and listing what exists. Does not belong here: reading or writing content.

<root>/<asset>/symbol=ES/current.parquet                   what everybody reads
<root>/<asset>/symbol=ES/versions/<data_version>.parquet   immutable
<root>/<asset>/symbol=ES/versions/<data_version>.json      its manifest
<root>/<asset>/symbol=ES/sealed/<data_version>.parquet     rows that only the holdout's door opens
<root>/<asset>/symbol=ES/quarantine/<data_version>.parquet a small table kept beside that version
<root>/<asset>/symbol=ES/quarantine.parquet                the current version's, for other clients
<root>/<asset>/current.parquet, versions/                  the same for a table without partitions
<root>/lake.duckdb                                         views, nothing else
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from rooney_core.errors import InvalidSetting, MissingArtifact

Partition = tuple[str, str]
"""(column, key), such as ("symbol", "ES") or ("rebalance_month", "2026-01")."""

CURRENT = "current.parquet"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TAKEN = frozenset({"current", "versions", "sealed", "looks"})
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Folder:
    """The folder of one partition of one asset, or of a whole table that has no partitions.

    Raises InvalidSetting for a name that could leave the lake or be taken for something else.
    """

    root: Path
    asset: str
    partition: Partition | None

    def __post_init__(self) -> None:
        column, key = self.partition or ("symbol", "ES")
        for kind, name, allowed in (
            ("asset", self.asset, _NAME),
            ("partition column", column, _NAME),
            ("partition key", key, _KEY),
        ):
            if not allowed.fullmatch(name):
                raise InvalidSetting(
                    f"{name!r} cannot name a {kind} in the lake; allowed is {allowed.pattern}"
                )

    @property
    def label(self) -> str:
        """How a message names it: `raw_bars[ES]`, or `production_config`."""
        return self.asset if self.partition is None else f"{self.asset}[{self.partition[1]}]"

    @property
    def path(self) -> Path:
        """The folder itself."""
        folder = self.root / self.asset
        return folder if self.partition is None else folder / "=".join(self.partition)

    @property
    def current(self) -> Path:
        """The file that everybody reads."""
        return self.path / CURRENT

    @property
    def versions(self) -> Path:
        """The folder of all versions and their manifests."""
        return self.path / "versions"

    def version_file(self, version: str) -> Path:
        """The immutable table of a version."""
        return self.versions / f"{version}.parquet"

    def manifest_file(self, version: str) -> Path:
        """What is known about a version."""
        return self.versions / f"{version}.json"

    def sealed_file(self, version: str) -> Path:
        """The rows of a version that are not for everybody."""
        return self.path / "sealed" / f"{version}.parquet"

    def beside_file(self, name: str, version: str) -> Path:
        """The small table `name` that is kept beside a version."""
        return self.beside_folder(name) / f"{version}.parquet"

    def beside_folder(self, name: str) -> Path:
        """The folder of one beside table's versions. Raises InvalidSetting for an unfit name."""
        if not _NAME.fullmatch(name) or name in _TAKEN:
            raise InvalidSetting(
                f"{name!r} cannot name a table beside {self.label}; allowed is {_NAME.pattern}, "
                f"except {', '.join(sorted(_TAKEN))}"
            )
        return self.path / name

    def beside_current(self, name: str) -> Path:
        """The beside table of the current version under a name that stays."""
        folder = self.beside_folder(name)
        return folder.with_name(f"{folder.name}.parquet")

    def missing(self, version: str | None = None) -> MissingArtifact:
        """The refusal for a read of what was never made, naming the command that makes it."""
        what = f"version {version} of {self.label}" if version else self.label
        is_symbol = self.partition is not None and self.partition[0] == "symbol"
        symbols = f"--symbols {self.partition[1]} " if self.partition and is_symbol else ""
        return MissingArtifact(
            f"The lake at {self.root} holds no {what}. "
            f"Run `rooney materialize {symbols}--to {self.asset}` to make it."
        )


def partition_columns(root: Path, asset: str) -> dict[str | None, list[str]]:
    """What an asset holds now: its partition column to the keys that have a current version.

    The column is None for a table without partitions; an asset that was never made gives {}.
    """
    found: dict[str | None, list[str]] = {}
    folder = root / asset
    if (folder / CURRENT).is_file():
        found[None] = []
    for name in _folder_names(folder):
        column, equals, key = name.partition("=")
        if equals and (folder / name / CURRENT).is_file():
            found.setdefault(column, []).append(key)
    return found


def folders(root: Path, asset: str) -> list[Folder]:
    """The folders of an asset that hold a current version, sorted by key."""
    return [
        Folder(root, asset, None if column is None else (column, key))
        for column, keys in partition_columns(root, asset).items()
        for key in keys or [""]
    ]


def beside_names(root: Path, asset: str) -> list[str]:
    """Names of the tables that any partition of an asset keeps beside it, sorted."""
    ending = ".parquet"
    found: set[str] = set()
    for folder in folders(root, asset):
        with os.scandir(folder.path) as entries:
            stems = (one.name[: -len(ending)] for one in entries if one.name.endswith(ending))
            found.update(stem for stem in stems if _NAME.fullmatch(stem) and stem not in _TAKEN)
    return sorted(found)


def assets(root: Path) -> list[str]:
    """Names of the assets that hold at least one current version, sorted."""
    names = (name for name in _folder_names(root) if _NAME.fullmatch(name))
    return [name for name in names if partition_columns(root, name)]


def _folder_names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
