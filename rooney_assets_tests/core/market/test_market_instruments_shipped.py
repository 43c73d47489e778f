"""The facts of the shipped universe.yaml, against published numbers and the roots table."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
import yaml

from rooney_core.errors import InputError
from rooney_core.market.calendar import HOURS
from rooney_core.market.contracts import order_ticker
from rooney_core.market.instruments import Instrument, Universe
from rooney_core.market.source_pages import FileFacts

ROOT = Path(__file__).parents[3]
TABLE = ROOT.parent / "shared" / "data" / "meta" / "futures_roots.csv"
TEXT = (ROOT / "universe.yaml").read_text(encoding="utf-8")
UNIVERSE = Universe.parse(yaml.safe_load(TEXT), "universe")
REAL = {one.symbol: one for one in UNIVERSE.instruments if not one.is_simulated}

# What one tick of one contract is worth, as the exchanges publish it.
TICK_USD = {
    **{"ES": 12.5, "NQ": 5.0, "RTY": 5.0, "YM": 5.0},
    **{"MES": 1.25, "MNQ": 0.5, "M2K": 0.5, "MYM": 0.5},
    **{"CL": 10.0, "MCL": 1.0, "NG": 10.0, "QG": 12.5},
    **{"HG": 12.5, "SI": 25.0, "SIL": 5.0, "GC": 10.0, "MGC": 1.0},
    **{"ZN": 15.625, "6A": 5.0, "6E": 6.25, "6B": 6.25, "M6A": 1.0, "M6E": 1.25, "VX": 50.0},
}
EXCHANGE = {
    "CME": {"ES", "NQ", "RTY", "MES", "MNQ", "M2K", "6A", "6E", "6B", "M6A", "M6E"},
    "CBOT": {"YM", "MYM", "ZN"},
    "NYMEX": {"CL", "MCL", "NG", "QG"},
    "COMEX": {"HG", "SI", "SIL", "GC", "MGC"},
    "CFE": {"VX"},
    "CBOE": {"VIX"},
    "NASDAQ": {"TLT"},
}
# How many of the small one make a big one.
PER_BIG = {
    **{"MES": 10, "MNQ": 10, "M2K": 10, "MYM": 10, "MCL": 10, "QG": 4},
    **{"MGC": 10, "SIL": 5, "M6A": 10, "M6E": 10},
}
TRADED = {"ES", "NQ", "RTY", "YM", "CL", "HG", "SI", "GC", "NG"}
REFERRED_TO = {"ZN", "6A", "6E", "6B", "TLT", "VIX", "VX"}
FUTURES = sorted(TICK_USD)


def test_every_instrument_of_the_issue_has_a_page() -> None:
    assert set(REAL) == TRADED | REFERRED_TO | set(PER_BIG)
    assert {one.symbol: one.exchange for one in REAL.values()} == {
        symbol: exchange for exchange, symbols in EXCHANGE.items() for symbol in symbols
    }


@pytest.mark.parametrize("symbol", FUTURES)
def test_a_tick_is_worth_what_the_exchange_publishes(symbol: str) -> None:
    assert REAL[symbol].tick_value_usd == pytest.approx(TICK_USD[symbol], rel=1e-12)


@pytest.mark.parametrize("symbol", sorted(REAL))
def test_every_page_is_complete(symbol: str) -> None:
    one = REAL[symbol]
    assert one.name
    assert one.currency == "USD"
    assert one.product_group in HOURS
    assert one.sources.databento is not None
    assert len(one.fact_sources) >= 2
    assert len(set(one.fact_sources)) == len(one.fact_sources)
    assert (one.bar_minutes == 1440) == (symbol in {"VIX", "TLT"})
    assert (one.order_ticker is None) == (symbol == "VIX")
    if symbol in TICK_USD:
        assert one.contract_months
        assert one.expiry is not None
        assert one.commission_per_contract_usd > 0
        assert one.slippage_ticks > 0
    # What is delivered during its month, and only that, has a first notice.
    assert (one.first_notice is not None) == (
        one.product_group == "metals" or one.product_group == "rates"
    )


@pytest.mark.parametrize("symbol", sorted(PER_BIG))
def test_a_micro_is_a_part_of_its_big_brother(symbol: str) -> None:
    small = REAL[symbol]
    assert small.micro_of is not None
    big = REAL[small.micro_of]
    assert small.multiplier * PER_BIG[symbol] == pytest.approx(big.multiplier)
    same = ("product_group", "contract_months", "exchange", "first_notice", "flat_time")
    assert [getattr(small, name) for name in same] == [getattr(big, name) for name in same]
    # Cash settled energies end one business day before what they follow; the others with it.
    earlier = {
        "three_business_days_before_25th_of_prior_month": (
            "four_business_days_before_25th_of_prior_month"
        ),
        "third_last_business_day_of_prior_month": "fourth_last_business_day_of_prior_month",
    }
    assert small.expiry == earlier.get(str(big.expiry), big.expiry)


def test_only_the_parts_have_a_big_brother() -> None:
    assert {one.symbol for one in REAL.values() if one.micro_of} == set(PER_BIG)


@pytest.mark.skipif(not TABLE.is_file(), reason="no roots table beside the checkout")
def test_facts_agree_with_the_roots_table() -> None:
    table = pl.read_csv(TABLE, schema_overrides={"root": pl.String})
    both = [row for row in table.iter_rows(named=True) if row["root"] in REAL]
    assert len(both) >= 11
    for row in both:
        one = REAL[row["root"]]
        assert one.exchange == row["exchange"], one.symbol
        assert one.currency == row["currency"], one.symbol
        assert one.multiplier == pytest.approx(row["point_value"]), one.symbol
        assert one.tick_size == pytest.approx(row["tick_size"]), one.symbol
        assert one.tick_size == pytest.approx(row["tick_measured_since_2020"]), one.symbol
        assert one.contract_months == row["month_cycle_in_files"], one.symbol


def test_the_vendor_offers_all_of_them_in_their_roles() -> None:
    bought = UNIVERSE.offered_by("databento")
    assert set(bought.symbols) == set(REAL)
    assert set(bought.tradable) == TRADED
    assert set(bought.reference) == REFERRED_TO
    assert set(bought.watched) == set(PER_BIG)


def test_files_offer_what_lies_beside_the_checkout() -> None:
    files = UNIVERSE.offered_by("files")
    assert files.tradable == ("YM", "RTY", "SI", "MGC")
    assert files.reference == ("ZN", "M6A", "M6E", "VIX", "TLT")
    assert files.watched == ()
    compared = {one.symbol for one in files.instruments if _page(one).witnesses.daily is not None}
    assert compared == {"YM", "RTY", "SI", "MGC", "ZN", "M6E"}


@pytest.mark.skipif(not TABLE.is_file(), reason="no bars beside the checkout")
def test_every_stated_file_is_there() -> None:
    for one in UNIVERSE.offered_by("files").instruments:
        witness = _page(one).witnesses.daily
        for stated in (_page(one).path, *([witness.path] if witness else [])):
            assert (TABLE.parents[1] / f"{stated}.parquet").is_file(), stated


def test_each_feed_is_of_the_dataset_of_its_exchange() -> None:
    datasets = {
        **dict.fromkeys(("CME", "CBOT", "NYMEX", "COMEX"), ("GLBX.MDP3",)),
        "CFE": ("XCBF.PITCH",),
        "CBOE": ("DBIX.CORE",),
        "NASDAQ": ("XNAS.ITCH", "EQUS.MINI"),
    }
    for one in REAL.values():
        page = one.sources.databento
        assert page is not None
        assert tuple(feed.dataset for feed in page.feeds) == datasets[one.exchange]
        assert page.symbol == one.symbol
        assert (page.series == "raw") == (not one.contract_months)
        assert page.feeds[0].since >= date(2010, 6, 6)


@pytest.mark.parametrize("symbol", [*FUTURES, "TLT"])
def test_every_contract_has_the_ticker_of_the_venue(symbol: str) -> None:
    one = REAL[symbol]
    if not one.contract_months:
        assert order_ticker(symbol, one) == symbol
    for month in one.contract_months:
        assert order_ticker(f"{symbol}{month}6", one, date(2026, 1, 5)) == f"{symbol}{month}2026"


def test_nobody_orders_an_index() -> None:
    with pytest.raises(InputError, match="cannot be ordered"):
        order_ticker("VIX", REAL["VIX"])


def _page(one: Instrument) -> FileFacts:
    page = one.sources.files
    assert page is not None
    return page
