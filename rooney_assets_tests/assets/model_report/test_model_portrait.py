"""A portrait's numbers by another route, and that no sealed row gets into it."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from small_portrait import (
    N_TRAIN,
    N_VALIDATION,
    NAMES,
    model_of,
    portrait,
    row_of,
    sessions,
    training_set,
)

from rooney_assets.model_report.portrait import portrait_of
from rooney_core.modeling.importance import log_loss, permutation_importance

N_SHUFFLES = 200


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    return training_set()


def matrix(rows: pl.DataFrame) -> np.ndarray:
    return rows.select(NAMES).fill_null(np.nan).to_numpy()


def test_windows_are_what_the_model_takes_day_by_day(table: pl.DataFrame) -> None:
    model = model_of(table)
    found = {row["window"]: row for row in portrait().windows.iter_rows(named=True)}
    for name, count, days in (("train", N_TRAIN, 1461), ("validation", N_VALIDATION, 731)):
        rows = table.filter(pl.col("split") == name)
        takes = model.probability(matrix(rows)) >= model.threshold
        returns = np.array([one[0] for one in rows["held_return"]])
        # One trade a day at most: every other day of the window is flat.
        daily = np.zeros(days)
        daily[: takes.sum()] = returns[takes]
        sharpe = daily.mean() / daily.std(ddof=1) * math.sqrt(252)
        assert found[name]["trades"] == count
        assert found[name]["taken"] == takes.sum()
        assert found[name]["annual_sharpe"] == pytest.approx(sharpe, rel=1e-12)
        wins = rows["meta_label"].to_numpy()
        assert found[name]["win_rate"] == pytest.approx(wins[takes].mean())
        assert found[name]["unfiltered_win_rate"] == pytest.approx(wins.mean())


def test_the_feature_with_the_edge_comes_first_and_the_constant_one_is_nothing() -> None:
    weights = portrait().weights
    assert weights["feature"][0] == "edge"
    by_name = {row["feature"]: row for row in weights.iter_rows(named=True)}
    assert by_name["edge"]["importance"] > 5 * abs(by_name["noise"]["importance"])
    assert by_name["constant"]["importance"] == 0.0
    assert by_name["constant"]["mean_contribution"] == 0.0


def test_importance_is_the_expected_loss_over_every_exchange_of_a_column(
    table: pl.DataFrame,
) -> None:
    model = model_of(table)
    rows = table.filter(pl.col("split") == "validation").head(40)
    features, label = matrix(rows), rows["meta_label"].cast(pl.Float64).to_numpy()
    found = permutation_importance(model, features, label, n_shuffles=N_SHUFFLES)
    before = log_loss(model.probability(features), label)
    for column in range(len(NAMES)):
        # In a random permutation each row holds each value equally often.
        losses = []
        for value in features[:, column]:
            changed = features.copy()
            changed[:, column] = value
            losses.append(log_loss(model.probability(changed), label))
        expected = np.mean(losses) - before
        error = found["importance_sd"][column] / math.sqrt(N_SHUFFLES)
        assert abs(found["importance"][column] - expected) <= 4 * error + 1e-12


def test_log_loss_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import log_loss as sklearns

    rng = np.random.default_rng(3)
    said, label = rng.uniform(0.01, 0.99, 500), (rng.random(500) < 0.4) * 1.0
    assert log_loss(said, label) == pytest.approx(sklearns(label, said), rel=1e-12)


def test_contributions_sum_to_the_uncalibrated_probability(table: pl.DataFrame) -> None:
    found = portrait()
    assert found.judged_on == "validation"
    assert len(found.explained) == N_VALIDATION
    said = model_of(table).uncalibrated(found.explained)
    assert found.contributions.sum(axis=1) == pytest.approx(said, abs=1e-12)


def test_sealed_rows_are_left_out_whoever_hands_them_in(table: pl.DataFrame) -> None:
    sealed = table.head(50).with_columns(pl.lit("test").alias("split"))
    row = row_of(model_of(table))
    found = portrait_of(row, pl.concat([table, sealed]), sessions())
    clean = portrait_of(row, table, sessions())
    assert found.windows.equals(clean.windows)
    assert found.weights.equals(clean.weights)
    assert set(found.coverage["split"]) == {"train", "validation"}


def test_without_validation_trades_train_is_judged_and_its_numbers_are_unknown() -> None:
    found = portrait(only="train")
    assert found.judged_on == "train"
    row = found.windows.row(by_predicate=pl.col("window") == "validation", named=True)
    assert row["trades"] == row["taken"] == 0
    assert math.isnan(row["annual_sharpe"])


def test_the_chosen_set_is_that_of_the_model_and_a_given_up_one_never() -> None:
    found = portrait()
    assert found.chosen == 1
    assert found.path_sharpes == [1.0, 2.0]
