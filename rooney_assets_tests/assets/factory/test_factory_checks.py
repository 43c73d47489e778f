"""Each check of the factory lets a sound search through, and sees its own fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest
from factory_market import factory, here

from rooney_assets.checks import factory as checks
from rooney_assets.graph.declaration import CHECKS, Check, Here, Severity

RESULTS, RANKING, BEST = "strategy_results", "strategy_ranking", "best_strategy"
Change = Callable[[pl.DataFrame], pl.DataFrame]


def looked(one: Check, table: pl.DataFrame, where: Here | None = None) -> bool:
    """What the check says of a table."""
    return one.look(table, where or factory().beside_results).passed


@pytest.mark.parametrize("one", CHECKS[RESULTS], ids=lambda one: one.name)
def test_a_sound_search_passes(one: Check) -> None:
    assert looked(one, factory().results.table)


@pytest.mark.parametrize("one", CHECKS[RANKING] + CHECKS[BEST], ids=lambda one: one.name)
def test_a_sound_ranking_stops_at_no_blocking_check(one: Check) -> None:
    table = factory().ranking.table if one.asset == RANKING else factory().best.table
    assert looked(one, table, here(one.asset)) or not one.blocking


def test_what_may_be_a_finding_warns_and_what_is_a_fault_blocks() -> None:
    for one in (*CHECKS[RESULTS], *CHECKS[RANKING], *CHECKS[BEST]):
        assert one.blocking == (one.severity is Severity.ERROR), one.name
    warnings = {one.name for one in CHECKS[RESULTS] if not one.blocking}
    assert "overfitting_is_not_alarming" in warnings


def replaced(name: str, value: pl.Expr | float | bool) -> Change:
    """The table with another value in the first row of a column."""

    def change(table: pl.DataFrame) -> pl.DataFrame:
        other = value if isinstance(value, pl.Expr) else pl.lit(value)
        kind = table.schema[name]
        first = pl.int_range(pl.len()) == 0
        return table.with_columns(
            pl.when(first).then(other.cast(kind)).otherwise(pl.col(name)).alias(name)
        )

    return change


@pytest.mark.parametrize(
    ("check", "change"),
    [
        (checks.every_configuration_is_there, lambda table: table.slice(1)),
        (checks.every_configuration_is_there, lambda table: pl.concat([table, table.head(1)])),
        (checks.every_configuration_is_there, replaced("params", pl.col("params").shift(-1))),
        (checks.nothing_after_the_train_window_was_used, replaced("n_obs", pl.col("n_obs") + 1)),
        (checks.sharpes_follow_from_the_kept_returns, replaced("annual_sharpe", 9.0)),
        (checks.sharpes_follow_from_the_kept_returns, replaced("annual_sharpe", float("nan"))),
        (checks.sharpes_follow_from_the_kept_returns, lambda table: table.reverse()),
        (checks.sharpes_follow_from_the_kept_returns, lambda table: table.slice(1)),
        (checks.most_configurations_trade, lambda t: t.with_columns(n_trades=pl.lit(0))),
        (checks.most_variants_trade, lambda t: t.with_columns(n_trades=pl.lit(0))),
        (checks.overfitting_is_not_alarming, lambda t: t.with_columns(pbo=pl.lit(0.6))),
        (checks.overfitting_is_not_alarming, lambda t: t.with_columns(pbo=pl.lit(float("nan")))),
    ],
)
def test_a_faulty_search_is_seen(check: Check, change: Change) -> None:
    assert not looked(check, change(factory().results.table))


def test_returns_of_a_day_after_the_train_window_stop_the_write() -> None:
    told = factory().results
    later = date(2019, 1, 2) - date(2018, 12, 31)
    moved = told.beside["returns"].with_columns(pl.col("session") + timedelta(days=later.days))
    where = replace(here(), beside={**told.beside, "returns": moved})
    check = checks.nothing_after_the_train_window_was_used
    assert check.blocking
    assert not looked(check, told.table, where)


@pytest.mark.parametrize(
    ("check", "change"),
    [
        (checks.every_variant_is_ranked_once, lambda table: table.slice(1)),
        (checks.every_variant_is_ranked_once, lambda table: pl.concat([table, table.head(1)])),
        (checks.ranks_follow_merit, lambda table: table.reverse()),
        (
            checks.ranks_follow_merit,
            lambda table: table.with_columns(pl.col("annual_sharpe").reverse()),
        ),
        (
            checks.exactly_one_is_carried_on,
            lambda table: table.with_columns(is_carried_on=pl.lit(False)),
        ),
        (
            checks.exactly_one_is_carried_on,
            lambda table: table.with_columns(pl.col("is_carried_on").reverse()),
        ),
        (
            checks.deflation_counts_every_configuration,
            lambda table: table.with_columns(n_trials_raw=pl.lit(54)),
        ),
        (
            checks.some_variant_meets_the_criteria,
            lambda table: table.with_columns(meets_criteria=pl.lit(False)),
        ),
        (
            checks.best_beats_what_luck_would_show,
            lambda table: table.with_columns(sr0_annual=pl.lit(99.0)),
        ),
        (
            checks.best_beats_what_luck_would_show,
            lambda table: table.with_columns(sr0_annual=pl.lit(float("nan"))),
        ),
    ],
)
def test_a_faulty_ranking_is_seen(check: Check, change: Change) -> None:
    assert not looked(check, change(factory().ranking.table), here(RANKING))


@pytest.mark.parametrize(
    ("check", "change"),
    [
        (checks.one_known_variant, lambda table: pl.concat([table, table])),
        (checks.one_known_variant, replaced("variant", pl.lit("nobody"))),
        (checks.it_meets_the_criteria, replaced("carried_as", pl.lit("candidate"))),
        (checks.enough_trades_to_learn_from, replaced("n_trades", pl.lit(99))),
    ],
)
def test_a_faulty_best_is_seen(check: Check, change: Change) -> None:
    assert not looked(check, change(factory().best.table), here(BEST))
