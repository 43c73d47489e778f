"""Settings and the universe: defaults, overrides, and every refusal."""

from pathlib import Path

import pytest

from rooney_assets.settings import KNOWN, Settings, load_universe
from rooney_assets.sources.databento.access import Secret, VendorAccess
from rooney_core.errors import InputError, InvalidSetting, UnknownName
from rooney_live.settings import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
REAL = """
instruments:
  - symbol: TST
    name: Test future
    role: tradable
    exchange: CME
    product_group: equity_index
    multiplier: 50
    tick_size: 0.25
    sources: {files: {path: TST, time_zone: UTC, bar_edge: start}}
"""


def test_defaults_lie_in_the_checkout(tmp_path: Path) -> None:
    settings = Settings.from_environment({"HOME": "anything", "OTHER": "ignored"}, tmp_path)
    assert settings == Settings(
        lake=ROOT / "data_lake",
        source="simulated",
        universe=ROOT / "universe.yaml",
        mandate=ROOT / "mandate.yaml",
        state=ROOT / ".rooney",
        base=tmp_path.resolve(),
    )


def test_relative_paths_start_at_the_base(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {
            "ROONEY_LAKE": "lake",
            "ROONEY_SOURCE": "files:bars",
            "ROONEY_UNIVERSE": "mine.yaml",
            "ROONEY_MANDATE": "limits.yaml",
            "ROONEY_STATE": str(tmp_path / "state"),
        },
        tmp_path,
    )
    base = tmp_path.resolve()
    assert settings == Settings(
        lake=base / "lake",
        source="files:bars",
        universe=base / "mine.yaml",
        mandate=base / "limits.yaml",
        state=base / "state",
        base=base,
    )


def test_a_process_in_another_folder_gets_the_same_settings(tmp_path: Path) -> None:
    first = Settings.from_environment({"ROONEY_SOURCE": "files:bars"}, tmp_path)
    second = Settings.from_environment(first.as_environment(), tmp_path / "elsewhere")
    assert second.as_environment() == first.as_environment()
    assert second.source == f"files:{tmp_path.resolve() / 'bars'}"


@pytest.mark.parametrize(
    ("name", "suggested"),
    [("ROONEY_SORCE", "ROONEY_SOURCE"), ("ROONEY_LAK", "ROONEY_LAKE"), ("ROONEY_X", None)],
)
def test_an_unknown_setting_is_refused(tmp_path: Path, name: str, suggested: str | None) -> None:
    with pytest.raises(UnknownName) as refused:
        Settings.from_environment({name: "x"}, tmp_path)
    assert name in str(refused.value)
    assert suggested is None or f"Did you mean {suggested!r}?" in str(refused.value)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    "name",
    [
        *("ROONEY_LAKE", "ROONEY_SOURCE", "ROONEY_UNIVERSE", "ROONEY_STATE", "ROONEY_TUNING"),
        *("ROONEY_DATABENTO_GATEWAY", "ROONEY_MAX_COST_USD"),
    ],
)
@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_setting_is_refused(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=f"{name} is empty"):
        Settings.from_environment({name: value}, tmp_path)


def test_sensors_look_at_their_own_pace_unless_somebody_sets_one(tmp_path: Path) -> None:
    assert Settings.from_environment({}, tmp_path).pace(300) == 300
    set_pace = Settings.from_environment({"ROONEY_SENSOR_SECONDS": " 5 "}, tmp_path)
    assert set_pace.pace(300) == 5
    assert Settings.from_environment(set_pace.as_environment(), tmp_path).pace(300) == 5


@pytest.mark.parametrize("value", ["0", "3601", "-5", "5.0", "fast", "５"])
def test_an_impossible_pace_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(InvalidSetting, match="ROONEY_SENSOR_SECONDS is"):
        Settings.from_environment({"ROONEY_SENSOR_SECONDS": value}, tmp_path)


def test_a_lake_on_s3_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="s3://bucket/lake"):
        Settings.from_environment({"ROONEY_LAKE": "s3://bucket/lake"}, tmp_path)


def test_the_vendor_is_asked_as_the_settings_say(tmp_path: Path) -> None:
    environ = {
        "ROONEY_LAKE": "lake",
        "ROONEY_SOURCE": "databento",
        "ROONEY_DATABENTO_GATEWAY": "localhost:8443",
        "ROONEY_MAX_COST_USD": "12.5",
        "DATABENTO_API_KEY": " db-a-secret-key \n",
    }
    settings = Settings.from_environment(environ, tmp_path)
    downloads = tmp_path.resolve() / "lake" / "_downloads" / "databento"
    assert settings.vendor == VendorAccess(
        downloads, "localhost:8443", 12.5, Secret("db-a-secret-key")
    )
    told = settings.as_environment()
    assert "db-a-secret-key" not in f"{settings!r} {settings} {told}"
    child = Settings.from_environment(told, tmp_path / "elsewhere")
    assert child.vendor == VendorAccess(downloads, "localhost:8443", 12.5, None)


def test_the_vendor_needs_no_setting(tmp_path: Path) -> None:
    settings = Settings.from_environment({"DATABENTO_API_KEY": "", "ROONEY_LAKE": "lake"}, tmp_path)
    assert (settings.gateway, settings.max_cost_usd, settings.key) == (None, 5.0, None)


def test_a_quick_tuning_reaches_the_workers(tmp_path: Path) -> None:
    assert Settings.from_environment({}, tmp_path).tuning == "full"
    quick = Settings.from_environment({"ROONEY_TUNING": "quick"}, tmp_path)
    assert Settings.from_environment(quick.as_environment(), tmp_path).tuning == "quick"
    with pytest.raises(InvalidSetting, match=r"ROONEY_TUNING is 'fast'; give it full or quick"):
        Settings.from_environment({"ROONEY_TUNING": "fast"}, tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROONEY_MAX_COST_USD", "-1"),
        ("ROONEY_MAX_COST_USD", "much"),
        ("ROONEY_DATABENTO_GATEWAY", "http://localhost"),
    ],
)
def test_a_wrong_setting_of_the_vendor_is_refused(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=name):
        Settings.from_environment({name: value}, tmp_path)


def test_the_source_chooses_the_instruments(tmp_path: Path) -> None:
    simulated = load_universe(Settings.from_environment({}, tmp_path))
    files = load_universe(
        Settings.from_environment({"ROONEY_SOURCE": f"files:{tmp_path}"}, tmp_path)
    )
    assert len(simulated.tradable) >= 6
    assert len(simulated.reference) >= 4
    assert all(one.startswith("SIM_") for one in simulated.symbols)
    assert not set(files.symbols) & set(simulated.symbols)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, ("No such file", "ROONEY_UNIVERSE")),
        ("instruments:\n  - symbol: [TST\n", ("not valid YAML", "line 3")),
        ("instruments: \x07\n", ("not valid YAML",)),
        ("- 1\n", ("must be a mapping",)),
        ("", ("must be a mapping",)),
        (REAL.replace("multiplier", "multiplyer"), ("TST.multiplyer",)),
        (REAL.replace("UTC", "Mars/Crater"), ("Mars/Crater",)),
        (REAL, ("ROONEY_SOURCE=simulated", "none of its 1 entries")),
        ("instruments: []\n", ("none of its 0 entries",)),
    ],
    ids=[
        *("missing", "bad YAML", "control character", "a list", "nothing", "unknown field"),
        *("unknown zone", "nothing offered", "no instrument"),
    ],
)
def test_a_universe_that_is_not_one_is_refused(
    tmp_path: Path, text: str | None, words: tuple[str, ...]
) -> None:
    path = tmp_path / "mine.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        load_universe(Settings.from_environment({"ROONEY_UNIVERSE": "mine.yaml"}, tmp_path))
    for word in (str(path), *words):
        assert word in str(refused.value)


def test_a_universe_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"instruments: \xff\n")
    with pytest.raises(InvalidSetting, match="not UTF-8"):
        load_universe(Settings.from_environment({"ROONEY_UNIVERSE": str(path)}, tmp_path))


def test_factory_and_trader_know_the_same_names() -> None:
    """They may share an environment: a setting of one is no slip in the other."""
    assert sorted(KNOWN) == sorted(SETTINGS)


def test_where_live_results_come_from_and_notices_go(tmp_path: Path) -> None:
    mine = Settings.from_environment({"ROONEY_STATE": "state"}, tmp_path)
    assert mine.live_journal == tmp_path.resolve() / "state" / "live" / "journal.sqlite"
    environ = {
        "ROONEY_LIVE_JOURNAL": "trader/journal.sqlite",
        "ROONEY_NOTIFY": "addresses",
        "ROONEY_UI": "https://factory.example:3000/",
    }
    told = Settings.from_environment(environ, tmp_path)
    assert told.live_journal == tmp_path.resolve() / "trader" / "journal.sqlite"
    assert told.notify == tmp_path.resolve() / "addresses"
    assert told.ui == "https://factory.example:3000"
    elsewhere = tmp_path / "elsewhere"
    assert Settings.from_environment(told.as_environment(), elsewhere).live_journal == (
        told.live_journal
    )
    with pytest.raises(InvalidSetting, match="ROONEY_LIVE_JOURNAL is empty"):
        Settings.from_environment({"ROONEY_LIVE_JOURNAL": " "}, tmp_path)
