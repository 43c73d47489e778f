"""Everything that the gates compare with, as one frozen page.

Belongs here: putting the limits of the gates together. Does not belong here: any limit itself; each
is beside the gate that reads it, and its value is the mandate's.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from rooney_core.gates.backtest_gate import BacktestLimits
from rooney_core.gates.paper import PaperLimits
from rooney_core.gates.stress import StressLimits
from rooney_core.gates.verdict import VerdictThresholds


class GateLimits(BaseModel):
    """The limits of all gates; every field is the mandate's section of the same name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: VerdictThresholds = VerdictThresholds()
    backtest_gate: BacktestLimits = BacktestLimits()
    stress: StressLimits = StressLimits()
    paper: PaperLimits = PaperLimits()
