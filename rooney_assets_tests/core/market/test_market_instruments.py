"""The page of an instrument: what it takes, what it refuses, and what a source makes of it."""

from typing import Any

import pytest

from rooney_core.errors import InvalidSetting, UnknownName
from rooney_core.market.instruments import Universe

FILES = {"path": "TST", "time_zone": "UTC", "bar_edge": "start"}
FEED = {"symbol": "TST", "feeds": [{"dataset": "GLBX.MDP3", "since": "2010-06-06"}]}


def _page(**facts: Any) -> dict[str, Any]:
    page = {
        "symbol": "TST",
        "name": "Test future",
        "role": "tradable",
        "exchange": "CME",
        "product_group": "metals",
        "multiplier": 10,
        "tick_size": 0.1,
        "contract_months": "GJMQVZ",
        "sources": {"files": FILES, "databento": FEED},
    }
    return page | facts


def _universe(*pages: dict[str, Any]) -> Universe:
    return Universe.parse({"instruments": list(pages)}, "mine.yaml")


def _refusal(**facts: Any) -> str:
    with pytest.raises(InvalidSetting) as refused:
        _universe(_page(**facts))
    return str(refused.value)


def test_every_symbol_has_one_role() -> None:
    roles = {"AAA": "tradable", "BBB": "reference", "CCC": "watched", "DDD": "tradable"}
    universe = _universe(*(_page(symbol=one, role=role) for one, role in roles.items()))
    assert universe.symbols == ("AAA", "BBB", "CCC", "DDD")
    assert universe.tradable == ("AAA", "DDD")
    assert universe.reference == ("BBB",)
    assert universe.watched == ("CCC",)


def test_a_source_replaces_role_and_bar_length_where_it_states_them() -> None:
    stated = {**FILES, "role": "reference", "bar_minutes": 1}
    page = _page(role="watched", sources={"files": stated, "databento": FEED})
    known = _universe(page, _page(symbol="OTH", sources={"databento": FEED}))
    assert known.offered_by("files").symbols == ("TST",)
    of_files = known.offered_by("files")["TST"]
    assert (of_files.role, of_files.bar_minutes) == ("reference", 1)
    bought = known.offered_by("databento")
    assert bought.symbols == ("TST", "OTH")
    assert (bought["TST"].role, bought["TST"].bar_minutes) == ("watched", 60)
    assert bought["OTH"].role == "tradable"
    assert known.offered_by("simulated").symbols == ()
    unchanged = of_files.model_dump(exclude={"role", "bar_minutes"})
    assert unchanged == known["TST"].model_dump(exclude={"role", "bar_minutes"})


def test_a_page_cannot_make_minutes_tradable() -> None:
    page = _page(sources={"files": {**FILES, "bar_minutes": 1}})
    with pytest.raises(ValueError, match="strategies decide on hourly bars"):
        _universe(page).offered_by("files")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"role": "traded"}, ("TST.role", "'tradable', 'reference' or 'watched'")),
        ({"tick_size": 0}, ("TST.tick_size", "greater than 0")),
        ({"tick_size": float("nan")}, ("TST.tick_size",)),
        ({"multiplier": -1}, ("TST.multiplier",)),
        ({"exchange": " "}, ("TST.exchange",)),
        ({"currency": "EUR"}, ("TST.currency", "'USD'")),
        ({"contract_months": "ZH"}, ("TST.contract_months", "write 'HZ'")),
        ({"contract_months": "HHZ"}, ("TST.contract_months", "write 'HZ'")),
        ({"contract_months": "A"}, ("TST.contract_months",)),
        ({"contract_months": "", "expiry": "third_friday"}, ("contract_months too",)),
        ({"contract_months": "", "micro_of": "GC"}, ("contract_months too",)),
        ({"expiry": "whenever"}, ("TST.expiry",)),
        ({"roll": {"method": "calendar"}}, ("needs `expiry`",)),
        ({"order_ticker": "{root}{year2}"}, ("TST.order_ticker", "{year4}")),
        ({"order_ticker": None}, ("nobody can order it", "role: watched")),
        ({"bar_minutes": 1}, ("hourly bars", "role: watched")),
        ({"bar_minutes": 30}, ("TST.bar_minutes",)),
    ],
)
def test_a_wrong_fact_is_refused_by_name(facts: dict[str, Any], words: tuple[str, ...]) -> None:
    said = _refusal(**facts)
    for word in ("mine.yaml", *words):
        assert word in said


@pytest.mark.parametrize(
    ("facts", "where", "meant"),
    [
        ({"tick_sze": 1}, "TST.tick_sze", "tick_size"),
        ({"roll": {"metod": "volume"}}, "TST.roll.metod", "method"),
        ({"sources": {"file": FILES}}, "TST.sources.file", "files"),
        (
            {"sources": {"files": {**FILES, "timezone": "UTC"}}},
            "TST.sources.files.timezone",
            "time_zone",
        ),
        (
            {"sources": {"databento": {**FEED, "feeds": [{"datset": "GLBX.MDP3"}]}}},
            "TST.sources.databento.feeds.0.datset",
            "dataset",
        ),
        (
            {"sources": {"files": {**FILES, "witnesses": {"dayly": FILES}}}},
            "TST.sources.files.witnesses.dayly",
            "daily",
        ),
    ],
)
def test_a_misspelt_field_is_told_what_was_meant(
    facts: dict[str, Any], where: str, meant: str
) -> None:
    said = _refusal(**facts)
    assert f"{where}: Unknown field" in said
    assert f"Did you mean {meant!r}?" in said


def test_a_misspelt_field_beside_the_list_is_told_too() -> None:
    with pytest.raises(InvalidSetting, match=r"instrument: .* Did you mean 'instruments'\?"):
        Universe.parse({"instruments": [_page()], "instrument": []}, "mine.yaml")


def test_an_unknown_symbol_is_told_what_was_meant() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'TST'"):
        _universe(_page())["TSS"]


def test_a_symbol_twice_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="listed twice: TST"):
        _universe(_page(), _page())


def test_feeds_come_oldest_first() -> None:
    feeds = [
        {"dataset": "EQUS.MINI", "since": "2023-03-28"},
        {"dataset": "XNAS.ITCH", "since": "2018-05-01"},
    ]
    said = _refusal(sources={"databento": {"symbol": "TLT", "series": "raw", "feeds": feeds}})
    assert "list them oldest first" in said
