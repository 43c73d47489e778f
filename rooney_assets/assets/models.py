"""Stage 3: labels, the meta-label ensemble, the ledger of trials, and the sealed test."""

from __future__ import annotations

from typing import Any

import polars as pl

from rooney_assets.graph.declaration import Here, Made, Reach, lake_asset
from rooney_assets.lake import seal
from rooney_assets.ledger import (
    effective_trials_counted,
    extend_ledger,
    model_alone,
    trial_statistics,
    with_searches,
)
from rooney_assets.model_report.figures import figures_of
from rooney_assets.model_report.portrait import portrait_of
from rooney_assets.training_log import TrainingLog
from rooney_assets.training_progress import TrialsTold
from rooney_core.backtest.costs import CostModel
from rooney_core.features import FeedNames, Feeds, feature_coverage, feature_names
from rooney_core.feedback.costs import with_costs
from rooney_core.gates.evaluation import Trials, evaluate
from rooney_core.gates.settings import EvaluationSettings
from rooney_core.labeling import build_training_set
from rooney_core.labeling.settings import LabelSettings
from rooney_core.modeling.settings import TuningSettings
from rooney_core.strategies import VARIANTS
from rooney_core.strategies.peers import Peers, PeerSessions
from rooney_core.validation.windows import SPLITS

DATA_ROOMS = (
    "market",
    "indicators",
    "strategies",
    "backtest",
    "features",
    "labeling",
    "validation",
    "feedback.costs",
)
MODEL_ROOMS = ("features", "modeling", "validation")
# Not every gate: one that changes shall not cost a look at the test window.
JUDGING_ROOMS = ("gates.evaluation", "gates.verdict")


@lake_asset(
    group="models",
    rooms=DATA_ROOMS,
    reach={"continuous_bars": Reach.INFORMING, "session_bars": Reach.INFORMING},
    params=LabelSettings,
)
def training_set(
    here: Here,
    continuous_bars: dict[str, pl.DataFrame],
    best_strategy: pl.DataFrame,
    session_bars: dict[str, pl.DataFrame],
    cost_model: pl.DataFrame | None = None,
) -> Made:
    """One row per trade of the best strategy: features at the signal bar's close, span, label.

    `meta_label` is 1 where the trade earned money after costs, or met its profit barrier first.
    Features are of its own bars, of its earlier trades, and of every other tradable and reference
    symbol, each bar from its end and each session from its close on. Rows of the test window are
    SEALED: here their outcome and features are null, and only `model_evaluation` is handed the
    rest, after the look is recorded. A feature that is not known is null, never 0.
    """
    candidate = best_strategy.row(0, named=True)
    variant = VARIANTS[candidate["variant"]]
    names = FeedNames.of(here.universe, here.symbol)
    instrument = with_costs(here.instrument, cost_model)
    table = build_training_set(
        continuous_bars[here.symbol],
        variant,
        variant.parse_params(candidate["params"]),
        CostModel.of(instrument),
        instrument,
        Feeds.from_tables(names, continuous_bars, session_bars),
        SPLITS,
        _peers(here, session_bars),
        here.params,
    )
    visible, sealed = seal(table)
    counts = dict(table.group_by("split").len().sort("split").iter_rows())
    coverage = feature_coverage(visible, feature_names(names))
    return Made(
        visible,
        sealed=sealed,
        notes={"trades per window": counts, "feature coverage": coverage},
    )


def _peers(here: Here, session_bars: dict[str, pl.DataFrame]) -> Peers:
    """Sessions of the symbols that a rule may compare with, as far as they were materialized."""
    return {
        symbol: PeerSessions.from_session_bars(session_bars[symbol])
        for symbol in here.universe.peers_of(here.symbol)
        if symbol in session_bars
    }


@lake_asset(
    group="models",
    rooms=(*MODEL_ROOMS, "rooney_assets.ledger"),
    kinds=("scikitlearn", "lightgbm", "optuna"),
    params=TuningSettings,
    uses_tracking=True,
)
def meta_model(here: Here, training_set: pl.DataFrame, session_bars: pl.DataFrame) -> Made:
    """LightGBM and Random Forest, blended, saying which of the strategy's trades to take.

    Tuned on purged folds of the train window, threshold chosen on the validation window; stored as
    rows (the booster's text, the forest's node arrays), nothing that could execute code. Finished
    trials are kept below ROONEY_STATE: a training that was killed goes on where it was.
    """
    table = train_here(here, training_set, session_bars)
    known = training_set.filter(pl.col("split") != "test")
    portrait = portrait_of(table, known, session_bars["session"])
    return Made(
        table,
        notes={"threshold": table["threshold"][0], "why": table["threshold_reason"][0]},
        pictures=figures_of(portrait),
        announce=TrainingLog(here, table, portrait),
    )


def train_here(here: Here, training_set: pl.DataFrame, session_bars: pl.DataFrame) -> pl.DataFrame:
    """The row of a new model, with everything that was scored to get it; nothing drawn of it."""
    # scikit-learn and Optuna take seconds to import; only a training waits for them.
    from rooney_assets.study_files import StudyFiles
    from rooney_core.modeling.training import train_meta_model

    trained = train_meta_model(
        training_set.filter(pl.col("split") != "test"),
        feature_names(FeedNames.of(here.universe, here.symbol)),
        here.params,
        sessions=session_bars["session"],
        on_trial=TrialsTold(here.progress, here.milestone),
        studies=StudyFiles.of(here),
    )
    return with_searches(trained.model.to_row(here.symbol), trained)


@lake_asset(group="models", rooms=("validation", "rooney_assets.ledger"))
def trial_ledger(here: Here, strategy_results: pl.DataFrame, meta_model: pl.DataFrame) -> Made:
    """Every configuration any search ever scored on this symbol's data; no row is ever removed.

    The deflated Sharpe ratio takes its number of trials and their variance from here, never from an
    argument. The same search on the same data by the same code is the same trial.
    """
    table = extend_ledger(here)
    counted = trial_statistics(table)
    notes = {
        "trials": counted.n_trials,
        "variance of their Sharpe, were all worthless": counted.sharpe_variance,
        "variance of their Sharpe, observed": counted.observed_variance,
    }
    return Made(table, notes=notes)


@lake_asset(
    group="models",
    rooms=(*MODEL_ROOMS, *JUDGING_ROOMS, "rooney_assets.ledger"),
    kinds=("polars", "sealed"),
    params=EvaluationSettings,
)
def model_evaluation(
    here: Here,
    training_set: pl.DataFrame,
    meta_model: pl.DataFrame,
    trial_ledger: pl.DataFrame,
    session_bars: pl.DataFrame,
) -> Made:
    """The only reader of the test window: one look per model version, recorded before it happens.

    Sharpe per window, deflated by every trial in the ledger and every earlier look; the lift over
    the unfiltered strategy with its interval; the verdict in plain words with codes.
    `deflated_sharpe_prob` >= 0.95 is called significant, nothing less is. Past the budget of looks
    the window stays shut until it has grown by `min_new_sessions`.
    """
    looks = here.lake.looks(here.symbol)
    test = here.lake.open_test_window(
        here.symbol,
        who=f"model_evaluation, run {here.run_id}",
        model_version=meta_model["model_version"][0],
        code_version=here.code_version,
        budget=here.params.holdout_budget,
        min_new_sessions=here.params.min_new_sessions,
        sessions=session_bars["session"],
    )
    counted = trial_statistics(trial_ledger)
    earlier = looks.filter(pl.col("model_version") != meta_model["model_version"][0])
    n_looks = earlier["model_version"].n_unique()
    table = evaluate(
        model_alone(meta_model),
        training_set.filter(pl.col("split") != "test"),
        test,
        session_bars["session"],
        Trials(
            counted.n_trials + n_looks,
            counted.sharpe_variance,
            effective_trials_counted(trial_ledger) + n_looks,
            counted.observed_variance,
        ),
        thresholds=here.params.verdict,
    )
    row = table.row(0, named=True)
    notes = {
        "verdict": row["verdict"],
        "reasons": _words(row["reasons"]),
        "warnings": _words(row["warnings"]),
        "lift over the unfiltered strategy": _lift_told(row),
    }
    return Made(table, notes=notes)


def _words(reasons: list[dict[str, str]]) -> str:
    return "; ".join(one["text"] for one in reasons)


def _lift_told(row: dict[str, Any]) -> str:
    if row["lift_sharpe"] is None:
        return "unknown: the filtered strategy never varied in the test window"
    low, high = row["lift_sharpe_low"], row["lift_sharpe_high"]
    interval = "no interval" if low is None else f"90 % interval {low:.2f} to {high:.2f}"
    return f"annual Sharpe {row['lift_sharpe']:+.2f}, {interval}"


@lake_asset(group="models", rooms=("validation",), params=EvaluationSettings)
def holdout_looks(here: Here, model_evaluation: pl.DataFrame) -> pl.DataFrame:
    """Every time the sealed test window was opened: by what, when, for which model version."""
    return here.lake.looks(here.symbol)
