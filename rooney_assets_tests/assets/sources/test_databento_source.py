"""The Databento source with the vendor's real client, against the local Databento."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from databento_market import (
    CONTRACTS,
    END,
    ES,
    FIRST,
    TLT,
    Desk,
    es_bars,
    fund_bars,
    instrument,
    open_desk,
    universe,
)

from rooney_assets.sources.databento.fetch import fetch, plan_purchase
from rooney_assets.sources.databento.plan import Days, chunks
from rooney_core.errors import (
    BarsRejected,
    CostRefused,
    InvalidSetting,
)
from rooney_core.market.bars import BARS_SCHEMA

CHUNKS = [
    ("2021-11-01", "2022-01-01"),
    ("2022-01-01", "2023-01-01"),
    ("2023-01-01", "2023-02-11"),
]
PRICES = ("open", "high", "low", "close", "volume")
DATA = "timeseries.get_range"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A market, served."""
    with open_desk(tmp_path, monkeypatch) as opened:
        yield opened


def test_dated_contracts_arrive_as_they_were_served(desk: Desk) -> None:
    reading = desk.source().read(instrument(series="contracts"))
    served = es_bars().sort("ts_event", "contract")
    assert reading.bars.schema == BARS_SCHEMA
    assert reading.bars["bar_start"].to_list() == served["ts_event"].to_list()
    assert reading.bars.select("contract", *PRICES).equals(
        served.select("contract", *PRICES).cast({"volume": pl.Int64})
    )
    assert reading.quarantine.is_empty()
    assert desk.ranges() == CHUNKS


def test_the_continuous_contract_has_its_dated_names(desk: Desk) -> None:
    bars = desk.source().read(instrument()).bars
    served = es_bars().rename({"ts_event": "bar_start"})
    joined = bars.join(served, on=["bar_start", "contract"], suffix="_served")
    assert joined.height == bars.height
    assert all((joined[name] == joined[f"{name}_served"]).all() for name in PRICES)
    # One contract at a time, each of them in front for a while, in order of expiry.
    assert not bars["bar_start"].is_duplicated().any()
    order = bars["contract"].unique(maintain_order=True).to_list()
    assert order == list(CONTRACTS)


def test_a_funds_days_come_from_two_datasets(desk: Desk) -> None:
    reading = desk.source().read(instrument(TLT))
    served = (
        fund_bars()
        .group_by(pl.col("ts_event").dt.date().alias("day"))
        .agg(
            pl.col("open").first(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close").last(),
            pl.col("volume").sum(),
        )
    )
    joined = reading.bars.join(served, left_on="session", right_on="day", suffix="_served")
    assert joined.height == reading.bars.height == served.height
    assert all((joined[name] == joined[f"{name}_served"]).all() for name in PRICES)
    assert set(reading.bars["contract"]) == {"TLT"}
    # The vendor's day ends at midnight UTC: nobody may know its close before.
    assert (reading.bars["bar_end"].dt.date() > reading.bars["session"]).all()
    assert (reading.bars["bar_end"].dt.hour() == 0).all()
    by_dataset = {one.params["dataset"]: one for one in desk.asked(DATA)}
    assert by_dataset["XNAS.ITCH"].params["end"] == "2022-07-01"
    assert by_dataset["EQUS.MINI"].params["end"] == "2023-02-11"
    assert reading.notes["datasets"] == "XNAS.ITCH, EQUS.MINI"


def test_a_second_read_asks_for_no_bars(desk: Desk) -> None:
    first = desk.source().read(instrument())
    n_requests = len(desk.server.requests)
    again = desk.source().read(instrument())
    assert again.bars.equals(first.bars)
    later = desk.server.requests[n_requests:]
    assert [one.endpoint for one in later] == ["metadata.get_dataset_range"]


def test_another_day_asks_for_that_day_only(desk: Desk) -> None:
    desk.has_until(date(2023, 2, 8))
    before = desk.source().read(instrument()).bars
    desk.has_until(date(2023, 2, 9))
    source = desk.source()
    after = source.read(instrument()).bars
    assert desk.ranges() == [
        *CHUNKS[:2],
        ("2023-01-01", "2023-02-08"),
        ("2023-02-08", "2023-02-09"),
    ]
    assert after.height > before.height
    assert after.head(before.height).equals(before)
    whole = desk.source(downloads=desk.folder / "elsewhere").read(instrument()).bars
    assert whole.equals(after)


def test_the_fingerprint_is_the_same_before_and_after_fetching(desk: Desk) -> None:
    source = desk.source()
    before = source.fingerprint(instrument())
    source.read(instrument())
    assert source.fingerprint(instrument()) == before
    assert desk.source().fingerprint(instrument()) == before
    assert desk.source(key=None).fingerprint(instrument()) == before
    desk.has_until(date(2023, 2, 9))
    assert desk.source().fingerprint(instrument()) != before
    # How the archive came about, in one go or day by day, does not matter.
    desk.source().read(instrument())
    desk.has_until(END)
    elsewhere = desk.source(downloads=desk.folder / "elsewhere")
    assert elsewhere.fingerprint(instrument()) == before


def _fetch_from(desk: Desk, first: date, end: date = END, schema: str = "ohlcv-1h") -> None:
    """As `rooney data fetch --from` does."""
    client, archive = desk.client(), desk.source().archive
    needed = chunks(instrument(), schema, {"GLBX.MDP3": Days(FIRST, end)}, first)
    fetch(plan_purchase(needed, client, archive).estimates, client, archive)


def test_reading_does_not_buy_what_lies_before_the_first_kept_day(desk: Desk) -> None:
    desk.has_until(date(2023, 2, 8))
    _fetch_from(desk, date(2022, 12, 1), date(2023, 2, 8))
    kept = [("2022-12-01", "2023-01-01"), ("2023-01-01", "2023-02-08")]
    before = desk.source().fingerprint(instrument())
    reading = desk.source().read(instrument())
    assert desk.ranges() == kept
    assert reading.bars["bar_start"].dt.date().min() == date(2022, 12, 1)
    assert reading.notes["left out"] == (
        "nothing before 2022-12-01 was fetched; `rooney data fetch --symbols ES` gets it"
    )
    assert desk.source().fingerprint(instrument()) == before
    assert desk.source(key=None).fingerprint(instrument()) == before
    # A day of news moves it at once, and reading that day does not move it again.
    desk.has_until(date(2023, 2, 9))
    news = desk.source().fingerprint(instrument())
    assert news != before
    desk.source().read(instrument())
    assert desk.ranges() == [*kept, ("2023-02-08", "2023-02-09")]
    assert desk.source().fingerprint(instrument()) == news
    assert desk.source(key=None).fingerprint(instrument()) == news


def test_gaps_after_the_first_kept_day_are_filled(desk: Desk) -> None:
    _fetch_from(desk, date(2023, 1, 15))
    # A month before: what is between is missing.
    client, archive = desk.client(), desk.source().archive
    early = chunks(instrument(), "ohlcv-1h", {"GLBX.MDP3": Days(FIRST, date(2022, 11, 9))})
    (late,) = (one for one in early if one.days.start.year == 2022)
    some = late.during(Days(date(2022, 11, 1), late.days.end))
    fetch(plan_purchase([some], client, archive).estimates, client, archive)
    desk.source().read(instrument())
    assert desk.ranges()[2:] == [("2022-11-09", "2023-01-01"), ("2023-01-01", "2023-01-15")]


def test_the_years_before_are_read_once_they_were_fetched(desk: Desk) -> None:
    _fetch_from(desk, date(2022, 12, 1))
    some = desk.source()
    before = some.fingerprint(instrument())
    _fetch_from(desk, FIRST)
    reading = desk.source().read(instrument())
    assert reading.bars["bar_start"].dt.date().min() == FIRST
    assert "left out" not in reading.notes
    assert desk.source().fingerprint(instrument()) != before
    whole = desk.source(downloads=desk.folder / "elsewhere")
    assert whole.fingerprint(instrument()) == desk.source().fingerprint(instrument())


def test_the_refusal_of_news_advises_what_costs_no_more(desk: Desk) -> None:
    desk.has_until(date(2022, 12, 8))
    _fetch_from(desk, date(2022, 12, 1), date(2022, 12, 8))
    desk.has_until(END)
    with pytest.raises(CostRefused, match=r"--symbols ES --from 2022-12-01 --max-cost-usd 0\.01"):
        desk.source(max_cost_usd=0.0001).read(instrument())


def test_daily_bars_do_not_say_where_hourly_ones_begin(desk: Desk) -> None:
    _fetch_from(desk, date(2022, 12, 1), schema="ohlcv-1d")
    reading = desk.source().read(instrument())
    assert reading.bars["bar_start"].dt.date().min() == FIRST


def test_the_fingerprint_follows_the_facts(desk: Desk) -> None:
    source = desk.source()
    others = [
        instrument(series="contracts"),
        instrument(series="calendar"),
        instrument({**ES, "product_group": "metals"}),
        instrument(feeds=[{"dataset": "GLBX.MDP3", "since": "2022-01-03"}]),
        instrument(TLT),
    ]
    prints = {source.fingerprint(one) for one in (instrument(), *others)}
    assert len(prints) == len(others) + 1
    renamed = instrument({**ES, "name": "Another", "slippage_ticks": 9})
    assert source.fingerprint(renamed) == source.fingerprint(instrument())


def test_without_a_key_what_is_kept_is_read(desk: Desk) -> None:
    with pytest.raises(InvalidSetting, match="DATABENTO_API_KEY"):
        desk.source(key=None).read(instrument())
    with pytest.raises(InvalidSetting, match="DATABENTO_API_KEY"):
        desk.source(key=None).fingerprint(instrument())
    kept = desk.source().read(instrument())
    n_requests = len(desk.server.requests)
    alone = desk.source(key=None).read(instrument())
    assert alone.bars.equals(kept.bars)
    assert "not asked for news" in alone.notes
    assert len(desk.server.requests) == n_requests


def test_a_gap_without_a_key_names_range_and_setting(desk: Desk) -> None:
    late = instrument(feeds=[{"dataset": "GLBX.MDP3", "since": "2023-01-01"}])
    desk.has_until(date(2022, 3, 2))
    desk.source().read(instrument())
    desk.has_until(END)
    desk.source().read(late)
    with pytest.raises(InvalidSetting, match=r"2022-03-02 to 2023-01-01.*DATABENTO_API_KEY"):
        desk.source(key=None).read(instrument())


def test_more_than_the_limit_is_refused_before_any_money_is_spent(desk: Desk) -> None:
    with pytest.raises(CostRefused) as refused:
        desk.source(max_cost_usd=0.01).read(instrument())
    told = str(refused.value)
    assert "rooney data fetch --symbols ES --max-cost-usd 0.0" in told
    assert "limit is 0.01 USD" in told
    assert "ROONEY_MAX_COST_USD" in told
    # 56 bytes a record at the local server's made-up price of 100 USD per 1e9 bytes.
    assert desk.ranges() == []
    client = desk.client()
    needed = chunks(instrument(), "ohlcv-1h", {"GLBX.MDP3": Days(FIRST, END)})
    purchase = plan_purchase(needed, client, desk.source().archive)
    assert purchase.cost_usd == pytest.approx(purchase.records * 56 / 1e9 * 100)
    assert f"{purchase.cost_usd:.2f} USD for {purchase.records:,} records" in told


def test_a_restatement_is_told_and_changes_the_fingerprint(desk: Desk) -> None:
    source = desk.source()
    before = source.fingerprint(instrument())
    old = source.read(instrument()).bars
    path = desk.folder / "ohlcv-1h" / "ES.parquet"
    changed = pl.col("ts_event").dt.date() == date(2022, 5, 4)
    rows = pl.read_parquet(path).with_columns(
        high=pl.when(changed).then(pl.col("high") + 1).otherwise("high")
    )
    rows.write_parquet(path)
    needed = chunks(instrument(), "ohlcv-1h", {"GLBX.MDP3": Days(FIRST, END)})
    client = desk.client()
    purchase = plan_purchase(needed, client, source.archive, refresh=True)
    done = fetch(purchase.estimates, client, source.archive, refresh=True)
    assert [(one.state, one.receipt.generation) for one in done] == [
        ("unchanged", 0),
        ("restated", 1),
        ("unchanged", 0),
    ]
    after = desk.source().fingerprint(instrument())
    assert after != before
    assert after == desk.source(key=None).fingerprint(instrument())
    new = desk.source().read(instrument()).bars
    differ = new.filter(new["high"] != old["high"])
    assert set(differ["bar_start"].dt.date()) == {date(2022, 5, 4)}
    assert len(list(desk.access.downloads.rglob("*.dbn.zst"))) == 3


def test_contract_months_that_are_added_are_fetched(desk: Desk) -> None:
    few = instrument({**ES, "contract_months": "HZ"}, series="contracts")
    some = desk.source().read(few).bars
    assert set(some["contract"]) == {"ESZ21", "ESH22", "ESZ22", "ESH23"}
    more = desk.source().read(instrument(series="contracts")).bars
    assert set(more["contract"]) == set(CONTRACTS)
    # And the other way round, what is there too much stays out.
    n_ranges = len(desk.ranges())
    assert desk.source().read(few).bars.equals(some)
    assert len(desk.ranges()) == n_ranges


def test_daily_bars_are_a_witness_where_they_were_fetched(desk: Desk) -> None:
    source = desk.source()
    assert source.witnesses(instrument()).daily is None
    before = source.fingerprint(instrument())
    client = desk.client()
    needed = chunks(instrument(), "ohlcv-1d", {"GLBX.MDP3": Days(FIRST, END)})
    fetch(plan_purchase(needed, client, source.archive).estimates, client, source.archive)
    daily = desk.source(key=None).witnesses(instrument()).daily
    assert daily is not None
    assert daily.day_is == "utc"
    assert daily.bars.columns == ["day", "contract", "open", "high", "low", "close", "volume"]
    hourly = es_bars().with_columns(day=pl.col("ts_event").dt.date())
    expected = hourly.group_by("day", "contract").agg(pl.col("high").max(), pl.col("volume").sum())
    joined = daily.bars.join(expected, on=["day", "contract"], suffix="_hourly")
    assert joined.height == daily.bars.height > 300
    assert (joined["high"] == joined["high_hourly"]).all()
    assert (joined["volume"] == joined["volume_hourly"]).all()
    assert source.fingerprint(instrument()) != before


@pytest.mark.parametrize(
    ("page", "minutes", "words"),
    [(ES, 1440, "bar_minutes: 60"), (TLT, 60, "bar_minutes: 1440")],
)
def test_bars_that_would_mix_sessions_are_refused(
    desk: Desk, page: dict[str, object], minutes: int, words: str
) -> None:
    with pytest.raises(InvalidSetting, match=words):
        desk.source().read(instrument({**page, "bar_minutes": minutes}))
    assert desk.ranges() == []


def test_minutes_are_read_too(desk: Desk) -> None:
    folder = desk.folder / "ohlcv-1m"
    folder.mkdir()
    hours = es_bars().filter(pl.col("ts_event").dt.date() >= date(2023, 2, 1))
    minutes = pl.concat(
        hours.with_columns(pl.col("ts_event").dt.offset_by(f"{n}m")) for n in (0, 1, 59)
    )
    minutes.sort("ts_event").write_parquet(folder / "ES.parquet")
    page = {**ES, "role": "reference", "bar_minutes": 1}
    one = instrument(page, feeds=[{"dataset": "GLBX.MDP3", "since": "2023-02-01"}])
    bars = desk.source().read(one).bars
    assert bars.height == 3 * hours.height
    assert set((bars["bar_end"] - bars["bar_start"]).dt.total_seconds()) == {60}


def test_only_instruments_with_a_page_are_offered(desk: Desk) -> None:
    source = desk.source()
    assert (source.name, source.is_simulated) == ("databento", False)
    assert source.offers(universe()).symbols == ("ES", "TLT")
    assert desk.server.requests == []


def test_a_dataset_that_begins_later_than_the_page_says(desk: Desk) -> None:
    early = instrument(feeds=[{"dataset": "GLBX.MDP3", "since": "2010-06-06"}])
    assert desk.source().read(early).bars["bar_start"].min().date() == FIRST  # type: ignore[union-attr]
    late = instrument(feeds=[{"dataset": "GLBX.MDP3", "since": "2029-01-01"}])
    with pytest.raises(BarsRejected, match="since"):
        desk.source().read(late)
