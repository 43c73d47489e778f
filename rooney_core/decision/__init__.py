"""The one decision path: bar, state and bundle in, a coded decision out.

Belongs here: `decide` for live and its equal in batch. Does not belong here: orders, sizes, risk
limits, storage. Imported by the trader and by the factory's evaluation alike.
"""

from rooney_core.decision.batch import (
    batch_decisions,
    features_at,
    filtered_trades,
    first_decided_bar,
    is_warm_after,
)
from rooney_core.decision.bundle import DecisionBundle, ProbabilityModel
from rooney_core.decision.decide import DecisionState, decide, new_state
from rooney_core.decision.records import Action, Decision, DecisionCode, VirtualFill
from rooney_core.decision.warm_up import practise, state_after
from rooney_core.decision.window import Bar, bars_of

__all__ = [
    "Action",
    "Bar",
    "Decision",
    "DecisionBundle",
    "DecisionCode",
    "DecisionState",
    "ProbabilityModel",
    "VirtualFill",
    "bars_of",
    "batch_decisions",
    "decide",
    "features_at",
    "filtered_trades",
    "first_decided_bar",
    "is_warm_after",
    "new_state",
    "practise",
    "state_after",
]
