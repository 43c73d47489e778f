"""Content versions: equal content is equal, any difference shows, and no release changes them."""

from __future__ import annotations

import hashlib
import math
import struct
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from rooney_core.errors import LakeError
from rooney_core.lineage import (
    VERSION_LENGTH,
    Stamp,
    claimed_stamp,
    combined_version,
    content_version,
    table_from_bytes,
    table_to_bytes,
    verified_stamp,
)

NAN = float("nan")
MOMENT = datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
PAIR = pl.Struct({"a": pl.Int64, "b": pl.String})

# Columns that all differ in content, many of them by what a careless hash would overlook.
ALL_DIFFERENT = {
    "ints": pl.Series([1, 2]),
    "ints, other order": pl.Series([2, 1]),
    "ints, one more": pl.Series([1, 2, 2]),
    "ints, a null": pl.Series([1, None]),
    "ints, a zero for the null": pl.Series([1, 0]),
    "ints, the other null": pl.Series([None, 1]),
    "int32": pl.Series([1, 2], dtype=pl.Int32),
    "uint64": pl.Series([1, 2**64 - 1], dtype=pl.UInt64),
    "int128": pl.Series([1, 2**100], dtype=pl.Int128),
    "bools": pl.Series([True, False]),
    "bools, changed": pl.Series([True, True]),
    "uint8 like bools": pl.Series([1, 0], dtype=pl.UInt8),
    "floats": pl.Series([1.0, 2.0]),
    "floats, last bit": pl.Series([1.0, math.nextafter(2.0, 3.0)]),
    "floats, zero": pl.Series([1.0, 0.0]),
    "floats, minus zero": pl.Series([1.0, -0.0]),
    "floats, NaN": pl.Series([1.0, NAN]),
    "floats, null": pl.Series([1.0, None]),
    "floats, infinity": pl.Series([1.0, math.inf]),
    "float32": pl.Series([1.0, 2.0], dtype=pl.Float32),
    "texts": pl.Series(["ab", "c"]),
    "texts, cut elsewhere": pl.Series(["a", "bc"]),
    "texts, empty": pl.Series(["abc", ""]),
    "texts, null": pl.Series(["abc", None]),
    "texts, umlaut": pl.Series(["ä", "c"]),
    "texts, umlaut of two": pl.Series(["a\u0308", "c"]),
    "categories": pl.Series(["ab", "c"], dtype=pl.Categorical),
    "enum": pl.Series(["ab", "c"], dtype=pl.Enum(["ab", "c"])),
    "enum, wider": pl.Series(["ab", "c"], dtype=pl.Enum(["ab", "c", "d"])),
    "bytes": pl.Series([b"ab", b"c"]),
    "bytes, cut elsewhere": pl.Series([b"a", b"bc"]),
    "dates": pl.Series([date(2020, 1, 1), date(2020, 1, 2)]),
    "times of day": pl.Series([time(1), time(2)]),
    "durations": pl.Series([timedelta(1), timedelta(2)]),
    "durations, ms": pl.Series([timedelta(1), timedelta(2)], dtype=pl.Duration("ms")),
    "utc": pl.Series([MOMENT, MOMENT], dtype=pl.Datetime("us", "UTC")),
    "chicago": pl.Series([MOMENT, MOMENT], dtype=pl.Datetime("us", "America/Chicago")),
    "no zone": pl.Series([MOMENT.replace(tzinfo=None)] * 2, dtype=pl.Datetime("us")),
    "utc, ns": pl.Series([MOMENT, MOMENT], dtype=pl.Datetime("ns", "UTC")),
    "decimals": pl.Series([Decimal("1.1"), Decimal("2")], dtype=pl.Decimal(10, 1)),
    "decimals, scale": pl.Series([Decimal("1.1"), Decimal("2")], dtype=pl.Decimal(10, 2)),
    "nothing": pl.Series([None, None]),
    "nothing, as floats": pl.Series([None, None], dtype=pl.Float64),
    "lists": pl.Series([[1], [2, 3]]),
    "lists, cut elsewhere": pl.Series([[1, 2], [3]]),
    "lists, empty": pl.Series([[1, 2, 3], []]),
    "lists, null": pl.Series([[1, 2, 3], None]),
    "lists, null inside": pl.Series([[1, 2, 3], [None]]),
    "lists of lists": pl.Series([[["a"], []], [["b"]]]),
    "lists of lists, null": pl.Series([[["a"], None], [["b"]]]),
    "arrays": pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int64, 2)),
    "structs": pl.Series([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], dtype=PAIR),
    "structs, nulls": pl.Series([{"a": 1, "b": "x"}, {"a": None, "b": None}], dtype=PAIR),
    "structs, null": pl.Series([{"a": 1, "b": "x"}, None], dtype=PAIR),
    "structs, names": pl.Series([{"a": 1, "c": "x"}, {"a": 2, "c": "y"}]),
    "lists of structs": pl.Series([[{"a": 1, "b": "x"}], [None]], dtype=pl.List(PAIR)),
}


def version_of(values: pl.Series) -> str:
    """The version of one column named x."""
    return content_version(values.alias("x").to_frame())


def test_any_difference_in_value_type_or_shape_is_another_version() -> None:
    versions = {name: version_of(values) for name, values in ALL_DIFFERENT.items()}
    assert len(set(versions.values())) == len(versions)


def test_names_and_order_of_columns_count() -> None:
    frame = pl.DataFrame({"x": [1], "y": [1]})
    others = [frame.rename({"x": "z"}), frame.select("y", "x"), frame.select("x"), pl.DataFrame()]
    assert len({content_version(one) for one in (frame, *others)}) == 5


@pytest.mark.parametrize("name", sorted(ALL_DIFFERENT))
def test_same_content_by_another_way_is_the_same_version(name: str, tmp_path) -> None:
    values = ALL_DIFFERENT[name].alias("x")
    version = version_of(values)
    assert version_of(pl.concat([values[:1], values[1:]], rechunk=False)) == version
    assert version_of(pl.concat([values, values])[: len(values)]) == version
    values.to_frame().write_parquet(tmp_path / "file.parquet")
    assert content_version(pl.read_parquet(tmp_path / "file.parquet")) == version


def test_every_nan_is_the_same_nan() -> None:
    bits = np.array([0x7FF8000000000000, 0xFFF8000000000000, 0x7FF8000000000123], dtype=np.uint64)
    nans = [pl.Series(np.array([one]).view(np.float64)) for one in bits]
    assert len({version_of(one) for one in nans}) == 1


def test_what_lies_below_a_null_does_not_count() -> None:
    null_over_seven = pl.select(
        pl.when(pl.Series([True, False])).then(pl.Series([1, 7]))
    ).to_series()
    assert version_of(null_over_seven) == version_of(pl.Series([1, None]))


def test_a_column_of_objects_is_refused() -> None:
    with pytest.raises(TypeError, match="no content version"):
        version_of(pl.Series([object()], dtype=pl.Object))


def test_versions_are_those_of_the_documented_bytes() -> None:
    """Spelled out by hand: an accidental change of the format cannot pass for other content."""

    def number(value: int) -> bytes:
        return struct.pack("<Q", value)

    def text(value: str) -> bytes:
        return number(len(value.encode())) + value.encode()

    prices = text("price") + text("float64") + number(3) + number(1)
    prices += bytes([0b01000000]) + struct.pack("<2d", 1.5, -0.0)
    names = text("name") + text("string") + number(3) + number(0)
    names += struct.pack("<3I", 2, 0, 1) + "äb".encode()
    data = b"rooney content 1\n" + number(3) + number(2) + prices + names
    frame = pl.DataFrame({"price": [1.5, None, -0.0], "name": ["ä", "", "b"]})
    assert content_version(frame) == hashlib.sha256(data).hexdigest()[:VERSION_LENGTH]


def test_a_version_stays_what_it_was() -> None:
    frame = pl.DataFrame(
        {
            "symbol": ["ES", "ES", None],
            "bar_start": [MOMENT, None, MOMENT],
            "close": [1.25, NAN, None],
            "nested": [[{"a": 1.0, "b": "x"}], [], None],
        },
        schema_overrides={"bar_start": pl.Datetime("us", "UTC")},
    )
    assert content_version(frame) == "ca7d79ea46794b3ed18095b4a9ae786f"


def test_another_process_without_pyarrow_agrees() -> None:
    script = """
import sys
sys.modules["pyarrow"] = None
import polars as pl
from rooney_core.lineage import content_version
values = [[{"a": 1, "b": "x"}], None, []]
kinds = pl.Series(["b", "a", "b"], dtype=pl.Categorical)
print(content_version(pl.DataFrame({"x": values, "y": kinds, "z": [1.5, None, 2.5]})))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    kinds = pl.Series(["b", "a", "b"], dtype=pl.Categorical)
    here = {"x": [[{"a": 1, "b": "x"}], None, []], "y": kinds, "z": [1.5, None, 2.5]}
    assert done.stdout.strip() == content_version(pl.DataFrame(here))


@given(st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=6))
def test_lists_of_texts_are_equal_exactly_when_their_versions_are(values: list[str | None]) -> None:
    known = ["a", "", None]
    same = values == known
    versions = [version_of(pl.Series(one, dtype=pl.String)) for one in (values, known)]
    assert (versions[0] == versions[1]) is same


def test_combined_versions_depend_on_names_and_parts_only() -> None:
    one = combined_version({"visible": "aa", "sealed": "bb"})
    assert one == combined_version({"sealed": "bb", "visible": "aa"})
    others = [
        {"visible": "bb", "sealed": "aa"},
        {"visible": "aa"},
        {"visible": "aab", "sealed": "b"},
    ]
    assert one not in {combined_version(parts) for parts in others}


def test_table_bytes_carry_their_versions_and_any_parquet_reader_reads_them() -> None:
    frame, hidden = pl.DataFrame({"x": [1.5, None]}), pl.DataFrame({"x": [9.0]})
    stamp = Stamp.of(frame, hidden)
    data = bytes(table_to_bytes(frame, stamp))
    read, found = table_from_bytes(data, "here")
    assert_frame_equal(read, frame)
    assert_frame_equal(pl.read_parquet(data), frame)
    assert found == stamp == claimed_stamp(data[-600:], "here")
    assert (stamp.content_version, stamp.sealed_version) == (
        content_version(frame),
        content_version(hidden),
    )
    assert stamp.of_sealed() == Stamp(stamp.data_version, content_version(hidden))


def test_without_sealed_rows_the_data_version_is_the_content_version() -> None:
    frame = pl.DataFrame({"x": [1]})
    assert Stamp.of(frame) == Stamp(content_version(frame), content_version(frame), None)
    assert Stamp.of(frame, frame.clear()).data_version != Stamp.of(frame).data_version


def test_a_table_that_quotes_a_stamp_is_not_confused_by_it() -> None:
    zero = "0" * VERSION_LENGTH
    quoted = f"rooney:1:{zero}:{zero}:{zero}:{'0' * 64}"
    frame = pl.DataFrame({"x": [quoted, "a"], "y": ["b", quoted]})
    data = bytes(table_to_bytes(frame, Stamp.of(frame)))
    assert verified_stamp(data, "here") == Stamp.of(frame)


@pytest.mark.parametrize("data", [b"", b"PAR1", b"rooney:1:", b"x" * 500])
def test_bytes_of_something_else_are_refused_by_name(data: bytes) -> None:
    with pytest.raises(LakeError, match="here is not a whole table of the lake"):
        table_from_bytes(data, "here")
