"""Real runs of Dagster that fail in every way, and what of them is told."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from rooney_assets.notices.automation import build_notices
from rooney_assets.notices.records import NoticeKind
from rooney_assets.notices.rounds import Post
from rooney_assets.settings import Settings

UI = "https://factory.example"
KEYS = dg.StaticPartitionsDefinition(["ES", "NQ"])


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    folder = tmp_path / "dagster"
    folder.mkdir()
    with dg.DagsterInstance.local_temp(str(folder)) as one:
        yield one


@pytest.fixture
def office(tmp_path: Path) -> Post:
    folders = {"ROONEY_LAKE": tmp_path / "lake", "ROONEY_STATE": tmp_path / "state"}
    environ = {**{name: str(path) for name, path in folders.items()}, "ROONEY_UI": f"{UI}/"}
    return Post.of(Settings.from_environment(environ))


def asset_with(
    name: str, checks: dict[str, tuple[bool, str]], error: str | None = None
) -> dg.AssetsDefinition:
    """An asset of two partitions whose checks come out as told: (passed, severity)."""

    @dg.asset(
        name=name,
        partitions_def=KEYS,
        check_specs=[dg.AssetCheckSpec(one, asset=name) for one in checks],
    )
    def body(context: dg.AssetExecutionContext) -> Iterator[Any]:
        for one, (passed, severity) in checks.items():
            yield dg.AssetCheckResult(
                check_name=one,
                passed=passed,
                severity=dg.AssetCheckSeverity[severity],
                metadata={"partition": context.partition_key, "reason": f"{one} says so"},
            )
        if error is not None:
            raise dg.Failure(error, allow_retries=False)
        yield dg.MaterializeResult()

    return body


def run(instance: dg.DagsterInstance, *assets: dg.AssetsDefinition, key: str = "ES") -> str:
    done = dg.materialize([*assets], instance=instance, partition_key=key, raise_on_error=False)
    return done.run_id


def told(office: Post, instance: dg.DagsterInstance) -> list[tuple[str, str]]:
    return [(str(one.kind), one.subject) for one in office.round(instance).raised]


def test_a_failed_run_is_told_once_with_its_reason(
    office: Post, instance: dg.DagsterInstance
) -> None:
    broken = asset_with("thing", {}, "the vendor did not answer")
    run_id = run(instance, broken)
    done = office.round(instance)
    (notice,) = done.raised
    assert notice.kind is NoticeKind.RUN_FAILURE
    assert "thing: the vendor did not answer" in notice.words
    assert notice.link == f"{UI}/runs/{run_id}"
    assert notice.subject.endswith("[ES]")
    assert done.n_sent == 1
    assert office.round(instance).raised == ()
    run(instance, broken)
    again = office.round(instance)
    assert (again.raised, again.counted) == ((), 1)
    assert told(office, instance) == []
    run(instance, broken, key="NQ")
    assert [one.subject[-4:] for one in office.round(instance).raised] == ["[NQ]"]


def test_success_ends_it_and_the_next_failure_is_new(
    office: Post, instance: dg.DagsterInstance
) -> None:
    run(instance, asset_with("thing", {}, "no"))
    assert len(told(office, instance)) == 1
    run(instance, asset_with("thing", {}))
    assert office.round(instance).over == 1
    assert office.book.kept(only_open=True) == []
    run(instance, asset_with("thing", {}, "no"))
    assert len(told(office, instance)) == 1


def test_what_is_over_when_it_is_seen_is_not_told(
    office: Post, instance: dg.DagsterInstance
) -> None:
    run(instance, asset_with("thing", {"is_right": (False, "ERROR")}, "not written"))
    run(instance, asset_with("thing", {}, "no"), key="NQ")
    run(instance, asset_with("thing", {"is_right": (True, "ERROR")}))
    assert [one.subject[-4:] for one in office.round(instance).raised] == ["[NQ]"]


def test_only_errors_are_alarms_and_a_check_that_passes_is_over(
    office: Post, instance: dg.DagsterInstance
) -> None:
    checks = {"worth_a_look": (False, "WARN"), "is_right": (False, "ERROR"), "fine": (True, "WARN")}
    run(instance, asset_with("thing", checks))
    done = office.round(instance)
    (notice,) = done.raised
    assert notice.key == "CHECK_FAILED:thing[ES]: is_right"
    assert "is_right says so" in notice.words
    assert notice.link == f"{UI}/assets/thing?view=checks"
    run(instance, asset_with("thing", {"is_right": (True, "ERROR")}))
    assert office.round(instance).over == 1


def test_a_run_that_its_own_check_stopped_is_one_notice(
    office: Post, instance: dg.DagsterInstance
) -> None:
    run(instance, asset_with("thing", {"is_right": (False, "ERROR")}, "not written"))
    assert told(office, instance) == [("CHECK_FAILED", "thing[ES]: is_right")]


def test_drift_is_told_even_where_it_only_warns(office: Post, instance: dg.DagsterInstance) -> None:
    run(instance, asset_with("drift_report", {"features_are_as_trained": (False, "WARN")}))
    assert told(office, instance) == [("DRIFT", "drift_report[ES]: features_are_as_trained")]


def test_a_refused_promotion_is_one_notice_with_its_conditions(
    office: Post, instance: dg.DagsterInstance
) -> None:
    checks = {"gates_green": (False, "ERROR"), "approved": (False, "ERROR")}
    run(instance, asset_with("production_config", checks, "not written"))
    (notice,) = office.round(instance).raised
    assert notice.kind is NoticeKind.PROMOTION_REFUSED
    assert notice.subject == "release candidate (gates_green, approved)"
    assert "gates_green: gates_green says so" in notice.words
    run(instance, asset_with("production_config", dict.fromkeys(checks, (True, "ERROR"))))
    assert office.round(instance).over == 1


def test_a_training_that_a_sensor_asked_for_is_news_with_its_reason(
    office: Post, instance: dg.DagsterInstance
) -> None:
    tags = {"rooney/automation": "retraining", "rooney/reason": "live_win_rate: 40 % won"}

    def train(symbol: str, error: str | None) -> None:
        dg.materialize(
            [asset_with("thing", {}, error)],
            instance=instance,
            partition_key=symbol,
            tags=tags,
            raise_on_error=False,
        )

    train("ES", None)
    (notice,) = office.round(instance).raised
    assert notice.key == "RETRAINING:ES"
    assert notice.words.startswith("live_win_rate: 40 % won\nIt ended")
    # Nobody has to do anything: it is not among what is open.
    assert office.book.kept(only_open=True) == []
    assert [one.notice.kind for one in office.book.kept()] == [NoticeKind.RETRAINING]
    train("NQ", "no memory")
    failed = {str(one.kind): one for one in office.round(instance).raised}
    assert set(failed) == {"RETRAINING", "RUN_FAILURE"}
    assert "the model that was there stays" in failed["RETRAINING"].words
    run(instance, asset_with("thing", {}))
    assert told(office, instance) == []


def test_another_release_is_news_with_what_left(office: Post, instance: dg.DagsterInstance) -> None:
    from rooney_assets.lake import ManifestFacts, promotions

    def release(name: str, **sizes: int) -> None:
        rows = {
            "release_id": [name] * 2,
            "rebalance_month": "2026-01",
            "mandate_version": "m",
            "symbol": ["ES", "GC"],
            "size": [sizes.get("ES", 0), sizes.get("GC", 0)],
            "model_version": "v",
            "reason": ["ES: the verdict failed", "chosen"],
            "approved_until": datetime.now(UTC).date() + timedelta(days=90),
        }
        facts = ManifestFacts(run_id="r", code_version="c", git_commit="g")
        office.lake.write("production_config", None, pl.DataFrame(rows), facts)

    def promoted(run_id: str, name: str, before: str | None) -> None:
        promotions.append(
            office.lake,
            promotions.Event.PROMOTED,
            who=promotions.signature(run_id),
            reason="x",
            release_id=name,
            earlier_release_id=before,
            mandate_version="m",
        )

    release("first", ES=1, GC=2)
    promoted(run(instance, asset_with("thing", {})), "first", None)
    (notice,) = office.round(instance).raised
    assert notice.key == "RELEASED:release first"
    assert "is traded from now on: 1 ES, 2 GC;" in notice.words
    release("second", GC=2)
    promoted(run(instance, asset_with("thing", {})), "second", "first")
    (notice,) = office.round(instance).raised
    lines = notice.words.splitlines()
    assert lines[0].startswith("Release second of 2026-01 is traded from now on: 2 GC; approved")
    assert lines[1:] == [
        "Before it: release first: 1 ES, 2 GC.",
        "ES is not traded any more: ES: the verdict failed.",
    ]
    assert notice.link == f"{UI}/assets/production_config"
    run(instance, asset_with("thing", {}))
    assert told(office, instance) == []


def test_a_stop_is_told_while_it_lasts(office: Post, instance: dg.DagsterInstance) -> None:
    stop = office.lake.root / "EMERGENCY_STOP"
    stop.parent.mkdir(parents=True)
    stop.write_text("the feed is wrong")
    assert told(office, instance) == [("EMERGENCY_STOP", "the factory")]
    assert told(office, instance) == []
    # What a stop refuses is no second alarm.
    checks = {"no_emergency_stop": (False, "ERROR")}
    run(instance, asset_with("production_config", checks, "not written"))
    assert told(office, instance) == []
    stop.unlink()
    assert office.round(instance).over == 1


@pytest.mark.parametrize(("days", "kind"), [(-1, "EXPIRED"), (0, "EXPIRES"), (7, "EXPIRES")])
def test_an_approval_that_ends(
    office: Post, instance: dg.DagsterInstance, days: int, kind: str
) -> None:
    from rooney_assets.lake import ManifestFacts

    until = datetime.now(UTC).date() + timedelta(days=days)
    release = pl.DataFrame(
        {
            "release_id": ["abc"],
            "mandate_version": ["m"],
            "symbol": ["ES"],
            "size": [1],
            "model_version": ["v"],
            "approved_until": [until],
        }
    )
    facts = ManifestFacts(run_id="r", code_version="c", git_commit="g")
    office.lake.write("production_config", None, release, facts)
    assert told(office, instance) == [(f"APPROVAL_{kind}", "release abc")]
    later = release.with_columns(pl.col("approved_until") + timedelta(days=30))
    office.lake.write("production_config", None, later, facts)
    assert told(office, instance) == []
    assert office.book.kept(only_open=True) == []


def test_an_approval_of_the_simulated_market_is_held_to_its_own_time(
    office: Post, instance: dg.DagsterInstance
) -> None:
    from rooney_assets.lake import ManifestFacts

    facts = ManifestFacts(run_id="r", code_version="c", git_commit="g")
    release = pl.DataFrame(
        {
            "release_id": ["abc"],
            "mandate_version": ["m"],
            "symbol": ["SIM_ES"],
            "size": [1],
            "model_version": ["v"],
            "data_through": [date(2021, 6, 30)],
            "approved_until": [date(2021, 10, 8)],
            "is_simulated": [True],
        }
    )
    office.lake.write("production_config", None, release, facts)
    assert told(office, instance) == []
    for last, expected in (
        (date(2021, 9, 30), []),
        (date(2021, 10, 1), [("APPROVAL_EXPIRES", "release abc")]),
        (date(2021, 10, 11), [("APPROVAL_EXPIRED", "release abc")]),
    ):
        bars = pl.DataFrame({"symbol": ["SIM_ES"], "session": [last]})
        office.lake.write("session_bars", ("symbol", "SIM_ES"), bars, facts)
        assert told(office, instance) == expected


def test_a_stale_asset_by_its_freshness(office: Post, instance: dg.DagsterInstance) -> None:
    from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

    run(instance, asset_with("thing", {}))
    told(office, instance)

    def state(before: FreshnessState, now: FreshnessState) -> None:
        instance._report_runless_asset_event(
            FreshnessStateChange(
                key=dg.AssetKey("thing"),
                previous_state=before,
                new_state=now,
                state_change_timestamp=datetime.now(UTC).timestamp(),
            )
        )

    state(FreshnessState.PASS, FreshnessState.FAIL)
    assert told(office, instance) == [("STALE_ASSET", "thing")]
    state(FreshnessState.FAIL, FreshnessState.PASS)
    assert office.round(instance).over == 1


def test_the_sensor_and_the_digest_as_dagster_runs_them(
    office: Post, instance: dg.DagsterInstance
) -> None:
    run(instance, asset_with("thing", {}, "no"))
    sensor, job, schedule = build_notices(office.settings)
    with dg.build_sensor_context(instance=instance) as context:
        ticked = sensor.evaluate_tick(context)
    assert ticked.run_requests == []
    assert "1 raised" in str(ticked.skip_message)
    assert schedule.job_name == job.name
    assert job.execute_in_process(instance=instance).success
    lines = [json.loads(one) for one in office.channels.log.read_text().splitlines()]
    assert [one["kind"] for one in lines] == ["RUN_FAILURE", "DIGEST"]
    assert "1 failure" in lines[1]["words"]
    assert "notices in 24 hours: 1; open: 1" in lines[1]["words"]


def test_a_wrong_page_of_addresses_silences_the_log_of_nothing(
    office: Post, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    page = tmp_path / "addresses"
    page.write_text("json://host/very-secret", encoding="utf-8")
    page.chmod(0o644)
    run(instance, asset_with("thing", {}, "no"))
    sensor, job, _ = build_notices(replace(office.settings, notify=page))
    with dg.build_sensor_context(instance=instance) as context:
        ticked = sensor.evaluate_tick(context)
    assert str(ticked.skip_message).startswith(f"the log alone was told: {page} may be read by")
    digest = job.execute_in_process(instance=instance, raise_on_error=False)
    assert not digest.success, "whoever looks at the runs sees it, too"
    lines = [json.loads(one) for one in office.channels.log.read_text().splitlines()]
    assert [one["kind"] for one in lines] == ["RUN_FAILURE", "DIGEST"]


def test_the_digest_tells_whose_bars_stay_behind(
    office: Post, instance: dg.DagsterInstance
) -> None:
    """Freshness is of an asset as a whole: one symbol that gets no more bars would not show."""
    from rooney_assets.lake import ManifestFacts
    from rooney_assets.notices.digest import digest_of

    facts = ManifestFacts(run_id="r", code_version="c", git_commit="g")
    for symbol, day in (("ES", 20), ("NQ", 15), ("GC", 14)):
        bars = pl.DataFrame({"symbol": [symbol], "session": [date(2026, 11, day)]})
        office.lake.write("session_bars", ("symbol", symbol), bars, facts)
    words = digest_of(instance, office.lake, office.book, UI).words
    behind = [one for one in words.splitlines() if one.startswith("bars of ")]
    assert behind == ["bars of GC end on 2026-11-14, others on 2026-11-20"]


def test_the_digest_tells_of_live_results(office: Post, instance: dg.DagsterInstance) -> None:
    from rooney_assets.lake import ManifestFacts
    from rooney_assets.notices.digest import digest_of
    from rooney_core.feedback.parity import DAYS_SCHEMA
    from rooney_core.feedback.performance import PERFORMANCE_SCHEMA

    facts, symbol = ManifestFacts(run_id="r", code_version="c", git_commit="g"), ("symbol", "ES")
    row = {"symbol": "ES", "n_trades": 4, "net_profit_usd": 5420.0, "live_status": "too_few"}
    office.lake.write("live_performance", symbol, pl.DataFrame([row], PERFORMANCE_SCHEMA), facts)
    day = {"symbol": "ES", "n_unexplained": 2}
    office.lake.write("parity_report", symbol, pl.DataFrame([day], DAYS_SCHEMA), facts)
    words = digest_of(instance, office.lake, office.book, UI).words
    assert "live ES: n_trades 4, net_profit_usd 5,420.00, live_status too_few" in words
    assert "parity ES: 2 differences to the replay are unexplained" in words
