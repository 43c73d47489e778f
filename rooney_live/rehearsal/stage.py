"""The stage of a rehearsal: stand-ins for vendor and venue, and the real trader as a process.

Belongs here: sockets, secrets, files and processes of one rehearsal, and starting the trader again
after each crash of the plan. Does not belong here: what came of it (`evidence.py`,
`invariants.py`).
"""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Final

from rooney_live.crash_points import Crash
from rooney_live.rehearsal.launch import Ended, Launch, TraderFailed, fresh
from rooney_live.rehearsal.plan import NO_FAULTS, FaultPlan
from rooney_live.rehearsal.receiver import Receiver
from rooney_live.rehearsal.receiver_prices import VenuePrices
from rooney_live.rehearsal.rehearsal_file import (
    FILE_NAME,
    PlannedCrash,
    RehearsalFile,
    without_proxies,
)
from rooney_live.rehearsal.vendor import LocalVendor, StoredMarket
from rooney_live.secrets import DATABENTO_API_KEY, TRADERSPOST_WEBHOOK_URL
from rooney_live.settings import LAKE, STATE

LIVE: Final = "live"
TIMEOUT_S: Final = 1800.0
_PRIVATE: Final = 0o600
_KEY_BYTES: Final = 14
_CLEAN: Final = (0, 128 + signal.SIGTERM, -signal.SIGKILL, -signal.SIGTERM)
"""How a start may end: by itself or as told, at once by a second SIGTERM, or killed."""


@dataclass
class Stage:
    """What a trader needs to be rehearsed.

    `certificate`: of the authorities of vendor and receiver; `secrets`: values that may be in no
    output; `environment`: of its process, without a proxy or a setting of anybody; `starts`: the
    processes so far.
    """

    play: Play
    vendor: LocalVendor
    receiver: Receiver
    certificate: Path
    secrets: tuple[str, ...]
    environment: Mapping[str, str]
    launch: Launch = fresh
    starts: list[Ended] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """Where the trader finds that it is a rehearsal."""
        return self.play.state / LIVE / FILE_NAME

    def arguments(self) -> list[str]:
        """What `rooney-live` is started with."""
        places = ["--lake", str(self.play.lake), "--state", str(self.play.state)]
        return ["run", "--rehearsal", str(self.file), *places]

    def start(self, file: RehearsalFile, timeout_s: float = TIMEOUT_S) -> Ended:
        """Run the trader once, until it ends.

        It is killed, TraderFailed, `timeout_s` after the time that the market itself takes.
        """
        file.write(self.file)
        one = self.launch(self.arguments(), self.environment, timeout_s + file.lasts_s)
        self.starts.append(one)
        return one

    def perform(
        self,
        file: RehearsalFile,
        crashes: Sequence[Crash],
        is_over: Callable[[], bool],
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Start the trader, and again after each crash, until `is_over`.

        A crash whose point is never reached leaves a start that ends by itself: then it is over.
        Raises TraderFailed for an end that no plan asked for.
        """
        for crash in (*crashes, None):
            planned = None if crash is None else PlannedCrash.of(crash)
            one = self.start(file.model_copy(update={"crash": planned}), timeout_s)
            if one.returncode not in _CLEAN:
                raise TraderFailed(f"The trader ended with exit code {one.returncode}: {one.told}")
            if one.returncode == 0 and is_over():
                return
        raise TraderFailed(f"The trader ended before the last session was over: {one.told}")

    def outputs(self) -> dict[str, bytes]:
        """What the trader's processes printed, by name."""
        return {
            f"{name} of start {number}": getattr(one, name)
            for number, one in enumerate(self.starts, start=1)
            for name in ("stdout", "stderr")
        }


@dataclass(frozen=True)
class Play:
    """What is played. `lake`: the trader's, `state`: its own folder. `stored`: what the vendor
    serves; `prices`: what the venue fills at. Live is from `first_us` to `last_us`; `speed`:
    seconds that pass in one, None for no waiting."""

    lake: Path
    state: Path
    stored: StoredMarket
    prices: VenuePrices
    first_us: int
    last_us: int
    plan: FaultPlan = NO_FAULTS
    speed: float | None = None


@contextmanager
def staged(play: Play, launch: Launch = fresh) -> Iterator[Stage]:
    """Everything but the trader, until the block ends. `state` is made; the key is made up."""
    live = play.state / LIVE
    live.mkdir(parents=True, exist_ok=True)
    key = f"db-{token_hex(_KEY_BYTES)}"
    vendor = LocalVendor(
        play.stored,
        live,
        play.first_us,
        last_us=play.last_us,
        speed=play.speed,
        faults=play.plan.feed,
        history_faults=play.plan.history,
        seed=play.plan.market,
        key=key,
    )
    with (
        tempfile.TemporaryDirectory(prefix="rooney-secrets-") as folder,
        Receiver(
            live, prices=play.prices, seed=play.plan.venue, faults=play.plan.orders
        ) as receiver,
        vendor,
    ):
        given = {DATABENTO_API_KEY: key, TRADERSPOST_WEBHOOK_URL: receiver.url}
        environment = _environment(play.lake, play.state, Path(folder), given)
        certificate = _trusted(live, vendor.certificate, receiver.certificate)
        secrets = (key, receiver.secret)
        yield Stage(play, vendor, receiver, certificate, secrets, environment, launch)
        # What a bracket or a level did by the end belongs to the fills.
        receiver.positions(play.last_us)


def _trusted(folder: Path, *authorities: Path) -> Path:
    """One file of all authorities that a rehearsal's trader has to trust."""
    path = folder / "authorities.pem"
    path.write_bytes(b"".join(one.read_bytes() for one in authorities))
    return path


def _environment(
    lake: Path, state: Path, folder: Path, secrets: Mapping[str, str]
) -> dict[str, str]:
    kept = {
        name: value
        for name, value in without_proxies(os.environ).items()
        if not name.startswith("ROONEY_") and name not in secrets
    }
    for name, value in secrets.items():
        path = folder / name
        path.touch(mode=_PRIVATE)
        path.write_text(value)
        kept[f"{name}_FILE"] = str(path)
    return kept | {LAKE: str(lake), STATE: str(state)}
