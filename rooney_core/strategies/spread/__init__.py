"""One market against others: pairs, and the weakest of a group.

Belongs here: rules that compare symbols; only one's own leg is traded. Does not belong here: which
symbols are compared (the instrument's page, its product group).
"""

from rooney_core.strategies.spread.group_ibs import SPREAD_GROUP_IBS
from rooney_core.strategies.spread.pair import SPREAD_COMMODITY_PAIR, SPREAD_INDEX_PAIR
from rooney_core.strategies.variant import Variant

VARIANTS: tuple[Variant, ...] = (SPREAD_INDEX_PAIR, SPREAD_COMMODITY_PAIR, SPREAD_GROUP_IBS)
