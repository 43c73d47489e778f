"""Names of dated contracts, in the spellings of vendors and of the venue that takes orders."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rooney_core.errors import InputError
from rooney_core.market.contracts import MONTH_CODES, Contract, order_ticker, parse_contract
from rooney_core.market.instruments import Instrument

MONTHS = {
    **{"F": "January", "G": "February", "H": "March", "J": "April", "K": "May", "M": "June"},
    **{"N": "July", "Q": "August", "U": "September", "V": "October", "X": "November"},
    "Z": "December",
}
ROOTS = st.from_regex(r"[A-Z0-9]{1,6}", fullmatch=True)


def _instrument(symbol: str, months: str = MONTH_CODES, **facts: object) -> Instrument:
    page = {
        "symbol": symbol,
        "name": symbol,
        "role": "reference",
        "exchange": "CME",
        "product_group": "equity_index",
        "multiplier": 1,
        "tick_size": 1,
        "contract_months": months,
        "sources": {"simulated": {"start_price": 1, "annual_volatility": 0.1}}
        if symbol.startswith("SIM_")
        else {},
    }
    return Instrument.model_validate(page | facts)


@pytest.mark.parametrize("code", MONTHS)
def test_month_codes_are_the_exchanges(code: str) -> None:
    found = parse_contract(f"CL{code}26")
    assert date(2026, found.month, 1).strftime("%B") == MONTHS[code]
    assert found.month_code == code


@given(root=ROOTS, month=st.integers(1, 12), year=st.integers(1970, 2069))
def test_every_spelling_names_the_same_contract(root: str, month: int, year: int) -> None:
    meant = Contract(root, year, month)
    code = MONTH_CODES[month - 1]
    assert meant.name == f"{root}{code}{str(year)[2:]}"
    for separator in ("", "/", "_", " "):
        for digits in (str(year), str(year)[2:]):
            assert parse_contract(f"{root}{separator}{code}{digits}") == meant


@given(
    root=ROOTS,
    month=st.integers(1, 12),
    year=st.integers(1980, 2069),
    years_before=st.integers(0, 9),
    day=st.integers(1, 28),
)
def test_one_digit_is_the_next_such_year(
    root: str, month: int, year: int, years_before: int, day: int
) -> None:
    on = date(year - years_before, 12, day)
    name = f"{root}{MONTH_CODES[month - 1]}{year % 10}"
    assert parse_contract(name, on) == Contract(root, year, month)


@pytest.mark.parametrize(
    ("name", "on", "root", "year"),
    [
        ("ESZ9", date(2019, 12, 20), "ES", 2019),
        ("ESH0", date(2019, 12, 20), "ES", 2020),
        ("ESH0", date(2020, 1, 2), "ES", 2020),
        ("ESZ9", date(2020, 1, 2), "ES", 2029),
        ("6EZ6", date(2026, 11, 2), "6E", 2026),
        ("6AH7", date(2026, 11, 2), "6A", 2027),
        ("M2KZ6", date(2026, 11, 2), "M2K", 2026),
        ("M6AH25", None, "M6A", 2025),
        ("HGN26", None, "HG", 2026),
        ("ZNZ26", None, "ZN", 2026),
        ("SIK79", None, "SI", 1979),
        ("VX/Z6", date(2026, 11, 2), "VX", 2026),
        ("VX_Z26", None, "VX", 2026),
        ("VX01/F7", date(2026, 12, 30), "VX01", 2027),
        ("SIM_ESZ26", None, "SIM_ES", 2026),
    ],
)
def test_names_as_vendors_write_them(name: str, on: date | None, root: str, year: int) -> None:
    found = parse_contract(name, on)
    assert (found.root, found.year) == (root, year)


@pytest.mark.parametrize(
    "name",
    [
        *("", "ES", "ESZ", "Z26", "/Z26", "ESA26", "ESZ226", "ESZ20266", "esz26", "ESz26"),
        *("ESH6-ESM6", "VX/N6:1:S - VX/Q6:1:B", "ES.v.0", "ES.FUT", " ESZ26", "ESZ26\n"),
        *("ESZ٢٦", "ES//Z26", "TLT"),
    ],
)
def test_other_forms_are_refused_by_name(name: str) -> None:
    with pytest.raises(InputError, match="no dated contract") as refused:
        parse_contract(name, date(2026, 1, 2))
    assert repr(name) in str(refused.value)


def test_one_digit_needs_a_day() -> None:
    with pytest.raises(InputError, match="one digit of the year"):
        parse_contract("ESZ6")


def test_contracts_sort_by_expiry() -> None:
    names = ["CLF27", "CLZ26", "CLX26", "CLZ99"]
    ordered = sorted(parse_contract(name) for name in names)
    assert [one.name for one in ordered] == ["CLZ99", "CLX26", "CLZ26", "CLF27"]


@pytest.mark.parametrize(
    ("symbol", "contract", "on", "ticker"),
    [
        ("ES", "ESZ6", date(2026, 10, 1), "ESZ2026"),
        ("ES", "ESZ26", None, "ESZ2026"),
        ("ES", "ESZ2026", None, "ESZ2026"),
        ("ES", "ESH0", date(2029, 12, 14), "ESH2030"),
        ("CL", "CLF27", None, "CLF2027"),
        ("6E", "6EU6", date(2026, 8, 3), "6EU2026"),
        ("MES", "MESM27", None, "MESM2027"),
        ("M2K", "M2KZ6", date(2026, 11, 2), "M2KZ2026"),
        ("VX", "VX/Z6", date(2026, 11, 2), "VXZ2026"),
        ("SIM_ES", "SIM_ESZ26", None, "SIM_ESZ2026"),
    ],
)
def test_order_tickers_have_four_digits(
    symbol: str, contract: str, on: date | None, ticker: str
) -> None:
    assert order_ticker(contract, _instrument(symbol), on) == ticker


def test_what_does_not_expire_is_ordered_by_its_symbol() -> None:
    assert order_ticker("TLT", _instrument("TLT", months="")) == "TLT"


def test_another_rule_is_data() -> None:
    other = _instrument("ES", order_ticker="/{root}-{month}{year4}")
    assert order_ticker("ESZ26", other) == "/ES-Z2026"


def test_the_contract_of_another_root_is_not_ordered() -> None:
    with pytest.raises(InputError, match="VX01"):
        order_ticker("VX01/F7", _instrument("VX"), date(2026, 12, 30))
    with pytest.raises(InputError, match="contract of ES"):
        order_ticker("ESZ26", _instrument("MES"))


def test_a_month_that_the_instrument_does_not_have_is_not_ordered() -> None:
    with pytest.raises(InputError, match="months HMUZ"):
        order_ticker("ESF6", _instrument("ES", months="HMUZ"), date(2026, 1, 5))


def test_one_digit_of_an_order_needs_a_day_and_says_so() -> None:
    with pytest.raises(InputError, match="today, for an order"):
        order_ticker("ESZ6", _instrument("ES"))


def test_what_nobody_can_order_has_no_ticker() -> None:
    with pytest.raises(InputError, match="VIX cannot be ordered"):
        order_ticker("VIX", _instrument("VIX", months="", order_ticker=None))
