"""Checks of stage 3: training sets, models, the ledger, the sealed test."""

from __future__ import annotations

import polars as pl

from rooney_assets.graph.declaration import Here, Outcome, check
from rooney_assets.ledger import model_alone, searches_on_record
from rooney_core.features import FeedNames, feature_coverage, feature_names
from rooney_core.gates.settings import EvaluationSettings
from rooney_core.modeling.meta_model import MetaModel
from rooney_core.validation.windows import SPLITS

LEAST_TRAIN_TRADES = 100
LEAST_COVERAGE = 0.9
WAYS_OUT = (
    "start the bars earlier",
    "loosen the entries: a variant that trades more often (ranking.min_trades_per_year of "
    "mandate.yaml)",
    "train on the validation years too: `windows: two_way` in mandate.yaml",
)
"""For a symbol with too few trades to train on."""


@check("training_set", blocking=True)
def outcomes_after_2020_are_sealed(table: pl.DataFrame, here: Here) -> Outcome:
    """No row of the test window shows its outcome."""
    shown = table.filter(
        (pl.col("split") == "test")
        & (pl.col("meta_label").is_not_null() | pl.col("net_profit_usd").is_not_null())
    ).height
    return Outcome(shown == 0, {"rows showing their outcome": shown})


@check("training_set", blocking=True)
def windows_do_not_overlap(table: pl.DataFrame, here: Here) -> Outcome:
    """Every training and validation trade starts and ends inside its own window."""
    known = table.filter(pl.col("split") != "test")
    ends = {"train": SPLITS.train_end, "validation": SPLITS.validation_end}
    late = known.filter(
        pl.col("label_end").dt.date() > pl.col("split").replace_strict(ends, return_dtype=pl.Date)
    ).height
    return Outcome(late == 0, {"trades past their window": late})


@check("training_set", blocking=True)
def enough_trades(table: pl.DataFrame, here: Here) -> Outcome:
    """At least 100 trades to train on: of the train window, and of validation with `two_way`.

    A symbol with fewer stops here, and the others go on.
    """
    two_way = here.params is not None and here.params.windows == "two_way"
    windows = ["train", "validation"] if two_way else ["train"]
    counts = dict(table.group_by("split").len().iter_rows())
    count = sum(counts.get(one, 0) for one in windows)
    facts = {"training trades": count, "needed": LEAST_TRAIN_TRADES, "windows": "two_way"}
    if not two_way:
        facts |= {"windows": "three_way", "validation trades": counts.get("validation", 0)}
    if count < LEAST_TRAIN_TRADES:
        facts["ways out"] = "; or ".join(WAYS_OUT[: 2 if two_way else 3])
    return Outcome(count >= LEAST_TRAIN_TRADES, facts)


@check("training_set")
def features_are_covered(table: pl.DataFrame, here: Here) -> Outcome:
    """Every feature is known in at least 90 % of the training trades.

    A reference feed that starts late is null before, never 0: the check names it, so that nobody
    takes the feature for one that the model learned from all years.
    """
    coverage = feature_coverage(table, feature_names(FeedNames.of(here.universe, here.symbol)))
    train = coverage.filter(pl.col("split") == "train")
    thin = train.filter(pl.col("coverage") < LEAST_COVERAGE)
    facts = {"features": train.height, "thin": ", ".join(thin["feature"]), "needed": LEAST_COVERAGE}
    return Outcome(thin.is_empty(), facts, sample=thin)


@check("meta_model", blocking=True)
def model_loads_from_its_row(table: pl.DataFrame, here: Here) -> Outcome:
    """The row rebuilds the model: hash, arrays, booster text and feature list fit together."""
    model = MetaModel.from_row(model_alone(table))
    return Outcome(
        True, {"model_version": table["model_version"][0], "features": len(model.features)}
    )


@check("meta_model")
def folds_have_skill(table: pl.DataFrame, here: Here) -> Outcome:
    """The mean Sharpe of the cross-validation paths is above 0."""
    mean = table["cpcv_sharpe_mean"][0]
    return Outcome(mean is not None and mean > 0, {"cpcv_sharpe_mean": float(mean or 0.0)})


@check("trial_ledger", blocking=True)
def ledger_never_shrinks(table: pl.DataFrame, here: Here) -> Outcome:
    """Every trial counted before is still counted."""
    partition = ("symbol", here.symbol)
    before = 0
    if here.lake.version("trial_ledger", partition) is not None:
        before = here.lake.read("trial_ledger", partition).height
    return Outcome(table.height >= before, {"before": before, "now": table.height})


@check("trial_ledger", blocking=True)
def every_search_is_counted(table: pl.DataFrame, here: Here) -> Outcome:
    """Every version of a sweep or a training that the lake holds has its trials in the ledger."""
    counts = dict(table.group_by("search").len().sort("search").iter_rows())
    missing = sorted(set(searches_on_record(here.lake, here.symbol)) - set(table["basis"]))
    return Outcome(not missing, {**counts, "uncounted searches": ", ".join(missing)})


@check("model_evaluation", blocking=True)
def look_was_recorded(table: pl.DataFrame, here: Here) -> Outcome:
    """The log of looks names this model version: nobody saw the test window unrecorded."""
    looks = here.lake.looks(here.symbol)
    known = looks.filter(pl.col("model_version") == table["model_version"][0]).height
    return Outcome(known > 0, {"looks of this version": known, "looks in all": looks.height})


@check("model_evaluation", blocking=True)
def deflation_counts_every_trial(table: pl.DataFrame, here: Here) -> Outcome:
    """The number of trials behind the deflated Sharpe is at least the ledger's."""
    ledger = here.lake.read("trial_ledger", ("symbol", here.symbol)).height
    used = int(table["n_trials_raw"][0])
    return Outcome(used >= ledger, {"used": used, "in the ledger": ledger})


@check("model_evaluation")
def filter_lifts_the_strategy(table: pl.DataFrame, here: Here) -> Outcome:
    """The 90 % interval of the lift over the unfiltered strategy lies above 0."""
    row = table.row(0, named=True)
    names = ("lift_sharpe", "lift_sharpe_low", "lift_sharpe_high")
    facts = {name: "unknown" if row[name] is None else row[name] for name in names}
    low = row["lift_sharpe_low"]
    return Outcome(low is not None and low > 0.0, facts)


@check("model_evaluation")
def verdict_is_pass(table: pl.DataFrame, here: Here) -> Outcome:
    """The model passed its verdict. A failure is a finding, not a fault: the symbol stays out."""
    row = table.row(0, named=True)
    return Outcome(
        row["verdict"] == "pass", {"verdict": row["verdict"], "reasons": str(row["reasons"])}
    )


@check("holdout_looks", blocking=True)
def looks_are_numbered(table: pl.DataFrame, here: Here) -> Outcome:
    """Looks are numbered 1, 2, 3, ...: none was removed."""
    return Outcome(
        table["look"].to_list() == list(range(1, table.height + 1)), {"looks": table.height}
    )


@check("holdout_looks")
def budget_is_not_spent(table: pl.DataFrame, here: Here) -> Outcome:
    """Distinct looks at the present test window are fewer than the budget allows."""
    settings = here.params or EvaluationSettings()
    present = table.filter(pl.col("window") == pl.col("window").max())
    distinct = present.select("model_version", "code_version").n_unique()
    facts = {
        "distinct looks": distinct,
        "budget": settings.holdout_budget,
        "window": int(present["window"].max() or 1),
        "sessions that make another": settings.min_new_sessions,
    }
    return Outcome(distinct < settings.holdout_budget, facts)
