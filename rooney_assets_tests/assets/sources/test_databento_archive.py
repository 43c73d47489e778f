"""Kept downloads: which days are covered, what is believed, and what a dying process leaves."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import databento_dbn as dbn
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from rooney_assets.sources.databento.archive import Archive
from rooney_assets.sources.databento.client import Streamed
from rooney_assets.sources.databento.download import TRIES, Estimate, download
from rooney_assets.sources.databento.plan import Days, Request
from rooney_assets.sources.databento.receipt import Name, Receipt
from rooney_core.errors import LakeError, VendorUnavailable

MONDAY = date(2024, 3, 4)
DAYS = Days(MONDAY, MONDAY + timedelta(days=5))
ASKED = Request("GLBX.MDP3", "ohlcv-1h", "ES-volume", "continuous", ("ES.v.0",), DAYS)
ESH4 = Name(instrument_id=7, raw_symbol="ESH4", start=date(2024, 1, 1), end=date(2024, 3, 15))


def _ns(day: date, hour: int = 0) -> int:
    moment = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000


@dataclass
class Told:
    """What the vendor would send: five days of one bar each, unless a test says otherwise."""

    days: list[date] = field(default_factory=lambda: [MONDAY + timedelta(n) for n in range(5)])
    dataset: str = "GLBX.MDP3"
    schema: str = "ohlcv-1h"
    symbols: tuple[str, ...] = ("ES.v.0",)
    stype_in: str = "continuous"

    def encoded(self) -> bytes:
        """As the vendor's own encoder writes it."""
        schema = dbn.Schema.from_str(self.schema)
        metadata = dbn.Metadata(
            dataset=self.dataset,
            start=_ns(DAYS.start),
            end=_ns(DAYS.end),
            stype_in=dbn.SType.from_str(self.stype_in),
            stype_out=dbn.SType.INSTRUMENT_ID,
            schema=schema,
            symbols=list(self.symbols),
            mappings=[],
            version=3,
        )
        rtype = dbn.RType.from_schema(schema)
        price = 5_000_000_000_000
        bars = [dbn.OHLCVMsg(rtype, 1, 7, _ns(day, 15), *[price] * 4, 10) for day in self.days]
        return zstandard.compress(bytes(metadata) + b"".join(map(bytes, bars)))


class Vendor:
    """Stands at the seam of our own client: the real one is tested against the local server."""

    def __init__(self, *sent: bytes, records: int = 5, names: tuple[Name, ...] = (ESH4,)) -> None:
        self.sent = list(sent)
        self.records = records
        self.names = names
        self.n_streams = 0

    def stream(self, request: Request, path: Path) -> Streamed:
        """Send the next content; the last one again and again."""
        path.unlink(missing_ok=True)
        path.write_bytes(self.sent[min(self.n_streams, len(self.sent) - 1)])
        self.n_streams += 1
        return Streamed((), None)

    def record_count(self, request: Request) -> int:
        """Always the same."""
        return self.records

    def raw_symbols(self, dataset: str, ids: list[int], days: Days) -> tuple[Name, ...]:
        """Always the same."""
        return self.names


def _download(vendor: Vendor, archive: Archive, *, refresh: bool = False) -> tuple[str, Receipt]:
    estimate = Estimate(ASKED, vendor.records, 0.1)
    done = download(estimate, vendor, archive, refresh=refresh)  # type: ignore[arg-type]
    return done.state, done.receipt


def test_a_whole_download_is_kept_with_its_receipt(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    state, receipt = _download(Vendor(Told().encoded()), archive)
    assert (state, receipt.rows, receipt.generation) == ("new", 5, 0)
    assert receipt.last == datetime(2024, 3, 8, 15, tzinfo=UTC)
    (piece,) = archive.cover(ASKED).pieces
    assert piece.receipt == receipt
    assert piece.content() == Told().encoded()
    assert piece.path.stat().st_mode & 0o222 == 0


def test_what_another_process_fetched_meanwhile_is_not_paid_twice(tmp_path: Path) -> None:
    vendor = Vendor(Told().encoded())
    _download(vendor, Archive(tmp_path))
    state, _ = _download(vendor, Archive(tmp_path))
    assert (state, vendor.n_streams) == ("present", 1)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (Told(days=[MONDAY]), "1 records came, and the vendor counts 5"),
        (Told(days=[MONDAY + timedelta(n) for n in range(1, 6)]), "outside the range"),
        (Told(days=[MONDAY - timedelta(n) for n in range(5)]), "outside the range"),
        (Told(dataset="XNAS.ITCH"), "dataset XNAS.ITCH"),
        (Told(schema="ohlcv-1m"), "schema ohlcv-1m"),
        (Told(stype_in="parent"), "stype_in parent"),
        (Told(symbols=("NQ.v.0",)), "NQ.v.0"),
    ],
    ids=["too few", "too late", "too early", "dataset", "schema", "stype", "symbol"],
)
def test_an_answer_to_another_question_is_not_kept(tmp_path: Path, told: Told, words: str) -> None:
    vendor = Vendor(told.encoded())
    with pytest.raises(VendorUnavailable, match="never whole") as refused:
        _download(vendor, Archive(tmp_path))
    assert words in str(refused.value)
    assert vendor.n_streams == TRIES
    assert [one.name for one in tmp_path.rglob("*.*") if one.is_file()] == [".lock"]


@pytest.mark.parametrize(
    "content", [b"", b"\x28\xb5\x2f\xfd", b"<html>no</html>", Told().encoded()[:40]]
)
def test_what_cannot_be_decoded_is_not_kept(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(VendorUnavailable, match="cannot be decoded"):
        _download(Vendor(content), Archive(tmp_path))
    state, _ = _download(Vendor(content, Told().encoded()), Archive(tmp_path))
    assert state == "new"


@pytest.mark.parametrize(
    "names",
    [
        (),
        (ESH4.model_copy(update={"end": date(2024, 3, 7)}),),
        (ESH4, ESH4.model_copy(update={"raw_symbol": "ESM4"})),
        (ESH4.model_copy(update={"instrument_id": 8}),),
    ],
    ids=["none", "too short", "two", "another instrument"],
)
def test_bars_without_exactly_one_name_are_not_kept(
    tmp_path: Path, names: tuple[Name, ...]
) -> None:
    with pytest.raises(VendorUnavailable, match="instrument 7 has"):
        _download(Vendor(Told().encoded(), names=names), Archive(tmp_path))


def test_no_records_are_known_to_be_none(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    _, receipt = _download(Vendor(Told(days=[]).encoded(), records=0), archive)
    assert (receipt.rows, receipt.last, receipt.warnings) == (0, None, ("no bars in this range",))
    assert archive.cover(ASKED).gaps == ()


def test_a_long_silence_at_the_end_is_noted(tmp_path: Path) -> None:
    vendor = Vendor(Told(days=[MONDAY]).encoded(), records=1)
    estimate = Estimate(ASKED.during(Days(MONDAY, date(2024, 4, 1))), 1, 0.0)
    done = download(estimate, vendor, Archive(tmp_path))  # type: ignore[arg-type]
    assert done.receipt.warnings == ("no bars after 2024-03-04",)


def test_a_refresh_replaces_what_changed_and_counts_it(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    _download(Vendor(Told().encoded()), archive)
    packed_anew = zstandard.compress(zstandard.decompress(Told().encoded()), level=19)
    assert packed_anew != Told().encoded()
    assert _download(Vendor(packed_anew), archive, refresh=True)[0] == "unchanged"
    fewer = Vendor(Told(days=[MONDAY]).encoded(), records=1)
    for generation, vendor in ((1, fewer), (2, Vendor(Told().encoded()))):
        state, receipt = _download(vendor, archive, refresh=True)
        assert (state, receipt.generation) == ("restated", generation)
    assert len(list(tmp_path.rglob("*.dbn.zst"))) == 1
    (piece,) = archive.cover(ASKED).pieces
    assert piece.content() == Told().encoded()


def test_a_refresh_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    _download(Vendor(Told().encoded()), archive)
    with pytest.raises(VendorUnavailable):
        _download(Vendor(b"nothing"), archive, refresh=True)
    (piece,) = archive.cover(ASKED).pieces
    assert piece.content() == Told().encoded()


def test_records_without_a_receipt_do_not_exist(tmp_path: Path) -> None:
    """What a process leaves that dies between the two renames."""
    archive = Archive(tmp_path)
    _, receipt = _download(Vendor(Told().encoded()), archive)
    (archive.folder(ASKED) / "2024-03-04_2024-03-09.json").unlink()
    assert archive.cover(ASKED).gaps == (ASKED,)
    assert _download(Vendor(Told().encoded()), archive)[1].sha256 == receipt.sha256


def test_a_damaged_receipt_is_named(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    _download(Vendor(Told().encoded()), archive)
    path = archive.folder(ASKED) / "2024-03-04_2024-03-09.json"
    path.chmod(0o644)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(LakeError, match=str(path)):
        archive.cover(ASKED)


def test_symbols_of_any_spelling_stay_inside_the_archive(tmp_path: Path) -> None:
    for series in ("../../etc-raw", "VX/-contracts", "a b-raw"):
        folder = Archive(tmp_path).folder(
            Request("XCBF.PITCH", "ohlcv-1h", series, "raw_symbol", ("x",), DAYS)
        )
        assert folder.parent == tmp_path / "XCBF.PITCH" / "ohlcv-1h"
        assert folder.resolve().is_relative_to(tmp_path)


@given(
    spans=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=8),
    asked=st.tuples(st.integers(0, 60), st.integers(1, 40)),
)
def test_pieces_and_gaps_are_the_range_each_day_once(
    tmp_path_factory: pytest.TempPathFactory,
    spans: list[tuple[int, int]],
    asked: tuple[int, int],
) -> None:
    archive = Archive(tmp_path_factory.mktemp("archive"))
    for first, length in spans:
        _keep_empty(archive, ASKED.during(_span(first, length)))
    wanted = _span(*asked)
    cover = archive.cover(ASKED.during(wanted))
    kept = [day for one in cover.pieces for day in _each(one.days)]
    missing = [day for one in cover.gaps for day in _each(one.days)]
    assert sorted(kept + missing) == _each(wanted)
    have = {day for first, length in spans for day in _each(_span(first, length))}
    assert set(kept) == have & set(_each(wanted))
    for one in cover.pieces:
        assert set(_each(one.days)) <= set(_each(one.receipt.days))


def _span(first: int, length: int) -> Days:
    start = MONDAY + timedelta(days=first)
    return Days(start, start + timedelta(days=length))


def _each(days: Days) -> list[date]:
    return [days.start + timedelta(n) for n in range((days.end - days.start).days)]


def _keep_empty(archive: Archive, request: Request) -> None:
    receipt = Receipt.model_validate(
        {
            **{"dataset": request.dataset, "schema": request.schema, "series": request.series},
            **{"stype_in": request.stype_in, "symbols": request.symbols},
            **{"start": request.days.start, "end": request.days.end, "rows": 0, "names": ()},
            **{"file": f"{request.days.start}_{request.days.end}.0.dbn.zst", "sha256": ""},
            **{"content": "", "first": None, "last": None},
            "downloaded_at": datetime(2024, 1, 1, tzinfo=UTC),
        }
    )
    with archive.making(request) as path:
        path.write_bytes(b"")
        archive.commit(path, receipt)
