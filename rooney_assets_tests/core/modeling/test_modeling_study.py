"""The search: its phases, what it gives up, and that nothing but its arguments decides it."""

from __future__ import annotations

import json

import numpy as np
import optuna
import polars as pl
import pytest
from drawn_trades import NAMES, training_set

from rooney_core.modeling.ensemble import SEARCH_SPACE, Hyperparameters
from rooney_core.modeling.folds import Folds, covering_order
from rooney_core.modeling.rows import SampleRows, TradingCalendar, sample_rows
from rooney_core.modeling.settings import TuningSettings
from rooney_core.modeling.study import Search, TrialRecord, study_key
from rooney_core.modeling.tuning import Tuning, tune
from rooney_core.validation.purged_cv import CombinatorialPurgedCV
from rooney_core.validation.sharpe import annual_sharpe

SETTINGS = TuningSettings(n_random_trials=5, n_bayesian_trials=5, n_search_trees=3)


class KeptStudies:
    """Logs in memory that outlive the search; the first `n` records of an earlier one."""

    def __init__(self, records: list[TrialRecord] | None = None) -> None:
        self.records = records or []
        self.keys: list[str] = []

    def open(self, key: str):  # type: ignore[no-untyped-def]
        self.keys.append(key)
        return self

    def __enter__(self) -> KeptStudies:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def read(self) -> list[TrialRecord]:
        return list(self.records)

    def append(self, record: TrialRecord) -> None:
        self.records.append(record)


def rows_of(seed: int = 1, edge: float = 0.3) -> SampleRows:
    table = training_set(seed, edge=edge, n=360)
    return sample_rows(table.filter(pl.col("split") == "train"), NAMES)


def searched(settings: TuningSettings, studies: KeptStudies, seed: int = 1) -> Tuning:
    rows = rows_of(seed)
    return tune(rows, NAMES, TradingCalendar.of(rows, None), settings, studies=studies)


@pytest.fixture(scope="module")
def whole() -> tuple[Tuning, list[TrialRecord]]:
    studies = KeptStudies()
    return searched(SETTINGS, studies), studies.records


def test_random_sets_come_first_then_bayesian_ones(whole) -> None:
    trials = whole[0].trials
    assert trials["phase"].to_list() == ["random"] * 5 + ["bayesian"] * 5
    assert trials["trial"].to_list() == list(range(10))
    sets = [json.loads(one) for one in trials["hyperparameters"]]
    for name, space in SEARCH_SPACE.items():
        assert all(space.low <= one[name] <= space.high for one in sets)
    assert {one["forest_weight"] for one in sets} <= {0.0, 0.25, 0.5, 0.75, 1.0}


def test_a_random_set_depends_on_seed_and_number_alone() -> None:
    """By Optuna itself, seeded for that one trial."""
    study = Search(SETTINGS, 3, [])
    drawn = []
    for _ in range(3):
        trial = study.ask()
        drawn.append(trial.params)
        study.tell(trial, 0.0)
    for number, params in enumerate(drawn):
        seed = np.random.SeedSequence((SETTINGS.seed, number)).generate_state(1)[0]
        alone = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=int(seed)))
        assert alone.ask(SEARCH_SPACE).params == params
    assert len({str(one) for one in drawn}) == 3


@pytest.mark.parametrize("n_before", [0, 3, 5, 9, 10])
def test_a_search_goes_on_behind_any_of_its_trials_to_the_same_end(whole, n_before: int) -> None:
    """Records through their own JSON, as a file keeps them."""
    lines = [record.to_json() for record in whole[1][:n_before]]
    studies = KeptStudies([TrialRecord.from_json(line) for line in lines])
    again = searched(SETTINGS, studies)
    assert again.trials.equals(whole[0].trials, null_equal=True)
    assert [one.to_json() for one in studies.records] == [one.to_json() for one in whole[1]]
    assert again.best == whole[0].best


def test_optuna_remembers_a_replayed_trial_as_it_remembers_a_lived_one(whole) -> None:
    lived = Search(SETTINGS, 3, [])
    for record in whole[1]:
        trial = lived.ask()
        for step, value in enumerate(record.steps):
            trial.report(value, step)
        lived.tell(trial, record.score)
    replayed = Search(SETTINGS, 3, whole[1])
    pairs = zip(lived._study.trials, replayed._study.trials, strict=True)
    for one, other in pairs:
        for fact in ("number", "params", "state", "value", "intermediate_values", "distributions"):
            assert getattr(one, fact) == getattr(other, fact)


def test_hopeless_sets_are_given_up_and_stay_on_record(whole) -> None:
    trials = whole[0].trials
    pruned = trials.filter(pl.col("state") == "pruned")
    assert 0 < pruned.height < trials.height
    assert pruned["score"].null_count() == pruned.height
    assert pruned["n_splits"].max() < 15
    # Three splits of two folds cover all six: none is given up before.
    assert pruned["n_splits"].min() >= 3
    assert pruned["sharpe_per_day"].is_finite().all()
    assert pruned["n_obs"].unique().to_list() == trials["n_obs"].unique().to_list()
    complete = trials.filter(pl.col("state") == "complete")
    assert complete["n_splits"].unique().to_list() == [15]
    assert complete["path_sharpes"].list.len().unique().to_list() == [5]
    assert whole[0].cpcv_sharpe_mean == complete.sort("score")["cpcv_sharpe_mean"][-1]


def test_giving_up_changes_no_score(whole) -> None:
    """Random sets are the same with and without; whoever was scored has the same score."""
    unpruned = SETTINGS.model_copy(update={"pruning_p": 0.0, "n_bayesian_trials": 0})
    every = searched(unpruned, KeptStudies()).trials
    assert every["state"].unique().to_list() == ["complete"]
    both = whole[0].trials.head(5).join(every, on="hyperparameters").drop_nulls("score")
    assert both.height > 0
    assert both["score"].to_list() == both["score_right"].to_list()


def test_a_pruned_set_is_judged_on_whole_rounds_of_out_of_fold_answers() -> None:
    """By hand: the first answer of every row, from the splits in the order of the search."""
    rows = rows_of()
    studies = KeptStudies()
    searched(SETTINGS, studies)
    record = next(one for one in studies.records if one.score is None)
    drawn = Hyperparameters.model_validate(record.params)
    folds = Folds.of(rows, NAMES, SETTINGS)
    takes = np.full(len(rows), -1)
    for fold in folds.splits[: len(record.steps)]:
        said = fold.probability(drawn, SETTINGS.n_search_trees, SETTINGS.seed + fold.number)
        base = float(np.average(fold.train.label, weights=fold.train.weight))
        answer = (said >= min(max(base, 0.4), 0.7)).astype(int)
        first = takes[fold.test] < 0
        takes[fold.test[first]] = answer[first]
    assert (takes >= 0).all()
    daily: dict[object, float] = {}
    for taken, day, earned in zip(takes, rows.held_sessions, rows.held_return, strict=True):
        daily[day[0]] = daily.get(day[0], 0.0) + taken * earned[0]
    n_days = int(record.facts["n_obs"])
    series = np.array([*daily.values(), *([0.0] * (n_days - len(daily)))])
    assert record.facts["path_sharpes"][0] == pytest.approx(annual_sharpe(series))


@pytest.mark.parametrize(
    ("n_folds", "n_test_folds", "cover"), [(6, 2, 3), (4, 2, 2), (5, 2, 3), (6, 1, 6), (7, 3, 3)]
)
def test_the_first_splits_test_every_fold(n_folds: int, n_test_folds: int, cover: int) -> None:
    tested = CombinatorialPurgedCV(n_folds, n_test_folds, 0).test_folds()
    order, n_to_cover = covering_order(tested)
    assert sorted(order) == list(range(len(tested)))
    assert n_to_cover == cover
    assert set(tested[order[:cover]].ravel().tolist()) == set(range(n_folds))


def test_rows_settings_and_seed_each_make_another_study() -> None:
    rows = rows_of()
    calendar = TradingCalendar.of(rows, None)
    longer = TradingCalendar.of(rows, pl.Series([rows.label_start[0].date()]))
    moved = rows.take(np.arange(len(rows) - 1))
    keys = {
        study_key(rows, NAMES, calendar, SETTINGS),
        study_key(rows, NAMES, longer, SETTINGS),
        study_key(rows, [*NAMES[:-1], "other"], calendar, SETTINGS),
        study_key(moved, NAMES, TradingCalendar.of(moved, None), SETTINGS),
        study_key(rows, NAMES, calendar, SETTINGS.model_copy(update={"seed": 1})),
        study_key(rows_of(2), NAMES, calendar, SETTINGS),
    }
    assert len(keys) == 6
    assert study_key(rows_of(), NAMES, calendar, SETTINGS) in keys


def test_another_seed_searches_elsewhere() -> None:
    few = TuningSettings(n_random_trials=2, n_bayesian_trials=1, n_search_trees=3)
    first, other = (
        searched(few.model_copy(update={"seed": seed}), KeptStudies()).trials for seed in (1, 2)
    )
    assert not set(first["hyperparameters"]) & set(other["hyperparameters"])


def test_a_fold_with_one_label_only_says_its_base_rate_and_the_search_goes_on() -> None:
    """No winner in the first half: splits that train on it alone have nothing to learn."""
    table = training_set(1, edge=0.3, n=400).filter(pl.col("split") == "train")
    is_early = pl.int_range(pl.len()) < table.height // 2
    loss = pl.lit(-0.001)
    table = table.with_columns(
        pl.when(is_early).then(pl.lit(0, pl.Int8)).otherwise("meta_label").alias("meta_label"),
        pl.when(is_early).then(pl.concat_list(loss)).otherwise("held_return").alias("held_return"),
    )
    rows = sample_rows(table, NAMES)
    settings = TuningSettings(n_random_trials=2, n_bayesian_trials=2, n_folds=2, n_test_folds=1)
    folds = Folds.of(rows, NAMES, settings)
    assert [fold.binned is None for fold in folds.splits] == [False, True]
    assert folds.splits[1].base_rate == 0.0
    done = tune(rows, NAMES, TradingCalendar.of(rows, None), settings)
    assert done.trials.height == 4


def test_few_winners_still_order_the_sets() -> None:
    """One trade in ten wins, and pays for it: at 0.5 none would be taken, and all sets be equal."""
    table = training_set(1, edge=0.0, n=900).filter(pl.col("split") == "train")
    known = pl.col("f0").fill_null(-1.0)
    wins = (known > 1.2).cast(pl.Int8)
    paid = pl.when(wins == 1).then(0.03).otherwise(-0.002)
    table = table.with_columns(wins.alias("meta_label"), pl.concat_list(paid).alias("held_return"))
    rows = sample_rows(table, NAMES)
    few = TuningSettings(n_random_trials=3, n_bayesian_trials=1, n_folds=4, n_search_trees=3)
    done = tune(rows, NAMES, TradingCalendar.of(rows, None), few).trials
    assert done["n_trades"].max() > 0
    assert done["cpcv_sharpe_mean"].max() > 2.0
