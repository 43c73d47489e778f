"""Gaps between yesterday's close and the American opening, traded back towards the close.

Belongs here: rules on opening gaps, within the day. Does not belong here: nights (`season`).
"""

from rooney_core.strategies.gap.fade import GAP_DOWN_FADE, GAP_UP_FADE
from rooney_core.strategies.variant import Variant

VARIANTS: tuple[Variant, ...] = (GAP_DOWN_FADE, GAP_UP_FADE)
