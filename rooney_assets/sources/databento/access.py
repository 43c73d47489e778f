"""Who may ask the vendor, where, and for how much money.

Belongs here: the key, which shows itself to nobody, the gateway, the limit of cost and how money
is told, and where downloads are kept. Does not belong here: asking (`client.py`), or reading the
environment (`rooney_assets.settings`).
"""

from __future__ import annotations

import base64
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rooney_core.errors import InvalidSetting

KEY_SETTING: Final = "DATABENTO_API_KEY"
GATEWAY_SETTING: Final = "ROONEY_DATABENTO_GATEWAY"
COST_SETTING: Final = "ROONEY_MAX_COST_USD"
DEFAULT_MAX_COST_USD: Final = 5.0
"""A symbol's fifteen years of hourly bars cost about a dollar; more is asked for on purpose."""

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?")
_SHOWN_INSTEAD = "<DATABENTO_API_KEY>"


class Secret:
    """The vendor's key. Only `reveal` gives it away; repr, str and comparison do not."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def require_form(self) -> None:
        """Raises InvalidSetting, without showing it, for what cannot be a key."""
        # The client's own check prints the key, so that it must never get that far.
        if not self._text or not self._text.isascii() or not self._text.isprintable():
            raise InvalidSetting(
                f"{KEY_SETTING} is empty or holds a character that no key has. Give it the key "
                "from the vendor's portal, or unset it to work from what is archived."
            )
        if " " in self._text or self._text == "YOUR_API_KEY":
            raise InvalidSetting(
                f"{KEY_SETTING} is a placeholder, or holds a blank: no key does. Give it the key "
                "from the vendor's portal, or unset it to work from what is archived."
            )

    def reveal(self) -> str:
        """The key itself, for the vendor's client alone."""
        return self._text

    def scrub(self, text: str) -> str:
        """The text without the key, also in the form in which it travels."""
        basic = base64.b64encode(f"{self._text}:".encode()).decode()
        return text.replace(basic, _SHOWN_INSTEAD).replace(self._text, _SHOWN_INSTEAD)

    def __repr__(self) -> str:
        return "Secret(...)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a key is not written anywhere")


@dataclass(frozen=True)
class VendorAccess:
    """How the vendor is asked.

    `downloads`: folder of the kept downloads. `gateway`: host[:port]; None is the vendor's own.
    `max_cost_usd`: what reading one symbol may cost at most, USD. `key`: None works from what is
    archived.
    """

    downloads: Path
    gateway: str | None = None
    max_cost_usd: float = DEFAULT_MAX_COST_USD
    key: Secret | None = field(default=None, repr=False)

    def require_key(self, what: str) -> Secret:
        """The key. Raises InvalidSetting, saying what it is needed for and which setting gives it.

        `what` begins the sentence, such as "The cost of ES".
        """
        if self.key is None:
            raise InvalidSetting(
                f"{what} has to be asked from the vendor, and {KEY_SETTING} is not set. Set it to "
                "the key from the vendor's portal; `rooney-live serve-history` gives a local "
                "server to try it without one."
            )
        self.key.require_form()
        return self.key


def shown_usd(amount: float) -> str:
    """USD with cents, and with two significant digits below a cent: 1,234.50 and 0.00012."""
    if amount >= 0.01 or amount <= 0:
        return f"{amount:,.2f}"
    return f"{amount:.{1 - math.floor(math.log10(amount))}f}"


def parse_gateway(text: str) -> str:
    """A host with an optional port. Raises InvalidSetting for anything else."""
    host = text.removeprefix("https://").rstrip("/")
    if not _HOST.fullmatch(host):
        raise InvalidSetting(
            f"{GATEWAY_SETTING} is {text!r}; a host such as localhost:8443 is allowed, always "
            "spoken to in TLS. Unset it for the vendor's own."
        )
    return host


def parse_cost(text: str) -> float:
    """USD, 0 or more. Raises InvalidSetting for anything else."""
    try:
        cost = float(text)
    except ValueError:
        cost = -1.0
    if not 0 <= cost < float("inf"):
        raise InvalidSetting(
            f"{COST_SETTING} is {text!r}; it takes an amount of USD such as 5 or 12.50, at least 0."
        )
    return cost
