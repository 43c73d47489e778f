"""The launchpad: what a person may set for one run in the Dagster UI.

Belongs here: `dg.Config` classes, each the fields of a frozen model of the core that a person may
set. Does not belong here: defaults; the launchpad begins at the parameters that a run would take
anyway, the core's or the mandate's.
"""

import dagster as dg
from pydantic import BaseModel, create_model

from rooney_core.backtest.ranking import RankingCriteria
from rooney_core.gates.calibration.settings import CalibrationSettings
from rooney_core.gates.settings import EvaluationSettings
from rooney_core.labeling.settings import LabelSettings
from rooney_core.modeling.settings import TuningSettings


class TuningConfig(dg.Config):
    """How long the meta-label search may take, and its seed."""

    n_random_trials: int
    n_bayesian_trials: int
    seed: int


class RankingConfig(dg.Config):
    """What a variant must show in the train window to meet the ranking's criteria."""

    min_annual_sharpe: float
    min_trades_per_year: float
    max_trades_per_year: float
    max_drawdown: float
    must_be_robust: bool


class EvaluationConfig(dg.Config):
    """How many different models may see one sealed test window; raising it is on record."""

    holdout_budget: int
    min_new_sessions: int


class LabelConfig(dg.Config):
    """What a label says ("strategy" or "triple_barrier"), and which windows train."""

    method: str
    profit_multiple: float
    stop_multiple: float
    barrier_unit: str
    unit_bars: int
    vertical_bars: int
    windows: str


class CalibrationConfig(dg.Config):
    """How many simulated universes measure the gates; null: by how hard the tuning tries."""

    n_null: int | None
    n_planted: int | None
    n_oracle: int
    seed: int
    processes: int


_FIELDS: dict[type[BaseModel], type[dg.Config]] = {
    EvaluationSettings: EvaluationConfig,
    LabelSettings: LabelConfig,
    TuningSettings: TuningConfig,
    RankingCriteria: RankingConfig,
    CalibrationSettings: CalibrationConfig,
}


def launchpad_for(default: BaseModel | None) -> type[dg.Config] | None:
    """The config class whose defaults are these parameters; None where nothing may be set."""
    shown = None if default is None else _FIELDS.get(type(default))
    if shown is None:
        return None
    fields = {
        name: (field.annotation, getattr(default, name))
        for name, field in shown.model_fields.items()
    }
    return create_model(shown.__name__, __base__=shown, **fields)  # type: ignore[call-overload, no-any-return]


def params_from(config: dg.Config, default: BaseModel) -> BaseModel:
    """The default with what the launchpad says. Raises what the model does for a wrong value."""
    changed = default.model_dump() | config.model_dump()
    return type(default).model_validate(changed)
