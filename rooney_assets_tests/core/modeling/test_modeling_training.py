"""Training: deterministic, blind to the test window, finds what is there and nothing in noise."""

import json
from datetime import date, timedelta

import numpy as np
import optuna
import polars as pl
import pytest
from drawn_trades import NAMES, training_set

from rooney_core.errors import HoldoutRefused, InputError, NotEnoughData
from rooney_core.modeling.calibration import fit_calibration
from rooney_core.modeling.ensemble import Hyperparameters
from rooney_core.modeling.folds import Folds
from rooney_core.modeling.rows import TradingCalendar, sample_rows
from rooney_core.modeling.settings import TuningSettings
from rooney_core.modeling.study import TRIALS_SCHEMA
from rooney_core.modeling.training import train_meta_model

QUICK = TuningSettings(
    n_random_trials=2, n_bayesian_trials=1, n_folds=4, n_search_trees=10, n_trees=15
)
UNPRUNED = QUICK.model_copy(update={"pruning_p": 0.0})
SMALL = Hyperparameters(
    forest_depth=4,
    forest_leaf_trades=10,
    forest_feature_share=0.5,
    boosting_rounds=20,
    boosting_leaves=6,
    boosting_leaf_trades=10,
    boosting_learning_rate=0.1,
    boosting_l2=0.1,
)


def first_path(table: pl.DataFrame, settings: TuningSettings) -> np.ndarray:
    """Out-of-fold probabilities of the rows on the first path."""
    folds = Folds.of(sample_rows(table, NAMES), NAMES, settings)
    return folds.path_probabilities(SMALL, settings.n_search_trees)[0]


def shuffled(table: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Outcomes dealt out anew: the features know nothing any more."""
    outcome = ["return", "meta_label", "net_profit_usd", "held_return", "held_pnl_usd"]
    dealt = table.select(outcome).sample(fraction=1.0, shuffle=True, seed=seed)
    return table.with_columns(dealt[name] for name in outcome)


def test_the_same_rows_and_settings_give_the_same_model() -> None:
    table = training_set(1, edge=0.4)
    first, second = (train_meta_model(table, NAMES, QUICK) for _ in range(2))
    assert first.model.to_row("SIM_T").equals(second.model.to_row("SIM_T"))
    assert first.trials.equals(second.trials, null_equal=True)
    other = train_meta_model(table, NAMES, QUICK.model_copy(update={"seed": 1}))
    versions = {one.model.to_row("SIM_T")["model_version"][0] for one in (first, second, other)}
    assert len(versions) == 2


def test_the_order_of_rows_does_not_matter() -> None:
    table = training_set(1, edge=0.4)
    mixed = table.sample(fraction=1.0, shuffle=True, seed=1)
    rows = [train_meta_model(one, NAMES, QUICK).model.to_row("SIM_T") for one in (table, mixed)]
    assert rows[0].equals(rows[1])


def test_a_planted_edge_is_found_and_shuffled_labels_are_not() -> None:
    settings = TuningSettings(
        n_random_trials=4, n_bayesian_trials=0, n_search_trees=25, n_trees=40, pruning_p=0.0
    )
    found = train_meta_model(training_set(3, edge=0.5), NAMES, settings)
    assert found.cpcv_sharpe_mean > 2.0
    assert found.model.n_trials == 4
    means = [
        train_meta_model(shuffled(training_set(seed, edge=0.5), seed), NAMES, settings)
        .trials["cpcv_sharpe_mean"]
        .mean()
        for seed in range(4)
    ]
    # One null mean has a standard error of about 0.45 over five years; leakage shows above 2.
    assert abs(np.mean(means)) < 0.7


def test_a_model_that_learned_takes_the_winning_half() -> None:
    trained = train_meta_model(training_set(3, edge=0.5), NAMES, QUICK)
    table = training_set(99, edge=0.5)
    fresh, earned = sample_rows(table, NAMES), table["return"].to_numpy()
    taken = trained.model.probability(fresh.features) >= trained.model.threshold
    assert earned[taken].mean() > 0.0008 > -0.0008 > earned[~taken].mean()


def test_every_trial_and_threshold_is_handed_over_for_the_ledger() -> None:
    trained = train_meta_model(training_set(1), NAMES, UNPRUNED)
    assert trained.trials.schema == pl.Schema(TRIALS_SCHEMA)
    assert trained.trials["trial"].to_list() == [0, 1, 2]
    assert trained.thresholds.height == 31
    assert trained.trials["path_sharpes"].list.len().unique().to_list() == [3]
    chosen = trained.trials.sort("score", descending=True).row(0, named=True)
    assert trained.model.hyperparameters == chosen["hyperparameters"]
    assert trained.model.cpcv_sharpe_mean == chosen["cpcv_sharpe_mean"]
    assert sorted(json.loads(chosen["hyperparameters"])) == sorted(Hyperparameters.model_fields)


def test_score_is_mean_minus_half_a_deviation_of_the_paths() -> None:
    for row in train_meta_model(training_set(1), NAMES, UNPRUNED).trials.iter_rows(named=True):
        paths = np.array(row["path_sharpes"])
        assert row["score"] == pytest.approx(paths.mean() - 0.5 * paths.std(ddof=1))
        assert row["sharpe_per_day"] == pytest.approx(paths.mean() / 252**0.5)


def test_sharpes_count_every_session_of_the_window() -> None:
    table = training_set(1)
    days = pl.date_range(date(2013, 1, 1), date(2022, 12, 30), eager=True)
    sessions = days.filter(days.dt.weekday() <= 5)
    trained = train_meta_model(table, NAMES, QUICK, sessions=sessions)
    assert trained.trials["n_obs"][0] >= sessions.filter(sessions < date(2019, 1, 1)).len()
    in_validation = sessions.filter((sessions >= date(2019, 1, 1)) & (sessions < date(2021, 1, 1)))
    weekend_exits = table.filter(
        (pl.col("split") == "validation") & (pl.col("exit_session").dt.weekday() > 5)
    )
    expected = in_validation.len() + weekend_exits["exit_session"].n_unique()
    assert trained.thresholds["n_obs"][0] == expected


def test_progress_is_told_after_each_trial() -> None:
    told: list[tuple[int, int]] = []
    train_meta_model(
        training_set(1),
        NAMES,
        QUICK,
        on_trial=lambda done, planned, _: told.append((done, planned)),
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_optuna_keeps_its_own_verbosity_outside() -> None:
    before = optuna.logging.get_verbosity()
    train_meta_model(training_set(1), NAMES, QUICK)
    assert optuna.logging.get_verbosity() == before


def test_test_rows_are_refused() -> None:
    table = training_set(1)
    late = table.tail(1).with_columns(pl.lit("test").alias("split"))
    with pytest.raises(HoldoutRefused, match="1 rows of another window"):
        train_meta_model(pl.concat([table, late]), NAMES, QUICK)


def test_too_few_trades_say_how_many_and_what_to_do() -> None:
    table = training_set(1)
    few = pl.concat([table.head(99), table.filter(pl.col("split") == "validation")])
    with pytest.raises(
        NotEnoughData, match=r"SIM_T: 99 trades .* at least 100 .*`windows: two_way`"
    ):
        train_meta_model(few, NAMES, QUICK)
    with pytest.raises(NotEnoughData, match="no symbol: 0 trades"):
        train_meta_model(table.head(0), NAMES, QUICK)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(InputError, match="no column f3"):
        train_meta_model(training_set(1).drop("f3"), NAMES, QUICK)


def test_without_validation_trades_the_threshold_is_one_half() -> None:
    trained = train_meta_model(training_set(1).filter(pl.col("split") == "train"), NAMES, QUICK)
    assert trained.model.threshold == 0.5
    assert "of the 0 validation trades" in trained.model.threshold_reason


@pytest.mark.parametrize("label", [0, 1])
def test_one_label_only_is_learned_as_it_is(label: int) -> None:
    table = training_set(1).with_columns(pl.lit(label, pl.Int8).alias("meta_label"))
    trained = train_meta_model(table, NAMES, QUICK)
    said = trained.model.probability(sample_rows(training_set(2), NAMES).features)
    assert np.ptp(said) == 0.0
    assert said[0] == pytest.approx(label, abs=1e-9)
    assert (trained.trials["n_trades"] > 0).all() == (label == 1)


def test_features_that_never_vary_or_are_never_known_say_the_base_rate() -> None:
    constant = {name: pl.lit(3.0).alias(name) for name in NAMES}
    unknown = constant | {"f0": pl.lit(None, pl.Float64).alias("f0")}
    for columns in (constant, unknown):
        table = training_set(1).with_columns(columns.values())
        trained = train_meta_model(table, NAMES, QUICK)
        rows = sample_rows(table, NAMES)
        said = trained.model.probability(rows.features)
        assert np.ptp(said) == 0.0
        assert said[0] == pytest.approx(np.average(rows.label, weights=rows.weight), abs=0.05)


def test_rare_wins_keep_their_probability() -> None:
    table = training_set(1, n=1500)
    rare = pl.col("return") > table["return"].quantile(0.9)
    table = table.with_columns(rare.cast(pl.Int8).alias("meta_label"))
    trained = train_meta_model(table, NAMES, QUICK)
    said = trained.model.probability(sample_rows(training_set(2), NAMES).features)
    assert said.mean() == pytest.approx(0.1, abs=0.04)


def test_every_path_predicts_each_row_once_from_folds_that_never_held_it() -> None:
    """Row by row: labels that only the row itself reveals stay unknown to its prediction."""
    table = training_set(5, n=240).filter(pl.col("split") == "train")
    rng = np.random.default_rng(1)
    own = rng.permutation(table.height).astype(float)
    table = table.with_columns(pl.Series("f0", own))
    rows = sample_rows(table, NAMES)
    paths = Folds.of(rows, NAMES, QUICK).path_probabilities(SMALL, QUICK.n_search_trees)
    assert paths.shape == (3, table.height)
    assert np.isfinite(paths).all()
    assert not np.array_equal(paths[0], paths[1])


def test_purged_rows_do_not_teach() -> None:
    """Labels of rows whose span reaches into the tested fold can change without a trace there."""
    table = training_set(5, n=320).filter(pl.col("split") == "train")
    settings = TuningSettings(n_folds=2, n_test_folds=1, embargo_days=30, n_search_trees=10)
    half = (table.height + 1) // 2
    # The first fold's last 20 labels resolve inside the second fold; its first rows follow at once.
    boundary = table["label_start"][half]
    reaching = pl.int_range(pl.len()).is_between(half - 20, half - 1)
    table = table.with_columns(
        pl.when(reaching)
        .then(pl.lit(boundary + timedelta(days=1)))
        .otherwise("label_end")
        .cast(pl.Datetime("us", "UTC"))
        .alias("label_end")
    )
    flipped = table.with_columns(
        pl.when(reaching).then(1 - pl.col("meta_label")).otherwise("meta_label").alias("meta_label")
    )
    before, after = (first_path(one, settings) for one in (table, flipped))
    assert before[half:].tobytes() == after[half:].tobytes()
    unpurged = table.with_columns((1 - pl.col("meta_label")).cast(pl.Int8).alias("meta_label"))
    taught = first_path(unpurged, settings)
    assert before[half:].tobytes() != taught[half:].tobytes()


def test_labels_that_never_resolve_leave_only_the_base_rate() -> None:
    table = training_set(5, n=240).filter(pl.col("split") == "train")
    forever = table["label_end"].max()
    table = table.with_columns(pl.lit(forever).alias("label_end"))
    settings = TuningSettings(n_folds=2, n_test_folds=1, n_search_trees=5)
    assert set(first_path(table, settings)[table.height // 2 + 1 :]) == {0.5}


def test_days_are_marked_to_market_and_weekdays_stand_in_for_sessions_that_nobody_gave() -> None:
    """A trade held over three sessions loses, then wins: its days say so, and its exit does not."""
    table = training_set(1).head(2)
    friday, monday, tuesday = date(2020, 3, 6), date(2020, 3, 9), date(2020, 3, 10)
    held = [[friday, monday, tuesday], [tuesday]]
    table = table.with_columns(
        pl.Series("held_sessions", held),
        pl.Series("held_return", [[-0.03, 0.0, 0.05], [0.01]]),
    )
    calendar = TradingCalendar.of(sample_rows(table, NAMES), None)
    assert calendar.sessions.to_list() == [friday, monday, tuesday]
    assert calendar.daily_returns() == pytest.approx([-0.03, 0.0, 0.06])
    second = np.array([False, True])
    assert calendar.daily_returns(second).tolist() == [0.0, 0.0, 0.01]
    wednesday = pl.Series([date(2020, 3, 11)])
    assert TradingCalendar.of(sample_rows(table, NAMES), wednesday).n_sessions == 4


@pytest.mark.parametrize("column", ["held_sessions", "held_return"])
def test_a_trade_that_was_held_nowhere_is_refused(column: str) -> None:
    kind = training_set(1).schema[column]
    for nothing in ([], [None], None):
        table = training_set(1, n=300)
        lists = [nothing, *table[column].to_list()[1:]]
        table = table.with_columns(pl.Series(column, lists, dtype=kind))
        with pytest.raises(InputError, match="held_sessions"):
            train_meta_model(table, NAMES, QUICK)


def with_other_validation_labels(table: pl.DataFrame) -> pl.DataFrame:
    is_train = pl.col("split") == "train"
    other = pl.when(is_train).then("meta_label").otherwise(1 - pl.col("meta_label"))
    return table.with_columns(other.cast(pl.Int8).alias("meta_label"))


def test_validation_rows_decide_the_threshold_and_the_reliability_and_nothing_else() -> None:
    table = training_set(1, edge=0.4)
    one = train_meta_model(table, NAMES, QUICK).model
    other = train_meta_model(with_other_validation_labels(table), NAMES, QUICK).model
    assert one.calibration == other.calibration
    assert one.lightgbm_text == other.lightgbm_text
    n_validation = table.filter(pl.col("split") == "validation").height
    assert one.reliability["n"].sum() == n_validation
    for low, high in zip(one.reliability["win_share"], other.reliability["win_share"], strict=True):
        assert low == pytest.approx(1 - high)


def test_calibration_is_that_of_rows_the_folds_had_not_seen() -> None:
    table = training_set(1, edge=0.4)
    model = train_meta_model(table, NAMES, QUICK).model
    rows = sample_rows(table.filter(pl.col("split") == "train"), NAMES)
    chosen = Hyperparameters.model_validate_json(model.hyperparameters)
    paths = Folds.of(rows, NAMES, QUICK).path_probabilities(chosen, QUICK.n_trees)
    unseen = paths.mean(axis=0)
    assert model.calibration == fit_calibration(unseen, rows.label.astype(float), rows.weight)
    assert model.forest_weight == chosen.forest_weight


def test_a_two_way_split_trains_on_validation_years_and_chooses_out_of_fold() -> None:
    table = training_set(1, edge=0.4)
    settings = QUICK.model_copy(update={"windows": "two_way"})
    trained = train_meta_model(table, NAMES, settings)
    assert trained.windows == trained.model.windows == "two_way"
    assert trained.model.reliability["n"].sum() == table.height
    assert trained.thresholds["n_obs"][0] == trained.trials["n_obs"][0]
    rows = sample_rows(table, NAMES)
    chosen = Hyperparameters.model_validate_json(trained.model.hyperparameters)
    paths = Folds.of(rows, NAMES, settings).path_probabilities(chosen, settings.n_trees)
    unseen = trained.model.calibration.apply(paths.mean(axis=0))
    expected = [int((unseen >= one).sum()) for one in trained.thresholds["threshold"]]
    assert trained.thresholds["n_trades"].to_list() == expected
    other = train_meta_model(with_other_validation_labels(table), NAMES, settings).model
    assert other.lightgbm_text != trained.model.lightgbm_text


def test_a_two_way_split_with_too_few_trades_has_two_ways_out() -> None:
    settings = QUICK.model_copy(update={"windows": "two_way"})
    few = training_set(1).head(99)
    with pytest.raises(NotEnoughData, match=r"to 2020-12-31.*at least 100") as refused:
        train_meta_model(few, NAMES, settings)
    assert "two_way" not in str(refused.value)
    fifty_and_fifty = pl.concat([training_set(1).head(50), training_set(1).tail(50)])
    with pytest.raises(NotEnoughData, match="50 trades"):
        train_meta_model(fifty_and_fifty, NAMES, QUICK)
    assert train_meta_model(fifty_and_fifty, NAMES, settings).model.n_trials == 3


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("meta_label", 2, "0 or 1"),
        ("uniqueness_weight", 0.0, "above 0"),
        ("f3", float("inf"), "Infinite or beyond float32: f3"),
        ("f3", -1e39, "Infinite or beyond float32: f3"),
    ],
)
def test_impossible_rows_are_refused(column, value, what) -> None:
    table = training_set(1).with_columns(pl.lit(value).alias(column))
    with pytest.raises(InputError, match=what):
        train_meta_model(table, NAMES, QUICK)


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_trials": 3},
        {"n_random_trials": 0},
        {"n_folds": 4, "n_test_folds": 4},
        {"lowest_threshold": 0.7, "highest_threshold": 0.4},
        {"n_tree": 3},
    ],
)
def test_settings_outside_their_range_are_refused(wrong) -> None:
    with pytest.raises(ValueError, match="validation error"):
        TuningSettings(**wrong)


def test_a_feature_unknown_in_every_training_year_moves_no_probability() -> None:
    """A reference feed that starts after the training years teaches nothing and decides nothing."""
    is_train = pl.col("split") == "train"
    late = pl.when(is_train).then(None).otherwise(pl.col("f5"))
    table = training_set(1, edge=0.4).with_columns(late.alias("f5"))
    model = train_meta_model(table, NAMES, QUICK).model
    asked = table.filter(~is_train).select(NAMES).fill_null(np.nan).to_numpy().copy()
    known = model.probability(asked)
    asked[:, NAMES.index("f5")] = np.nan
    assert known.tobytes() == model.probability(asked).tobytes()
    asked[:, NAMES.index("f0")] = np.nan
    assert known.tobytes() != model.probability(asked).tobytes()
