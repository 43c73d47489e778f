"""The real sensor, ticked: it asks when the trader wrote, once, and not in an emergency stop."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import polars as pl
from live_lake import LiveLake

from rooney_assets.build import build_defs
from rooney_assets.feedback.automation import SENSOR
from rooney_assets.feedback.landing import land
from rooney_assets.graph.lineage import lineage_digest
from rooney_assets.lake import Lake, ManifestFacts
from rooney_assets.settings import Settings, load_universe


def definitions(live: LiveLake, journal: Path) -> dg.Definitions:
    environ = {
        "ROONEY_LAKE": str(live.lake.root),
        "ROONEY_STATE": str(live.state),
        "ROONEY_LIVE_JOURNAL": str(journal),
    }
    settings = Settings.from_environment(environ)
    return build_defs(settings, load_universe(settings))


def tick(defs: dg.Definitions) -> tuple[list[dg.RunRequest], str]:
    sensor = defs.resolve_sensor_def(SENSOR)
    with dg.DagsterInstance.ephemeral() as instance, dg.build_sensor_context(instance) as context:
        ticked = sensor.evaluate_tick(context)
    return list(ticked.run_requests), str(ticked.skip_message)


def test_it_asks_when_the_trader_wrote(live: LiveLake) -> None:
    defs = definitions(live, live.journal)
    (first,), _ = tick(defs)
    assert "the trader wrote" in first.tags["rooney/reason"]
    (again,), _ = tick(defs)
    assert again.run_key == first.run_key
    land(live.journal, live.lake)
    requests, words = tick(defs)
    assert requests == []
    assert "as it was landed" in words
    with live.writing() as journal:
        journal.execute("CREATE TABLE touched (n INTEGER)")
    (later,), _ = tick(defs)
    assert later.run_key != first.run_key


def test_a_fill_more_is_no_other_lineage_of_a_release(tmp_path: Path) -> None:
    """What is judged stays judged: costs that did not change were made of other fills."""
    lake, key = Lake(tmp_path), ("symbol", "ES")
    fills, costs = pl.DataFrame({"n": [1]}), pl.DataFrame({"symbol": ["ES"]})

    def learnt(n: int) -> str:
        nothing = ManifestFacts(run_id="r", code_version="c", git_commit="g")
        read = lake.write("live_fills", None, fills.with_columns(n=pl.lit(n)), nothing)
        facts = ManifestFacts(
            run_id="r", code_version="c", git_commit="g", inputs={"live_fills": read.data_version}
        )
        version = lake.write("cost_model", key, costs, facts).data_version
        assert lake.manifest("cost_model", key).inputs == {"live_fills": read.data_version}
        return lineage_digest(lake, {"cost_model[ES]": version})

    assert learnt(1) == learnt(2)


def test_no_journal_and_an_emergency_stop_are_told(live: LiveLake, tmp_path: Path) -> None:
    nowhere = definitions(live, tmp_path / "nowhere.sqlite")
    # Every search reads costs, and these read the live tables: they are made empty.
    [request], _ = tick(nowhere)
    assert request.tags["rooney/reason"] == "never made; without a journal they are empty"
    live.ingest()
    requests, words = tick(nowhere)
    assert requests == []
    assert "no journal at" in words
    (live.lake.root / "EMERGENCY_STOP").write_text("fire")
    requests, words = tick(definitions(live, live.journal))
    assert requests == []
    assert "EMERGENCY STOP: fire" in words


def test_the_job_makes_every_live_table(live: LiveLake) -> None:
    """Through Dagster: landed, checked, written; a second run finds everything as it is."""
    defs = definitions(live, live.journal)
    job = defs.resolve_job_def("live_feedback")
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(instance=instance).success
        versions = {one: live.lake.version(one, None) for one in ("live_decisions", "live_trades")}
        assert live.lake.read("live_decisions", None).height > 0
        again = job.execute_in_process(instance=instance)
    assert again.success
    events = again.get_asset_materialization_events()
    reused = [one.materialization.metadata["reused"].value for one in events]
    assert reused == [True] * 5
    assert {one: live.lake.version(one, None) for one in versions} == versions
