"""How a materialization ends in words."""

from pathlib import Path

import pytest

from rooney_assets.cli.context import Place
from rooney_assets.cli.progress import Board
from rooney_assets.pool import Report

ROOT = Path(__file__).resolve().parents[2]
WAITS = "waits: another process trains the same model"


def place_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROONEY_LAKE", str(tmp_path / "lake"))
    monkeypatch.setenv("ROONEY_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("ROONEY_UNIVERSE", str(ROOT / "universe.yaml"))


@pytest.mark.parametrize("columns", [None, "100"])
def test_what_a_partition_waits_for_is_told_in_a_terminal_too(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    columns: str | None,
) -> None:
    place_of(tmp_path, monkeypatch)
    if columns is not None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", columns)
    with Board(Place.from_environment()) as board:
        stage = {"event": "stage", "stage": "research_of_symbol", "tasks": 1, "partitions": 1}
        board.show(stage)
        said = {"event": "milestone", "asset": "meta_model", "key": "ES", "text": WAITS}
        board.show({**said, "stage": "research_of_symbol"})
    assert capsys.readouterr().out.count(WAITS) == 1


def test_a_failure_names_its_symbol_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place_of(tmp_path, monkeypatch)
    why = {"GC": "GC: GC.csv: high below low", "CL": "the run ended"}
    Board(Place.from_environment()).conclude(Report(failures=why))
    out = capsys.readouterr().out
    assert "  GC: GC.csv: high below low" in out
    assert "GC: GC:" not in out
    assert "  CL: the run ended" in out
