"""Which files of a folder are one series, and their identity.

Belongs here: endings, looking for what a page names, and content hashes. Does not belong here:
what is inside a file (`file_table.py`, `dbn.py`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rooney_core.errors import BarsRejected, MissingArtifact
from rooney_core.market.instruments import Instrument
from rooney_core.market.source_pages import BarFiles

KINDS: Final = {
    ".parquet": "Parquet",
    ".csv": "CSV",
    ".csv.gz": "CSV",
    ".dbn": "DBN",
    ".dbn.zst": "DBN",
}
"""What a file is, by the ending of its name, in any case."""

_SHOWN = 3
_CLOCK = {"time_column", "time_zone", "bar_edge", "columns"}


@dataclass(frozen=True)
class BarsFile:
    """One file, whose bars it holds, and what universe.yaml says about it.

    `origin` is its name below the source's folder, with slashes. `first_row` is not 0 for a later
    slice of a file that is read bit by bit.
    """

    path: Path
    instrument: Instrument
    facts: BarFiles
    origin: str
    first_row: int = 0

    @property
    def kind(self) -> str:
        """Parquet, CSV or DBN."""
        return _kind(self.path) or ""

    def require_readable(self) -> None:
        """Raises BarsRejected when the system refuses the file, or when it is empty."""
        try:
            with self.path.open("rb") as opened:
                first = opened.read(1)
        except OSError as error:
            raise self.refuse(error.strerror or "not readable", "Make it readable") from None
        if not first:
            raise self.refuse("the file is empty: 0 bytes arrived", "Export it again")

    def row(self, index: int) -> str:
        """How a reader finds a row: the line of a CSV (header is line 1), or a row from 0 on."""
        row = self.first_row + index
        return f"line {row + 2}" if self.kind == "CSV" else f"row {row}"

    def refuse(self, fault: str, advice: str) -> BarsRejected:
        """The error that says which file, what arrived and what to do."""
        return BarsRejected(f"{self.instrument.symbol}: {self.path}: {fault}. {advice}.")


@dataclass(frozen=True)
class FileSet:
    """The files of one series, by name; `ignored` are other names in the same folder.

    `place` is the file itself, or the folder when the page names one.
    """

    place: Path
    files: tuple[BarsFile, ...]
    ignored: tuple[str, ...] = ()

    @property
    def is_folder(self) -> bool:
        """True when a folder was named, even if it holds one file."""
        return self.place != self.files[0].path

    def identity(self) -> str:
        """sha256 hex over content and clock, not over the place.

        In a folder the names count too, because they may say the contract. Raises BarsRejected
        when the system refuses a file.
        """
        digest = hashlib.sha256(self.files[0].facts.model_dump_json(include=_CLOCK).encode())
        for file in self.files:
            if self.is_folder:
                digest.update(file.path.name.encode())
            digest.update(_content_hash(file))
        return digest.hexdigest()


def find_files(folder: Path, instrument: Instrument, facts: BarFiles, *, flat: bool) -> FileSet:
    """What `facts` names below `folder`; `flat` also looks for the symbol right in the folder.

    Raises MissingArtifact when nothing is there, and BarsRejected when more than one file or
    folder could be meant, or when a folder holds files of several kinds.
    """
    tried = _candidates(folder, instrument.symbol, facts, flat=flat)
    found = [path for path in tried if path.is_file() or _holds_bars(path)]
    if not found:
        raise MissingArtifact(
            f"{instrument.symbol}: no file of bars. Tried {', '.join(map(str, tried))}. Put "
            "one there, correct `path` in universe.yaml, or remove the entry."
        )
    if len(found) > 1:
        raise BarsRejected(
            f"{instrument.symbol}: {' and '.join(map(str, found))} could both be meant, and "
            "may differ. Keep one of them."
        )
    place = found[0]
    names = sorted(_visible(place)) if place.is_dir() else [place]
    kept = [path for path in names if _kind(path)]
    _require_one_kind(kept, place, instrument.symbol)
    return FileSet(
        place,
        tuple(BarsFile(path, instrument, facts, _origin(path, folder)) for path in kept),
        tuple(path.name for path in names if not _kind(path)),
    )


def _kind(path: Path) -> str | None:
    name = path.name.lower()
    return next((kind for ending, kind in KINDS.items() if name.endswith(ending)), None)


def _candidates(folder: Path, symbol: str, facts: BarFiles, *, flat: bool) -> list[Path]:
    """Paths to try, each once, the one that universe.yaml names first; folders after files."""
    stems = [facts.path, symbol] if flat else [facts.path]
    names = [
        name
        for stem in stems
        for name in ([stem] if _kind(Path(stem)) else [*(stem + end for end in KINDS), stem])
    ]
    return list(dict.fromkeys(folder / name for name in names))


def _holds_bars(path: Path) -> bool:
    return path.is_dir() and any(_kind(one) for one in _visible(path))


def _visible(folder: Path) -> list[Path]:
    """Files right in the folder; names that start with . or _ belong to some tool."""
    return [path for path in folder.iterdir() if path.is_file() and path.name[0] not in "._"]


def _require_one_kind(files: list[Path], place: Path, symbol: str) -> None:
    examples = {_kind(path): path.name for path in files}
    # A name without a known ending is told by the reader of its content.
    if len(examples) > 1:
        raise BarsRejected(
            f"{symbol}: {place} holds files of several kinds ({', '.join(examples.values())}), "
            "which may repeat each other. Keep one kind in the folder."
        )


def _origin(path: Path, folder: Path) -> str:
    # A page may lead out of the folder by `..`; then the bare name has to do.
    inside = path.is_relative_to(folder)
    return path.relative_to(folder).as_posix() if inside else path.name


def _content_hash(file: BarsFile) -> bytes:
    try:
        with file.path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").digest()
    except OSError as error:
        raise file.refuse(error.strerror or "not readable", "Make it readable") from None
