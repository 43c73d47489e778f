"""No trial is forgotten, and SQL cannot reach what is sealed."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rooney_assets.graph.declaration import Here
from rooney_assets.lake import Lake, ManifestFacts
from rooney_assets.ledger import (
    effective_trials_counted,
    extend_ledger,
    searches_on_record,
    trial_statistics,
)
from rooney_core.errors import InputError

ES = ("symbol", "SIM_T")
FACTS = ManifestFacts(run_id="r", code_version="c", git_commit="g")


def sweep(*sharpes: float) -> pl.DataFrame:
    n = len(sharpes)
    return pl.DataFrame(
        {
            "symbol": ["SIM_T"] * n,
            "variant": ["v"] * n,
            "params": [f'{{"n": {index}}}' for index in range(n)],
            "sharpe_per_day": sharpes,
            "n_obs": [100] * n,
        }
    )


def training(seed: int) -> pl.DataFrame:
    trial = {"hyperparameters": f'{{"seed": {seed}}}', "sharpe_per_day": 0.1, "n_obs": 100}
    threshold = {"threshold": 0.5, "sharpe_per_day": 0.2, "n_obs": 50}
    return pl.DataFrame(
        {"symbol": ["SIM_T"], "seed": [seed], "trials": [[trial]], "thresholds": [[threshold]]}
    )


def here(lake: Lake, folder: Path) -> Here:
    nothing = {"universe": None, "source": None, "params": None, "input_versions": {}}
    return Here(
        asset="trial_ledger",
        partition="SIM_T",
        lake=lake,
        run_id="r",
        code_version="c",
        state_folder=folder,
        **nothing,
    )


def test_a_search_superseded_before_the_ledger_saw_it_is_counted(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.write("strategy_results", ES, sweep(0.1, 0.3), FACTS)
    lake.write("meta_model", ES, training(seed=1), FACTS)
    # Trained twice more, and only the last is current when the ledger is made.
    lake.write("meta_model", ES, training(seed=2), FACTS)
    lake.write("meta_model", ES, training(seed=3), FACTS)
    ledger = extend_ledger(here(lake, tmp_path))
    counts = dict(ledger.group_by("search").len().iter_rows())
    assert counts == {"strategy_sweep": 2, "meta_tuning": 3, "threshold": 3}
    assert set(ledger["basis"]) == set(searches_on_record(lake, "SIM_T"))
    # By hand: 0.1 0.3 0.1 0.1 0.1 0.2 0.2 0.2, mean 0.1625, squares about it 0.03875 / 7.
    n_obs = ledger["n_obs"].to_list()
    null = sum(1 / one for one in n_obs) / 8
    assert trial_statistics(ledger) == (8, pytest.approx(null), pytest.approx(0.03875 / 7))


def test_clusters_of_a_sweep_count_once_and_every_other_trial_by_itself(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    # Two clusters and one that never varied; then the same sweep as it was kept before clusters.
    clustered = sweep(0.1, 0.2, 0.3, 0.0).with_columns(cluster=pl.Series([1, 1, 2, 0]))
    lake.write("strategy_results", ES, clustered, FACTS)
    lake.write("meta_model", ES, training(seed=1), FACTS)
    ledger = extend_ledger(here(lake, tmp_path))
    assert ledger.height == 6
    assert effective_trials_counted(ledger) == 2 + 2
    lake.write("trial_ledger", ES, ledger.drop("cluster"), FACTS)
    lake.write("strategy_results", ES, sweep(0.5, 0.6), FACTS)
    longer = extend_ledger(here(lake, tmp_path))
    assert longer.height == 8
    # The kept rows have none, so each counts as one.
    assert effective_trials_counted(longer) == 8


def test_a_ledger_of_many_sweeps_counts_them_all(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    n = 2886
    draws = np.random.default_rng(0).normal(0.0, 0.05, (10, n))
    for one in draws:
        clusters = pl.Series(np.arange(n) % 60 + 1)
        lake.write("strategy_results", ES, sweep(*one).with_columns(cluster=clusters), FACTS)
    ledger = extend_ledger(here(lake, tmp_path))
    lake.write("trial_ledger", ES, ledger, FACTS)
    statistics = trial_statistics(lake.read("trial_ledger", ES))
    assert statistics.n_trials == 10 * n
    assert statistics.observed_variance == pytest.approx(draws.var(ddof=1))
    assert effective_trials_counted(ledger) == 600


def test_the_same_search_again_adds_nothing(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.write("strategy_results", ES, sweep(0.1, 0.3), FACTS)
    lake.write("meta_model", ES, training(seed=1), FACTS)
    first = extend_ledger(here(lake, tmp_path))
    lake.write("trial_ledger", ES, first, FACTS)
    lake.write("meta_model", ES, training(seed=1), FACTS)
    assert extend_ledger(here(lake, tmp_path)).equals(first)


@pytest.mark.parametrize("pattern", ["sealed/*.parquet", "versions/*.parquet"])
def test_sql_reaches_no_file_by_its_path(tmp_path: Path, pattern: str) -> None:
    lake = Lake(tmp_path)
    table = sweep(0.1)
    lake.write("training_set", ES, table, FACTS, sealed=table)
    path = tmp_path / "training_set" / "symbol=SIM_T" / pattern
    with pytest.raises(InputError, match="Permission"):
        lake.query(f"select * from read_parquet('{path}')")


def test_sql_writes_no_file(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    lake.write("strategy_results", ES, sweep(0.1), FACTS)
    with pytest.raises(InputError, match="read-only"):
        lake.query(f"copy (select 1) to '{tmp_path / 'out.csv'}'")
    assert not (tmp_path / "out.csv").exists()
