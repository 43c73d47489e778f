"""Downloads on disk: which ranges of a series are there, and which are missing.

Belongs here: names of folders and files, committing a verified download, and covering a request
with what is kept. Does not belong here: asking the vendor, or what the bars say.

<root>/<dataset>/<schema>/<series>/<start>_<end>.json              the receipt, written last
<root>/<dataset>/<schema>/<series>/<start>_<end>.<sha>.dbn.zst     the records that it names

A file without a receipt does not exist. A restated range gets another file before its receipt is
replaced, so that a process that dies leaves either the old range or the new one.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from rooney_assets.lake import durable
from rooney_assets.sources.databento.plan import Days, Request
from rooney_assets.sources.databento.receipt import Receipt
from rooney_core.errors import LakeError

_UNSAFE = re.compile(r"[^A-Za-z0-9.-]")


@dataclass(frozen=True)
class Piece:
    """A kept download, and the days of it that a request takes from it."""

    receipt: Receipt
    days: Days
    path: Path

    def content(self) -> bytes:
        """The file. Raises LakeError when it is not what the receipt says."""
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise LakeError(f"{self.path} cannot be read: {error}. {_AGAIN}") from None
        if hashlib.sha256(content).hexdigest() != self.receipt.sha256:
            raise LakeError(f"{self.path} is not what its receipt says. {_AGAIN}")
        return content


_AGAIN = "Download it again with `rooney data fetch --refresh`."


@dataclass(frozen=True)
class Cover:
    """How far the archive covers a request: disjoint pieces and gaps, each in order of time."""

    pieces: tuple[Piece, ...]
    gaps: tuple[Request, ...]


@dataclass(frozen=True)
class Archive:
    """The kept downloads below `root`. Opening it touches nothing."""

    root: Path

    def folder(self, request: Request) -> Path:
        """Where the request's series is kept."""
        return self._series(request.dataset, request.schema, request.series)

    def receipts(self, dataset: str, schema: str, series: str) -> tuple[Receipt, ...]:
        """Every receipt of a series, by start. Raises LakeError for a damaged one."""
        folder = self._series(dataset, schema, series)
        found = [_read(path) for path in sorted(folder.glob("*_*.json"))]
        return tuple(sorted(found, key=lambda one: (one.start, one.end)))

    def cover(self, request: Request) -> Cover:
        """What is kept of the request, and what is not.

        Only downloads that asked for all its symbols count: a contract month that is added later
        is a gap. Where two overlap, the earlier one gives the days.
        """
        folder = self.folder(request)
        pieces: list[Piece] = []
        gaps: list[Request] = []
        at, end = request.days.start, request.days.end
        for receipt in self._usable(request):
            if receipt.start > at:
                gaps.append(request.during(Days(at, min(receipt.start, end))))
            taken = receipt.days.overlap(Days(max(at, receipt.start), end))
            if taken is not None:
                pieces.append(Piece(receipt, taken, folder / receipt.file))
                at = taken.end
        if at < end:
            gaps.append(request.during(Days(at, end)))
        return Cover(tuple(pieces), tuple(gaps))

    def commit(self, downloaded: Path, receipt: Receipt) -> None:
        """Keep a verified file under the receipt's name, then the receipt; replaces an older one.

        `downloaded` lies in the folder of the series, and is gone afterwards. Raises LakeError.
        """
        folder = self.folder(receipt.request)
        target = folder / receipt.file
        path = _receipt_path(folder, receipt.days)
        with durable.refusing(self.root, f"keep {receipt.request.label}"):
            _make_durable(downloaded)
            os.replace(downloaded, target)
            durable.sync_folder(folder)
            durable.publish(path, receipt.model_dump_json(by_alias=True, indent=1).encode())
            for old in folder.glob(f"{path.stem}.*.dbn.zst"):
                if old != target:
                    old.unlink(missing_ok=True)

    @contextmanager
    def making(self, request: Request) -> Iterator[Path]:
        """A temporary name for one download, while no other process downloads the series."""
        folder = self.folder(request)
        with durable.refusing(self.root, f"make room for {request.label}"):
            durable.make_folder(folder)
            durable.remove_orphans(folder)
        # Alone, so that nobody pays twice for a range.
        with durable.alone(folder / ".lock"), durable.temporary_name(folder) as path:
            yield path

    def held(self, dataset: str, schema: str, series: str) -> Days | None:
        """From the first to the last day of a series that is kept, gaps included."""
        kept = self.receipts(dataset, schema, series)
        return Days(kept[0].start, max(one.end for one in kept)) if kept else None

    def _series(self, *names: str) -> Path:
        return self.root.joinpath(*(_UNSAFE.sub("_", name) for name in names))

    def _usable(self, request: Request) -> list[Receipt]:
        asked = set(request.symbols)
        return [
            one
            for one in self.receipts(request.dataset, request.schema, request.series)
            if one.stype_in == request.stype_in
            and asked <= set(one.symbols)
            and one.days.overlap(request.days) is not None
        ]


def file_name(days: Days, sha256: str) -> str:
    """The name of the records of a range; other content has another name."""
    return f"{days.start}_{days.end}.{sha256[:12]}.dbn.zst"


def _receipt_path(folder: Path, days: Days) -> Path:
    return folder / f"{days.start}_{days.end}.json"


def _read(path: Path) -> Receipt:
    try:
        return Receipt.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise LakeError(
            f"The receipt {path} cannot be read: {reason}. Remove it, and `rooney data fetch` "
            "downloads its range again."
        ) from None


def _make_durable(path: Path) -> None:
    path.chmod(0o444)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
