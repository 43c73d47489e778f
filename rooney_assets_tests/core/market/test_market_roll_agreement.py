"""Rolls of real single contracts against a vendor-made continuous series, differences explained."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

from rooney_core.market.bars import BARS_SCHEMA
from rooney_core.market.calendar import session_labels
from rooney_core.market.instruments import Instrument, Universe
from rooney_core.market.roll_agreement import (
    DIFFERENCES_SCHEMA,
    REASONS,
    agreement,
    delivered,
    explain_differences,
    fronts,
)
from rooney_core.market.rolls import find_rolls, stitch

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared" / "data"
UNIVERSE = Universe.parse(yaml.safe_load((ROOT / "universe.yaml").read_text()), "universe")
WHOLE = ["YM", "RTY", "ZN", "MCL", "MES", "MNQ", "QG", "M6E"]
# The single contracts of these two begin only after the continuous series has rolled into them:
# December and March silver, December gold. No rule can choose what is not there.
CUT_SHORT = {"SI": 0.94, "MGC": 0.85}
AGREED = 0.99


def _row(day: int, contract: str, volume: int) -> dict[str, object]:
    start = datetime(2024, 3, day, 10, tzinfo=UTC)
    prices = dict.fromkeys(("open", "high", "low", "close"), 1.0)
    return prices | {
        "symbol": "X",
        "contract": contract,
        "bar_start": start,
        "bar_end": start + timedelta(hours=1),
        "volume": volume,
        "session": date(2024, 3, day),
        "adjustment": 0.0,
    }


def _fronts(*contracts: str) -> pl.DataFrame:
    """Contracts of 4, 5, 6 ... March."""
    days = [date(2024, 3, 4 + i) for i in range(len(contracts))]
    return pl.DataFrame({"session": days, "contract": contracts})


RAW = pl.DataFrame(
    [
        *(_row(day, "XH24", volume) for day, volume in ((4, 60), (5, 40), (6, 20), (7, 10))),
        *(_row(day, "XM24", volume) for day, volume in ((4, 20), (5, 79), (6, 90), (7, 95))),
    ],
    schema=BARS_SCHEMA,
).sort("bar_start", "contract")


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ("HHMM", "HHHM", (6, 6, "XM24", "XH24", 1, "volume_tie", 99, 100)),
        ("HHHM", "HHMM", (6, 6, "XH24", "XM24", 1, "volume_tie", 100, 99)),
        ("HMMM", "HHMM", (5, 5, "XM24", "XH24", 1, "rolled_one_session_earlier", 20, 60)),
        ("HHHH", "HHHM", (7, 7, "XH24", "XM24", 1, "rolled_one_session_later", 120, 189)),
        ("HHHH", "HMMM", (5, 7, "XH24", "XM24", 3, "rolled_later", 60, 20)),
        ("HMMM", "HHHH", (5, 7, "XM24", "XH24", 3, "rolled_earlier", 20, 60)),
        ("HHHH", "HHUU", (6, 7, "XH24", "XU24", 2, "not_delivered", 100, None)),
    ],
)
def test_each_reason(ours, theirs, expected):
    found = explain_differences(
        *(_fronts(*(f"X{one}24" for one in chain)) for chain in (ours, theirs)), RAW
    )
    first, last, *rest = found.row(0)
    assert (first.day, last.day, *rest) == expected
    assert found.height == 1
    assert found.schema == pl.Schema(DIFFERENCES_SCHEMA)


def test_a_session_without_a_bar_of_ours_differs():
    theirs = _fronts("XH24", "XH24", "XM24")
    found = explain_differences(theirs[:2], theirs, RAW)
    assert found.select("ours", "theirs", "reason").rows() == [(None, "XM24", "no_bars_in_ours")]
    assert agreement(theirs[:2], theirs) == pytest.approx(2 / 3)


def test_agreement_counts_sessions_of_theirs():
    theirs = _fronts("XH24", "XH24", "XM24", "XU24")
    ours = _fronts("XH24", "XM24", "XM24", "XM24", "XM24")
    assert agreement(ours, theirs) == 0.5
    assert delivered(theirs, RAW).height == 3
    assert explain_differences(theirs, theirs, RAW).is_empty()


def _single_contracts(instrument: Instrument) -> pl.DataFrame:
    source = pl.read_parquet(DATA / "futures_contracts_1h" / f"{instrument.symbol}.parquet")
    return (
        source.rename({"symbol": "contract", "ts_event": "bar_start"})
        .with_columns(
            symbol=pl.lit(instrument.symbol),
            bar_end=pl.col("bar_start").dt.offset_by("1h"),
            session=session_labels(source["ts_event"], instrument.product_group),
            adjustment=pl.lit(0.0),
        )
        .select(list(BARS_SCHEMA))
        .sort("bar_start", "contract")
    )


def _theirs(instrument: Instrument) -> pl.DataFrame:
    source = pl.read_parquet(DATA / "futures_1h" / f"{instrument.symbol}.parquet")
    session = session_labels(source["ts_event"], instrument.product_group)
    return fronts(source.select("contract", bar_start="ts_event").with_columns(session=session))


@pytest.mark.skipif(
    not (DATA / "futures_contracts_1h").is_dir(), reason="no real bars beside the repository"
)
@pytest.mark.parametrize("symbol", [*WHOLE, *CUT_SHORT])
def test_the_real_chain_is_chosen_on_99_of_100_sessions_and_the_rest_has_a_reason(symbol):
    instrument = UNIVERSE[symbol]
    raw, theirs = _single_contracts(instrument), _theirs(instrument)
    ours = fronts(stitch(raw, find_rolls(raw, instrument), instrument))
    possible = delivered(theirs, raw)
    assert agreement(ours, possible) >= AGREED
    assert agreement(ours, theirs) >= CUT_SHORT.get(symbol, AGREED)
    assert (possible.height == theirs.height) == (symbol in WHOLE)

    differences = explain_differences(ours, theirs, raw)
    assert differences["reason"].is_in(list(REASONS)).all()
    differing = theirs.height * (1 - agreement(ours, theirs))
    assert differences["n_sessions"].sum() == pytest.approx(differing)
    told = differences.filter(pl.col("reason") != "not_delivered")
    # What is left are single sessions at a roll; nothing lasts.
    assert told["n_sessions"].sum() <= 0.005 * theirs.height
    assert differences["reason"].is_in(["undated"]).sum() == 0
