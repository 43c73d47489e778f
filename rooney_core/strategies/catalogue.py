"""The variants there are, by name.

Belongs here: the list. Does not belong here: any fact about a variant. A new variant is its own
file and one line in its family's package; the sweep, the ledger, the tests and the ranking pick it
up by its being in the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from rooney_core.errors import UnknownName
from rooney_core.strategies import breakout, gap, ibs, meanrev, rsi, season, spread, trend
from rooney_core.strategies.variant import Variant

_FAMILIES = (ibs, rsi, meanrev, trend, breakout, season, gap, spread)

VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {one.name: one for family in _FAMILIES for one in family.VARIANTS}
)


def find_variant(variant: Variant | str) -> Variant:
    """The variant of that name, or the variant given; UnknownName with a suggestion otherwise."""
    if isinstance(variant, Variant):
        return variant
    if variant not in VARIANTS:
        raise UnknownName.among("variant", variant, VARIANTS)
    return VARIANTS[variant]
