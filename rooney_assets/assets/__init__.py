"""The assets, stage by stage; importing this package declares them all.

Belongs here: thin bodies that call one core function each. Does not belong here: market logic,
storage, or anything of Dagster.
"""

from rooney_assets.assets import (
    bars,
    calibration,
    drift,
    evidence,
    factory,
    feedback,
    gates,
    live,
    mandate,
    models,
    paper,
    portfolio,
    release,
    stress,
)
from rooney_assets.checks import bar_quality, bar_rolls, bar_witnesses
from rooney_assets.checks import bars as bar_checks
from rooney_assets.checks import calibration as calibration_checks
from rooney_assets.checks import drift as drift_checks
from rooney_assets.checks import evidence as evidence_checks
from rooney_assets.checks import factory as factory_checks
from rooney_assets.checks import feedback as feedback_checks
from rooney_assets.checks import gates as gate_checks
from rooney_assets.checks import live as live_checks
from rooney_assets.checks import mandate as mandate_checks
from rooney_assets.checks import models as model_checks
from rooney_assets.checks import paper as paper_checks
from rooney_assets.checks import portfolio as portfolio_checks
from rooney_assets.checks import release as release_checks
from rooney_assets.checks import stress as stress_checks

__all__ = [
    "bar_checks",
    "bar_quality",
    "bar_rolls",
    "bar_witnesses",
    "bars",
    "calibration",
    "calibration_checks",
    "drift",
    "drift_checks",
    "evidence",
    "evidence_checks",
    "factory",
    "factory_checks",
    "feedback",
    "feedback_checks",
    "gate_checks",
    "gates",
    "live",
    "live_checks",
    "mandate",
    "mandate_checks",
    "model_checks",
    "models",
    "paper",
    "paper_checks",
    "portfolio",
    "portfolio_checks",
    "release",
    "release_checks",
    "stress",
    "stress_checks",
]
