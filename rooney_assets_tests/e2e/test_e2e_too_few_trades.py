"""A symbol with too few trades to train on stops there, with words that help; the others go on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import polars as pl
import pytest
import yaml
from e2e_factory import Factory

from rooney_core.market.instruments import Instrument
from rooney_core.market.simulation import SimulatedMarket, simulate_bars
from rooney_core.market.source_pages import SimulatedFacts, SourceFacts

pytestmark = pytest.mark.slow

FIRST = {"LONG": date(2017, 12, 1), "SHORT": date(2018, 12, 3)}
"""SHORT has a month of the train window, which ends with 2018; both have five months after it."""
LAST = date(2019, 5, 31)


@pytest.fixture(scope="module")
def factory(make_factory: Callable[..., Factory]) -> Factory:
    """A universe of two symbols, whose files are draws of the simulation."""
    factory = make_factory()
    folder = factory.folder / "bars"
    folder.mkdir()
    entries = []
    for symbol, first in FIRST.items():
        facts = {"symbol": symbol, "name": symbol, "role": "tradable", "exchange": "CME"}
        facts |= {"product_group": "equity_index", "multiplier": 50, "tick_size": 0.25}
        drawn = SimulatedFacts(start_price=2000, annual_volatility=0.2, reversion_edge=1.0)
        named = {"symbol": f"SIM_{symbol}", "exchange": "SIMULATED"}
        instrument = Instrument(**(facts | named), sources=SourceFacts(simulated=drawn))
        market = SimulatedMarket(first_session=first, last_session=LAST)
        bars = simulate_bars(instrument, market)
        bars.select(
            pl.col("bar_start").dt.strftime("%Y-%m-%dT%H:%M:%S+00:00").alias("ts_event"),
            *("open", "high", "low", "close", "volume"),
        ).write_csv(folder / f"{symbol}.csv")
        page = {"path": symbol, "time_zone": "UTC", "bar_edge": "start"}
        entries.append(facts | {"sources": {"files": page}})
    document = yaml.safe_dump({"instruments": entries})
    (factory.folder / "universe.yaml").write_text(document, encoding="utf-8")
    return factory


def materialize(factory: Factory, **more: str):
    source = f"files:{factory.folder / 'bars'}"
    return factory.rooney("materialize", "--to", "training_set", ROONEY_SOURCE=source, **more)


def test_the_short_symbol_is_refused_with_three_ways_out_and_the_long_one_is_made(factory) -> None:
    done = materialize(factory)
    assert done.returncode == 1
    said = " ".join((done.stdout + done.stderr).split())
    for word in (
        "training_set[SHORT]",
        "enough_trades",
        "'needed': 100",
        "start the bars earlier",
        "loosen the entries",
        "windows: two_way",
    ):
        assert word in said, said
    made = factory.sql("select symbol, split, count(*) as n from training_set group by all")
    assert {one["symbol"] for one in made} == {"LONG"}
    assert {one["split"]: one["n"] for one in made}["train"] >= 100


def test_training_on_validation_too_is_a_way_out(factory) -> None:
    mandate = factory.folder / "mandate.yaml"
    mandate.write_text("windows: two_way\n", encoding="utf-8")
    done = materialize(factory, ROONEY_MANDATE=str(mandate))
    assert done.returncode == 0, done.stdout + done.stderr
    made = factory.sql(
        "select split, count(*) as n from training_set where symbol = 'SHORT' group by all"
    )
    counts = {one["split"]: one["n"] for one in made}
    assert counts["train"] < 100 <= counts["train"] + counts["validation"]
