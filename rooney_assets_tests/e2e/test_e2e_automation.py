"""The drift report of a whole chain, and what the automations would do on it now."""

import json

import pytest
from e2e_factory import Factory

from rooney_core.features import PRIOR_TRADE_FEATURES

pytestmark = pytest.mark.slow


def test_drift_report_is_of_the_models_that_were_evaluated(materialized: Factory) -> None:
    rows = materialized.sql(
        "select d.symbol, d.note, d.n_recent_trades, d.n_features, d.drifted_share, "
        "d.calibration_of, d.calibration_z = e.calibration_z as published, d.calibration_trades, "
        "d.model_version = e.model_version as same, m.features as features "
        "from drift_report d join model_evaluation e using (symbol) join meta_model m "
        "using (symbol) order by 1"
    )
    assert [one["symbol"] for one in rows] == ["SIM_ES", "SIM_NQ"]
    for one in rows:
        assert one["same"]
        one["k"] = len(set(one["features"]) - {of.name for of in PRIOR_TRADE_FEATURES})
        assert one["n_features"] == one["k"]
        # Nobody trades live here: of outcomes it knows what the evaluation published, or nothing.
        assert one["calibration_of"] in ("evaluation", None)
        if one["calibration_of"]:
            assert one["published"]
            assert one["calibration_trades"] >= 30
        if not one["note"]:
            assert one["n_recent_trades"] >= 30
            # Nothing moves in a market that is drawn from one law.
            assert one["drifted_share"] < 0.25
    features = materialized.sql(
        "select symbol, count(*) as n from drift_report_features group by 1"
    )
    told = {one["symbol"]: one["n"] for one in features}
    assert told == {one["symbol"]: one["k"] for one in rows if not one["note"]}


def test_drift_report_shows_no_single_trade(materialized: Factory) -> None:
    """The trades lie in the sealed years; summaries of them are all that is kept."""
    columns = materialized.sql("select * from drift_report limit 1")[0]
    assert not {"entry_time", "net_profit_usd", "meta_label"} & set(columns)


def test_nothing_is_asked_for_right_after_a_run(materialized: Factory) -> None:
    done = materialized.rooney("pipeline", "--dry-run", "--only", "retraining", "--json")
    assert done.returncode == 0, done.stderr
    assert "SIM_ES: no reason" in json.dumps(json.loads(done.stdout))
