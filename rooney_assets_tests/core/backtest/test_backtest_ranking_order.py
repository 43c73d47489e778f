"""The ranking: who is first, who is refused, and in which words."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from rooney_core.backtest import RankingCriteria, SearchTrials, best, rank
from rooney_core.errors import NotEnoughData

GOOD = {
    "params": "{}",
    "annual_sharpe": 2.0,
    "sharpe_per_day": 2.0 / math.sqrt(252),
    "n_obs": 2000,
    "skewness": -0.5,
    "kurtosis": 6.0,
    "walk_forward_sharpe": 1.0,
    "sharpe_at_double_costs": 1.5,
    "sharpe_at_five_costs": 0.1,
    "n_trades": 800,
    "trades_per_year": 200.0,
    "max_drawdown": -0.1,
    "win_rate": 0.6,
    "profit_factor": 1.4,
    "net_profit_usd": 1000.0,
    "is_robust": True,
}


def results(**variants: dict) -> pl.DataFrame:
    return pl.DataFrame(
        [{"variant": name.rstrip("_")} | GOOD | row for name, row in variants.items()]
    )


def test_one_row_per_variant_its_best_by_sharpe():
    ranking = rank(
        results(a={"annual_sharpe": 1.6}, a_={"annual_sharpe": 1.7}, b={}), RankingCriteria()
    )
    assert ranking.columns[0] == "rank"
    assert ranking["rank"].to_list() == [1, 2]
    assert ranking["variant"].to_list() == ["b", "a"]
    assert ranking["annual_sharpe"].to_list() == [2.0, 1.7]
    assert ranking["meets_criteria"].all()
    assert ranking["refused_because"].to_list() == ["", ""]


def test_meeting_the_criteria_beats_a_higher_sharpe_and_undefined_is_last():
    ranking = rank(
        results(
            wild={"annual_sharpe": 4.0, "max_drawdown": -0.5},
            never={"annual_sharpe": math.nan, "n_trades": 0, "trades_per_year": 0.0},
            sound={},
            weak={"annual_sharpe": 0.5},
        ),
        RankingCriteria(),
    )
    assert ranking["variant"].to_list() == ["sound", "wild", "weak", "never"]
    assert best(ranking)["variant"].to_list() == ["sound"]


def test_a_null_of_the_lake_is_an_undefined_number_and_meets_nothing():
    unknown = {"annual_sharpe": math.nan, "sharpe_per_day": math.nan, "max_drawdown": math.nan}
    table = results(never=unknown | {"skewness": math.nan, "kurtosis": math.nan}, weak={})
    kept = table.with_columns(pl.col(pl.Float64).fill_nan(None))
    assert kept["annual_sharpe"].null_count() == 1
    ranking = rank(kept, RankingCriteria())
    assert ranking.equals(rank(table, RankingCriteria()))
    assert ranking["variant"].to_list() == ["weak", "never"]
    assert ranking["meets_criteria"].to_list() == [True, False]
    assert ranking["refused_because"].to_list()[1] == (
        "annual Sharpe NaN is not above 1.5; drawdown NaN is not below 0.2"
    )


def test_the_best_goes_on_even_when_everything_is_refused():
    ranking = rank(results(a={"is_robust": False}, b={"annual_sharpe": 1.0}), RankingCriteria())
    assert best(ranking).height == 1
    assert best(ranking)["variant"].item() == "a"
    assert not ranking["meets_criteria"].any()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"annual_sharpe": 1.5}, "annual Sharpe 1.5 is not above 1.5"),
        ({"annual_sharpe": math.nan}, "annual Sharpe NaN is not above 1.5"),
        ({"trades_per_year": 99.0}, "99 trades a year are not within 100 to 400"),
        ({"trades_per_year": 401.0}, "401 trades a year are not within 100 to 400"),
        ({"max_drawdown": -0.2}, "drawdown 0.2 is not below 0.2"),
        ({"is_robust": False}, "not robust"),
    ],
)
def test_each_criterion_refuses_in_words(row, reason):
    ranking = rank(results(a=row), RankingCriteria())
    assert ranking["refused_because"].item() == reason


def test_bounds_of_trades_are_inclusive_and_criteria_are_settings():
    ranking = rank(results(a={"trades_per_year": 100.0}), RankingCriteria())
    assert ranking["meets_criteria"].item()
    lax = RankingCriteria(min_annual_sharpe=0, must_be_robust=False)
    assert rank(results(a={"annual_sharpe": 0.1, "is_robust": False}), lax)["meets_criteria"].item()


def test_the_symbol_is_kept():
    frame = results(a={}).with_columns(symbol=pl.lit("SIM_ES"))
    assert rank(frame, RankingCriteria()).columns[:3] == ["rank", "symbol", "variant"]


def test_nothing_to_rank_is_said():
    with pytest.raises(NotEnoughData):
        rank(results(a={}).clear(), RankingCriteria())
    with pytest.raises(NotEnoughData):
        best(rank(results(a={}), RankingCriteria()).clear())


def test_each_sharpe_is_deflated_by_the_whole_search():
    table = results(a={}, b={"annual_sharpe": 1.0, "sharpe_per_day": 1.0 / math.sqrt(252)})
    ranking = rank(table, RankingCriteria(), SearchTrials(2500, 0.0004, 60, 0.0016))
    # Bailey & Lopez de Prado 2014, written out.
    first = NormalDist().inv_cdf(1 - 1 / 2500)
    second = NormalDist().inv_cdf(1 - 1 / (2500 * math.e))
    hurdle = 0.02 * ((1 - 0.5772156649) * first + 0.5772156649 * second)
    for row, sharpe in zip(ranking.iter_rows(named=True), (2.0, 1.0), strict=True):
        daily = sharpe / math.sqrt(252)
        spread = math.sqrt(1 + 0.5 * daily + 5 / 4 * daily**2)
        z = (daily - hurdle) * math.sqrt(1999) / spread
        assert row["deflated_sharpe_z"] == pytest.approx(z)
        assert row["deflated_sharpe_prob"] == pytest.approx(NormalDist().cdf(z))
        observed = (daily - 2 * hurdle) * math.sqrt(1999) / spread
        assert row["deflated_sharpe_z_observed"] == pytest.approx(observed)
        assert row["sr0_annual"] == pytest.approx(hurdle * math.sqrt(252))
        assert (row["n_trials_raw"], row["n_trials_effective"]) == (2500, 60)


def test_without_being_told_the_rows_are_the_trials():
    table = results(a={}, b={"sharpe_per_day": 0.1}, c={"sharpe_per_day": math.nan})
    ranking = rank(table, RankingCriteria())
    sample = np.var([2 / math.sqrt(252), 0.1], ddof=1)
    told = rank(table, RankingCriteria(), SearchTrials(3, 1 / 2000, None, sample))
    assert_frame_equal(ranking, told)
    # One trial cannot be lucky: nothing to deflate by.
    alone = rank(results(a={}), RankingCriteria())
    assert alone["sr0_annual"].item() == 0.0
    assert alone["n_trials_effective"].to_list() == [None]
