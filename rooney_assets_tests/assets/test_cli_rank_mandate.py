"""`rooney rank` says when the mandate has changed since the ranking was made."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
import pytest

from rooney_assets.cli.main import main
from rooney_assets.lake import Lake, ManifestFacts
from rooney_core.backtest.ranking import RankingCriteria

ES = ("symbol", "SIM_ES")


@pytest.mark.parametrize(
    ("mandate", "told"),
    [
        ("ranking: {}\n", ""),
        ("ranking: {max_drawdown: 0.1}\n", "(max_drawdown 0.2, now 0.1)"),
        ("ranking: {must_be_robust: false}\n", "(must_be_robust yes, now no)"),
    ],
)
def test_a_ranking_of_another_mandate_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    mandate: str,
    told: str,
) -> None:
    made = ManifestFacts(
        run_id="r",
        code_version="c",
        git_commit="g",
        config={"params": RankingCriteria().model_dump(mode="json")},
    )
    table = pl.DataFrame({"rank": [1], "symbol": ["SIM_ES"], "variant": ["ibs_daily"]})
    Lake(tmp_path / "lake").write("strategy_ranking", ES, table, made)
    (tmp_path / "mandate.yaml").write_text(mandate, encoding="utf-8")
    monkeypatch.setenv("ROONEY_LAKE", str(tmp_path / "lake"))
    monkeypatch.setenv("ROONEY_MANDATE", str(tmp_path / "mandate.yaml"))
    monkeypatch.setattr(sys, "argv", ["rooney", "rank", "ES", "--json"])
    main()
    printed = capsys.readouterr()
    assert json.loads(printed.out) == table.to_dicts()
    assert told in printed.err
    assert ("another mandate" in printed.err) == bool(told)
