"""Error rates of the gates: intervals against scipy's, counts by hand, universes that differ."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy.stats import binomtest

from rooney_core.backtest import CostModel, sweep_all
from rooney_core.errors import InvalidSetting
from rooney_core.gates.calibration.oracle import (
    ORACLE_PARAMS,
    ORACLE_VARIANT,
    TrueSharpe,
    true_sharpe,
)
from rooney_core.gates.calibration.rates import rate_of
from rooney_core.gates.calibration.report import (
    UNIVERSES_SCHEMA,
    pooled_false_promotions,
    pooled_false_rejections,
    rates_table,
    rules_table,
)
from rooney_core.gates.calibration.settings import CalibrationSettings
from rooney_core.gates.calibration.universes import (
    PARTNER,
    SYMBOL,
    market_of,
    seed_of,
    small_search,
    thinned,
    universe_of,
    universes_of,
)
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.simulation import simulate_bars
from rooney_core.modeling.settings import TuningSettings
from rooney_core.strategies import VARIANTS

SHORT = CalibrationSettings(
    n_null=3,
    n_planted=2,
    reversion_edges=(0.5, 1.0),
    n_oracle=2,
    first_session=date(2010, 1, 4),
    last_session=date(2011, 12, 30),
)
TRUTH = {0.5: TrueSharpe(1.5, 0.1, 8), 1.0: TrueSharpe(3.2, 0.1, 8)}


@pytest.mark.parametrize(
    ("n_hits", "n"), [(0, 40), (1, 40), (3, 7), (7, 7), (0, 1), (12, 400), (399, 400)]
)
def test_intervals_are_clopper_and_pearson_s(n_hits, n):
    rate = rate_of(n_hits, n)
    expected = binomtest(n_hits, n).proportion_ci(0.95, method="exact")
    assert rate.share == n_hits / n
    assert rate.low == pytest.approx(expected.low, abs=1e-12)
    assert rate.high == pytest.approx(expected.high, abs=1e-12)


def test_so_many_without_an_error_show_the_limits_of_the_checks():
    """None of n: the upper end is 1 - 0.025^(1/n); 368 and 72 are the least n below 1 and 5 %."""
    assert rate_of(0, 367).high > 0.01 > rate_of(0, 368).high
    assert rate_of(0, 71).high > 0.05 > rate_of(0, 72).high
    assert rate_of(0, 368).high == pytest.approx(1.0 - 0.025 ** (1.0 / 368.0))


def test_nothing_counted_says_nothing():
    rate = rate_of(0, 0)
    assert math.isnan(rate.share)
    assert (rate.low, rate.high) == (0.0, 1.0)


@pytest.mark.parametrize(("n_hits", "n", "confidence"), [(3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0)])
def test_impossible_counts_are_refused(n_hits, n, confidence):
    with pytest.raises(InvalidSetting, match=r"0 <= hits <= n"):
        rate_of(n_hits, n, confidence)


def universe(edge: float, number: int, *rejected_by: str) -> dict[str, object]:
    return {
        "kind": "planted" if edge else "null",
        "reversion_edge": edge,
        "number": number,
        "seed": number,
        "promoted": not rejected_by,
        "rejected_by": list(rejected_by),
    }


UNIVERSES = pl.DataFrame(
    [
        universe(0.0, 0, "stress.median", "verdict.win"),
        universe(0.0, 1, "verdict.win"),
        universe(0.0, 2),
        universe(0.5, 0, "verdict.win"),
        universe(0.5, 1),
        universe(1.0, 0),
        universe(1.0, 1, "paper.grade", "stress.median"),
        universe(1.0, 2),
        universe(1.0, 3, "paper.grade"),
    ],
    schema=UNIVERSES_SCHEMA,
)


def test_rates_by_hand():
    table = rates_table(UNIVERSES, TRUTH)
    null, weak, strong = table.iter_rows(named=True)
    assert (null["kind"], null["n_universes"], null["n_promoted"]) == ("null", 3, 1)
    assert null["false_promotion_rate"] == pytest.approx(1 / 3)
    assert null["false_rejection_rate"] is None
    assert null["rejected_by"] == "verdict.win: 2, of them 1 alone; stress.median: 1"
    assert (weak["true_annual_sharpe"], weak["false_rejection_rate"]) == (1.5, 0.5)
    assert weak["false_promotion_rate"] is None
    assert strong["rejected_by"] == "paper.grade: 2, of them 1 alone; stress.median: 1"
    assert pooled_false_promotions(table) == (1, 3)
    assert pooled_false_rejections(table, 3.0) == (2, 4)
    assert pooled_false_rejections(table, 1.0) == (3, 6)
    assert pooled_false_rejections(table, 9.0) == (0, 0)


def test_rules_by_hand():
    found = rules_table(UNIVERSES, TRUTH).rows()
    assert found == [
        ("null", 0.0, 0.0, "verdict.win", 3, 2, 1),
        ("null", 0.0, 0.0, "stress.median", 3, 1, 0),
        ("planted", 0.5, 1.5, "verdict.win", 2, 1, 1),
        ("planted", 1.0, 3.2, "paper.grade", 4, 2, 1),
        ("planted", 1.0, 3.2, "stress.median", 4, 1, 0),
    ]


def test_universes_are_as_many_as_asked_for_and_share_no_seed():
    found = universes_of(SHORT)
    edges = [one.reversion_edge for one in found]
    assert [edges.count(edge) for edge in (0.0, 0.5, 1.0)] == [3, 2, 2]
    assert len({one.seed for one in found}) == len(found)
    assert {one.kind for one in found if one.reversion_edge == 0.0} == {"null"}
    # Strengths take turns: the first of each comes before the second of any.
    assert sorted(edges[:3]) == [0.0, 0.5, 1.0]


def test_more_universes_begin_with_the_ones_before():
    more = SHORT.model_copy(update={"n_null": 9, "n_planted": 5})
    assert set(universes_of(SHORT)) < set(universes_of(more))


def test_a_quick_tuning_asks_for_a_hundred_universes():
    quick = CalibrationSettings(tuning=TuningSettings.quick())
    assert sum(quick.counts.values()) == 100
    assert sum(CalibrationSettings().counts.values()) > 700
    told = CalibrationSettings(tuning=TuningSettings.quick(), n_null=7, n_planted=1)
    assert list(told.counts.values()) == [7, 1, 1, 1, 1, 1]


def test_the_edge_is_planted_in_one_symbol_alone():
    planted = universe_of(0.7)
    assert planted.tradable == (SYMBOL, PARTNER)
    assert planted[SYMBOL].sources.simulated.reversion_edge == 0.7
    assert planted[PARTNER].sources.simulated.reversion_edge == 0.0
    assert planted.peers_of(SYMBOL) == (PARTNER,)


def test_a_search_is_as_large_as_a_real_one_unless_it_is_thinned():
    full = sum(one.n_configurations for one in VARIANTS.values())
    assert sum(one.n_configurations for one in small_search(SHORT)) == full
    for one, whole in zip(thinned(tuple(VARIANTS.values()), 2), VARIANTS.values(), strict=True):
        assert max(one.grid_shape, default=1) <= 2
        assert set(one.grid()) <= set(whole.grid())


def test_the_true_sharpe_is_the_mean_over_markets_of_one_strategy():
    """The other route: the strategy as a grid of one in the factory's own sweep."""
    instrument = universe_of(1.0)[SYMBOL]
    alone = [one for one in VARIANTS[ORACLE_VARIANT].grid() if _is_oracle(one)]
    assert len(alone) == 1
    found = []
    for number in range(SHORT.n_oracle):
        raw = simulate_bars(
            instrument, market_of(SHORT, seed_of(SHORT.seed, 1.0, number, "oracle"))
        )
        bars = stitch(raw, find_rolls(raw, instrument), instrument)
        swept = sweep_all(bars, ORACLE_VARIANT, CostModel.of(instrument), instrument, n_threads=1)
        at = VARIANTS[ORACLE_VARIANT].grid().index(alone[0])
        found.append(swept.results["annual_sharpe"][at])
    truth = true_sharpe(1.0, SHORT)
    assert truth.annual == pytest.approx(np.mean(found))
    assert truth.standard_error == pytest.approx(np.std(found, ddof=1) / math.sqrt(2))
    assert truth.annual > true_sharpe(0.5, SHORT).annual > 0.0


def _is_oracle(params) -> bool:
    return params.model_dump() == ORACLE_PARAMS
