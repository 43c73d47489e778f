"""The variants there are, by name.

Belongs here: the list. Does not belong here: any fact about a variant. A new variant is its own
file and one line here; the sweep, the ledger, the tests and the ranking pick it up by its being
in the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from rooney_core.errors import UnknownName
from rooney_core.strategies.ibs_adaptive_exit import IBS_ADAPTIVE_EXIT
from rooney_core.strategies.ibs_baseline import IBS_BASELINE
from rooney_core.strategies.ibs_filtered import IBS_FILTERED
from rooney_core.strategies.variant import Variant

VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {one.name: one for one in (IBS_BASELINE, IBS_FILTERED, IBS_ADAPTIVE_EXIT)}
)


def find_variant(variant: Variant | str) -> Variant:
    """The variant of that name, or the variant given; UnknownName with a suggestion otherwise."""
    if isinstance(variant, Variant):
        return variant
    if variant not in VARIANTS:
        raise UnknownName.among("variant", variant, VARIANTS)
    return VARIANTS[variant]
