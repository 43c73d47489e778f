"""`rooney rank` for a person: it fits, it is complete, and a reason is known by a word."""

from __future__ import annotations

import json

import polars as pl
import pytest
from factory_market import factory

from rooney_assets.cli.ranking import WIDTH, failures, print_ranking
from rooney_core.backtest.ranking import RankingCriteria, rank


def test_it_fits_and_names_every_variant(capsys: pytest.CaptureFixture[str]) -> None:
    table = factory().ranking.table
    print_ranking(table)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= WIDTH
    numbers = [line.split() for line in lines[2 : 2 + 2 * table.height : 2]]
    assert [one[0].lstrip("*") for one in numbers] == [str(rank) for rank in table["rank"]]
    assert [one[0].startswith("*") for one in numbers] == table["is_carried_on"].to_list()
    assert [one[1] for one in numbers] == table["variant"].to_list()
    assert [one[2] for one in numbers if one[2] != "-"] == [
        f"{value:.2f}" for value in table["annual_sharpe"].drop_nulls()
    ]
    assert "PBO" in lines[0]
    assert f"{int(table['n_trials_raw'][0]):,}" in lines[0]


def test_every_parameter_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    table = factory().ranking.table
    print_ranking(table)
    lines = capsys.readouterr().out.splitlines()[3 : 3 + 2 * table.height : 2]
    for line, params in zip(lines, table["params"], strict=True):
        for name, value in json.loads(params).items():
            assert f"{name} {value}" in line


def test_each_criterion_missed_has_its_word() -> None:
    strict = RankingCriteria(
        min_annual_sharpe=99, min_trades_per_year=9999, max_trades_per_year=9999, max_drawdown=1e-9
    )
    table = rank(factory().results.table, strict)
    words = {word for reason in table["refused_because"] for word in failures(reason)}
    assert words == {"sharpe", "trades", "dd", "rob"}
    assert failures("") == []
    assert failures("too blue") == ["too blue"]


def test_without_any_winner_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    table = factory().ranking.table.with_columns(meets_criteria=pl.lit(False))
    print_ranking(table)
    assert "as a candidate" in capsys.readouterr().out
