"""Whose bars a symbol's features are made of, and that what is absent is unknown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from feature_market import daily_closes, hourly_closes, walk

from rooney_core.features import FeedNames, Feeds, compute_features, feature_names
from rooney_core.market.instruments import Universe

ROOT = Path(__file__).resolve().parents[3]


def universe(source: str) -> Universe:
    document = yaml.safe_load((ROOT / "universe.yaml").read_text(encoding="utf-8"))
    return Universe.parse(document, "shipped").offered_by(source)


def test_every_symbol_has_columns_of_all_the_others() -> None:
    names = feature_names(FeedNames.of(universe("simulated"), "SIM_ES"))
    crossed = [one for one in names if one.endswith("z_score")]
    others = ("6a", "6e", "cl", "gc", "nq", "rty", "si")
    assert crossed == [
        *(f"sim_{one}_daily_z_score" for one in (*others, "tlt", "zn")),
        *(f"sim_{one}_hourly_z_score" for one in (*others, "zn")),
    ]


def test_the_names_that_the_contract_calls_for_are_there_on_real_symbols() -> None:
    known = universe("databento")
    for symbol in known.tradable:
        names = feature_names(FeedNames.of(known, symbol))
        assert len(names) == len(set(names))
        own = symbol.lower()
        assert not any(one.startswith(f"{own}_") for one in names)
        for other in {*known.tradable, "6A", "6E", "ZN"} - {symbol}:
            assert {f"{other.lower()}_hourly_z_score", f"{other.lower()}_daily_z_score"} <= {*names}
        assert {"tlt_daily_z_score", "vix_daily_z_score"} <= {*names}
        assert not {"tlt_hourly_z_score", "vix_hourly_z_score"} & {*names}
    assert "es_hourly_z_score" in feature_names(FeedNames.of(known, "NQ"))


@pytest.mark.parametrize(
    ("source", "symbol", "partner"),
    [
        ("simulated", "SIM_ES", "SIM_NQ"),
        ("databento", "ES", "NQ"),
        ("files", "MGC", "SI"),
        # Gold has no page for files, so silver has nobody to be compared with there.
        ("files", "SI", None),
    ],
)
def test_a_partner_is_a_tradable_symbol_of_the_same_source(source, symbol, partner) -> None:
    assert FeedNames.of(universe(source), symbol).partner == partner


def test_names_are_sorted_and_each_once() -> None:
    names = FeedNames(daily=("ZN", "6E", "ZN"), hourly=("NQ", "6E"))
    assert names == FeedNames(daily=("6E", "ZN"), hourly=("6E", "NQ"))
    assert names.symbols == ("6E", "NQ", "ZN")


def test_feeds_are_aligned_to_names() -> None:
    bars = walk(seed=1)
    one, other = daily_closes(3), hourly_closes(bars, 4)
    feeds = Feeds(daily={"ZN": one, "XX": one}, hourly={"XX": other})
    names = FeedNames(daily=("ZN", "6E"), hourly=("NQ",))
    aligned = feeds.aligned(names)
    assert aligned.names == names
    values = compute_features(bars, [300], aligned)[0]
    known = dict(zip(feature_names(names), values, strict=True))
    assert np.isfinite(known["zn_daily_z_score"])
    assert np.isnan(known["6e_daily_z_score"])
    assert np.isnan(known["nq_hourly_z_score"])


def test_the_order_of_a_mapping_does_not_matter() -> None:
    bars = walk(seed=1)
    one, other = hourly_closes(bars, 3), hourly_closes(bars, 4)
    matrices = [
        compute_features(bars, [300], Feeds(hourly=hours))
        for hours in ({"A": one, "B": other}, {"B": other, "A": one})
    ]
    assert matrices[0].tobytes() == matrices[1].tobytes()
