"""Everything that a trader imports, imported: what a server of forks does before the first one.

Belongs here: imports alone. Does not belong here: a thread, a socket or a computation, none of
which a fork may inherit.
"""

from __future__ import annotations

import rooney_live.boot
import rooney_live.cli

__all__ = ["rooney_live"]
