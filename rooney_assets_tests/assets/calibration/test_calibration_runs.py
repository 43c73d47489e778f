"""A calibration end to end on small markets: the chain, its processes, and what is kept of them."""

from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from rooney_assets.calibration.chain import _consequences, run_universe
from rooney_assets.calibration.runs import _Kept, run_universes
from rooney_assets.calibration.worker import serve
from rooney_assets.mandate import Mandate
from rooney_core.errors import InvalidSetting, RefusedError
from rooney_core.gates.calibration.report import UNIVERSES_SCHEMA
from rooney_core.gates.calibration.settings import CalibrationSettings
from rooney_core.gates.calibration.universes import SmallUniverse, universes_of

SMALL = CalibrationSettings(
    n_null=1,
    n_planted=1,
    reversion_edges=(2.0,),
    values_per_axis=1,
    first_session=date(2014, 1, 2),
    last_session=date(2022, 6, 30),
)
TOO_SHORT = SMALL.model_copy(update={"first_session": date(2018, 12, 3)})
VERSION = "a code version"


def answer_of(number: int) -> dict[str, object]:
    return {"row": {"reversion_edge": 0.0, "number": number}, "cpu_seconds": 1.0}


@pytest.mark.slow
def test_noise_is_rejected_and_a_great_edge_promoted_and_both_are_kept(tmp_path: Path) -> None:
    """Edge 2.0 is a true Sharpe of about 7; its worst five years pass any gate that noise fails."""
    told: list[tuple[int, int]] = []
    finished = run_universes(
        SMALL, Mandate(), VERSION, tmp_path, lambda done, planned: told.append((done, planned))
    )
    assert finished.rows.schema == pl.Schema(UNIVERSES_SCHEMA)
    assert told == [(0, 2), (1, 2), (2, 2)]
    by_kind = {row["kind"]: row for row in finished.rows.iter_rows(named=True)}
    assert by_kind["planted"]["promoted"], by_kind["planted"]["rejected_by"]
    assert by_kind["planted"]["test_sharpe"] > 3.0
    assert not by_kind["null"]["promoted"]
    assert "verdict.deflated_sharpe_too_low" in by_kind["null"]["rejected_by"]
    # Every count of the search, and of the training: the thinned grids, ten sets, the thresholds.
    assert by_kind["null"]["n_trials_raw"] == 54 + 10 + 31
    told.clear()
    again = run_universes(
        SMALL, Mandate(), VERSION, tmp_path, lambda done, planned: told.append((done, planned))
    )
    assert told == [(2, 2)]
    assert again.rows.equals(finished.rows)
    assert finished.rows["seed"].to_list() == [one.seed for one in universes_of(SMALL)]


def test_a_chain_that_ends_before_the_gates_is_a_rejection_with_its_words() -> None:
    row = run_universe(SmallUniverse(0.0, 0, 7), TOO_SHORT, Mandate())
    assert not row["promoted"]
    assert row["rejected_by"] == ["refused.meta_model"]
    assert "trades in the train window" in row["refusal"]


def test_a_defect_is_no_answer_of_a_gate() -> None:
    """A strength that the simulated market refuses: the worker tells it, and goes on."""
    wrong = {"reversion_edge": 99.0, "number": 0, "seed": 1}
    right = {"reversion_edge": 0.0, "number": 1, "seed": 7}
    lines = [TOO_SHORT.model_dump_json(), Mandate().model_dump_json()]
    orders = "".join(f"{one}\n" for one in (*lines, json.dumps(wrong), json.dumps(right)))
    told = io.StringIO()
    serve(io.StringIO(orders), told)
    first, second = (json.loads(line) for line in told.getvalue().splitlines())
    assert "reversion_edge" in first["error"]
    assert second["row"]["rejected_by"] == ["refused.meta_model"]


def test_a_universe_that_cannot_be_run_stops_the_calibration(tmp_path: Path) -> None:
    broken = SMALL.model_copy(update={"reversion_edges": (99.0,)})
    with pytest.raises(RefusedError, match="was not calibrated"):
        run_universes(broken, Mandate(), VERSION, tmp_path)


def test_a_line_that_was_never_finished_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with path.open("ab+") as file:
        kept = _Kept(file)
        for number in range(3):
            kept.add(answer_of(number))
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    with path.open("ab+") as file:
        assert list(_Kept(file).answers) == [(0.0, 0), (0.0, 1)]
    assert path.read_bytes() == b"".join(whole.splitlines(keepends=True)[:2])


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InvalidSetting, match="ROONEY_STATE"):
        run_universes(SMALL, Mandate(), VERSION, tmp_path / "file" / "calibration")


def test_a_rule_that_only_follows_from_another_is_not_named() -> None:
    verdict = {"backtest.verdict", "verdict.win_rate_too_low", "stress.not_run"}
    selected = {"selection.left_out", "selection.verdict_failed"}
    assert (verdict | selected) - _consequences(verdict | selected) == {"verdict.win_rate_too_low"}
    unselected = {"selection.left_out", "selection.sharpe_below_minimum"}
    assert unselected - _consequences(unselected) == {"selection.sharpe_below_minimum"}
    graded = {"paper.grade", "paper.win_rate"}
    assert graded - _consequences(graded) == {"paper.win_rate"}
    assert {"paper.grade"} - _consequences({"paper.grade"}) == {"paper.grade"}
    missing = {"stress.not_run"}
    assert missing - _consequences(missing) == missing
