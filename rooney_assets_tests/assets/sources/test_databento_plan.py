"""Which ranges a symbol needs: years, feeds, spellings; and where the access is refused."""

import base64
import pickle
from datetime import date

import pytest
from databento_market import ES, KEY, instrument

from rooney_assets.sources.databento.access import (
    Secret,
    VendorAccess,
    parse_cost,
    parse_gateway,
)
from rooney_assets.sources.databento.patience import Patience, retry_after_seconds
from rooney_assets.sources.databento.plan import Days, chunks
from rooney_core.errors import InvalidSetting

GLBX = "GLBX.MDP3"


def _days(first: str, end: str) -> Days:
    return Days(date.fromisoformat(first), date.fromisoformat(end))


def test_a_range_is_cut_at_calendar_years() -> None:
    found = chunks(instrument(), "ohlcv-1h", {GLBX: _days("2010-06-06", "2024-03-06")})
    assert [one.days for one in found] == [
        _days("2021-11-01", "2022-01-01"),
        _days("2022-01-01", "2023-01-01"),
        _days("2023-01-01", "2024-01-01"),
        _days("2024-01-01", "2024-03-06"),
    ]
    assert {(one.dataset, one.schema, one.series) for one in found} == {
        (GLBX, "ohlcv-1h", "ES-volume")
    }


def test_a_year_that_ends_exactly_is_no_empty_chunk() -> None:
    found = chunks(instrument(), "ohlcv-1h", {GLBX: _days("2022-01-01", "2025-01-01")})
    assert [one.days.end.year for one in found] == [2023, 2024, 2025]
    assert all(one.days.start < one.days.end for one in found)


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("2024-03-09", "2024-03-09"),  # up to Friday the 8th
        ("2024-03-10", "2024-03-09"),  # Saturday is over, and waits for Monday
        ("2024-03-11", "2024-03-09"),  # Sunday too
        ("2024-03-12", "2024-03-12"),
    ],
)
def test_a_weekend_comes_with_its_monday(end: str, expected: str) -> None:
    found = chunks(instrument(), "ohlcv-1h", {GLBX: _days("2024-01-01", end)})
    assert found[-1].days.end == date.fromisoformat(expected)


def test_the_first_day_asked_for_leaves_out_what_lies_before() -> None:
    available = {GLBX: _days("2010-06-06", "2024-03-06")}
    late = chunks(instrument(), "ohlcv-1h", available, date(2023, 6, 1))
    assert late[0].days == _days("2023-06-01", "2024-01-01")
    early = chunks(instrument(), "ohlcv-1h", available, date(2010, 1, 1))
    assert early[0].days.start == date(2021, 11, 1)


def test_feeds_follow_each_other_and_one_that_is_absent_is_left_out() -> None:
    feeds = [
        {"dataset": "XNAS.ITCH", "since": "2022-05-01"},
        {"dataset": "EQUS.MINI", "since": "2023-03-28"},
    ]
    fund = instrument(ES, feeds=feeds, symbol="TLT", series="raw")
    both = {
        "XNAS.ITCH": _days("2018-05-01", "2024-01-10"),
        "EQUS.MINI": _days("2023-03-28", "2024-01-10"),
    }
    found = [(one.dataset, one.days) for one in chunks(fund, "ohlcv-1d", both)]
    assert found == [
        ("XNAS.ITCH", _days("2022-05-01", "2023-01-01")),
        ("XNAS.ITCH", _days("2023-01-01", "2023-03-28")),
        ("EQUS.MINI", _days("2023-03-28", "2024-01-01")),
        ("EQUS.MINI", _days("2024-01-01", "2024-01-10")),
    ]
    late = chunks(fund, "ohlcv-1d", {"EQUS.MINI": both["EQUS.MINI"]})
    assert {one.dataset for one in late} == {"EQUS.MINI"}
    assert chunks(fund, "ohlcv-1d", {}) == ()


@pytest.mark.parametrize(
    ("series", "stype", "symbols"),
    [
        ("volume", "continuous", ("ES.v.0",)),
        ("calendar", "continuous", ("ES.c.0",)),
        ("open_interest", "continuous", ("ES.n.0",)),
        ("raw", "raw_symbol", ("ES",)),
        (
            "contracts",
            "raw_symbol",
            ("ESH9", "ESM9", "ESU9", "ESZ9", "ESH0", "ESM0", "ESU0", "ESZ0", "ESH1"),
        ),
    ],
)
def test_symbols_are_spelled_as_the_vendor_does(
    series: str, stype: str, symbols: tuple[str, ...]
) -> None:
    feeds = [{"dataset": GLBX, "since": "2010-06-06"}]
    one = instrument(ES, series=series, feeds=feeds)
    (found,) = chunks(one, "ohlcv-1h", {GLBX: _days("2019-01-01", "2019-06-01")})
    assert (found.stype_in, found.symbols) == (stype, symbols)


def test_another_exchange_spells_its_contracts_in_another_way() -> None:
    facts = {**ES, "symbol": "VX", "contract_months": "FGHJKMNQUVXZ"}
    feeds = [{"dataset": "XCBF.PITCH", "since": "2024-01-01"}]
    one = instrument(facts, symbol="VX", series="contracts", feeds=feeds)
    (found,) = chunks(one, "ohlcv-1h", {"XCBF.PITCH": _days("2025-01-01", "2025-03-04")})
    assert found.symbols[:2] == ("VX/F5", "VX/G5")
    assert found.symbols[-1] == "VX/H7"
    assert len(found.symbols) == len(set(found.symbols)) == 27


def test_contracts_need_months() -> None:
    one = instrument({**ES, "contract_months": ""}, series="contracts")
    with pytest.raises(InvalidSetting, match="contract_months"):
        chunks(one, "ohlcv-1h", {GLBX: _days("2022-01-01", "2022-06-01")})


def test_a_key_shows_itself_to_nobody(tmp_path: object) -> None:
    secret = Secret(KEY)
    access = VendorAccess(downloads=None, key=secret)  # type: ignore[arg-type]
    for shown in (repr(secret), str(secret), f"{secret}", repr(access), repr([secret])):
        assert KEY not in shown
    basic = base64.b64encode(f"{KEY}:".encode()).decode()
    clean = secret.scrub(f"Authorization: Basic {basic} of {KEY}!")
    assert KEY not in clean
    assert basic not in clean
    with pytest.raises(TypeError):
        pickle.dumps(secret)


@pytest.mark.parametrize("text", ["", "two words", "YOUR_API_KEY", "ke\u00fd", "line\nbreak"])
def test_what_cannot_be_a_key_is_refused_without_showing_it(text: str) -> None:
    access = VendorAccess(downloads=None, key=Secret(text))  # type: ignore[arg-type]
    with pytest.raises(InvalidSetting, match="DATABENTO_API_KEY") as refused:
        access.require_key("The cost of ES")
    assert not text or text not in str(refused.value)


def test_without_a_key_the_setting_is_named() -> None:
    with pytest.raises(InvalidSetting, match=r"The cost of ES has to be.*DATABENTO_API_KEY"):
        VendorAccess(downloads=None).require_key("The cost of ES")  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["localhost:8443", "https://localhost:8443/", "localhost"])
def test_a_gateway_is_a_host(text: str) -> None:
    assert parse_gateway(text).startswith("localhost")


@pytest.mark.parametrize("text", ["http://localhost", "a b", "user:pw@host", "host/path", "", ":1"])
def test_another_gateway_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting, match="ROONEY_DATABENTO_GATEWAY"):
        parse_gateway(text)


def test_costs_are_amounts() -> None:
    assert (parse_cost("12.50"), parse_cost("0")) == (12.5, 0.0)
    for text in ("-1", "nan", "inf", "five"):
        with pytest.raises(InvalidSetting, match="ROONEY_MAX_COST_USD"):
            parse_cost(text)


def test_waits_double_up_to_a_bound_and_honour_the_vendor() -> None:
    patience = Patience(first_wait_seconds=1, longest_wait_seconds=5, jitter=0.5)
    assert [patience.pause(n, None, lambda: 0.0) for n in (1, 2, 3, 4)] == [1, 2, 4, 5]
    assert patience.pause(2, None, lambda: 0.5) == 1.5
    assert patience.pause(1, 30.0, lambda: 0.0) == 30.0


def test_retry_after_is_seconds_or_a_date() -> None:
    from datetime import UTC, datetime

    now = datetime(2024, 3, 4, 12, 0, tzinfo=UTC)
    assert retry_after_seconds("7", now) == 7.0
    assert retry_after_seconds("Mon, 04 Mar 2024 12:00:30 GMT", now) == 30.0
    assert retry_after_seconds("Mon, 04 Mar 2024 11:00:00 GMT", now) == 0.0
    assert retry_after_seconds("soon", now) is None
    assert retry_after_seconds(None, now) is None
