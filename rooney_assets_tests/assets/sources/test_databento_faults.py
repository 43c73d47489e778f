"""What goes wrong at the vendor, shown to its real client: retried, refused, or known."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from databento_market import (
    CONTRACTS,
    END,
    FIRST,
    KEY,
    Desk,
    es_bars,
    instrument,
    open_desk,
)

from rooney_assets.sources.databento.plan import Days, chunks
from rooney_core.errors import (
    LakeError,
    SymbolUnknown,
    VendorRefused,
    VendorUnavailable,
)
from rooney_live.rehearsal.historical import Fault

CHUNKS = [
    ("2021-11-01", "2022-01-01"),
    ("2022-01-01", "2023-01-01"),
    ("2023-01-01", "2023-02-11"),
]
DATA = "timeseries.get_range"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A market, served."""
    with open_desk(tmp_path, monkeypatch) as opened:
        yield opened


def test_a_vendor_that_is_out_of_reach_stops_nobody_who_has_the_bars(desk: Desk) -> None:
    kept = desk.source().read(instrument())
    desk.server.faults.append(Fault("gateway_timeout", "*", times=99))
    source = desk.source()
    alone = source.read(instrument())
    assert alone.bars.equals(kept.bars)
    assert "504" in str(alone.notes["not asked for news"])
    assert source.fingerprint(instrument()) == desk.source(key=None).fingerprint(instrument())
    with pytest.raises(VendorUnavailable, match="504"):
        desk.source().read(instrument(series="contracts"))


def test_a_cut_stream_is_noticed_and_downloaded_again(desk: Desk) -> None:
    desk.server.faults += [Fault("none"), Fault("cut_stream", fraction=0.5)]
    bars = desk.source().read(instrument()).bars
    assert desk.ranges() == [CHUNKS[0], CHUNKS[1], CHUNKS[1], CHUNKS[2]]
    whole = desk.source(downloads=desk.folder / "elsewhere").read(instrument()).bars
    assert bars.equals(whole)


@pytest.mark.parametrize("kind", ["cut_stream", "cut_body"])
def test_streams_that_stay_cut_are_refused_and_nothing_of_them_is_kept(
    desk: Desk, kind: str
) -> None:
    desk.server.faults += [Fault("none"), Fault(kind, times=3, fraction=0.9)]
    with pytest.raises(VendorUnavailable, match="never whole") as refused:
        desk.source().read(instrument())
    assert "2022-01-01 to 2023-01-01" in str(refused.value)
    kept = [one.name for one in desk.access.downloads.rglob("*.*") if one.is_file()]
    assert sorted(name.split(".")[0] for name in kept if not name.startswith(".")) == [
        "2021-11-01_2022-01-01",
        "2021-11-01_2022-01-01",
    ]
    desk.source().read(instrument())
    assert desk.ranges()[-2:] == CHUNKS[1:]


def test_a_stream_that_is_cut_by_a_hair_is_noticed(desk: Desk) -> None:
    desk.server.faults.append(Fault("cut_stream", times=3, fraction=0.999))
    with pytest.raises(VendorUnavailable, match="never whole"):
        desk.source().read(instrument())


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        ("unauthorized", 401, "DATABENTO_API_KEY"),
        ("payment_required", 402, "no funds"),
        ("unprocessable", 422, "cannot be processed"),
    ],
)
@pytest.mark.parametrize("endpoint", [DATA, "metadata.get_cost", "metadata.get_dataset_range"])
def test_a_refusal_is_shown_and_not_asked_again(
    desk: Desk, kind: str, status: int, words: str, endpoint: str
) -> None:
    desk.server.faults.append(Fault(kind, endpoint, times=9))
    with pytest.raises(VendorRefused, match=words) as refused:
        desk.source().read(instrument())
    assert f"({status})" in str(refused.value)
    assert len(desk.asked(endpoint)) == 1
    assert desk.waits.seconds == []
    assert KEY not in str(refused.value)


def test_the_vendors_reason_is_a_sentence_of_its_own(desk: Desk) -> None:
    with pytest.raises(SymbolUnknown, match=r"could be resolved\. The request does not fit"):
        desk.source().read(instrument(symbol="NOPE", series="raw"))


def test_a_wrong_key_is_told_without_showing_it(desk: Desk) -> None:
    from rooney_assets.sources.databento.access import Secret

    wrong = "db-a-wrong-key-that-is-secret-too"
    with pytest.raises(VendorRefused, match="401") as refused:
        desk.source(key=Secret(wrong)).read(instrument())
    chain: BaseException | None = refused.value
    while chain is not None:
        assert wrong not in str(chain)
        assert wrong not in repr(chain)
        chain = chain.__context__


def test_a_busy_vendor_is_asked_again_when_it_says(desk: Desk) -> None:
    desk.server.faults.append(Fault("too_many", times=2, retry_after_seconds=17))
    bars = desk.source().read(instrument()).bars
    assert desk.waits.seconds == [17.0, 17.0]
    assert desk.ranges() == [CHUNKS[0], CHUNKS[0], *CHUNKS]
    assert bars["contract"].n_unique() == len(CONTRACTS)


def test_a_vendor_that_stays_busy_is_left_alone(desk: Desk) -> None:
    desk.server.faults.append(Fault("too_many", times=99, retry_after_seconds=100))
    with pytest.raises(VendorUnavailable, match=r"429.*Too many") as refused:
        desk.source().read(instrument())
    assert desk.waits.seconds == [100.0]
    assert "asks to wait 100 s" in str(refused.value)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("gateway_timeout", times=2),
        Fault("server_error", times=2, status=500),
        Fault("server_error", times=2, status=503),
        Fault("reset", times=2),
        Fault("gateway_timeout", "metadata.get_record_count", times=2),
        Fault("reset", "metadata.get_cost", times=2),
        Fault("gateway_timeout", "symbology.resolve", times=2),
        Fault("server_error", "metadata.get_dataset_range"),
    ],
    ids=lambda one: f"{one.kind} {one.status} {one.endpoint}",
)
def test_what_may_pass_is_tried_again_with_longer_waits(desk: Desk, fault: Fault) -> None:
    desk.server.faults.append(fault)
    assert not desk.source().read(instrument()).bars.is_empty()
    expected = [0.5] if fault.endpoint == "metadata.get_dataset_range" else [1.0, 2.0]
    assert desk.waits.seconds == expected


def test_a_day_of_reduced_quality_is_noted(desk: Desk) -> None:
    desk.has_until(END, degraded=(date(2022, 5, 4),))
    reading = desk.source().read(instrument())
    assert "2022-05-04" in str(reading.notes["vendor warnings"])
    # It is in the receipt: a later process tells it too.
    again = desk.source(key=None).read(instrument())
    assert again.notes["vendor warnings"] == reading.notes["vendor warnings"]


def test_an_empty_range_is_known_to_be_empty(desk: Desk) -> None:
    # The newest range is counted first, and the oldest is downloaded first.
    desk.server.faults += [
        Fault("none", "metadata.get_record_count", times=2),
        Fault("empty", "metadata.get_record_count"),
        Fault("empty", "timeseries.get_range"),
    ]
    first = desk.source().read(instrument())
    assert first.bars["bar_start"].min().date() == date(2022, 1, 3)  # type: ignore[union-attr]
    assert "no bars in this range" in str(first.notes["vendor warnings"])
    assert desk.source().read(instrument()).bars.equals(first.bars)
    assert desk.ranges() == CHUNKS


def test_an_empty_answer_where_there_are_bars_is_not_believed(desk: Desk) -> None:
    desk.server.faults.append(Fault("empty"))
    assert desk.source().read(instrument()).bars["bar_start"].min().date() == FIRST  # type: ignore[union-attr]
    assert desk.ranges() == [CHUNKS[0], *CHUNKS]


def test_a_file_that_is_not_what_its_receipt_says_is_refused(desk: Desk) -> None:
    desk.source().read(instrument())
    victim = min(desk.access.downloads.rglob("2022*.dbn.zst"))
    victim.chmod(0o644)
    victim.write_bytes(victim.read_bytes()[:-1])
    with pytest.raises(LakeError, match="not what its receipt says"):
        desk.source().read(instrument())


def test_an_unknown_symbol_is_refused_with_the_vendors_words(desk: Desk) -> None:
    with pytest.raises(VendorRefused, match=r"422.*XX\.v\.0"):
        desk.source().read(instrument(symbol="XX"))


def test_years_before_a_symbol_was_listed_are_known_to_be_empty(desk: Desk) -> None:
    """Another root of the dataset begins first; the vendor refuses ES before its own first day."""
    old = es_bars().filter(pl.col("ts_event").dt.date() < date(2022, 1, 1))
    old = old.with_columns(pl.col("ts_event").dt.offset_by("-2y"), contract=pl.lit("NQZ19"))
    old.write_parquet(desk.folder / "ohlcv-1h" / "NQ.parquet")
    (desk.folder / "datasets.yaml").write_text(
        "GLBX.MDP3: {roots: [ES, NQ], end: 2023-02-11}", encoding="utf-8"
    )
    desk.restart()
    early = instrument(feeds=[{"dataset": "GLBX.MDP3", "since": "2010-06-06"}])
    reading = desk.source().read(early)
    assert reading.bars["bar_start"].min().date() == FIRST  # type: ignore[union-attr]
    assert "no such symbol yet" in str(reading.notes["vendor warnings"])
    assert desk.ranges()[0] == ("2021-01-01", "2022-01-01")
    assert desk.source(key=None).read(early).bars.equals(reading.bars)
    # The other way round it is a fault: what is known no more, or not yet today, is not lost.
    with pytest.raises(SymbolUnknown, match=r"NQ\.v\.0"):
        desk.source().read(instrument(symbol="NQ", feeds=early.sources.databento.feeds))  # type: ignore[union-attr]


def test_a_certificate_that_is_not_trusted_is_not_asked_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(VendorUnavailable, match="REQUESTS_CA_BUNDLE"):
        desk.client().cost_usd(chunks(instrument(), "ohlcv-1h", {"GLBX.MDP3": Days(FIRST, END)})[0])
    assert desk.waits.seconds == []


def test_nobody_at_the_gateway(desk: Desk) -> None:
    source = desk.source(gateway="localhost:9")
    with pytest.raises(VendorUnavailable, match="ROONEY_DATABENTO_GATEWAY"):
        source.read(instrument())
    assert desk.waits.seconds == [0.5]
