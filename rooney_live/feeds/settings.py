"""How a market is followed: where, with which key, and how long anything may take.

Belongs here: numbers and addresses of the feed. Does not belong here: which symbols (`plan.py`), or
reading the environment (`rooney_live.settings`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from rooney_core.errors import InvalidSetting
from rooney_live.secrets import Secret

LIVE_SETTING: Final = "ROONEY_LIVE_GATEWAY"
HISTORY_SETTING: Final = "ROONEY_DATABENTO_GATEWAY"
_LARGEST_PORT: Final = 65_535
_TLS_PORT: Final = 443
_HOUR_US: Final = 3_600 * 1_000_000


@dataclass(frozen=True)
class FeedSettings:
    """Settings of one market; seconds are the host's, whatever the clock's speed.

    `gateway`: host:port of the live service, None for the vendor's own. `history`: host:port of the
    historical one, always spoken to in TLS. `stand_in`: both are a rehearsal's, which serves stored
    bars: contracts keep the names they are stored under, and `paced_by_stream` says that its time
    is told by the bars alone.

    `speed`: seconds of the market in one of the host's. What is told below in the market's time is
    never less than one second of the host's.

    `max_bar_age_seconds`, of the market's time: bars that arrive later are state, nothing is
    entered on them. `max_ahead_seconds`: how far in the future a bar may end, by the host's clock.
    `settle_seconds`: after this much of the market's time an interval is complete even when nobody
    says so. `grace_seconds`: how long one dataset waits for another. `heartbeat_seconds`: asked of
    the vendor; `silent_seconds` without any record is a dead session. `first_wait_seconds` doubles
    to `longest_wait_seconds`, each shortened by a random part up to `jitter`. `refused_seconds`:
    the wait after a refusal that only a person can end. `replay_seconds`: how far back the vendor
    replays. `warm_up_seconds`: the longest a warm-up waits for a dataset.
    """

    key: Secret = field(repr=False)
    speed: float = 1.0
    gateway: str | None = None
    history: str | None = None
    stand_in: bool = False
    paced_by_stream: bool = False
    max_bar_age_seconds: float = 180.0
    max_ahead_seconds: float = 30.0
    settle_seconds: float = 10.0
    grace_seconds: float = 2.0
    heartbeat_seconds: int = 10
    silent_seconds: float = 25.0
    connect_seconds: float = 15.0
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 30.0
    jitter: float = 0.5
    refused_seconds: float = 60.0
    replay_seconds: float = 86_000.0
    warm_up_seconds: float = 60.0
    history_attempts: int = 5
    history_wait_seconds: float = 120.0

    def __post_init__(self) -> None:
        for name in ("gateway", "history"):
            address = getattr(self, name)
            if address is not None:
                parse_address(address, name)

    @property
    def settle_us(self) -> int:
        """`settle_seconds`, in microseconds of the market."""
        return int(max(self.settle_seconds, self.speed) * 1_000_000)

    @property
    def max_ahead_us(self) -> int:
        """`max_ahead_seconds`, in microseconds of the market."""
        return int(max(self.max_ahead_seconds, self.speed) * 1_000_000)

    @property
    def max_bar_age_us(self) -> int:
        """`max_bar_age_seconds`, in microseconds of the market."""
        return int(max(self.max_bar_age_seconds, self.speed) * 1_000_000)

    def oldest_us(self, now_us: int) -> int:
        """The first whole hour that is replayed: of one that began before, nothing is."""
        oldest_us = now_us - int(self.replay_seconds * 1_000_000)
        return -(-oldest_us // _HOUR_US) * _HOUR_US

    @property
    def live_address(self) -> tuple[str, int] | None:
        """Host and port of the live service; None for the vendor's own."""
        return None if self.gateway is None else parse_address(self.gateway, "gateway")


def addresses(environment: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Addresses of the live and the historical service, None for the vendor's own.

    From LIVE_SETTING (host:port) and HISTORY_SETTING (host or host:port, always TLS). Raises
    InvalidSetting for what is neither.
    """
    live, history = (environment.get(name) for name in (LIVE_SETTING, HISTORY_SETTING))
    if live is not None:
        parse_address(live, LIVE_SETTING)
    if history is None:
        return live, None
    bare = history.removeprefix("https://").rstrip("/")
    whole = bare if ":" in bare else f"{bare}:{_TLS_PORT}"
    parse_address(whole, HISTORY_SETTING)
    return live, whole


def parse_address(text: str, name: str) -> tuple[str, int]:
    """Host and port. Raises InvalidSetting for anything but host:port."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) <= _LARGEST_PORT:
        raise InvalidSetting(f"{name} is {text!r}; host:port is needed, such as 127.0.0.1:13000.")
    return host, int(port)
