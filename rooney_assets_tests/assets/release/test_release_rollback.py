"""Back to an earlier release: recorded, switched, and never to what the trader would refuse."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
import yaml

from rooney_assets.lake import Lake, ManifestFacts, promotions
from rooney_assets.lake.promotions import Event
from rooney_assets.promotion import traded_of
from rooney_assets.releasing import find_release, parse_override, roll_back
from rooney_core.errors import (
    InputError,
    InvalidSetting,
    MissingArtifact,
    RefusedError,
    ReleaseRejected,
    UnknownName,
)
from rooney_core.market.instruments import Universe
from rooney_core.release import ReleaseTables, ReleaseTerms, build_release

FACTS = ManifestFacts(run_id="r", code_version="c", git_commit="g")
CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def universe() -> Universe:
    shipped = Universe.parse(yaml.safe_load((CHECKOUT / "universe.yaml").read_text()), "shipped")
    wanted = ("SIM_ES", "SIM_NQ", "SIM_ZN")
    return Universe(instruments=tuple(one for one in shipped.instruments if one.symbol in wanted))


def release(universe: Universe, month: str) -> ReleaseTables:
    """A release that trades nothing."""
    return build_release(
        rebalance_month=month,
        members=pl.DataFrame(schema={"symbol": pl.String, "size": pl.Int64}),
        reasons=dict.fromkeys(universe.tradable, "nothing passed"),
        meta_models={},
        best_strategies={},
        universe=universe,
        max_positions=2,
        data_through=date(2026, 1, 30),
        terms=ReleaseTerms(approved_until=date(2026, 5, 10), mandate_version="m"),
    )


@pytest.fixture
def lake(tmp_path: Path, universe: Universe) -> Lake:
    """Two releases, the second in production."""
    lake = Lake(tmp_path)
    for month in ("2026-01", "2026-02"):
        config, models = release(universe, month)
        lake.write("production_model", None, models, FACTS)
        lake.write("production_config", None, config, FACTS)
    return lake


def id_of(universe: Universe, month: str) -> str:
    return str(release(universe, month).production_config["release_id"][0])


def current(lake: Lake) -> str:
    return traded_of(lake.read("production_config", None)).release_id


def test_a_rollback_switches_and_is_recorded(lake: Lake, universe: Universe) -> None:
    old, new = id_of(universe, "2026-01"), id_of(universe, "2026-02")
    done = roll_back(lake, old[:6], "the feed was wrong")
    assert (done.release_id, done.earlier_release_id) == (old, new)
    assert current(lake) == old
    [entry] = promotions.read(lake).filter(pl.col("event") == Event.ROLLED_BACK).to_dicts()
    assert entry["entry"] == done.entry
    assert (entry["release_id"], entry["earlier_release_id"]) == (old, new)
    assert entry["reason"] == "the feed was wrong"
    # And forward again.
    roll_back(lake, new, "it was right")
    assert current(lake) == new


def test_a_rollback_to_itself_or_to_nothing_is_refused(lake: Lake, universe: Universe) -> None:
    with pytest.raises(RefusedError, match="nothing to switch"):
        roll_back(lake, id_of(universe, "2026-02"), "x")
    with pytest.raises(UnknownName, match=id_of(universe, "2026-01")):
        roll_back(lake, "zzz", "x")
    with pytest.raises(UnknownName):
        find_release(lake, "")
    assert promotions.read(lake).is_empty()


def test_what_was_never_released_cannot_be_rolled_back_from(tmp_path: Path) -> None:
    with pytest.raises(MissingArtifact, match="Nothing was ever released"):
        roll_back(Lake(tmp_path), "abc", "x")


def test_a_release_of_other_code_is_refused_and_nothing_is_changed(
    lake: Lake, universe: Universe
) -> None:
    """Such as one from before releases had terms: this version of the trader would refuse it."""
    older = release(universe, "2026-01").production_config.drop("live_limits")
    older = older.with_columns(release_id=pl.lit("before"))
    lake.write("production_config", None, older, FACTS)
    lake.write("production_config", None, release(universe, "2026-02").production_config, FACTS)
    with pytest.raises(ReleaseRejected, match="live_limits"):
        roll_back(lake, "before", "x")
    assert current(lake) == id_of(universe, "2026-02")
    assert promotions.read(lake).is_empty()


def test_models_that_are_gone_stop_a_rollback(lake: Lake, universe: Universe) -> None:
    for path in lake.root.glob("production_model/versions/*.parquet"):
        path.unlink()
    with pytest.raises(MissingArtifact, match="production_model"):
        roll_back(lake, id_of(universe, "2026-01"), "x")
    assert current(lake) == id_of(universe, "2026-02")


@pytest.mark.parametrize(
    ("text", "reason", "until", "words"),
    [
        ("SIM_ES", "x", date(2999, 1, 1), "SYMBOL:GATE"),
        ("SIM_ES:luck", "x", date(2999, 1, 1), "backtest, stress, paper"),
        ("SIM_ES:selection", "x", date(2999, 1, 1), "backtest, stress, paper"),
        ("SIM_EX:paper", "x", date(2999, 1, 1), "Did you mean 'SIM_ES'"),
        ("SIM_ZN:paper", "x", date(2999, 1, 1), "tradable"),
        ("SIM_ES:paper", None, date(2999, 1, 1), "--reason"),
        ("SIM_ES:paper", "  ", date(2999, 1, 1), "--reason"),
        ("SIM_ES:paper", "x", None, "--until"),
        ("SIM_ES:paper", "x", date(2020, 1, 1), "is over"),
    ],
)
def test_an_override_that_is_none_is_refused(
    universe: Universe, text: str, reason: str | None, until: date | None, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        parse_override(text, reason, until, universe)


def test_an_override_says_who(universe: Universe) -> None:
    given = parse_override("SIM_ES:paper", " feed ", date(2999, 1, 1), universe)
    assert (given.key, given.reason, given.until) == (
        ("SIM_ES", "paper"),
        "feed",
        date(2999, 1, 1),
    )
    assert "@" in given.who


def test_a_name_that_begins_two_releases_is_refused(lake: Lake, universe: Universe) -> None:
    for name in ("ab1", "ab2"):
        table = release(universe, "2026-01").production_config
        lake.write("production_config", None, table.with_columns(release_id=pl.lit(name)), FACTS)
    with pytest.raises(InvalidSetting, match="ab1, ab2"):
        find_release(lake, "ab")
