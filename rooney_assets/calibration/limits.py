"""The error rates that the gates may have. Nobody sets them: a gate that cannot keep them changes.

Belongs here: these numbers. Does not belong here: a gate's own limits (`mandate.yaml` has them).
"""

from __future__ import annotations

from typing import Final

MAX_FALSE_PROMOTION_RATE: Final = 0.01
"""Of universes without an edge, promoted: below this."""
MAX_FALSE_REJECTION_RATE: Final = 0.05
"""Of universes with a strong edge, rejected: below this."""
STRONG_SHARPE: Final = 3.0
"""True annual Sharpe from which on an edge is strong."""
