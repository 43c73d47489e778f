"""Which source a setting means, and the simulated one."""

from datetime import date
from pathlib import Path

import pytest
import yaml
from bars_files import instrument

from rooney_assets.sources.databento.access import Secret, VendorAccess
from rooney_assets.sources.databento.source import DatabentoSource
from rooney_assets.sources.files import FileSource
from rooney_assets.sources.selection import source_from
from rooney_assets.sources.simulated import SimulatedSource
from rooney_core.errors import InvalidSetting
from rooney_core.market.instruments import Instrument, Universe
from rooney_core.market.simulation import SimulatedMarket, simulate_bars

ROOT = Path(__file__).resolve().parents[3]
ACCESS = VendorAccess(Path("downloads"), "localhost:1", 7.0, Secret("db-a-key"))
SHORT = SimulatedMarket(first_session=date(2019, 1, 2), last_session=date(2019, 3, 29))


def _shipped() -> Universe:
    document = yaml.safe_load((ROOT / "universe.yaml").read_text(encoding="utf-8"))
    return Universe.parse(document, "universe.yaml")


def _with(one: Instrument, **facts: object) -> Instrument:
    return Instrument.model_validate({**one.model_dump(), **facts})


def test_simulated_is_simulated(tmp_path: Path) -> None:
    source = source_from("simulated", tmp_path, ACCESS)
    assert source == SimulatedSource()
    assert (source.name, source.is_simulated) == ("simulated", True)
    assert all(one.startswith("SIM_") for one in source.offers(_shipped()).symbols)


def test_files_are_a_folder_from_the_base_on(tmp_path: Path) -> None:
    (tmp_path / "bars").mkdir()
    for setting in ("files:bars", f"files:{tmp_path / 'bars'}"):
        source = source_from(setting, tmp_path, ACCESS)
        assert source == FileSource(tmp_path / "bars")
        assert (source.name, source.is_simulated) == ("files", False)


def test_a_page_is_a_market_that_grows_when_the_page_does(tmp_path: Path) -> None:
    page = tmp_path / "market.yaml"
    page.write_text("last_session: 2024-03-28\n", encoding="utf-8")
    for setting in ("simulated:market.yaml", f"simulated:{page}"):
        source = source_from(setting, tmp_path, ACCESS)
        assert source == SimulatedSource(SimulatedMarket(last_session=date(2024, 3, 28)))
    page.write_text("{seed: 7, last_session: 2024-04-01}\n", encoding="utf-8")
    market = SimulatedMarket(seed=7, last_session=date(2024, 4, 1))
    assert source_from("simulated:market.yaml", tmp_path, ACCESS) == SimulatedSource(market)
    page.write_text("# the embedded one\n", encoding="utf-8")
    assert source_from("simulated:market.yaml", tmp_path, ACCESS) == SimulatedSource()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("last_sesion: 2024-03-28", "last_sesion: Extra inputs"),
        ("last_session: soon", "last_session: Input should be a valid date"),
        ("{last_session: 2009-01-05}", "first_session must not be after last_session"),
        ("- 2024-03-28", "the page: Input should be"),
        ("last_session: [", "not valid YAML"),
    ],
)
def test_a_page_that_says_something_else_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "market.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidSetting) as refused:
        source_from("simulated:market.yaml", tmp_path, ACCESS)
    for told in (words, "market.yaml", "last_session, a date"):
        assert told in str(refused.value)


def test_databento_is_asked_as_the_access_says(tmp_path: Path) -> None:
    source = source_from("databento", tmp_path, ACCESS)
    assert source == DatabentoSource(ACCESS)
    assert (source.name, source.is_simulated) == ("databento", False)
    assert "db-a-key" not in repr(source)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("bloomberg", "`simulated`, `databento`, or `files:DIR`"),
        ("databento:GLBX", "Did you mean 'databento'?"),
        ("Databento", "Did you mean 'databento'?"),
        ("databneto", "Did you mean 'databento'?"),
        ("simulatd", "Did you mean 'simulated'?"),
        ("Simulated", "Did you mean 'simulated'?"),
        ("simulated:7", "Did you mean 'simulated'?"),
        ("file:bars", "Did you mean 'files:DIR'?"),
        ("bars", "Did you mean 'files:bars'?"),
        ("files:", "missing"),
        ("files", "missing"),
        ("files:nowhere", "does not exist"),
        ("files:plain.txt", "is a file"),
        ("", "`simulated`, `databento`, or `files:DIR`"),
    ],
)
def test_other_forms_are_refused(tmp_path: Path, setting: str, words: str) -> None:
    (tmp_path / "bars").mkdir()
    (tmp_path / "plain.txt").write_text("", encoding="utf-8")
    with pytest.raises(InvalidSetting) as refused:
        source_from(setting, tmp_path, ACCESS)
    assert words in str(refused.value)
    assert repr(setting) in str(refused.value)


def test_simulated_bars_are_the_core_ones() -> None:
    one = _shipped()["SIM_ES"]
    reading = SimulatedSource(SHORT).read(one)
    assert reading.bars.equals(simulate_bars(one, SHORT))
    assert "simulated" in reading.notes
    assert SimulatedSource(SHORT).raw_bars(one).equals(reading.bars)


def test_simulated_fingerprint_follows_what_shapes_the_bars() -> None:
    one = _shipped()["SIM_ES"]
    known = SimulatedSource(SHORT).fingerprint(one)
    assert SimulatedSource(SHORT).fingerprint(_with(one, slippage_ticks=9, name="x")) == known
    edge = {"simulated": {**one.model_dump()["sources"]["simulated"], "reversion_edge": 0.1}}
    others = {
        SimulatedSource(SimulatedMarket(seed=1)).fingerprint(one),
        SimulatedSource(SHORT).fingerprint(_with(one, tick_size=0.5)),
        SimulatedSource(SHORT).fingerprint(_with(one, sources=edge)),
        SimulatedSource(SHORT).fingerprint(_shipped()["SIM_NQ"]),
    }
    assert len(others | {known}) == 5


def test_an_edge_that_ends_is_another_market_from_its_end_on() -> None:
    one = _shipped()["SIM_ES"]

    def fingerprint(ends: date | None) -> str:
        page = {**one.model_dump()["sources"]["simulated"], "edge_ends": ends}
        return SimulatedSource(SHORT).fingerprint(_with(one, sources={"simulated": page}))

    endless = SimulatedSource(SHORT).fingerprint(one)
    assert fingerprint(None) == fingerprint(SHORT.last_session) == endless
    assert len({endless, fingerprint(date(2019, 2, 1)), fingerprint(date(2019, 2, 4))}) == 3


def test_a_real_instrument_is_not_in_the_simulated_market() -> None:
    with pytest.raises(InvalidSetting, match="TST"):
        SimulatedSource().fingerprint(instrument())
    with pytest.raises(InvalidSetting, match="TST"):
        SimulatedSource().raw_bars(instrument())
