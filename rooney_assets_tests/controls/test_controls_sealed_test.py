"""The sealed test as an asset: recorded before it is read, counted, and shut when it is spent."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from planted_market import INSTRUMENT, NAMES, SETTINGS, Sample, null_sample, trained

from rooney_assets.assets.models import holdout_looks, model_evaluation
from rooney_assets.checks.models import budget_is_not_spent
from rooney_assets.graph.declaration import Here, Made
from rooney_assets.lake import Lake, ManifestFacts, seal
from rooney_assets.ledger import with_searches
from rooney_core.errors import HoldoutRefused, ReleaseRejected
from rooney_core.gates.settings import EvaluationSettings

SYMBOL = INSTRUMENT.symbol
PARTITION = ("symbol", SYMBOL)
FACTS = ManifestFacts(run_id="r", code_version="c", git_commit="g")
BUDGET = EvaluationSettings(holdout_budget=2)
LEDGER = pl.DataFrame(
    {
        "symbol": [SYMBOL] * 40,
        "sharpe_per_day": np.linspace(-0.05, 0.05, 40),
        "n_obs": [1000] * 40,
        "cluster": pl.Series([None] * 40, dtype=pl.Int64),
        "basis": ["b"] * 40,
    }
)


@pytest.fixture(scope="module")
def models() -> list[pl.DataFrame]:
    """Three models of one market, as their assets' rows: other seeds, other versions."""
    made = []
    for seed in (1, 2, 3):
        settings = SETTINGS.model_copy(update={"seed": seed, "n_random_trials": 1})
        model = trained(null_sample(1), settings)
        made.append(with_searches(model.model.to_row(SYMBOL), model))
    assert len({one["model_version"][0] for one in made}) == 3
    return made


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    visible, sealed = seal(null_sample(1).table)
    lake.write("training_set", PARTITION, visible, FACTS, sealed=sealed)
    return lake


def here(lake: Lake, asset: str = "model_evaluation", **more: object) -> Here:
    nothing = {"universe": None, "source": None, "state_folder": None, "input_versions": {}}
    known = Here(
        asset=asset,
        partition=SYMBOL,
        lake=lake,
        params=BUDGET,
        run_id="r",
        code_version="c",
        **nothing,  # type: ignore[arg-type]
    )
    return replace(known, **more)


def evaluation(lake: Lake, model: pl.DataFrame, sessions: pl.Series | None = None) -> dict:
    known = lake.read("training_set", PARTITION)
    days = null_sample(1).sessions if sessions is None else sessions
    made = model_evaluation.body(here(lake), known, model, LEDGER, pl.DataFrame({"session": days}))
    assert isinstance(made, Made)
    assert made.notes["lift over the unfiltered strategy"].startswith("annual Sharpe")
    return made.table.row(0, named=True)


def extended(n_sessions: int) -> pl.Series:
    """The sessions, and so many weekdays more."""
    days = null_sample(1).sessions
    last: date = days.max()
    more = [last + timedelta(days=n) for n in range(1, 400)]
    weekdays = [day for day in more if day.weekday() < 5][:n_sessions]
    return pl.concat([days, pl.Series("session", weekdays)])


def test_the_asset_reports_what_its_sample_says(lake, models) -> None:
    row = evaluation(lake, models[0])
    sample: Sample = null_sample(1)
    said = trained(sample, SETTINGS.model_copy(update={"seed": 1, "n_random_trials": 1})).model
    probability = said.probability(sample.test.select(NAMES).to_numpy())
    assert row["test_trades"] == int((probability >= said.threshold).sum())
    assert row["n_trials_raw"] == LEDGER.height
    assert row["verdict"] == "fail"
    (look,) = lake.looks(SYMBOL).to_dicts()
    assert look["model_version"] == row["model_version"]
    assert look["window_end"] == sample.sessions.max()


def test_a_second_model_raises_n_and_the_same_one_again_does_not(lake, models) -> None:
    first = evaluation(lake, models[0])
    second = evaluation(lake, models[1])
    again = evaluation(lake, models[1])
    assert [one["n_trials_raw"] for one in (first, second, again)] == [40, 41, 41]
    assert again == second
    assert lake.looks(SYMBOL)["is_repeat"].to_list() == [False, False, True]
    assert second["sr0_annual"] > first["sr0_annual"]


def test_the_look_is_on_disk_before_a_row_is_read(lake, models) -> None:
    """A row that breaks the evaluation was seen all the same: the look stays."""
    broken = models[0].with_columns(lightgbm_text=pl.lit("not a booster"))
    with pytest.raises(ReleaseRejected):
        evaluation(lake, broken)
    assert lake.looks(SYMBOL).height == 1


def test_past_the_budget_it_is_shut_until_the_window_has_grown(lake, models) -> None:
    evaluation(lake, models[0])
    evaluation(lake, models[1])
    for n_sessions in (0, 1, 125):
        with pytest.raises(HoldoutRefused, match=rf"\({n_sessions} there are since"):
            evaluation(lake, models[2], extended(n_sessions))
    assert lake.looks(SYMBOL).height == 2
    row = evaluation(lake, models[2], extended(126))
    # A budget of its own, and not a clean record: both earlier looks count.
    assert lake.looks(SYMBOL)["window"].to_list() == [1, 1, 2]
    assert row["n_trials_raw"] == LEDGER.height + 2


def test_the_check_counts_the_present_window_alone(lake, models) -> None:
    looks = here(lake, "holdout_looks")
    evaluation(lake, models[0])
    table = holdout_looks.body(looks, pl.DataFrame())
    assert budget_is_not_spent.look(table, looks).passed
    evaluation(lake, models[1])
    table = holdout_looks.body(looks, pl.DataFrame())
    spent = budget_is_not_spent.look(table, looks)
    assert not spent.passed
    assert spent.facts["distinct looks"] == spent.facts["budget"] == 2
    evaluation(lake, models[2], extended(126))
    table = holdout_looks.body(looks, pl.DataFrame())
    renewed = budget_is_not_spent.look(table, looks)
    assert renewed.passed
    assert (renewed.facts["window"], renewed.facts["distinct looks"]) == (2, 1)
