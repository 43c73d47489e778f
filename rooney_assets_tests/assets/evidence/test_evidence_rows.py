"""Every part of the evidence is in the rows, with its numbers, and hangs on the facts alone."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from small_evidence import (
    CHAIN,
    MONTH,
    N_SESSIONS,
    OVERRIDE,
    RELEASE,
    candidate,
    chain_in,
    gate_rows,
    known,
    looks,
    outcomes,
    paper_days,
    stress,
)

import rooney_assets.assets  # noqa: F401  (importing it fills the registries)
from rooney_assets.evidence import Part
from rooney_assets.evidence.rows import EVERY_KIND, FAN_POINTS, evidence_rows, of_part
from rooney_assets.graph.lineage import lineage_digest, lineage_of
from rooney_assets.lake import Lake
from rooney_assets.mandate import Mandate
from rooney_core.lineage import content_version
from rooney_core.portfolio.monthly import SUMMARY_SCHEMA


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def fact(rows: pl.DataFrame, part: Part, about: str, item: str) -> dict[str, object]:
    (found,) = (
        of_part(rows, part).filter((pl.col("about") == about) & (pl.col("item") == item)).to_dicts()
    )
    return found


def test_every_part_is_there_and_about_the_release(lake: Lake) -> None:
    rows = evidence_rows(known(lake))
    assert set(rows["part"]) == {str(one) for one in Part} - {"page"}
    assert rows["release_id"].unique().to_list() == [RELEASE]
    assert rows["rebalance_month"].unique().to_list() == [MONTH]


def test_another_run_and_another_day_give_the_same_rows(tmp_path: Path) -> None:
    first, second = Lake(tmp_path / "one"), Lake(tmp_path / "two")
    for symbol in ("SIM_CL", "SIM_ES"):
        chain_in(second, symbol, run_id="of another day")
    assert content_version(evidence_rows(known(first))) == content_version(
        evidence_rows(known(second))
    )


def test_gate_rows_keep_value_limit_and_reason(lake: Lake) -> None:
    found = of_part(evidence_rows(known(lake)), Part.GATE)
    judged = gate_rows()
    assert found["amount"].to_list() == judged["value"].to_list()
    assert found["bound"].to_list() == judged["limit"].to_list()
    assert found["holds"].to_list() == judged["passed"].to_list()
    assert found["words"].to_list() == judged["reason"].to_list()
    assert found["version"].to_list() == judged["model_version"].to_list()


def test_override_is_named_once_whoever_names_it(lake: Lake) -> None:
    of_release = evidence_rows(
        known(lake, gates=gate_rows().with_columns(overridden_until=pl.lit(None, pl.Date)))
    )
    of_gates = evidence_rows(known(lake, candidate=candidate(overrides=())))
    both = evidence_rows(known(lake))
    for rows in (of_release, of_gates, both):
        (one,) = of_part(rows, Part.OVERRIDE).to_dicts()
        assert (one["about"], one["item"], one["holds"]) == ("SIM_CL", "paper", False)
        assert one["words"] == f"until 2026-03-01, ada: {OVERRIDE.reason}"


def test_scenarios_are_counted_by_kind_and_in_all(lake: Lake) -> None:
    rows = evidence_rows(known(lake))
    report = stress("SIM_ES", 1)
    for kind, own in {
        EVERY_KIND: report.to_dicts(),
        "block_bootstrap": [one for one in report.to_dicts() if one["scenario"] % 2],
    }.items():
        profits = [one["net_profit_usd"] for one in own]
        shown = {
            name: fact(rows, Part.STRESS, "SIM_ES", f"{kind}: {name}")["amount"]
            for name in ("scenarios", "profitable share", "median net profit, USD")
        }
        assert shown["scenarios"] == len(own)
        assert shown["profitable share"] == pytest.approx(sum(p > 0 for p in profits) / len(own))
        assert shown["median net profit, USD"] == pytest.approx(np.median(profits))


def test_fan_is_thinned_and_keeps_both_ends(lake: Lake) -> None:
    rows = evidence_rows(known(lake))
    series = {
        name: fact(rows, Part.FAN, "SIM_CL", name)["series"]
        for name in ("session_number", "p05", "p50", "p95")
    }
    assert len(series["session_number"]) == FAN_POINTS
    assert (series["session_number"][0], series["session_number"][-1]) == (0.0, N_SESSIONS)
    ends = [250_000.0 + one.daily_pnl_usd.sum() for one in outcomes(0)]
    assert series["p50"][-1] == pytest.approx(np.quantile(ends, 0.5))
    assert series["p05"][-1] == pytest.approx(np.quantile(ends, 0.05))


def test_paper_profit_is_summed_over_symbols_and_sessions(lake: Lake) -> None:
    earned = fact(evidence_rows(known(lake)), Part.PAPER, "", "traded on paper")["series"]
    by_day: dict[object, float] = {}
    for day, profit in paper_days().select("session", "daily_pnl_usd").iter_rows():
        by_day[day] = by_day.get(day, 0.0) + profit
    assert earned == pytest.approx(np.cumsum([by_day[day] for day in sorted(by_day)]))


def test_looks_count_models_of_the_newest_window(lake: Lake) -> None:
    older = looks("SIM_ES", used=5)
    newer = looks("SIM_ES", used=3).with_columns(window=pl.lit(2, pl.Int64))
    rows = evidence_rows(known(lake, looks={"SIM_ES": pl.concat((older, newer))}))
    used = fact(rows, Part.LOOKS, "SIM_ES", "used")
    assert (used["amount"], used["bound"], used["holds"]) == (3.0, 5.0, True)
    assert "window 2" in str(used["words"])
    assert fact(rows, Part.LOOKS, "SIM_ES", "repeats")["amount"] == 2.0


def test_more_looks_than_the_budget_are_told(lake: Lake) -> None:
    rows = evidence_rows(known(lake, looks={"SIM_ES": looks("SIM_ES", used=6)}))
    assert fact(rows, Part.LOOKS, "SIM_ES", "used")["holds"] is False


def test_what_is_not_known_is_null_and_never_zero(lake: Lake) -> None:
    unknown = pl.DataFrame(
        [dict.fromkeys(SUMMARY_SCHEMA)], schema=dict(SUMMARY_SCHEMA)
    ).with_columns(annual_sharpe=pl.lit(float("nan")))
    rows = evidence_rows(known(lake, portfolio=unknown))
    for item in ("annual_sharpe", "max_drawdown"):
        assert fact(rows, Part.PORTFOLIO, "", item)["amount"] is None


def test_empty_release_has_evidence_too(lake: Lake) -> None:
    nothing = {one: {} for one in ("stress", "fans", "sequences", "evaluations", "trials", "looks")}
    empty = candidate(overrides=(), sizes={"SIM_CL": 0, "SIM_ES": 0})
    gates = gate_rows().clear()
    rows = evidence_rows(known(lake, candidate=empty, gates=gates, paper_days=None, **nothing))
    sizes = of_part(rows, Part.SYMBOL).filter(pl.col("item") == "size")
    assert sizes["amount"].to_list() == [0.0, 0.0]
    assert of_part(rows, Part.STRESS).is_empty()


def test_every_limit_of_the_mandate_is_in_it(lake: Lake) -> None:
    found = of_part(evidence_rows(known(lake)), Part.MANDATE)
    limits = {name: json.loads(value) for name, value in found.select("item", "words").iter_rows()}
    assert limits == Mandate().limits


def test_lineage_goes_down_to_the_bars(lake: Lake) -> None:
    last = chain_in(lake, "SIM_ES")
    links = lineage_of(lake, last)
    assert [one.label for one in links] == [f"{name}[SIM_ES]" for name in CHAIN]
    for link in links:
        assert link.version == lake.version(link.asset, ("symbol", "SIM_ES"))
        assert link.code_version == f"code of {link.asset}"
        assert dict(link.checks) == {"is_sound": True, "is_new": link.asset != "session_bars"}
    for before, link in pairwise(links):
        assert dict(link.inputs) == {before.label: before.version}


def test_lineage_names_a_version_that_was_replaced_since(lake: Lake) -> None:
    last = chain_in(lake, "SIM_ES")
    old = lake.version("raw_bars", ("symbol", "SIM_ES"))
    frame = pl.DataFrame({"symbol": ["SIM_ES"], "made": ["anew"]})
    facts = lake.manifest("raw_bars", ("symbol", "SIM_ES")).facts
    lake.write("raw_bars", ("symbol", "SIM_ES"), frame, facts)
    assert lineage_of(lake, last)[0].version == old


def test_lineage_says_when_a_version_is_gone(lake: Lake) -> None:
    last = chain_in(lake, "SIM_ES")
    (manifest,) = (lake.root / "raw_bars" / "symbol=SIM_ES" / "versions").glob("*.json")
    manifest.unlink()
    rows = evidence_rows(known(Lake(lake.root / "other"), lineage=lineage_of(lake, last)))
    gone = fact(rows, Part.LINEAGE, "raw_bars[SIM_ES]", "not in the lake any more")
    assert gone["amount"] is None


def test_digest_moves_with_any_link_above(lake: Lake) -> None:
    last = chain_in(lake, "SIM_ES")
    before = lineage_digest(lake, last)
    chain_in(lake, "SIM_ES", run_id="another run")
    assert lineage_digest(lake, last) == before
    frame = lake.read("raw_bars", ("symbol", "SIM_ES"))
    facts = lake.manifest("raw_bars", ("symbol", "SIM_ES")).facts
    other = facts.model_copy(update={"code_version": "other code, the same bars"})
    lake.write("raw_bars", ("symbol", "SIM_ES"), frame, other)
    assert lineage_digest(lake, last) != before
