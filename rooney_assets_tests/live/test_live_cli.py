"""The `rooney-live` command: exit codes, one clear message, and nothing slow before --help."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from small_release import CHECKOUT, OUT, write, write_release

from rooney_core.errors import InvalidSetting
from rooney_live.cli import main
from rooney_live.journal_reading import as_text
from rooney_live.release_store import read_release
from rooney_live.settings import read_settings


@pytest.fixture
def rooney(tmp_path):
    """Run `rooney-live` with its own lake and state."""

    def invoke(*arguments, **environment):
        places = {"ROONEY_LAKE": str(tmp_path / "lake"), "ROONEY_STATE": str(tmp_path / "state")}
        return CliRunner().invoke(main, [str(one) for one in arguments], env=places | environment)

    return invoke


@pytest.mark.parametrize("command", [(), ("rehearse",), ("why",), ("status",), ("preflight",)])
def test_help_everywhere(rooney, command):
    shown = rooney(*command, "--help")
    assert shown.exit_code == 0
    assert "Usage:" in shown.stdout


def test_help_imports_nothing_heavy():
    heavy = ("numpy", "polars", "numba", "lightgbm", "sklearn", "sqlite3", "pydantic", "rich")
    program = f"import rooney_live.cli, sys; print([one for one in {heavy} if one in sys.modules])"
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "[]"


def test_a_rehearsal_prints_what_happened_and_what_to_ask_next(lake, rooney):
    shown = rooney("rehearse", "--sessions", 3)
    assert (shown.exit_code, shown.stderr) == (0, "")
    for part in (
        "simulated market",
        "MODEL_BELOW_THRESHOLD",
        "open positions: 0",
        "journal.sqlite",
    ):
        assert part in shown.stdout
    (following,) = [line for line in shown.stdout.splitlines() if line.startswith("Next:")]
    asked = following.split("`")[1].split()
    assert asked[:2] == ["rooney-live", "why"]
    told = rooney(*asked[1:])
    assert told.exit_code == 0
    assert "ENTER" in told.stdout
    assert re.search(r"order +(buy|sell) [12] market.*; filled at ", told.stdout)
    assert "sim_zn_daily_z_score" in told.stdout


def test_why_shows_parts_that_add_up_to_what_calibration_made_the_probability_of(lake, rooney):
    report = json.loads(rooney("rehearse", "--sessions", 3, "--json").stdout)
    trade = report["trades"][-1]
    asked = ("why", trade["symbol"], as_text(trade["signal_time_us"]))
    lines = [line.split() for line in rooney(*asked).stdout.splitlines()]
    start = next(at for at, line in enumerate(lines) if line[:1] == ["feature"])
    base, *features, total = lines[start + 2 :]
    assert (base[0], total[0]) == ("base", "sum")
    parts = [float(line[-1]) for line in (base, *features)]
    # Each is printed to the millionth.
    assert math.fsum(parts) == pytest.approx(float(total[-1]), abs=1e-6 * len(parts))
    assert [abs(one) for one in parts[1:]] == sorted(map(abs, parts[1:]), reverse=True)
    row = json.loads(rooney(*asked, "--json").stdout)
    assert math.fsum(row["contributions"].values()) == pytest.approx(float(total[-1]), abs=1e-6)
    model = read_release(lake).bundles[trade["symbol"]].model
    said = model.calibration.apply(np.array([float(total[-1])]))[0]
    assert said == pytest.approx(row["probability"], abs=1e-5)


def test_json_is_json_and_agrees_with_itself(lake, rooney):
    report = json.loads(rooney("rehearse", "--sessions", 3, "--json").stdout)
    status = json.loads(rooney("status", "--json").stdout)
    assert status["run_id"] == report["run_id"]
    assert status["status"] == "finished"
    assert status["decisions_by_code"] == report["decisions_by_code"]
    assert status["n_trades"] == len(report["trades"])
    assert status["n_open_positions"] == 0
    again = json.loads(rooney("rehearse", "--sessions", 3, "--json").stdout)
    assert again["n_new_decisions"] == 0
    assert again["trades"] == report["trades"]
    checks = json.loads(rooney("preflight", "--json").stdout)
    assert {check["passed"] for check in checks} == {True}


def test_an_empty_portfolio_is_fine_and_says_why(parts, tmp_path, rooney):
    write_release(parts.release({}), tmp_path / "lake")
    shown = rooney("rehearse")
    assert shown.exit_code == 0
    assert "portfolio is empty" in shown.stdout
    assert shown.stdout.count("verdict: fail") == 3
    assert rooney("preflight").exit_code == 0
    assert "empty portfolio" in rooney("status").stdout


def test_why_of_a_moment_without_a_bar_names_the_nearest(lake, rooney):
    rooney("rehearse", "--sessions", 2)
    shown = rooney("why", "SIM_ES", "2021-03-31T12:34")
    assert shown.exit_code == 1
    assert "Nearest record: 2021-03-31T13:00Z" in shown.stderr
    assert "why SIM_ES 2021-03-31T13:00Z" in shown.stderr


def test_why_of_an_unknown_symbol_or_time_is_a_usage_error(lake, rooney):
    rooney("rehearse", "--sessions", 2)
    shown = rooney("why", "SIM_EZ", "2021-03-31T13:00")
    assert shown.exit_code == 2
    assert "Did you mean 'SIM_ES'" in shown.stderr
    assert rooney("why", "SIM_ES", "noon").exit_code == 2
    out = rooney("why", OUT, "2021-03-31T13:00")
    assert out.exit_code == 1
    assert "verdict: fail" in out.stderr


def test_before_the_first_rehearsal_every_question_names_the_command(lake, tmp_path, rooney):
    for asked in (("status",), ("why", "SIM_ES", "2021-03-31T13:00")):
        shown = rooney(*asked)
        assert shown.exit_code == 1
        assert "rooney-live rehearse" in shown.stderr
    assert not (tmp_path / "state").exists()


def test_a_tampered_model_stops_every_command_that_needs_it(parts, tmp_path, rooney):
    models = write_release(parts.release({"SIM_ES": 1}), tmp_path / "lake")
    write(parts.models["SIM_ES"].with_columns(threshold=pl.lit(0.0)), models)
    shown = rooney("rehearse")
    assert shown.exit_code == 1
    assert shown.stdout == ""
    assert models.name in shown.stderr
    assert "wrong hash" in shown.stderr
    assert "Traceback" not in shown.stderr
    assert not (tmp_path / "state").exists()
    checked = rooney("preflight")
    assert checked.exit_code == 1
    assert "FAIL" in checked.stdout
    assert "skipped" in checked.stdout


def test_no_lake_is_refused_with_what_to_do(rooney):
    shown = rooney("rehearse")
    assert shown.exit_code == 1
    assert "make demo" in shown.stderr
    assert rooney("preflight").exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [("rehearse", "--sessions", 0), ("rehearse", "--sesions", 3), ("reherse",), ("why", "SIM_ES")],
)
def test_usage_errors_are_exit_code_2(rooney, arguments):
    assert rooney(*arguments).exit_code == 2


def test_a_misspelt_or_empty_setting_is_refused(lake, rooney):
    shown = rooney("status", ROONEY_LAKES="/elsewhere")
    assert shown.exit_code == 2
    assert "Did you mean 'ROONEY_LAKE'?" in shown.stderr
    assert rooney("status", ROONEY_STATE=" ").exit_code == 2


def test_settings_prefer_what_is_given_then_the_environment_then_the_checkout(tmp_path):
    assert read_settings({}).lake == CHECKOUT / "data_lake"
    assert read_settings({}).journal == CHECKOUT / ".rooney" / "live" / "journal.sqlite"
    environment = {"ROONEY_LAKE": "/lake", "ROONEY_STATE": "/state", "ROONEY_SOURCE": "simulated"}
    assert str(read_settings(environment).journal) == "/state/live/journal.sqlite"
    assert read_settings(environment, lake=tmp_path).lake == tmp_path
    with pytest.raises(InvalidSetting, match="empty"):
        read_settings({"ROONEY_LAKE": ""})
