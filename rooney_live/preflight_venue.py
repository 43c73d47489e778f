"""Questions to the world outside: secrets, the webhook, the vendor's gateways.

Belongs here: connections that are made and closed at once. Does not belong here: a request: nothing
is ordered, subscribed to or billed.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence

from rooney_core.errors import RooneyError
from rooney_core.release import Release
from rooney_live.preflight_answers import Check
from rooney_live.secrets import (
    DATABENTO_API_KEY,
    TRADERSPOST_WEBHOOK_URL,
    SecretRefused,
    find_secret,
    scrub,
)

HISTORY_HOST, HTTPS = "hist.databento.com", 443
LIVE_HOST, LIVE_PORT = "{dataset}.lsg.databento.com", 13000
CONNECT_SECONDS = 5.0
SIMULATED = "not needed: the simulated market is only rehearsed"


def venue_checks(
    release: Release | None, environment: Mapping[str, str] | None = None
) -> list[Check]:
    """Secrets, webhook and feeds. What is not set is a failure for a release of a real market, and
    not needed for one of the simulated market; what is set is looked at in any case."""
    given = os.environ if environment is None else environment
    is_needed = release is not None and not release.config.is_simulated and bool(release.bundles)
    return [
        _secret(TRADERSPOST_WEBHOOK_URL, is_needed, given),
        _secret(DATABENTO_API_KEY, is_needed, given),
        _webhook(is_needed, given),
        _feeds(release, is_needed, given),
    ]


def _secret(name: str, is_needed: bool, given: Mapping[str, str]) -> Check:
    """Whether it is there and nobody else can read it; never what it is."""
    title = f"secret {name}"
    try:
        found = find_secret(name, given)
    except SecretRefused as error:
        return Check(title, False, str(error))
    if found is not None:
        return Check(title, True, "set, and readable by this user alone" + _warned(name, given))
    told = f"{name} is not set; see rooney_live/deploy/RUNBOOK.md" if is_needed else SIMULATED
    return Check(title, not is_needed, told)


def _warned(name: str, given: Mapping[str, str]) -> str:
    """The environment can be read in /proc by whoever runs as this user."""
    is_file = f"{name}_FILE" in given or "CREDENTIALS_DIRECTORY" in given
    return "" if is_file else "; by a variable: for development, a server has credentials"


def _webhook(is_needed: bool, given: Mapping[str, str]) -> Check:
    """DNS, TCP and TLS to the webhook's host; no byte of HTTP."""
    name = "webhook reachable"
    try:
        url = find_secret(TRADERSPOST_WEBHOOK_URL, given)
    except SecretRefused:
        return Check(name, None, "needs the secret")
    if url is None:
        return Check(name, None, "needs the secret") if is_needed else Check(name, True, SIMULATED)
    from rooney_live.orders.webhook import Webhook

    async def reach() -> None:
        webhook = Webhook(url)
        try:
            await webhook.reach()
        finally:
            await webhook.close()

    return _answer(name, lambda: asyncio.run(reach()), "TCP and TLS stand; nothing was sent")


def _feeds(release: Release | None, is_needed: bool, given: Mapping[str, str]) -> Check:
    name = "feeds reachable"
    if release is None:
        return Check(name, None, "needs a release")
    if not is_needed:
        return Check(name, True, SIMULATED if release.bundles else "nothing is traded")
    datasets = datasets_of(release)

    def reach() -> None:
        history, *gateways = _addresses(datasets, given)
        _connect(*history, with_tls=True)
        for one in gateways:
            _connect(*one, with_tls=False)

    return _answer(name, reach, f"history, and live {', '.join(datasets)}; no session was begun")


def _addresses(datasets: Sequence[str], given: Mapping[str, str]) -> list[tuple[str, int]]:
    """Where the trader will connect, history first: the vendor's own, or what settings name."""
    from rooney_live.feeds.settings import addresses, parse_address

    live, history = addresses(given)
    gateways = [(live_host(one), LIVE_PORT) for one in datasets]
    return [
        (HISTORY_HOST, HTTPS) if history is None else parse_address(history, "history"),
        *(gateways if live is None else [parse_address(live, "gateway")]),
    ]


def datasets_of(release: Release) -> tuple[str, ...]:
    """The vendor's datasets that the traded symbols and their feeds come from, by name."""
    config = release.config
    names = {row.symbol for row in config.traded} | {*config.feed_names.symbols}
    names |= {one.symbol for one in config.peer_instruments}
    pages = [config.instruments[name].sources.databento for name in names]
    return tuple(sorted({page.feeds[-1].dataset for page in pages if page is not None}))


def live_host(dataset: str) -> str:
    """The vendor's live gateway of a dataset, as its client names it."""
    return LIVE_HOST.format(dataset=dataset.lower().replace(".", "-"))


def _connect(host: str, port: int, with_tls: bool) -> None:
    try:
        with socket.create_connection((host, port), timeout=CONNECT_SECONDS) as line:
            if with_tls:
                context = ssl.create_default_context()
                context.wrap_socket(line, server_hostname=host).close()
    except OSError as error:
        raise ConnectionError(f"{host}:{port} cannot be reached: {error}") from None


def _answer(name: str, question: Callable[[], None], fine: str) -> Check:
    try:
        question()
    except (RooneyError, OSError) as error:
        return Check(name, False, scrub(str(error)))
    return Check(name, True, fine)
