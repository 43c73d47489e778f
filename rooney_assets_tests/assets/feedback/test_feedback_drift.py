"""What the real trader's trades say of the model that promised them, in the drift report."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import polars as pl
import pytest
from live_lake import ES, FACTS, LiveLake
from small_release import PARAMS, STRATEGIES, Parts, universe

from rooney_assets.assets.drift import drift_report
from rooney_assets.graph.declaration import Made
from rooney_assets.graph.inputs import load_inputs
from rooney_assets.lake import seal
from rooney_assets.ledger import SEARCHES
from rooney_core.backtest import CostModel
from rooney_core.gates.drift import DriftLimits
from rooney_core.gates.promises import CALIBRATION_SCHEMA
from rooney_core.labeling import build_training_set
from rooney_core.modeling.meta_model import MetaModel

LIMITS = DriftLimits().model_copy(update={"min_trades": 2})
"""Fewer than a mandate may ask for: ten rehearsed sessions have a few trades."""


@pytest.fixture(scope="module")
def training_set(parts: Parts) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What everybody sees of it, and the sealed rows."""
    instrument, name = universe()[ES], STRATEGIES[ES]
    costs, feeds = CostModel.of(instrument), parts.feeds(ES)
    bars = parts.continuous[ES]
    return seal(build_training_set(bars, name, PARAMS[ES], costs, instrument, feeds))


def with_no_searches(model: pl.DataFrame) -> pl.DataFrame:
    """The row as the asset stores it, though of nothing that was searched."""
    return model.with_columns(pl.lit(None).alias(name) for name in SEARCHES)


@pytest.fixture
def watched(
    live: LiveLake, parts: Parts, training_set: tuple[pl.DataFrame, pl.DataFrame]
) -> LiveLake:
    """The traded lake with all that the report reads; the evaluation knows of enough trades."""
    live.ingest()
    model = parts.models[ES]
    told = {
        "calibration_first_session": date(2020, 9, 1),
        "calibration_last_session": date(2021, 3, 31),
        "calibration_trades": 60,
        "promised_win_rate": 0.5,
        "recent_win_rate": 0.5,
        "calibration_z": 0.0,
    }
    row = pl.DataFrame([told], schema=CALIBRATION_SCHEMA)
    version = model["model_version"][0]
    evaluation = row.with_columns(symbol=pl.lit(ES), model_version=pl.lit(version))
    live.lake.write("training_set", ("symbol", ES), training_set[0], FACTS, sealed=training_set[1])
    live.lake.write("meta_model", ("symbol", ES), with_no_searches(model), FACTS)
    live.lake.write("model_evaluation", ("symbol", ES), evaluation, FACTS)
    return live


def report(live: LiveLake, limits: DriftLimits = LIMITS) -> dict[str, object]:
    here = replace(live.here("drift_report", ES), params=limits)
    made = drift_report.body(here, **load_inputs(drift_report, here))
    assert isinstance(made, Made)
    return made.table.row(0, named=True)


def lost(live: LiveLake) -> None:
    """Every trade of the journal, and what the lake took of it, earned nothing."""
    trades = live.lake.read("live_trades", None)
    live.lake.write("live_trades", None, trades.with_columns(net_profit_usd=pl.lit(-1.0)), FACTS)


def test_live_trades_are_held_to_what_was_promised_of_them(watched: LiveLake) -> None:
    trades = watched.lake.read("live_trades", None).filter(pl.col("symbol") == ES)
    decided = watched.lake.read("live_decisions", None).filter(pl.col("symbol") == ES)
    promises = dict(
        decided.filter(pl.col("action") == "enter").select("bar_end", "probability").iter_rows()
    )
    promised = [promises[moment] for moment in trades["signal_time"]]
    row = report(watched)
    assert trades.height >= LIMITS.min_trades
    assert (row["calibration_of"], row["calibration_trades"]) == ("live", trades.height)
    assert row["promised_win_rate"] == pytest.approx(sum(promised) / len(promised))
    assert row["recent_win_rate"] == pytest.approx((trades["net_profit_usd"] > 0).mean())
    lost(watched)
    row = report(watched)
    error = math.sqrt(sum(one * (1 - one) for one in promised))
    assert row["calibration_z"] == pytest.approx(-sum(promised) / error)


def test_trades_of_another_model_say_nothing_of_this_one(watched: LiveLake, parts: Parts) -> None:
    """A challenger is in the lake: what the champion traded is no promise of it."""
    challenger = replace(MetaModel.from_row(parts.models[ES]), threshold=0.25).to_row(ES)
    watched.lake.write("meta_model", ("symbol", ES), with_no_searches(challenger), FACTS)
    row = report(watched)
    assert row["calibration_of"] is None
    assert "0 of the model's recent live trades" in str(row["calibration_note"])


def test_too_few_live_trades_leave_the_word_to_the_evaluation(watched: LiveLake) -> None:
    row = report(watched, DriftLimits(min_trades=60))
    assert (row["calibration_of"], row["calibration_trades"]) == ("evaluation", 60)


def test_a_model_that_promises_barriers_is_not_held_to_money(watched: LiveLake) -> None:
    """Its label is the barrier's: a live trade may earn money though its barrier was not met."""
    table = watched.lake.read("training_set", ("symbol", ES))
    labels = table.with_columns((1 - pl.col("meta_label")).alias("meta_label"))
    watched.lake.write("training_set", ("symbol", ES), labels, FACTS)
    assert report(watched)["calibration_of"] == "evaluation"
