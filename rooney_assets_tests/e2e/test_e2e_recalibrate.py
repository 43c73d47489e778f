"""A release, its evidence and its recalibration, through the real commands on a whole lake."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from e2e_factory import Factory

from rooney_assets.evidence import page_in
from rooney_assets.lake import Lake
from rooney_core.lineage import content_version

pytestmark = pytest.mark.slow

BARS = 3


@pytest.fixture
def copied(materialized: Factory, make_factory: Callable[..., Factory]) -> Factory:
    """The materialized factory, in a folder of its own that may be changed."""
    factory = make_factory()
    shutil.copytree(materialized.lake, factory.lake)
    shutil.copytree(materialized.folder / "state", factory.folder / "state")
    return factory


def unreleased(factory: Factory) -> None:
    """Let it be as before its first release."""
    for name in ("production_model", "production_config", "promotion_log"):
        shutil.rmtree(factory.lake / name)


def test_release_names_its_evidence_by_the_hash_of_its_content(materialized: Factory) -> None:
    (named,) = materialized.sql("select distinct evidence_version as v from production_config")
    month = materialized.sql("select distinct rebalance_month as m from production_config")[0]["m"]
    table = Lake(materialized.lake).read("release_evidence", ("rebalance_month", month))
    assert content_version(table) == named["v"]
    html = materialized.sql("select html from release_evidence_page")[0]["html"]
    assert hashlib.sha256(html.encode()).hexdigest() == page_in(table)


def test_evidence_holds_what_the_gates_and_the_ledger_say(materialized: Factory) -> None:
    gates = materialized.sql("select symbol, gate, code, value, passed from gate_report")
    shown = materialized.sql(
        "select about, item, amount, holds from release_evidence where part = 'gate'"
    )
    assert [(one["symbol"], f"{one['gate']}: {one['code']}", one["passed"]) for one in gates] == [
        (one["about"], one["item"], one["holds"]) for one in shown
    ]
    scored = materialized.sql(
        "select symbol, search, count(*) as n from trial_ledger group by all order by all"
    )
    counted = materialized.sql(
        "select about, item, amount from release_evidence where part = 'trials' order by all"
    )
    assert [tuple(one.values()) for one in scored] == [tuple(one.values()) for one in counted]
    models = materialized.sql(
        "select symbol, count(distinct (model_version, code_version)) as n from holdout_looks "
        "group by 1 order by 1"
    )
    used = materialized.sql(
        "select about, amount from release_evidence where part = 'looks' and item = 'used' "
        "order by 1"
    )
    assert [tuple(one.values()) for one in models] == [tuple(one.values()) for one in used]


def test_lineage_names_the_bars_that_the_lake_holds(materialized: Factory) -> None:
    lake = Lake(materialized.lake)
    rows = materialized.sql("select about, version from release_evidence where part = 'lineage'")
    found = {one["about"]: one["version"] for one in rows}
    bars = {f"raw_bars[{key}]": key for key in lake.partitions("raw_bars")}
    assert len(bars) == BARS
    assert {name: found[name] for name in bars} == {
        name: lake.version("raw_bars", ("symbol", key)) for name, key in bars.items()
    }
    assert {"mandate", "gate_report[2026-01]", "release_candidate[2026-01]"} <= found.keys()


def test_evidence_is_shown_and_written(materialized: Factory, tmp_path: Path) -> None:
    page = tmp_path / "evidence.html"
    (release,) = materialized.sql("select distinct release_id as id from production_config")
    shown = materialized.rooney("evidence")
    assert shown.returncode == 0, shown.stderr
    assert f"Evidence for release {release['id']}" in shown.stdout
    assert "(in production)" in shown.stdout
    written = materialized.rooney("evidence", release["id"][:8], "--html", str(page))
    assert written.returncode == 0, written.stderr
    html = materialized.sql("select html from release_evidence_page")[0]["html"]
    assert page.read_bytes() == html.encode()
    facts = json.loads(materialized.rooney("evidence", "--json").stdout)
    assert {one["release_id"] for one in facts} == {release["id"]}


def test_unknown_release_has_no_evidence(materialized: Factory) -> None:
    done = materialized.rooney("evidence", "nothing")
    assert done.returncode == 2
    assert "release with evidence" in done.stderr


def test_made_anew_by_another_run_it_is_the_same_evidence(copied: Factory) -> None:
    before = copied.sql("select version, words from release_evidence where part = 'page'")
    shutil.rmtree(copied.lake / "release_evidence")
    done = copied.rooney("materialize", "--to", "release_evidence")
    assert done.returncode == 0, done.stdout + done.stderr
    assert copied.sql("select version, words from release_evidence where part = 'page'") == before


def test_recalibration_without_news_changes_nothing_and_says_so(copied: Factory) -> None:
    dry = json.loads(copied.rooney("recalibrate", "--dry-run", "--json").stdout)
    assert dry["would_make"] == []
    assert all(one["holds"] for one in dry["conditions"])
    assert "recalibration_report" not in Lake(copied.lake).assets()
    done = copied.rooney("recalibrate")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No table changed." in done.stdout
    (row,) = copied.sql("select * from recalibration_report")
    assert (row["outcome"], row["n_made"], row["n_failed"]) == ("kept", 0, 0)
    assert row["release_before"] == row["release_after"] == row["candidate_id"]
    assert row["asked_by"] == "rooney recalibrate"


def test_halted_recalibration_reports_and_the_next_one_promotes(copied: Factory) -> None:
    unreleased(copied)
    stop = copied.lake / "EMERGENCY_STOP"
    stop.write_text("vendor outage", encoding="utf-8")
    halted = copied.rooney("recalibrate", "--json")
    assert halted.returncode == 0, halted.stdout + halted.stderr
    report = json.loads(halted.stdout)
    assert (report["outcome"], report["release_after"]) == ("not_promoted", None)
    assert "vendor outage" in report["reason"]
    assert report["failures"] == []
    refused = [one["condition"] for one in report["conditions"] if not one["holds"]]
    assert refused == ["no_emergency_stop"]
    stop.unlink()
    done = copied.rooney("recalibrate")
    assert done.returncode == 0, done.stdout + done.stderr
    reports = copied.sql("select * from recalibration_report order by began_at")
    assert [one["outcome"] for one in reports] == ["not_promoted", "promoted"]
    assert reports[1]["release_after"] == report["candidate_id"]
    assert f"PROMOTED {report['candidate_id']}" in done.stdout
    changed = copied.sql(
        "select asset, version_after as v from recalibration_report_changes "
        f"where recalibration = '{reports[1]['recalibration']}' order by 1"
    )
    assert [one["asset"] for one in changed] == ["production_config", "production_model"]
    assert changed[0]["v"] == Lake(copied.lake).version("production_config", None)


def test_mandate_may_leave_the_last_word_to_a_person(copied: Factory) -> None:
    unreleased(copied)
    mandate = copied.folder / "mandate.yaml"
    mandate.write_text("promotion: {auto: false}\n", encoding="utf-8")
    done = copied.rooney("recalibrate", "--json", ROONEY_MANDATE=str(mandate))
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert (report["outcome"], report["is_auto"]) == ("not_promoted", False)
    assert "promotion.auto is off" in report["reason"]
    assert Lake(copied.lake).version("production_config", None) is None
    assert pl.DataFrame(report["changes"])["asset"].to_list()[0] == "mandate"
