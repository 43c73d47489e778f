"""Gate 3: did the real trader, on paper, do what was decided, and does the result contradict it?

Belongs here: what paper trading came to, day by day and in sum, its grade, and the gate's limits.
Does not belong here: the trader, or running it (`rooney_assets.paper_trading`).
"""

from rooney_core.gates.paper.days import POSITIONS_SCHEMA, marked_days
from rooney_core.gates.paper.gate import PaperCode, paper_gate, paper_grade
from rooney_core.gates.paper.limits import GRADES, PaperLimits, PaperTier, win_rate_implies
from rooney_core.gates.paper.report import (
    EMPTY,
    PAPER_SCHEMA,
    SKIPPED,
    TRADED,
    paper_facts,
    paper_row,
    untraded_row,
)

__all__ = [
    "EMPTY",
    "GRADES",
    "PAPER_SCHEMA",
    "POSITIONS_SCHEMA",
    "SKIPPED",
    "TRADED",
    "PaperCode",
    "PaperLimits",
    "PaperTier",
    "marked_days",
    "paper_facts",
    "paper_gate",
    "paper_grade",
    "paper_row",
    "untraded_row",
    "win_rate_implies",
]
