"""`rooney portfolio show` and `diff` on months that are in a lake."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
import pytest

from rooney_assets.cli.main import main
from rooney_assets.lake import Lake, ManifestFacts
from rooney_core.portfolio.compared import SENSITIVITY_SCHEMA, WEIGHTS_SCHEMA
from rooney_core.portfolio.monthly import (
    DAYS_SCHEMA,
    PORTFOLIO_SCHEMA,
    REASONS_SCHEMA,
    SUMMARY_SCHEMA,
)

FACTS = ManifestFacts(run_id="r", code_version="c", git_commit="g")


def write_month(lake: Lake, month: str, sizes: dict[str, int], reasons: dict[str, str]) -> None:
    """A month with these members; what is not told here is one number everywhere."""
    members = pl.DataFrame(
        {name: [1] * len(sizes) for name in PORTFOLIO_SCHEMA}
        | {
            "rebalance_month": [month] * len(sizes),
            "symbol": list(sizes),
            "size": list(sizes.values()),
            "is_margin_assumed": [True] * len(sizes),
        },
        schema=PORTFOLIO_SCHEMA,
        strict=False,
    )
    told = pl.DataFrame(
        [(month, symbol, symbol in sizes, "code", text) for symbol, text in reasons.items()],
        schema=REASONS_SCHEMA,
        orient="row",
    )
    summary = pl.DataFrame(
        [{"rebalance_month": month, "n_members": len(sizes)}], schema=SUMMARY_SCHEMA
    )
    if sizes:
        summary = summary.with_columns(
            pl.col(pl.Float64, pl.Int64).exclude("n_members").fill_null(1)
        )
    beside = {
        "reasons": told,
        "summary": summary,
        "days": pl.DataFrame(schema=DAYS_SCHEMA),
        "weights": pl.DataFrame(schema=WEIGHTS_SCHEMA),
        "sensitivity": pl.DataFrame(schema=SENSITIVITY_SCHEMA),
    }
    lake.write("portfolio_config", ("rebalance_month", month), members, FACTS, beside=beside)


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    made = Lake(tmp_path / "lake")
    monkeypatch.setenv("ROONEY_LAKE", str(made.root))
    monkeypatch.setenv("ROONEY_STATE", str(tmp_path / "state"))
    before = {"SI": "chosen", "RTY": "chosen", "ES": "chosen", "NG": "Sharpe 0.9 below 1.2"}
    after = {"SI": "Sharpe 1.1 below 1.2", "RTY": "chosen", "ES": "chosen", "NG": "chosen"}
    write_month(made, "2026-10", {"SI": 1, "RTY": 2, "ES": 1}, before)
    write_month(made, "2026-11", {"ES": 1, "NG": 1, "RTY": 1}, after)
    write_month(made, "2026-12", {}, dict.fromkeys(after, "model verdict fail: too little"))
    return made


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Exit code of the command."""
    monkeypatch.setattr(sys, "argv", ["rooney", "portfolio", *arguments])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_the_diff_is_a_line_a_change(lake, monkeypatch, capsys) -> None:
    assert run(monkeypatch, "diff", "2026-10", "2026-11") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["- SI: Sharpe 1.1 below 1.2", "+ NG", "~ RTY 2 -> 1"]


def test_the_diff_for_a_program(lake, monkeypatch, capsys) -> None:
    assert run(monkeypatch, "diff", "2026-10", "2026-11", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["removed"] == [{"symbol": "SI", "reason": "Sharpe 1.1 below 1.2"}]
    assert facts["added"] == [{"symbol": "NG", "size": 1}]
    assert facts["resized"] == [{"symbol": "RTY", "before": 2, "after": 1}]
    assert facts["breaches"] == []


def test_no_change_and_all_gone(lake, monkeypatch, capsys) -> None:
    assert run(monkeypatch, "diff", "2026-11", "2026-11") == 0
    assert capsys.readouterr().out.startswith("No change")
    assert run(monkeypatch, "diff", "2026-10", "2026-12") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"- {one}: model verdict fail: too little" for one in ("SI", "RTY", "ES")]


def test_a_change_beyond_the_mandate_is_told(lake, tmp_path, monkeypatch, capsys) -> None:
    strict = "portfolio: {max_new_symbols: 1, max_size_increase: 1}\n"
    (tmp_path / "mandate.yaml").write_text(strict, encoding="utf-8")
    monkeypatch.setenv("ROONEY_MANDATE", str(tmp_path / "mandate.yaml"))
    write_month(lake, "2026-09", {"ES": 4}, {"ES": "chosen"})
    assert run(monkeypatch, "diff", "2026-09", "2026-10") == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == ["+ SI", "+ RTY", "~ ES 4 -> 1"]
    assert "turnover limits: RTY postponed" in printed.err


def test_show_prints_the_newest_month_or_the_one_that_is_named(lake, monkeypatch, capsys) -> None:
    assert run(monkeypatch, "show") == 0
    assert capsys.readouterr().out.startswith("2026-12: nothing is traded.")
    assert run(monkeypatch, "show", "2026-11") == 0
    out = capsys.readouterr().out
    assert out.startswith("2026-11: 3 members")
    assert "Sharpe 1.1 below 1.2" in out
    assert run(monkeypatch, "show", "2026-11", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert [one["symbol"] for one in facts["members"]] == ["ES", "NG", "RTY"]
    assert facts["summary"][0]["n_members"] == 3


def test_an_overridden_gate_is_printed_in_red(lake, monkeypatch, capsys) -> None:
    reasons = {"ES": "chosen (OVERRIDE stress gate until 2026-12-31 by me: a test)", "NQ": "out"}
    write_month(lake, "2026-12", {"ES": 1}, reasons)
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)
    assert run(monkeypatch, "show") == 0
    red = [line for line in capsys.readouterr().out.splitlines() if "\x1b[31m" in line]
    assert len(red) == 1
    assert "OVERRIDE" in red[0]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("show", "2026-1"), 2, "YYYY-MM"),
        (("show", "2026-13"), 2, "YYYY-MM"),
        (("show", "2027-01"), 1, "2026-10, 2026-11, 2026-12"),
        (("diff", "2026-10", "2026-01"), 1, "--month 2026-01"),
        (("diff", "2026-10"), 2, "AFTER"),
    ],
)
def test_what_is_no_month_or_not_there(lake, monkeypatch, capsys, arguments, code, told) -> None:
    assert run(monkeypatch, *arguments) == code
    assert told in capsys.readouterr().err


def test_an_empty_lake_says_what_to_run(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("ROONEY_LAKE", str(tmp_path / "nothing"))
    assert run(monkeypatch, "show") == 1
    assert "rooney materialize --to portfolio_config" in capsys.readouterr().err
