"""Decoding Databento's format, compared with the vendor's own frames."""

import math
import subprocess
import sys
import warnings
from datetime import date
from pathlib import Path

import databento
import polars as pl
import pytest
from dbn_files import FIRST, encode, hourly, write_dbn

from rooney_assets.sources.dbn import DECODED_SCHEMA, decode_bars
from rooney_core.errors import BarsRejected

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "data" / "dbn"
NAMED = [("ESH4", date(2024, 3, 4), date(2024, 3, 9), 5)]

with_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="no ../shared/data here")


@pytest.mark.parametrize("ending", ["dbn", "dbn.zst"])
@pytest.mark.parametrize("version", [1, 2, 3])
def test_every_version_gives_the_rows_that_were_written(
    tmp_path: Path, version: int, ending: str
) -> None:
    bars = hourly(5, 100)
    path = write_dbn(encode(bars, NAMED, version=version), tmp_path / f"one.{ending}")
    store = databento.DBNStore.from_bytes(path.read_bytes())
    assert store.metadata.version == version
    frame = decode_bars(store)
    assert dict(frame.schema) == DECODED_SCHEMA
    assert frame.rows() == bars


def test_more_records_than_one_batch_keep_their_order() -> None:
    bars = hourly(5, 70_000)
    frame = decode_bars(databento.DBNStore.from_bytes(encode(bars, NAMED)))
    assert frame.rows() == bars


def test_no_records_give_an_empty_frame() -> None:
    frame = decode_bars(databento.DBNStore.from_bytes(encode([], NAMED)))
    assert frame.is_empty()
    assert dict(frame.schema) == DECODED_SCHEMA


def test_an_undefined_price_is_null_and_a_negative_one_is_kept() -> None:
    number, start, *_ = hourly(5, 1)[0]
    bars = [(number, start, math.nan, -36.0, -40.32, -37.63, 7)]
    (row,) = decode_bars(databento.DBNStore.from_bytes(encode(bars, NAMED))).rows()
    assert row == (5, FIRST, None, -36.0, -40.32, -37.63, 7)


def test_an_undefined_time_is_null() -> None:
    content = bytearray(encode(hourly(5, 2), NAMED))
    content[-48:-40] = (2**64 - 1).to_bytes(8, "little")
    frame = decode_bars(databento.DBNStore.from_bytes(bytes(content)))
    assert frame["time"].to_list() == [FIRST, None]


def test_records_that_are_cut_or_of_another_type_are_refused() -> None:
    content = encode(hourly(5, 3), NAMED)
    with pytest.raises(BarsRejected, match=r"cannot be decoded.*truncated"):
        decode_bars(databento.DBNStore.from_bytes(content[:-10]))
    other = bytearray(content)
    other[-55] = 33
    with pytest.raises(BarsRejected, match=r"type 33 to 34 .* among ohlcv-1h"):
        decode_bars(databento.DBNStore.from_bytes(bytes(other)))


@with_samples
def test_samples_of_bars_agree_with_the_vendors_frame() -> None:
    paths = sorted(SAMPLES.rglob("*ohlcv-*.dbn*"))
    assert len(paths) > 20
    for path in paths:
        store = databento.DBNStore.from_bytes(path.read_bytes())
        frame = decode_bars(store)
        theirs = store.to_df().reset_index()
        assert frame.height == len(theirs)
        for name in frame.columns if len(theirs) else ():
            column = theirs["ts_event" if name == "time" else name]
            assert frame[name].to_list() == column.to_list(), (path, name)


@with_samples
def test_samples_of_other_schemas_are_refused_by_name() -> None:
    paths = [path for path in SAMPLES.rglob("*.dbn*") if "ohlcv" not in path.name]
    assert len(paths) > 50
    for path in paths:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            store = databento.DBNStore.from_bytes(path.read_bytes())
        with pytest.raises(BarsRejected, match="bars are needed"):
            decode_bars(store)


def test_importing_the_module_does_not_load_the_client() -> None:
    code = "import rooney_assets.sources.dbn, sys; sys.exit('databento' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_frames_can_be_used_as_any_other() -> None:
    frame = decode_bars(databento.DBNStore.from_bytes(encode(hourly(5, 40_000), NAMED)))
    assert frame.filter(pl.col("volume") > 100).height == 39_999
