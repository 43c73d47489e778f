"""Every error Rooney raises on purpose, as one tree.

RooneyError
├── InputError            what the user gave is wrong: exit code 2 on the command line
│   ├── UnknownName       a symbol, variant, asset or setting that does not exist, with a suggestion
│   └── InvalidSetting    a setting that exists, with a value outside what is allowed
└── RefusedError          the request is well formed, but must not or cannot be done: exit code 1
    ├── BarsRejected      bars that would poison everything downstream
    ├── LakeError         the lake cannot be written, or holds something that is not what it says
    ├── MissingArtifact   an input was never materialized
    ├── VendorRefused     the vendor says no: to the key, the account or the request
    │   └── SymbolUnknown it knows none of the symbols in the range that was asked for
    ├── VendorUnavailable the vendor cannot be reached, fails, or sends what is not whole
    ├── CostRefused       a download would cost more than the limit allows
    ├── NotEnoughData     too few bars, sessions or trades for an honest answer
    ├── HoldoutRefused    the sealed test window was asked for without permission or budget
    └── ReleaseRejected   the production release is not exactly what it claims to be

A message says what arrived, what is allowed and what to do. Refusals that are an expected outcome
(a gate that fails, an entry that is denied) are not errors: they are data with a code.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RooneyError(Exception):
    """Root of the tree; catch this to catch everything Rooney raises on purpose."""

    exit_code = 1


class InputError(RooneyError):
    """What the user gave is wrong; nothing was changed."""

    exit_code = 2


class UnknownName(InputError):
    """A name that does not exist where it was looked up."""

    @classmethod
    def among(cls, kind: str, arrived: str, allowed: Iterable[str]) -> UnknownName:
        """Build the message with a did-you-mean from the allowed names."""
        names = sorted(allowed)
        close = difflib.get_close_matches(arrived, names, n=1, cutoff=0.5)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        return cls(f"Unknown {kind} {arrived!r}.{hint} Allowed: {', '.join(names) or '(none)'}.")


class InvalidSetting(InputError):
    """A setting whose value is not allowed."""


class RefusedError(RooneyError):
    """A well-formed request that must not or cannot be carried out; nothing was changed."""


class BarsRejected(RefusedError):
    """Bars with a missing column, an impossible price, a duplicate time, a wrong zone, or none."""


class LakeError(RefusedError):
    """The lake cannot be written, or a file in it is not what its name or manifest says."""


class MissingArtifact(RefusedError):
    """An input that was never materialized; the message names the command that makes it."""


class VendorRefused(RefusedError):
    """The vendor says no to the key, the account or the request; asking again changes nothing."""


class SymbolUnknown(VendorRefused):
    """The vendor knows none of the symbols in the range: misspelt, or not listed yet."""


class VendorUnavailable(RefusedError):
    """The vendor cannot be reached, fails, or sends what is not whole; later it may work."""


class CostRefused(RefusedError):
    """A download would cost more than the limit; no money was spent."""


class NotEnoughData(RefusedError):
    """Too little data for an honest answer; the message says how much there is and is needed."""


class HoldoutRefused(RefusedError):
    """The sealed test window was asked for without a permission, or past the budget of looks."""


class ReleaseRejected(RefusedError):
    """A production release with a wrong hash, schema, feature list or age."""
