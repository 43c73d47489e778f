"""A promotion by the real commands: dry, stopped, under another mandate, and back again."""

import json
import shutil
from subprocess import CompletedProcess
from typing import Any, NamedTuple

import dagster as dg
import pytest
from e2e_factory import ROOT, Factory

from rooney_assets.lake import Lake

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def factory(materialized: Factory, tmp_path_factory: pytest.TempPathFactory) -> Factory:
    """A copy of the materialized factory, to be changed."""
    folder = tmp_path_factory.mktemp("promotion") / "factory"
    shutil.copytree(materialized.folder, folder)
    return Factory(folder)


def facts_of(factory: Factory, *arguments: str, **more: str) -> Any:
    done = factory.rooney(*arguments, "--json", **more)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def release(factory: Factory) -> dict[str, Any]:
    return Lake(factory.lake).read("production_config", None).row(0, named=True)


@pytest.fixture(scope="module")
def stricter(factory: Factory) -> str:
    """A mandate under which approvals end sooner."""
    path = factory.folder / "mandate.yaml"
    path.write_text("promotion: {approval_days: 30}\n", encoding="utf-8")
    return str(path)


class Stopped(NamedTuple):
    """What a materialization and a promotion came to while the stop file was there."""

    before: dict[str, Any]
    made: CompletedProcess[str]
    promoted: CompletedProcess[str]
    after: dict[str, Any]


class Changed(NamedTuple):
    """What a promotion under another mandate came to, and one under the first."""

    before: dict[str, Any]
    other: CompletedProcess[str]
    promoted: CompletedProcess[str]
    after: dict[str, Any]
    releases: list[dict[str, Any]]


@pytest.fixture(scope="module")
def stopped(factory: Factory, stricter: str) -> Stopped:
    """The stricter mandate's gates have judged, and a stop file kept their release back."""
    before, stop = release(factory), factory.lake / "EMERGENCY_STOP"
    stop.write_text("the exchange is down", encoding="utf-8")
    made = factory.rooney("materialize", ROONEY_MANDATE=stricter)
    told = Stopped(
        before, made, factory.rooney("promote", ROONEY_MANDATE=stricter), release(factory)
    )
    stop.unlink()
    return told


@pytest.fixture(scope="module")
def changed(factory: Factory, stricter: str, stopped: Stopped) -> Changed:
    """The stricter mandate's release is promoted."""
    before = release(factory)
    other = factory.rooney("promote", "--dry-run")
    done = factory.rooney("promote", ROONEY_MANDATE=stricter)
    return Changed(before, other, done, release(factory), facts_of(factory, "releases"))


def test_a_dry_run_says_every_condition_and_changes_nothing(factory: Factory) -> None:
    told = facts_of(factory, "promote", "--dry-run")
    assert told["release_id"] == release(factory)["release_id"]
    assert told["would_promote"] is True
    traded = factory.sql("select symbol, size from production_config where size > 0")
    assert told["sizes"] == {one["symbol"]: one["size"] for one in traded}
    assert {one["condition"] for one in told["conditions"]} == {
        "no_emergency_stop",
        "same_versions",
        "gates_green",
        "challenger_not_worse",
        "turnover_kept",
        "live_limits_kept",
        "not_withdrawn",
        "approved",
    }
    printed = factory.rooney("promote", "--dry-run")
    assert printed.returncode == 0
    assert "nothing would change" in printed.stdout


def test_the_release_names_what_it_was_judged_by(factory: Factory) -> None:
    lake, now = Lake(factory.lake), release(factory)
    assert now["mandate_version"] == lake.version("mandate", None)
    month = ("rebalance_month", now["rebalance_month"])
    assert now["evidence_version"] == lake.version("release_evidence", month)
    assert (now["approved_until"] - now["data_through"]).days == 100
    judged = lake.read("gate_report", month)
    assert set(judged["candidate_id"]) == {now["release_id"]}
    assert set(judged["mandate_version"]) == {now["mandate_version"]}
    [promoted] = factory.sql("select event, release_id from promotion_log")
    assert promoted == {"event": "promoted", "release_id": now["release_id"]}


def test_the_stop_file_halts_a_promotion_and_what_is_traded_stays(stopped: Stopped) -> None:
    assert stopped.made.returncode == 1
    assert "no_emergency_stop" in stopped.made.stdout
    assert "the exchange is down" in stopped.made.stdout
    assert stopped.after == stopped.before
    assert stopped.promoted.returncode == 1


def test_a_changed_mandate_makes_another_release(factory: Factory, changed: Changed) -> None:
    """The gates judged under the page that changed; under any other one nothing is promoted."""
    assert changed.other.returncode == 1
    assert "judged under mandate" in changed.other.stdout
    assert changed.promoted.returncode == 0, changed.promoted.stdout + changed.promoted.stderr
    before, now = changed.before, changed.after
    assert now["release_id"] != before["release_id"]
    assert (now["approved_until"] - now["data_through"]).days == 30
    assert [one["is_current"] for one in changed.releases] == [True, False]
    assert changed.releases[1]["release_id"] == before["release_id"]


def test_a_rollback_is_one_command_and_on_record(
    factory: Factory, changed: Changed, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, before = (one["release_id"] for one in changed.releases)
    done = factory.rooney("rollback", before[:12], "--reason", "a drill")
    assert done.returncode == 0, done.stderr
    assert release(factory)["release_id"] == before
    last = factory.sql("select * from promotion_log order by entry")[-1]
    assert (last["event"], last["reason"]) == ("rolled_back", "a drill")
    assert (last["release_id"], last["earlier_release_id"]) == (before, now)
    for name, value in factory.environment(DAGSTER_HOME=str(ROOT)).items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.get() as instance:
        [newest] = instance.fetch_materializations(dg.AssetKey("production_config"), 1).records
    again = facts_of(
        factory, "promote", "--dry-run", ROONEY_MANDATE=str(factory.folder / "mandate.yaml")
    )
    assert again["release_id"] == now
    failed = {one["condition"]: one["reason"] for one in again["conditions"] if not one["holds"]}
    assert set(failed) == {"not_withdrawn"}
    assert "a drill" in failed["not_withdrawn"]
    assert again["needs_approval"] is True
    metadata = newest.asset_materialization.metadata  # type: ignore[union-attr]
    assert metadata["rolled back to"].value == before
    assert metadata["data_version"].value == Lake(factory.lake).version("production_config", None)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("rollback", "nonesuch"), 2, "nonesuch"),
        (("promote", "--override", "ES:paper"), 2, "--reason"),
        (("promote", "--until", "2027-01-01"), 2, "--override"),
        (("promote", "--override", "ES:paper", "--until", "soon"), 2, "soon"),
    ],
)
def test_a_slip_is_told_and_changes_nothing(
    factory: Factory, arguments: tuple[str, ...], code: int, words: str
) -> None:
    before = release(factory)
    done = factory.rooney(*arguments)
    assert done.returncode == code
    assert words in done.stderr
    assert release(factory) == before
