"""What a promotion is judged by, found in a lake that was made by hand, one thing at a time."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import rooney_assets.assets  # noqa: F401  (importing it fills the registries)
from rooney_assets.graph.declaration import ASSETS
from rooney_assets.lake import Lake, ManifestFacts, promotions
from rooney_assets.lake.promotions import Event
from rooney_assets.mandate import Mandate
from rooney_assets.promotion import DAYS, asking, decision, facts_of
from rooney_assets.releasing import approve, needs_a_person
from rooney_core.errors import LakeError, MissingArtifact
from rooney_core.gates.promotion import ConditionCode, Decision
from rooney_core.lineage import table_from_bytes, table_to_bytes

MONTH = ("rebalance_month", "2026-01")
PAGE = Mandate()
SESSIONS = [date(2021, 1, 4) + timedelta(days=index) for index in range(400)]
NOISE = np.random.default_rng(5).normal(10.0, 1000.0, 400)


def facts(params: Any = None, **inputs: str) -> ManifestFacts:
    config = {} if params is None else {"params": params.model_dump(mode="json")}
    return ManifestFacts(run_id="r", code_version="c", git_commit="g", inputs=inputs, config=config)


def release(release_id: str, size: int, page: Mandate = PAGE, model: str = "m1") -> pl.DataFrame:
    """What the conditions read of production_config rows."""
    row = {
        "release_id": release_id,
        "rebalance_month": MONTH[1],
        "symbol": "SIM_ES",
        "size": size,
        "model_version": model if size else None,
        "mandate_version": page.version,
        "data_through": SESSIONS[-1],
        "overrides": "[]",
    }
    return pl.DataFrame([row], schema_overrides={"model_version": pl.String})


def curve(pnl: Any, model: str = "m1") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "symbol": "SIM_ES",
            "session": SESSIONS,
            "daily_pnl_usd": pnl,
            "window": "test",
            "model_version": model,
        }
    )


def judged(lake: Lake, page: Mandate = PAGE, release_id: str = "new", size: int = 2) -> None:
    """A candidate with green gates, judged under this mandate, as the graph would leave them."""
    written = lake.write("mandate", None, page.to_frame(), facts())
    assert written.data_version == page.version
    candidate = lake.write("release_candidate", MONTH, release(release_id, size, page), facts())
    rows = [
        {
            "rebalance_month": MONTH[1],
            "symbol": "SIM_ES",
            "gate": gate,
            "passed": True,
            "reason": "fine",
            "model_version": "m1",
            "candidate_id": release_id,
            "mandate_version": page.version,
        }
        for gate in ("backtest", "stress", "paper", "selection")
    ]
    month = pl.DataFrame({"rebalance_month": [MONTH[1]]})
    symbol = pl.DataFrame({"symbol": ["SIM_ES"]})
    read = {"mandate": page.version, "release_candidate[2026-01]": candidate.data_version}
    report = lake.write("gate_report", MONTH, pl.DataFrame(rows), facts(**read))
    read["gate_report[2026-01]"] = report.data_version
    lake.write("release_evidence", MONTH, month, facts(**read))
    for name in ("portfolio_config", "paper_report"):
        lake.write(name, MONTH, month, facts(page.params_of(ASSETS[name].params)))
    for name in ("model_evaluation", "stress_report"):
        params = page.params_of(ASSETS[name].params)
        lake.write(name, ("symbol", "SIM_ES"), symbol, facts(params))
    lake.write("equity_curve", ("symbol", "SIM_ES"), curve(NOISE), facts())


def released(lake: Lake, table: pl.DataFrame, pnl: Any = NOISE) -> None:
    """Put a release in production, with the days of what it trades beside it."""
    kept = curve(pnl).select("symbol", "session", "daily_pnl_usd")
    lake.write("production_config", None, table, facts(), beside={DAYS: kept})


def decided(lake: Lake, page: Mandate = PAGE) -> Decision:
    return decision(lake, asking(lake, page))


def failures(lake: Lake, page: Mandate = PAGE) -> dict[str, str]:
    return {str(one.code): one.reason for one in decided(lake, page).conditions if not one.passed}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path)
    judged(lake)
    return lake


def test_a_first_release_with_green_gates_is_promoted(lake: Lake) -> None:
    assert not failures(lake)
    assert facts_of(lake, asking(lake, PAGE)).champion is None


def test_an_empty_lake_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(MissingArtifact, match="release_evidence"):
        asking(Lake(tmp_path), PAGE)


def test_the_same_days_at_another_size_are_no_worse(lake: Lake) -> None:
    released(lake, release("old", 1))
    assert not failures(lake)


def test_a_challenger_that_earns_less_stays_out(lake: Lake) -> None:
    released(lake, release("old", 1, model="m0"), NOISE + 200.0)
    assert set(failures(lake)) == {"challenger_not_worse"}
    released(lake, release("old", 1, model="m0"), NOISE - 200.0)
    assert not failures(lake)


def test_what_the_gates_refuse_now_is_no_champion_however_good_it_was(lake: Lake) -> None:
    """Two were traded. One fails its gates today: the release without it is no worse than the
    other one alone, though on their old days the two together were far better."""
    both = pl.concat([release("old", 2), release("old", 2).with_columns(symbol=pl.lit("SIM_GC"))])
    days = curve(NOISE).select("symbol", "session", "daily_pnl_usd")
    # Its gains are where the other one loses: without it the Sharpe is a fraction.
    better = days.with_columns(symbol=pl.lit("SIM_GC"), daily_pnl_usd=300.0 - pl.col.daily_pnl_usd)
    kept = pl.concat([days, better])
    lake.write("production_config", None, both, facts(), beside={DAYS: kept})
    assert set(failures(lake)) == {"challenger_not_worse"}
    for gate in ("paper", "selection"):
        refused_by(lake, "SIM_GC", gate)
        assert set(failures(lake)) == {"challenger_not_worse"}
    refused_by(lake, "SIM_GC", "backtest")
    assert not failures(lake)
    told = decided(lake).of(ConditionCode.CHALLENGER_NOT_WORSE).reason
    assert told.endswith("; without SIM_GC, which the gates refuse now")


def test_where_the_gates_refuse_all_that_is_traded_nothing_is_compared(lake: Lake) -> None:
    other = release("old", 1, model="m0").with_columns(symbol=pl.lit("SIM_GC"))
    days = curve(NOISE + 500.0).select(pl.lit("SIM_GC").alias("symbol"), "session", "daily_pnl_usd")
    lake.write("production_config", None, other, facts(), beside={DAYS: days})
    assert set(failures(lake)) == {"challenger_not_worse"}
    refused_by(lake, "SIM_GC", "stress")
    assert not failures(lake)


def refused_by(lake: Lake, symbol: str, gate: str) -> None:
    """Let the month's report say so of a symbol that is not in the candidate."""
    report = lake.read("gate_report", MONTH)
    row = report.head(1).with_columns(
        symbol=pl.lit(symbol), gate=pl.lit(gate), passed=pl.lit(False), reason=pl.lit("dead")
    )
    before = lake.manifest("gate_report", MONTH)
    written = lake.write("gate_report", MONTH, pl.concat([report, row]), before.facts)
    evidence = lake.manifest("release_evidence", MONTH)
    inputs = {**evidence.inputs, "gate_report[2026-01]": written.data_version}
    lake.write("release_evidence", MONTH, lake.read("release_evidence", MONTH), facts(**inputs))


def test_a_champion_without_its_days_is_not_replaced_unseen(lake: Lake) -> None:
    lake.write("production_config", None, release("old", 1, model="m0"), facts())
    assert "kept no days" in failures(lake)["challenger_not_worse"]


def test_curves_of_other_models_speak_for_nobody(lake: Lake) -> None:
    released(lake, release("old", 1, model="m0"))
    lake.write("equity_curve", ("symbol", "SIM_ES"), curve(NOISE, "m7"), facts())
    assert "of other models" in failures(lake)["challenger_not_worse"]


def test_a_size_that_grows_too_fast_waits(lake: Lake) -> None:
    judged(lake, size=9)
    released(lake, release("old", 1))
    assert set(failures(lake)) == {"turnover_kept"}


@pytest.mark.parametrize(
    ("live", "words"),
    [
        ({"max_symbol_contracts": 1}, "SIM_ES: 2 contracts, live.max_symbol_contracts is 1"),
        ({"max_order_contracts": 1}, "SIM_ES: 2 contracts, live.max_order_contracts is 1"),
        ({"max_order_contracts": 2, "max_symbol_contracts": 2}, None),
    ],
)
def test_a_size_that_the_trader_would_refuse_is_not_released(
    tmp_path: Path, live: dict[str, int], words: str | None
) -> None:
    lake, page = Lake(tmp_path), PAGE.parse({"live": live}, "the test")
    judged(lake, page)
    assert failures(lake, page) == ({} if words is None else {"live_limits_kept": words})


@pytest.mark.parametrize("name", ["model_evaluation", "stress_report"])
def test_what_was_judged_under_other_limits_counts_for_nothing(lake: Lake, name: str) -> None:
    looser = PAGE.quick().model_copy(
        update={"verdict": PAGE.verdict.model_copy(update={"min_test_sharpe": 0.1})}
    )
    params = looser.params_of(ASSETS[name].params)
    table = pl.DataFrame({"symbol": ["SIM_ES"]})
    lake.write(name, ("symbol", "SIM_ES"), table, facts(params))
    assert f"{name}[SIM_ES] was made under other limits" in failures(lake)["same_versions"]


def test_a_candidate_that_is_newer_than_its_gates_waits(lake: Lake) -> None:
    lake.write("release_candidate", MONTH, release("newer", 2), facts())
    told = failures(lake)["same_versions"]
    assert "gates judged new, the candidate is newer" in told
    assert "gate_report[2026-01] is of another release_candidate[2026-01]" in told


def test_a_mandate_that_changed_since_waits_for_the_gates(lake: Lake) -> None:
    stricter = PAGE.model_copy(
        update={"promotion": PAGE.promotion.model_copy(update={"approval_days": 30})}
    )
    assert f"in force is {stricter.version}" in failures(lake, stricter)["same_versions"]


def test_a_loosened_mandate_waits_for_a_person_once_something_is_released(lake: Lake) -> None:
    looser = PAGE.model_copy(
        update={"promotion": PAGE.promotion.model_copy(update={"approval_days": 200})}
    )
    judged(lake, looser)
    assert not failures(lake, looser)
    # What passed nobody under the stricter limits shall not be talked round by looser ones.
    released(lake, release("empty", 0))
    assert set(failures(lake, looser)) == {"approved"}
    released(lake, release("old", 1))
    told = failures(lake, looser)
    assert set(told) == {"approved"}
    assert "promotion.approval_days 100 -> 200" in told["approved"]
    assert needs_a_person(decided(lake, looser))
    approve(lake, "new", looser.version, "seen")
    assert not failures(lake, looser)
    # Loosened once more, the approval has lapsed.
    more = looser.model_copy(
        update={"promotion": looser.promotion.model_copy(update={"approval_days": 300})}
    )
    judged(lake, more)
    assert "lapsed" in failures(lake, more)["approved"]
    # Stricter than when it was approved, it holds.
    judged(lake, PAGE)
    assert not failures(lake)


def test_what_was_rolled_back_from_waits_even_with_newer_bars(lake: Lake) -> None:
    released(lake, release("new", 2))
    released(lake, release("old", 1, model="m0"))
    promotions.append(
        lake,
        Event.ROLLED_BACK,
        who="ann",
        reason="fills",
        release_id="old",
        earlier_release_id="new",
    )
    assert "ann rolled back" in failures(lake)["not_withdrawn"]
    judged(lake, release_id="newer")
    assert set(failures(lake)) == {"not_withdrawn"}
    approve(lake, "newer", PAGE.version, "fills were fine")
    assert not failures(lake)
    # Promoted on that word, it may be followed by the same with newer bars.
    released(lake, release("newer", 2))
    promotions.append(
        lake,
        Event.PROMOTED,
        who="a run",
        reason="x",
        release_id="newer",
        earlier_release_id="old",
    )
    judged(lake, release_id="newest")
    assert not failures(lake)


def test_the_very_release_that_was_left_waits_though_the_other_trades_the_same(lake: Lake) -> None:
    released(lake, release("new", 2))
    released(lake, release("old", 2))
    promotions.append(
        lake,
        Event.ROLLED_BACK,
        who="ann",
        reason="x",
        release_id="old",
        earlier_release_id="new",
    )
    assert set(failures(lake)) == {"not_withdrawn"}
    judged(lake, release_id="newer")
    assert not failures(lake)


def test_a_rollback_and_back_again_leaves_nothing_withdrawn(lake: Lake) -> None:
    released(lake, release("new", 2))
    for now, before in (("old", "new"), ("new", "old")):
        promotions.append(
            lake,
            Event.ROLLED_BACK,
            who="ann",
            reason="x",
            release_id=now,
            earlier_release_id=before,
        )
    judged(lake, release_id="newer")
    assert decided(lake).of(ConditionCode.NOT_WITHDRAWN).passed


@pytest.mark.parametrize("name", ["release_candidate", "gate_report"])
def test_rows_that_are_not_those_of_their_version_are_refused(lake: Lake, name: str) -> None:
    """A row turned by hand, under the version and with the checksum of a whole file."""
    path = lake.root / name / "rebalance_month=2026-01" / "current.parquet"
    table, stamp = table_from_bytes(path.read_bytes(), name)
    path.unlink()
    path.write_bytes(table_to_bytes(table.with_columns(symbol=pl.lit("SIM_NQ")), stamp))
    with pytest.raises(LakeError, match="promises content"):
        asking(lake, PAGE)


def test_an_override_counts_until_its_last_day(lake: Lake) -> None:
    report = lake.read("gate_report", MONTH).with_columns(
        passed=pl.col("gate") != "paper",
    )
    written = lake.write("gate_report", MONTH, report, lake.manifest("gate_report", MONTH).facts)
    evidence = lake.manifest("release_evidence", MONTH)
    inputs = {**evidence.inputs, "gate_report[2026-01]": written.data_version}
    lake.write("release_evidence", MONTH, lake.read("release_evidence", MONTH), facts(**inputs))
    assert set(failures(lake)) == {"gates_green"}
    for until, passes in ((date(2021, 1, 1), False), (date(2999, 1, 1), True)):
        promotions.append(
            lake,
            Event.OVERRIDDEN,
            who="bob",
            reason="feed",
            symbol="SIM_ES",
            gate="paper",
            until=until,
        )
        assert decided(lake).of(ConditionCode.GATES_GREEN).passed == passes
