"""How a rehearsal starts the trader's process: a fresh one, or a fork of one that is ready.

Belongs here: starting, waiting and what was printed. Does not belong here: which arguments or how
often (`stage.py`). A fork runs the same command from its first line on and dies as any other
process; only the imports, a second and more, are not done again. Soaks start hundreds of traders.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from rooney_core.errors import RefusedError

READY: Final = "rooney_live.rehearsal.ready"
"""What a server of forks imports before the first of them."""

_COMMAND: Final = (sys.executable, "-m", "rooney_live.cli")
_TOLD: Final = 2000


class TraderFailed(RefusedError):
    """The trader ended in a way that nothing in the plan asked for."""


@dataclass(frozen=True)
class Ended:
    """How a process ended: minus the signal that ended it, or its exit code; what it printed."""

    returncode: int
    stdout: bytes
    stderr: bytes

    @property
    def told(self) -> str:
        """The end of what it said went wrong; of its log where it said nothing else."""
        said = self.stderr.strip() or self.stdout.strip()
        return said.decode(errors="replace")[-_TOLD:]


class Launch(Protocol):
    """Runs `rooney-live` with these arguments and this environment until it ends."""

    def __call__(
        self, arguments: Sequence[str], environment: Mapping[str, str], timeout_s: float
    ) -> Ended:
        """Raises TraderFailed where it had to be killed after `timeout_s`."""


def fresh(arguments: Sequence[str], environment: Mapping[str, str], timeout_s: float) -> Ended:
    """A Launch: an interpreter of its own, as a server would start it."""
    try:
        ended = subprocess.run(
            [*_COMMAND, *arguments],
            capture_output=True,
            check=False,
            env=dict(environment),
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired as late:
        raise _too_late(timeout_s, late.stderr or late.stdout or b"") from None
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def forked(arguments: Sequence[str], environment: Mapping[str, str], timeout_s: float) -> Ended:
    """A Launch: a fork of a server that has imported the trader; the first call starts that."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([READY])
    with tempfile.TemporaryDirectory(prefix="rooney-printed-") as folder:
        printed = (Path(folder) / "stdout", Path(folder) / "stderr")
        process = context.Process(
            target=_enter, args=(list(arguments), dict(environment), *map(str, printed))
        )
        process.start()
        process.join(timeout_s)
        is_late = process.is_alive()
        if is_late:
            process.kill()
            process.join()
        contents = [one.read_bytes() if one.exists() else b"" for one in printed]
        if is_late:
            raise _too_late(timeout_s, contents[1] or contents[0])
        code = process.exitcode
        return Ended(-1 if code is None else code, *contents)


def _too_late(timeout_s: float, printed: bytes) -> TraderFailed:
    told = printed[-_TOLD:].decode(errors="replace")
    return TraderFailed(
        f"The trader did not end within {timeout_s:g} seconds and was killed: {told}"
    )


def _enter(arguments: list[str], environment: dict[str, str], stdout: str, stderr: str) -> None:
    """In the fork: become the command, with files for its output and nobody's environment."""
    for path, stream in ((stdout, 1), (stderr, 2)):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(handle, stream)
        os.close(handle)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    from rooney_live.cli import main

    main(arguments)
