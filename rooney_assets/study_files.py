"""Trials of a search on disk, so that a training that was killed goes on where it was.

Belongs here: one file per study below the state folder, its lock, and mending what a kill left.
Does not belong here: what a record means, or what decides a study's key
(`rooney_core.modeling.study`).

A file is one line per finished trial: a digest over this line and all before it, a space, the
record. Lines count as far as the digests hold; what comes after them was never whole, and is cut.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from rooney_assets.graph.declaration import Here
from rooney_assets.lake.durable import alone, make_folder, sync_folder
from rooney_core.errors import InvalidSetting
from rooney_core.modeling.study import TrialLog, TrialRecord

KEPT: Final = 6
"""Studies that are kept per symbol, the newest: a finished one is in the lake, too."""

_DIGEST_LENGTH: Final = 16
_ENDING: Final = ".trials"


@dataclass(frozen=True)
class StudyFiles:
    """Studies of one symbol, made by one version of the code, in `folder`.

    `tell` hears why nothing moves while another process holds the study. `start_anew`: a study that
    has all of its `n_trials` begins again: its result is in the lake already, and somebody asks for
    it to be made once more.
    """

    folder: Path
    code_version: str
    start_anew: bool = False
    n_trials: int = 0
    tell: Callable[[str], None] = lambda text: None

    @classmethod
    def of(cls, here: Here) -> StudyFiles:
        """Studies of a training of `meta_model`."""
        written = here.lake.versions(here.asset, ("symbol", here.symbol))
        params = here.params.model_dump(mode="json")
        is_written = any(
            one.code_version == here.code_version
            and one.inputs == here.input_versions
            and one.config.get("params") == params
            for one in written
        )
        folder = Path(here.state_folder) / "studies" / here.symbol
        return cls(folder, here.code_version, is_written, here.params.n_trials, here.milestone)

    @contextmanager
    def open(self, key: str) -> Iterator[TrialLog]:
        """The study's log; waits while another process holds it. Raises InvalidSetting when the
        folder cannot be written."""
        name = hashlib.sha256(f"{self.code_version} {key}".encode()).hexdigest()[:32]
        path = self.folder / f"{name}{_ENDING}"
        try:
            make_folder(self.folder)
            self._forget_old(path)
            if _is_held(path.with_suffix(".lock")):
                self.tell("waits: another process trains the same model; it goes on behind it")
            with alone(path.with_suffix(".lock")), path.open("ab+") as file:
                sync_folder(self.folder)
                log = _FileLog(file)
                if self.start_anew and len(log.read()) >= self.n_trials:
                    log.clear()
                yield log
        except OSError as error:
            raise InvalidSetting(
                f"The study {path} cannot be kept: {error}. ROONEY_STATE must name a folder that "
                "this user may write, on a disk with room."
            ) from error

    def _forget_old(self, own: Path) -> None:
        """Remove all but the newest files; whoever has one open keeps what it read and appends."""
        others = [path for path in self.folder.glob(f"*{_ENDING}") if path != own]
        others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in others[KEPT - 1 :]:
            path.unlink(missing_ok=True)
            path.with_suffix(".lock").unlink(missing_ok=True)


class _FileLog:
    """The log in one open file, of which nobody else has the lock."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._chain = b""
        self._records = self._mend()

    def read(self) -> list[TrialRecord]:
        return list(self._records)

    def append(self, record: TrialRecord) -> None:
        text = record.to_json().encode()
        self._chain = _digest(self._chain, text)
        self._file.write(self._chain + b" " + text + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._records.append(record)

    def clear(self) -> None:
        """Forget every record."""
        self._file.truncate(0)
        self._chain, self._records = b"", []

    def _mend(self) -> list[TrialRecord]:
        """The records as far as they are whole; what follows them is cut off."""
        records: list[TrialRecord] = []
        self._file.seek(0)
        whole = 0
        for line in self._file:
            digest, _, text = line.rstrip(b"\n").partition(b" ")
            if not line.endswith(b"\n") or digest != _digest(self._chain, text):
                break
            records.append(TrialRecord.from_json(text.decode()))
            self._chain = digest
            whole += len(line)
        self._file.truncate(whole)
        return records


def _is_held(lock: Path) -> bool:
    """Whether somebody has the lock right now."""
    with lock.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _digest(before: bytes, text: bytes) -> bytes:
    return hashlib.sha256(before + b"\n" + text).hexdigest()[:_DIGEST_LENGTH].encode()
