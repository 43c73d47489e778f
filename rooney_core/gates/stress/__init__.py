"""Gate 2, stress: what would have happened if the market, the costs or the feed were worse?

Belongs here: scenarios of one symbol's strategy, their report, and the rule that passes or fails
it. Does not belong here: a lake, a portfolio of several symbols, or promotion.
"""

from rooney_core.gates.stress.gate import StressCode, stress_gate
from rooney_core.gates.stress.kinds import ScenarioKind
from rooney_core.gates.stress.limits import QUICK_SCENARIOS, StressLimits
from rooney_core.gates.stress.report import STRESS_SCHEMA, empty_report

__all__ = [
    "QUICK_SCENARIOS",
    "STRESS_SCHEMA",
    "ScenarioKind",
    "StressCode",
    "StressLimits",
    "empty_report",
    "stress_gate",
]
