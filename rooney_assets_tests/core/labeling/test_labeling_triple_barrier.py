"""Labels by barriers: case by case on bars to check by eye, and against a plain walk in adjusted
prices on a simulated year with rolls, holidays and missing hours."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from test_labeling_training_set import INSTRUMENT, MARKET

from rooney_core.backtest import CostModel, run_backtest
from rooney_core.labeling import LabelSettings, label_trades
from rooney_core.labeling.triple_barrier import LABELS_SCHEMA, barrier_unit
from rooney_core.market.bars import BarArrays
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.simulation import simulate_bars

FREE = CostModel(commission_per_contract_usd=0.0, slippage_ticks=0.0)
HOUR_US = 3_600_000_000
NEVER = 10**6
# True ranges of the three bars before an entry are all 2.0, so the unit of ATR(2) is 2.0.
BEFORE = [(100.0, 101.0, 99.0, 100.0)] * 3


def hourly(
    prices: list[tuple[float, float, float, float]],
    *,
    deadline_bar: int = NEVER,
    adjustment: list[float] | None = None,
    volume: list[float] | None = None,
) -> BarArrays:
    """BEFORE and these bars, hour by hour; the deadline is the end of bar `deadline_bar`."""
    rows = [*BEFORE, *prices]
    n = len(rows)
    start = np.arange(n, dtype=np.int64) * HOUR_US
    open_, high, low, close = (np.array(one) for one in zip(*rows, strict=True))
    return BarArrays(
        bar_start_us=start,
        bar_end_us=start + HOUR_US,
        open=open_,
        high=high,
        low=low,
        close=close,
        adjustment=np.array([0.0] * 3 + adjustment) if adjustment else np.zeros(n),
        volume=np.array([10.0] * 3 + (volume or [10.0] * (n - 3))),
        session=np.zeros(n, np.int32),
        flat_deadline_us=np.full(n, (deadline_bar + 1) * HOUR_US),
        session_open_us=np.zeros(n, np.int64),
        session_close_us=np.full(n, n * HOUR_US),
    )


def one_trade(side: int, bars: BarArrays, price: float = 100.0, exit_bar: int = 3) -> pl.DataFrame:
    """A trade signalled at bar 2 and entered at bar 3."""
    return pl.DataFrame(
        {
            "signal_index": [2],
            "entry_index": [3],
            "exit_index": [exit_bar],
            "exit_time": pl.Series([int(bars.bar_start_us[exit_bar])]).cast(
                pl.Datetime("us", "UTC")
            ),
            "side": pl.Series([side], dtype=pl.Int8),
            "entry_price": [price],
            "net_profit_usd": [1.0],
        }
    )


def labelled(
    bars: BarArrays,
    side: int = 1,
    *,
    overnight: bool = False,
    price: float = 100.0,
    exit_bar: int = 3,
    costs: CostModel = FREE,
    **more: object,
) -> tuple[str | None, int | None, int]:
    """(barrier, label, last bar) with barriers of 2.0 up and 4.0 down."""
    asked = {"profit_multiple": 1.0, "stop_multiple": 2.0, "unit_bars": 2, "vertical_bars": 4}
    settings = LabelSettings(method="triple_barrier", **(asked | more))
    row = label_trades(
        one_trade(side, bars, price, exit_bar),
        bars,
        settings=settings,
        costs=costs,
        instrument=INSTRUMENT,
        overnight=overnight,
    )
    assert row.schema == pl.Schema(LABELS_SCHEMA)
    return row["barrier"][0], row["meta_label"][0], row["label_end_index"][0]


FLAT = (100.0, 100.5, 99.5, 100.0)
UP, DOWN = (100.0, 103.0, 99.5, 102.5), (100.0, 100.5, 95.5, 96.0)


@pytest.mark.parametrize(
    ("side", "path", "expected"),
    [
        (1, [FLAT, UP], ("profit", 1, 4)),
        (1, [FLAT, DOWN], ("stop", 0, 4)),
        # Sold at 100: the profit barrier is 98, the stop 104.
        (-1, [FLAT, DOWN], ("profit", 1, 4)),
        (-1, [FLAT, (100.0, 104.0, 99.0, 103.0)], ("stop", 0, 4)),
        # Both in one bar: the stop is believed first.
        (1, [(100.0, 110.0, 90.0, 109.0)], ("stop", 0, 3)),
        (-1, [(100.0, 110.0, 90.0, 91.0)], ("stop", 0, 3)),
        # The open is beyond the profit barrier already, whatever the bar does later.
        (1, [FLAT, (105.0, 105.0, 90.0, 91.0)], ("profit", 1, 4)),
        # A touch of the stop is enough; one of the profit barrier is not, it must trade through.
        (1, [FLAT, (100.0, 100.5, 96.0, 100.0)], ("stop", 0, 4)),
        (1, [FLAT, (100.0, 102.0, 99.5, 99.0), FLAT, FLAT], ("vertical", 0, 6)),
        # Time: the close of the fourth bar held, a profit or a loss by its sign.
        (1, [FLAT, FLAT, FLAT, (100.0, 101.0, 99.5, 100.25)], ("vertical", 1, 6)),
        (1, [FLAT, FLAT, FLAT, (100.0, 101.0, 99.5, 99.75)], ("vertical", 0, 6)),
        (1, [FLAT, FLAT, FLAT, FLAT], ("vertical", 0, 6)),
    ],
)
def test_which_barrier_comes_first(side, path, expected) -> None:
    assert labelled(hourly([*path, FLAT, FLAT]), side) == expected


def test_the_entry_inside_a_bar_does_not_get_its_high() -> None:
    """Filled by an order at 101, somewhere in a bar that opened at 100 and rose to 104."""
    rising = (100.0, 104.0, 99.0, 103.0)
    bars = hourly([rising, FLAT, FLAT, FLAT, FLAT])
    # Barriers at 103 and 97: the first bar's high counts only if the fill was at its open.
    assert labelled(bars, price=101.0)[0] == "vertical"
    assert labelled(bars, price=100.0) == ("profit", 1, 3)


def test_no_label_reaches_past_the_flat_deadline() -> None:
    bars = hourly([FLAT, FLAT, UP, UP, UP], deadline_bar=4)
    assert labelled(bars) == ("deadline", 0, 4)
    assert labelled(bars, overnight=True) == ("profit", 1, 5)


def test_a_bar_without_volume_meets_no_barrier() -> None:
    bars = hourly([FLAT, UP, FLAT, FLAT, FLAT], volume=[10.0, 0.0, 10.0, 10.0, 10.0])
    assert labelled(bars) == ("vertical", 0, 6)


def test_a_roll_moves_the_price_and_no_barrier() -> None:
    """The next contract is 5.0 dearer: no profit, and a stop of the old one is still a stop."""
    dearer = [tuple(p + 5.0 for p in FLAT)] * 4
    bars = hourly([FLAT, *dearer], adjustment=[5.0, 0.0, 0.0, 0.0, 0.0])
    assert labelled(bars, overnight=True) == ("vertical", 0, 6)
    fallen = hourly([FLAT, dearer[0], (101.0, 101.0, 100.5, 100.5)], adjustment=[5.0, 0.0, 0.0])
    # 105 - 4 = 101 is the stop of what was bought at 100.
    assert labelled(fallen, overnight=True) == ("stop", 0, 5)


def test_the_label_is_after_costs() -> None:
    """0.25 of profit is 12.50 USD; two fills of 5 USD leave some of it, two of 10 do not."""
    bars = hourly([FLAT, FLAT, FLAT, (100.0, 101.0, 99.5, 100.25), FLAT])
    for commission, expected in ((5.0, 1), (10.0, 0)):
        costs = CostModel(commission_per_contract_usd=commission, slippage_ticks=0.0)
        assert labelled(bars, costs=costs) == ("vertical", expected, 6)


def test_slippage_costs_but_moves_no_barrier() -> None:
    costs = CostModel(commission_per_contract_usd=0.0, slippage_ticks=2.0)
    # The trade's own price holds its slippage: 2 ticks of 0.25 above the fill at 100.
    bars = hourly([FLAT, (100.0, 102.25, 99.5, 102.0), FLAT])
    assert labelled(bars, price=100.5, costs=costs) == ("profit", 1, 4)


def test_bars_that_end_too_early_and_an_unknown_unit_leave_no_label() -> None:
    assert labelled(hourly([FLAT, FLAT])) == (None, None, 3)
    bars = hourly([FLAT, UP, FLAT, FLAT])
    assert labelled(bars, unit_bars=3) == (None, None, 3)
    still = BarArrays(**{**vars(bars), "high": bars.close, "low": bars.close, "open": bars.close})
    assert labelled(still, barrier_unit="volatility")[0] is None


def test_the_span_lasts_to_the_later_of_label_and_trade() -> None:
    bars = hourly([FLAT, UP, FLAT, FLAT, FLAT, FLAT])
    assert labelled(bars, exit_bar=7) == ("profit", 1, 7)


def test_units_by_hand() -> None:
    bars = hourly([(100.0, 104.0, 99.0, 103.0), (103.0, 103.0, 96.0, 97.0)])
    atr = barrier_unit(bars, LabelSettings(unit_bars=2))
    # True ranges 2, 2, 5, 7 from the second bar on.
    assert atr[2:].tolist() == [2.0, 3.5, 6.0]
    volatility = barrier_unit(bars, LabelSettings(unit_bars=2, barrier_unit="volatility"))
    # Changes 0, 0, 3, -6: pairs (0, 0), (0, 3), (3, -6).
    assert volatility[2:] == pytest.approx([0.0, 3 / 2**0.5, 9 / 2**0.5])
    assert np.isnan(atr[:2]).all()
    assert np.isnan(volatility[:2]).all()


@pytest.fixture(scope="module")
def bars() -> BarArrays:
    raw = simulate_bars(INSTRUMENT, MARKET)
    whole = stitch(raw, find_rolls(raw, INSTRUMENT), INSTRUMENT)
    # Some hours are missing, the last ones before a deadline among them.
    gone = np.random.default_rng(5).random(whole.height) < 0.04
    return BarArrays.from_frame(whole.filter(pl.Series(~gone)), INSTRUMENT)


def plainly(trade: dict, bars: BarArrays, settings: LabelSettings, overnight: bool):
    """(barrier, last bar, gain per unit) by prices adjusted once for all: no roll is a move."""
    shift = bars.adjustment
    t, first, side = trade["signal_index"], trade["entry_index"], trade["side"]
    adjusted = [float(c + a) for c, a in zip(bars.close, shift, strict=True)]
    n = settings.unit_bars
    if t < n:
        return None
    if settings.barrier_unit == "atr":
        unit = np.mean(
            [
                max(bars.high[i] + shift[i], adjusted[i - 1])
                - min(bars.low[i] + shift[i], adjusted[i - 1])
                for i in range(t - n + 1, t + 1)
            ]
        )
    else:
        unit = np.std([adjusted[i] - adjusted[i - 1] for i in range(t - n + 1, t + 1)], ddof=1)
    paid = float(bars.open[first] + shift[first])
    stop = paid - side * settings.stop_multiple * unit
    profit = paid + side * settings.profit_multiple * unit
    for i in range(first, len(bars)):
        passed = bars.flat_deadline_us[i] != bars.flat_deadline_us[first]
        if not overnight and (passed or bars.bar_end_us[i] > bars.flat_deadline_us[i]):
            # Hours are missing: the first open after the deadline, in the old contract.
            return "deadline", i, side * (bars.open[i] + shift[i] - paid)
        opened = bars.open[i] + shift[i]
        best, worst = (bars.high[i], bars.low[i])[::side] + shift[i]
        if side * (opened - stop) < 0:
            return "stop", i, side * (opened - paid)
        if side * (opened - profit) > 0:
            return "profit", i, side * (opened - paid)
        if side * (worst - stop) <= 0:
            return "stop", i, side * (stop - paid)
        if side * (best - profit) > 0:
            return "profit", i, side * (profit - paid)
        length = bars.bar_end_us[i] - bars.bar_start_us[i]
        if not overnight and bars.bar_end_us[i] + length > bars.flat_deadline_us[i]:
            return "deadline", i, side * (adjusted[i] - paid)
        if i - first + 1 == settings.vertical_bars:
            return "vertical", i, side * (adjusted[i] - paid)
    return None


@pytest.mark.parametrize("variant", ["ibs_baseline", "ibs_daily", "meanrev_williams"])
@pytest.mark.parametrize("unit", ["atr", "volatility"])
@pytest.mark.parametrize("vertical", [6, 150])
def test_equal_to_a_plain_walk(bars, variant, unit, vertical) -> None:
    overnight = variant != "ibs_baseline"
    settings = LabelSettings(
        method="triple_barrier", barrier_unit=unit, vertical_bars=vertical, stop_multiple=1.5
    )
    costs = CostModel(commission_per_contract_usd=2.0, slippage_ticks=1.0)
    trades = run_backtest(bars, variant, None, costs, INSTRUMENT).trades
    found = label_trades(
        trades, bars, settings=settings, costs=costs, instrument=INSTRUMENT, overnight=overnight
    )
    assert trades.height == found.height > 5
    for trade, row in zip(trades.iter_rows(named=True), found.iter_rows(named=True), strict=True):
        expected = plainly(trade, bars, settings, overnight)
        if expected is None:
            assert row["meta_label"] is row["barrier"] is None
            continue
        barrier, last, gain = expected
        first = trade["entry_index"]
        rolls = np.count_nonzero(np.diff(bars.adjustment[first : last + 1]))
        # A fill costs 2 USD and a tick of 12.50; a roll is two fills.
        earned = gain * INSTRUMENT.multiplier - (2 + 2 * rolls) * 14.5
        assert row["barrier"] == barrier
        assert row["label_end_index"] == max(last, trade["exit_index"])
        assert row["meta_label"] == (earned > 0)
        assert row["label_end"] >= trade["exit_time"]


def test_the_default_is_the_strategys_own_trade(bars) -> None:
    costs = CostModel.of(INSTRUMENT)
    trades = run_backtest(bars, "ibs_baseline", None, costs, INSTRUMENT).trades
    found = label_trades(
        trades, bars, settings=LabelSettings(), costs=costs, instrument=INSTRUMENT, overnight=False
    )
    assert found["label_end"].to_list() == trades["exit_time"].to_list()
    assert found["label_end_index"].to_list() == trades["exit_index"].to_list()
    assert found["meta_label"].to_list() == (trades["net_profit_usd"] > 0).cast(int).to_list()
    assert date(2012, 1, 1) < found["label_end"].min().date()


def test_no_trade_no_label(bars) -> None:
    costs = CostModel.of(INSTRUMENT)
    none = run_backtest(bars, "ibs_baseline", None, costs, INSTRUMENT).trades.clear()
    for method in ("strategy", "triple_barrier"):
        found = label_trades(
            none,
            bars,
            settings=LabelSettings(method=method),
            costs=costs,
            instrument=INSTRUMENT,
            overnight=False,
        )
        assert found.schema == pl.Schema(LABELS_SCHEMA)
        assert found.is_empty()


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "barrier"},
        {"profit_multiple": 0.0},
        {"stop_multiple": float("nan")},
        {"vertical_bars": 0},
        {"windows": "one_way"},
        {"unit": "atr"},
    ],
)
def test_settings_refuse_what_they_do_not_know(wrong) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LabelSettings(**wrong)
