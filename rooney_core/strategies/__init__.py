"""Primary models: rules that say, at a bar's close, which side to be on.

Belongs here: declarations of variants, and what all of them can do. Does not belong here: fills,
costs and positions (`rooney_core.backtest`), or a probability (`rooney_core.modeling`).
"""

from rooney_core.strategies.catalogue import VARIANTS, find_variant
from rooney_core.strategies.variant import Signals, Variant, VariantParams, params_json

__all__ = ["VARIANTS", "Signals", "Variant", "VariantParams", "find_variant", "params_json"]
