"""How a materialization ends in words."""

from pathlib import Path

import pytest

from rooney_assets.cli.context import Place
from rooney_assets.cli.progress import Board
from rooney_assets.pool import Report

ROOT = Path(__file__).resolve().parents[2]


def test_a_failure_names_its_symbol_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROONEY_LAKE", str(tmp_path / "lake"))
    monkeypatch.setenv("ROONEY_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("ROONEY_UNIVERSE", str(ROOT / "universe.yaml"))
    why = {"GC": "GC: GC.csv: high below low", "CL": "the run ended"}
    Board(Place.from_environment()).conclude(Report(failures=why))
    out = capsys.readouterr().out
    assert "  GC: GC.csv: high below low" in out
    assert "GC: GC:" not in out
    assert "  CL: the run ended" in out
