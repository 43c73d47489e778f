"""One round of what runs by itself, by hand: asked, reasoned, done, and then nothing to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from rooney_assets.build import build_defs
from rooney_assets.cli.main import rooney
from rooney_assets.feedback.automation import NEVER_MADE
from rooney_assets.following import FOLLOWERS, Wish, following
from rooney_assets.halting import tags_of_asker
from rooney_assets.headless import Request, run
from rooney_assets.instance import dagster_instance
from rooney_assets.lake import Lake
from rooney_assets.pipeline import (
    Floor,
    Memory,
    ask,
    do,
    due,
    merged,
    next_time,
)
from rooney_assets.pool import Report
from rooney_assets.provenance import ROOT
from rooney_assets.recalibration import Workshop
from rooney_assets.settings import Settings, load_universe
from rooney_assets.sources.selection import source_from
from rooney_core.errors import RefusedError, UnknownName

REFERENCES = ("SIM_ZN", "SIM_TLT")
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A factory of two reference symbols: bars, and nothing that takes long."""
    folder = tmp_path_factory.mktemp("round")
    document = yaml.safe_load((ROOT / "universe.yaml").read_text(encoding="utf-8"))
    kept = [one for one in document["instruments"] if one["symbol"] in REFERENCES]
    (folder / "universe.yaml").write_text(yaml.safe_dump({"instruments": kept}), encoding="utf-8")
    return {
        "ROONEY_LAKE": str(folder / "lake"),
        "ROONEY_STATE": str(folder / "state"),
        "ROONEY_UNIVERSE": str(folder / "universe.yaml"),
    }


@pytest.fixture(scope="module")
def settings(environment: dict[str, str]) -> Settings:
    return Settings.from_environment(environment)


@pytest.fixture
def floor(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Floor]:
    # The instance's folders come from the environment, which is the test's again afterwards.
    for name in (*settings.as_environment(), "DAGSTER_HOME"):
        monkeypatch.setenv(name, "")
    universe = load_universe(settings)
    source = source_from(settings.source, settings.base, settings.vendor)
    shop = Workshop(settings, universe, source, Lake(settings.lake))
    with dagster_instance(settings) as instance:
        yield Floor(shop, build_defs(settings, universe), instance)


@dataclass(frozen=True)
class Clocked:
    """What `due` reads of a schedule."""

    cron_schedule: str | list[str]
    execution_timezone: str | None = "UTC"


WEEKLY = Clocked("0 6 * * 6")
TWICE = Clocked(["30 16 * * 1-5", "0 5 * * 2-6"], "America/Chicago")


@pytest.mark.parametrize(
    ("schedule", "asked", "expected"),
    [
        # 18 November 2026 is a Wednesday; the Saturday before is the 14th.
        (WEEKLY, datetime(2026, 11, 14, 5, 59, tzinfo=UTC), True),
        (WEEKLY, datetime(2026, 11, 14, 6, 1, tzinfo=UTC), False),
        (WEEKLY, None, False),
        # 05:00 in Chicago is 11:00 UTC in November.
        (TWICE, datetime(2026, 11, 18, 10, 59, tzinfo=UTC), True),
        (TWICE, datetime(2026, 11, 18, 11, 1, tzinfo=UTC), False),
    ],
)
def test_a_schedule_is_due_when_its_time_has_come_since_it_was_asked(
    schedule: Clocked, asked: datetime | None, expected: bool
) -> None:
    assert due(schedule, None if asked is None else asked.isoformat(), NOON) is expected


def test_the_next_time_is_the_earliest_of_its_lines() -> None:
    assert next_time(WEEKLY, NOON) == datetime(2026, 11, 21, 6, tzinfo=UTC)
    assert next_time(TWICE, NOON) == datetime(2026, 11, 18, 22, 30, tzinfo=UTC)


def test_wishes_for_one_partition_are_one_run() -> None:
    one = Wish("a", "research_of_symbol", "SIM_ES", "drift", ("training_set",))
    other = Wish("b", "research_of_symbol", "SIM_ES", "age", ("training_set", "meta_model"))
    whole = Wish("c", "research_of_symbol", "SIM_ES", "weekly")
    elsewhere = Wish("a", "research_of_symbol", "SIM_NQ", "drift", ("training_set",))
    [both, apart] = merged([one, other, elsewhere])
    assert both.assets == ("training_set", "meta_model")
    assert both.reason == "drift; age"
    assert apart == elsewhere
    assert merged([one, whole]) == [whole] == merged([whole, one])


def test_what_a_chain_made_is_counted_and_its_failures_are_its_own() -> None:
    report = Report(made=1, failures={"bars": "no answer"})
    report.count(Report(made=2, reused=3, current=4, failures={"release": "refused"}))
    assert report == Report(made=3, reused=3, current=4, failures={"bars": "no answer"})


def test_a_memory_that_cannot_be_read_is_an_empty_one(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "state" / "pipeline.json")
    assert memory.read() == {"asked": {}, "cursors": {}}
    memory.write({"weekly": "2026-01-01"}, {"retraining": "x"})
    assert memory.read() == {"asked": {"weekly": "2026-01-01"}, "cursors": {"retraining": "x"}}
    memory.path.chmod(0o644)
    memory.path.write_text("half a docu")
    assert memory.read() == {"asked": {}, "cursors": {}}


def test_an_empty_lake_wants_bars_and_nothing_that_has_none(floor: Floor) -> None:
    answers = {one.automation: one for one in ask(floor, NOON)}
    wanted = {(wish.job, wish.key) for one in answers.values() for wish in one.wishes}
    journal = answers.pop("live_feedback_arrivals")
    assert [(wish.job, wish.reason) for wish in journal.wishes] == [("live_feedback", NEVER_MADE)]
    assert wanted == {
        ("live_feedback", None),
        *(("bars_of_symbol", symbol) for symbol in REFERENCES),
    }
    assert {wish.reason for one in answers.values() for wish in one.wishes} == {"never fetched"}
    assert [answers[name].wishes for name in FOLLOWERS] == [(), ()]
    assert "not due before 2026-12-06 18:00 UTC" in answers["monthly_rebalance"].words
    assert answers["notices"].words.startswith("acts in its own tick")


def test_a_name_that_is_no_automation_is_refused(floor: Floor) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'fetch_rates'"):
        ask(floor, NOON, ("fetch_rate",))


def test_followers_are_asked_by_the_names_that_the_ui_has(floor: Floor) -> None:
    for name in FOLLOWERS:
        [answer] = ask(floor, NOON, (name,))
        assert (answer.automation, answer.words) == (name, "Nothing that follows is stale.")


def test_notices_are_sent_last_and_by_name(floor: Floor) -> None:
    """They act in their tick, which a dry run leaves alone and a round does."""
    log = floor.shop.settings.state / "notices" / "notices.log"
    ask(floor, NOON, ("notices",))
    assert not log.exists()
    assert not (log.parent / "notices.sqlite").exists()
    done = do(floor, NOON, lambda event: None, only=("notices",))
    assert done.is_settled
    [answer] = done.answers
    assert (answer.automation, answer.words[:9]) == ("notices", "0 raised,")
    assert (log.parent / "notices.sqlite").exists()


def test_a_stop_halts_the_round_with_its_words(floor: Floor) -> None:
    stop = floor.shop.lake.root / "EMERGENCY_STOP"
    stop.parent.mkdir(exist_ok=True)
    stop.write_text("the exchange is down", encoding="utf-8")
    try:
        for act in (ask, lambda *of: do(*of, lambda event: None)):
            with pytest.raises(RefusedError, match="the exchange is down"):
                act(floor, NOON)  # type: ignore[operator]
        assert floor.instance.get_runs_count() == 0
    finally:
        stop.unlink()


@pytest.mark.slow
def test_a_round_does_all_of_it_once_and_a_second_one_nothing(floor: Floor) -> None:
    done = do(floor, NOON, lambda event: None, only=("fetch_rates",))
    assert done.report.succeeded, done.report.failures
    lake = floor.shop.lake
    assert lake.partitions("session_bars") == ("SIM_ZN",), "the one that was named"
    done = do(floor, NOON, lambda event: None)
    assert done.report.succeeded, done.report.failures
    assert done.is_settled
    assert lake.partitions("session_bars") == tuple(sorted(REFERENCES))
    runs = floor.instance.get_runs()
    asked = {run.tags["rooney/automation"]: run.tags["rooney/reason"] for run in runs}
    fetched = dict.fromkeys(("fetch_rates", "fetch_us_equity"), "never fetched")
    assert asked == {**fetched, "live_feedback_arrivals": NEVER_MADE}
    before = floor.instance.get_runs_count()
    again = do(floor, NOON + timedelta(minutes=5), lambda event: None)
    assert again.is_settled
    assert [wish for one in again.answers for wish in one.wishes] == []
    assert floor.instance.get_runs_count() == before


@pytest.mark.slow
def test_a_stop_in_the_middle_of_a_chain_ends_what_an_automation_asked_for(floor: Floor) -> None:
    """The chain has begun; a run of it that begins after the stop is refused, in its process."""
    shop, stop = floor.shop, floor.shop.lake.root / "EMERGENCY_STOP"
    stop.parent.mkdir(exist_ok=True)

    def hear(event: Mapping[str, Any]) -> None:
        if event["event"] == "stage":
            stop.write_text("the exchange is down", encoding="utf-8")

    tags = tags_of_asker({"dagster/schedule_name": "quarterly_recalibration"})
    symbols, target = ("SIM_TLT",), "raw_bars"
    request = Request(
        symbols=symbols, target=target, force=True, only=("bars_of_symbol",), tags=tags
    )
    try:
        report = run(request, shop.settings, shop.universe, shop.source, shop.lake, hear)
    finally:
        stop.unlink(missing_ok=True)
    [why] = report.failures.values()
    assert "EMERGENCY STOP: the exchange is down" in why
    assert "asked for by quarterly_recalibration" in why
    assert report.made == 0


@pytest.mark.slow
def test_what_follows_is_made_where_its_input_changed(floor: Floor) -> None:
    """Other rolls in the lake: the continuous bars of that symbol follow, and no others."""
    lake, partition = floor.shop.lake, ("symbol", "SIM_ZN")
    assert following(floor.shop, FOLLOWERS) == []
    facts = lake.manifest("roll_calendar", partition).facts
    shorter = lake.read("roll_calendar", partition).head(20)
    lake.write("roll_calendar", partition, shorter, facts)
    assert following(floor.shop, ("follow_months",)) == []
    [wish] = following(floor.shop, FOLLOWERS)
    assert (wish.automation, wish.job, wish.key) == ("follow_symbols", "bars_of_symbol", "SIM_ZN")
    assert wish.assets == ("continuous_bars", "session_bars")
    assert "roll_calendar[SIM_ZN]" in wish.reason


@pytest.mark.slow
def test_what_somebody_switched_off_is_not_asked_unless_it_is_named(
    floor: Floor, environment: dict[str, str]
) -> None:
    """By Dagster's own command, which sets the switch that the UI shows."""
    home = str(floor.shop.settings.dagster_home)
    # What is off by default cannot be stopped: a person stops what runs.
    own = {"DAGSTER_HOME": home, "ROONEY_AUTOMATION": "on"}
    of_process = {name: one for name, one in os.environ.items() if not name.startswith("ROONEY_")}

    for kind, name in (("schedule", "fetch_rates"), ("sensor", "follow_symbols")):
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "dagster",
                kind,
                "stop",
                name,
                "-m",
                "rooney_assets.definitions",
            ],
            env={**of_process, **environment, **own},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    answers = {one.automation: one.words for one in ask(floor, NOON)}
    off = {name for name, words in answers.items() if words == "switched off in the UI"}
    assert off == {"fetch_rates", "follow_symbols"}
    [named] = ask(floor, NOON, ("fetch_rates",))
    assert named.words != "switched off in the UI"


def told(environment: dict[str, str], *arguments: str) -> Any:
    """What the command prints, as a program reads it."""
    done = CliRunner().invoke(rooney, ["pipeline", *arguments, "--json"], env=environment)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout[done.stdout.index("{") :])


def test_the_command_tells_every_automation(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*Settings.from_environment(environment).as_environment(), "DAGSTER_HOME"):
        monkeypatch.setenv(name, "x")
        monkeypatch.delenv(name)
    status = told(environment, "--status")
    names = {one["name"] for one in status["automations"]}
    assert {"fetch_rates", "monthly_rebalance", "follow_symbols", "notices"} <= names
    assert status["emergency_stop"] is None
    tried = told(environment, "--dry-run")
    asked = {one["automation"] for one in tried["automations"]}
    assert asked == names
