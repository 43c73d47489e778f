"""`decide`, bar by bar, against the compiled batch: every decision and every trade, one by one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_variants import ODD, OddParams
from random_markets import HOUR_US, Shape, market, shapes

from rooney_core.backtest import CostModel, run_backtest
from rooney_core.decision import (
    Bar,
    Decision,
    DecisionBundle,
    DecisionCode,
    bars_of,
    batch_decisions,
    decide,
    filtered_trades,
    first_decided_bar,
    new_state,
)
from rooney_core.decision.records import BASE
from rooney_core.errors import BarsRejected, InvalidSetting
from rooney_core.features import (
    MAX_LOOKBACK,
    NO_FEEDS,
    PRIOR_TRADE_BARS,
    FeedNames,
    Feeds,
    HourlyCloses,
    PartnerIbs,
    ReferenceCloses,
    feature_names,
)
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.simulation import SimulatedMarket, simulate_bars
from rooney_core.market.source_pages import SimulatedFacts, SourceFacts
from rooney_core.strategies import VARIANTS

NAMES = FeedNames(
    daily=("SIM_ZN", "SIM_6E", "SIM_NQ"), hourly=("SIM_ZN", "SIM_NQ"), partner="SIM_NQ"
)
INSTRUMENT = Instrument(
    symbol="SIM_XX",
    name="Test instrument",
    role="tradable",
    exchange="SIMULATED",
    product_group="equity_index",
    multiplier=50,
    tick_size=0.25,
    commission_per_contract_usd=1.25,
    slippage_ticks=0.5,
    contract_months="HMUZ",
    sources=SourceFacts(simulated=SimulatedFacts(start_price=1000, annual_volatility=0.2)),
)
# Short windows, so that rules fire in small markets.
PARAMS = {
    "ibs_baseline": {"entry_below": 0.4, "exit_above": 0.7, "max_bars": 3},
    "ibs_filtered": {"entry_below": 0.4, "exit_above": 0.7, "trend_bars": 4, "range_above": 0.5},
    "ibs_adaptive_exit": {"entry_below": 0.4, "range_bars": 2, "stop_ranges": 0.8},
}


@dataclass(frozen=True)
class FoldedModel:
    """A model that any bit of any feature moves: it folds the row into [0, 1) by a sine.

    The smoother a model, the more differences it hides; this one hides none.
    """

    features: tuple[str, ...]

    def probability(self, features: np.ndarray, /) -> np.ndarray:
        weights = np.arange(1, len(self.features) + 1) * 1234.567
        known = np.where(np.isnan(features), 0.123, features)
        return np.array([abs(np.sin(float((row * weights).sum()))) for row in known])

    def contributions(self, features: np.ndarray, /) -> np.ndarray:
        """Any numbers, one a feature and the base."""
        return np.column_stack(
            (np.where(np.isnan(features), 0.0, features), np.ones(len(features)))
        )


def bundle_of(name: str, *, with_model: bool, params: dict | None = None) -> DecisionBundle:
    variant = VARIANTS[name]
    return DecisionBundle(
        instrument=INSTRUMENT,
        variant=variant,
        params=variant.parse_params(PARAMS[name] if params is None else params),
        costs=CostModel.of(INSTRUMENT),
        model=FoldedModel(feature_names(NAMES)) if with_model else None,
        threshold=0.5 if with_model else 0.0,
        feed_names=NAMES,
    )


def feeds_for(bars: BarArrays, seed: int) -> Feeds:
    """Daily closes known an hour and a half after each session's first bar, hours that mostly end
    with our bars, some late and some missing."""
    rng = np.random.default_rng(seed)
    first = np.flatnonzero(np.diff(bars.session, prepend=-1))
    known_at = bars.bar_start_us[first] + 5_400_000_000
    kept = rng.random(len(bars)) < 0.9
    hours_at = np.sort(bars.bar_end_us[kept] + rng.choice([0, 0, 0, 1, HOUR_US], kept.sum()))

    def closes(n: int) -> np.ndarray:
        return 100 + rng.normal(0, 1, n).cumsum()

    return Feeds(
        daily={symbol: ReferenceCloses(known_at, closes(len(first))) for symbol in NAMES.daily},
        hourly={
            symbol: HourlyCloses(hours_at, closes(len(hours_at)), np.zeros(len(hours_at)))
            for symbol in NAMES.hourly
        },
        partner=PartnerIbs(hours_at, rng.random(len(hours_at)), known_at, rng.random(len(first))),
    )


def long_enough(shape: Shape) -> Shape:
    """The same market, but long enough for a model to be asked at its end."""
    return replace(
        shape, n_sessions=shape.n_sessions + 60, bars_a_session=max(17, shape.bars_a_session)
    )


def bars_one_by_one(bars: BarArrays) -> list[Bar]:
    names = [one for one in Bar.__dataclass_fields__ if one not in ("symbol", "contract")]
    columns = {name: getattr(bars, name).tolist() for name in names}
    return [
        Bar("SIM_XX", "XXH0", **{name: columns[name][i] for name in names})
        for i in range(len(bars))
    ]


def decide_all(bars: list[Bar], bundle: DecisionBundle, feeds: Feeds = NO_FEEDS) -> list[Decision]:
    state = new_state(bundle)
    return [decide(bar, state, bundle, feeds) for bar in bars]


def as_rows(decisions: list[Decision]) -> list[tuple]:
    return [(one.code.value, one.action, one.side, one.probability) for one in decisions]


def batch_rows(frame: pl.DataFrame) -> list[tuple]:
    return list(frame.select("code", "action", "side", "probability").iter_rows())


def approved_trades(decisions: list[Decision]) -> list[tuple]:
    """(side, entry time, entry price, exit time, exit price, reason) from virtual fills."""
    fills = [fill for one in decisions for fill in one.fills if fill.approved]
    entries, exits = fills[::2], fills[1::2]
    assert all(one.kind == "entry" for one in entries)
    assert all(one.kind == "exit" for one in exits)
    return [
        (a.side, a.time_us, a.price, b.time_us, b.price, b.reason)
        for a, b in zip(entries, exits, strict=False)
    ]


def batch_trades(trades: pl.DataFrame) -> list[tuple]:
    return list(
        trades.select(
            pl.col("side").cast(pl.Int64),
            pl.col("entry_time").dt.timestamp("us"),
            "entry_price",
            pl.col("exit_time").dt.timestamp("us"),
            "exit_price",
            "exit_reason",
        ).iter_rows()
    )


BUSY = Shape(4, 100, 20, 0.05, 0.05, 0.0, 0.3, 0.05, 0.05, 0.3)


@pytest.mark.parametrize("with_model", [False, True], ids=["every-entry", "model"])
@pytest.mark.parametrize("name", PARAMS)
def test_bar_by_bar_is_the_batch_on_a_nasty_market(name, with_model):
    bars = market(BUSY)
    bundle, feeds = bundle_of(name, with_model=with_model), feeds_for(bars, 9)
    decisions = decide_all(bars_one_by_one(bars), bundle, feeds)
    assert as_rows(decisions) == batch_rows(batch_decisions(bars, bundle, feeds))
    trades = batch_trades(filtered_trades(bars, bundle, feeds))
    assert approved_trades(decisions) == trades
    assert len(trades) > 5


@settings(max_examples=60, deadline=None, derandomize=True)
@given(shape=shapes(max_sessions=40), name=st.sampled_from(list(PARAMS)), model=st.booleans())
def test_bar_by_bar_is_the_batch_on_any_market(shape, name, model):
    bars = market(long_enough(shape) if model else shape)
    bundle, feeds = bundle_of(name, with_model=model), feeds_for(bars, shape.seed)
    decisions = decide_all(bars_one_by_one(bars), bundle, feeds)
    assert as_rows(decisions) == batch_rows(batch_decisions(bars, bundle, feeds))
    assert approved_trades(decisions) == batch_trades(filtered_trades(bars, bundle, feeds))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    start=st.floats(0, 1),
    name=st.sampled_from(list(PARAMS)),
    model=st.booleans(),
)
def test_decisions_do_not_depend_on_when_warm_up_began(seed, start, name, model):
    bars = market(replace(BUSY, seed=seed, n_sessions=80 if model else 30))
    bundle, feeds = bundle_of(name, with_model=model), feeds_for(bars, seed)
    begin = int(start * (len(bars) - 1))
    late = decide_all(bars_one_by_one(bars)[begin:], bundle, feeds)
    ready = first_decided_bar(bars.window(begin, len(bars)), bundle)
    assert all(one.code == DecisionCode.WARMING_UP for one in late[:ready])
    assert not any(one.code == DecisionCode.WARMING_UP for one in late[ready:])
    whole = batch_rows(batch_decisions(bars, bundle, feeds))
    assert as_rows(late)[ready:] == whole[begin + ready :]


@pytest.mark.parametrize("name", PARAMS)
def test_filtered_trades_are_a_subset_of_the_primary_ones(name):
    bars = market(BUSY)
    feeds, keys = feeds_for(bars, 9), ["signal_time", "exit_time", "net_profit_usd"]
    primary = run_backtest(bars, name, PARAMS[name], CostModel.of(INSTRUMENT), INSTRUMENT).trades
    every = filtered_trades(bars, bundle_of(name, with_model=False))
    some = filtered_trades(bars, bundle_of(name, with_model=True), feeds)
    assert every.select(keys).join(primary.select(keys), on=keys, how="anti").is_empty()
    assert some.select(keys).join(primary.select(keys), on=keys, how="anti").is_empty()
    assert 0 < some.height < every.height <= primary.height
    assert some["probability"].min() >= 0.5


def test_simulated_bars_from_the_frame_decide_as_the_batch():
    span = SimulatedMarket(first_session=date(2018, 1, 2), last_session=date(2018, 6, 29))
    raw = simulate_bars(INSTRUMENT, span)
    continuous = stitch(raw, find_rolls(raw))
    bars = BarArrays.from_frame(continuous, INSTRUMENT)
    feeds = feeds_for(bars, 1)
    for name in PARAMS:
        bundle = bundle_of(name, with_model=True, params={})
        decisions = decide_all(list(bars_of(continuous, INSTRUMENT)), bundle, feeds)
        assert as_rows(decisions) == batch_rows(batch_decisions(bars, bundle, feeds))
        trades = batch_trades(filtered_trades(bars, bundle, feeds))
        assert approved_trades(decisions) == trades
        assert trades
    codes = {one.code for one in decisions}
    assert codes >= {
        DecisionCode.WARMING_UP,
        DecisionCode.NO_SIGNAL,
        DecisionCode.FLAT_WINDOW,
        DecisionCode.ENTER,
        DecisionCode.MODEL_BELOW_THRESHOLD,
        DecisionCode.IN_POSITION,
        DecisionCode.VETOED_TRADE_OPEN,
        DecisionCode.VETOED_TRADE_EXIT,
        DecisionCode.EXIT_SIGNAL,
    }


def test_every_code_is_reachable():
    seen = set()
    for seed in range(8):
        bars = market(replace(BUSY, seed=seed, missing=0.3, without_volume=0.3))
        for name in PARAMS:
            bundle = bundle_of(name, with_model=True)
            seen |= set(batch_decisions(bars, bundle, feeds_for(bars, seed))["code"])
            odd = replace(bundle, variant=ODD["odd_limit_day"], params=OddParams())
            seen |= set(batch_decisions(bars, odd, feeds_for(bars, seed))["code"])
    assert seen == {one.value for one in DecisionCode}


def test_entering_and_leaving_alternate_in_actions():
    bars = market(BUSY)
    for name in PARAMS:
        frame = batch_decisions(bars, bundle_of(name, with_model=False))
        actions = frame.filter(pl.col("action") != "none")["action"].to_list()
        assert actions[::2] == ["enter"] * len(actions[::2])
        assert actions[1::2] == ["exit"] * len(actions[1::2])


def test_the_model_is_asked_at_entry_signals_only_and_unknown_feeds_are_counted():
    bars = market(BUSY)
    bundle = bundle_of("ibs_baseline", with_model=True)
    decisions = decide_all(bars_one_by_one(bars), bundle)
    asked = [one for one in decisions if one.probability is not None]
    assert {one.code for one in asked} <= {DecisionCode.ENTER, DecisionCode.MODEL_BELOW_THRESHOLD}
    assert asked
    for one in asked:
        assert tuple(one.features) == feature_names(NAMES)
        assert tuple(one.contributions) == (*feature_names(NAMES), BASE)
        assert one.contributions["rsi_14"] == one.features["rsi_14"]
        assert one.features["sim_zn_daily_z_score"] is None
        assert one.n_missing_features == sum(value is None for value in one.features.values())
    assert bundle.window_bars >= MAX_LOOKBACK
    first = next(i for i, one in enumerate(decisions) if one.code != DecisionCode.WARMING_UP)
    assert first >= MAX_LOOKBACK - 1 + PRIOR_TRADE_BARS - 1


def test_a_stop_travels_with_the_entry():
    decisions = decide_all(
        bars_one_by_one(market(BUSY)), bundle_of("ibs_adaptive_exit", with_model=False)
    )
    assert all((one.stop_distance is not None) == (one.action == "enter") for one in decisions)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"symbol": "SIM_YY"}, "belongs to SIM_YY"),
        ({"close": float("nan")}, "not a number"),
        ({"high": -1e9}, "outside"),
        ({"volume": -1.0}, "volume"),
        ({"bar_end_us": 0}, "not after its start"),
        ({"bar_start_us": 0, "bar_end_us": 1}, "not later"),
    ],
)
def test_an_impossible_bar_is_refused_and_changes_nothing(change, fault):
    bars = bars_one_by_one(market(BUSY))
    bundle = bundle_of("ibs_baseline", with_model=False)
    undisturbed = decide_all(bars, bundle)
    state, decisions = new_state(bundle), []
    for index, bar in enumerate(bars):
        if index == 100:
            with pytest.raises(BarsRejected, match=fault):
                decide(replace(bar, **change), state, bundle)
            with pytest.raises(BarsRejected, match="not later"):
                decide(bars[index - 1], state, bundle)
        decisions.append(decide(bar, state, bundle))
    assert decisions == undisturbed


def test_a_bundle_that_contradicts_itself_is_refused():
    good = bundle_of("ibs_baseline", with_model=True)
    with pytest.raises(InvalidSetting, match="threshold"):
        replace(good, threshold=1.5)
    with pytest.raises(InvalidSetting, match="parse_params"):
        replace(good, variant=VARIANTS["ibs_filtered"])
    with pytest.raises(InvalidSetting, match="train the model anew"):
        replace(good, feed_names=replace(NAMES, hourly=NAMES.hourly[:1]))
