"""`rooney data plan` and `fetch` as a user runs them, against the local Databento."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from unittest.mock import patch

import pytest
import yaml
from databento_market import END, ES, KEY, TLT, Desk, es_bars, open_desk

from rooney_assets.cli import main
from rooney_live.rehearsal.historical import Fault, ServedRequest

COMMAND = str(Path(sys.executable).parent / "rooney")
PLAIN = {
    **{name: value for name, value in ES.items() if name != "sources"},
    "symbol": "NQ",
    "sources": {"files": {"path": "NQ", "time_zone": "UTC", "bar_edge": "start"}},
}
DATA = "timeseries.get_range"


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


@dataclass
class Shell:
    """The real command, with a lake and a universe of its own."""

    desk: Desk
    folder: Path

    def environment(self, **more: str) -> dict[str, str]:
        """Settings of this test over the environment of the process."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ROONEY_")}
        mine = {
            "ROONEY_LAKE": str(self.folder / "lake"),
            "ROONEY_STATE": str(self.folder / "state"),
            "ROONEY_UNIVERSE": str(self.folder / "universe.yaml"),
            "ROONEY_DATABENTO_GATEWAY": self.desk.server.gateway,
            "DATABENTO_API_KEY": KEY,
        }
        return {name: value for name, value in {**kept, **mine, **more}.items() if value}

    def rooney(self, *arguments: str, **more: str) -> Done:
        """Run it in this process, which is quicker; whatever it says, the key is not in it."""
        out, err = io.StringIO(), io.StringIO()
        argv = patch.object(sys, "argv", [COMMAND, *arguments])
        environ = patch.dict(os.environ, self.environment(**more), clear=True)
        with redirect_stdout(out), redirect_stderr(err), argv, environ:
            try:
                main()
                code = 0
            except SystemExit as ended:
                code = int(ended.code or 0)
        assert KEY not in out.getvalue() + err.getvalue()
        return Done(code, out.getvalue(), err.getvalue())

    def process(self, *arguments: str, **more: str) -> Done:
        """Run it as a process of its own."""
        done = subprocess.run(
            [COMMAND, *arguments],
            capture_output=True,
            text=True,
            env=self.environment(**more),
            check=False,
        )
        assert KEY not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A market that is served, and the command beside it."""
    with open_desk(tmp_path, monkeypatch) as desk:
        text = yaml.safe_dump({"instruments": [ES, TLT, PLAIN]})
        (tmp_path / "universe.yaml").write_text(text, encoding="utf-8")
        yield Shell(desk, tmp_path)


def test_a_plan_tells_ranges_and_cost_and_spends_nothing(shell: Shell) -> None:
    done = shell.rooney("data", "plan", "--symbols", "ES,TLT", "--json")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    rows = plan["ranges"]
    assert [(one["symbol"], one["start"], one["until"]) for one in rows] == [
        ("ES", "2021-11-01", "2022-01-01"),
        ("ES", "2022-01-01", "2023-01-01"),
        ("ES", "2023-01-01", "2023-02-11"),
        ("TLT", "2021-11-01", "2022-01-01"),
        ("TLT", "2022-01-01", "2022-07-01"),
        ("TLT", "2022-07-01", "2023-01-01"),
        ("TLT", "2023-01-01", "2023-02-11"),
    ]
    assert {one["state"] for one in rows} == {"to fetch"}
    assert {(one["symbol"], one["schema"]) for one in rows} == {
        ("ES", "ohlcv-1h"),
        ("TLT", "ohlcv-1d"),
    }
    assert plan["totals"]["cost_usd"] == pytest.approx(sum(one["cost_usd"] for one in rows))
    assert plan["totals"]["records_to_fetch"] == sum(one["records"] for one in rows) > 7000
    assert shell.desk.ranges() == []
    assert not (shell.folder / "lake").exists()


def test_a_plan_for_a_person(shell: Shell) -> None:
    done = shell.rooney("data", "plan", "--symbols", "ES", "--from", "2022")
    assert done.returncode == 0, done.stderr
    assert "2021-11-01" not in done.stdout
    assert "GLBX.MDP3  ohlcv-1h  2022-01-01  2023-01-01  to fetch" in done.stdout
    assert "0 ranges are here; 2 are to fetch" in done.stdout
    assert "No money was spent" in done.stdout


def test_fetch_brings_what_is_missing_and_says_so(shell: Shell) -> None:
    first = shell.rooney("data", "fetch", "--symbols", "ES", "--from", "2023-01-15")
    assert first.returncode == 0, first.stderr
    assert "1 ranges fetched and verified" in first.stdout
    second = shell.rooney("data", "fetch", "--symbols", "ES")
    assert second.returncode == 0, second.stderr
    assert shell.desk.ranges() == [
        ("2023-01-15", "2023-02-11"),
        ("2021-11-01", "2022-01-01"),
        ("2022-01-01", "2023-01-01"),
        ("2023-01-01", "2023-01-15"),
    ]
    assert "ES-volume 2022-01-01 to 2023-01-01: 5" in second.stdout
    third = shell.rooney("data", "fetch", "--symbols", "ES")
    assert (third.returncode, len(shell.desk.ranges())) == (0, 4)
    assert "Nothing to fetch" in third.stdout
    plan = json.loads(shell.rooney("data", "plan", "--symbols", "ES", "--json").stdout)
    assert {one["state"] for one in plan["ranges"]} == {"present"}
    assert plan["totals"] == {
        "ranges_present": 4,
        "ranges_to_fetch": 0,
        "records_to_fetch": 0,
        "cost_usd": 0,
    }


def test_fetch_refuses_above_the_limit_before_any_request_for_bars(shell: Shell) -> None:
    done = shell.rooney("data", "fetch", "--symbols", "ES,TLT", "--max-cost-usd", "0.01")
    assert done.returncode == 1
    assert "limit is 0.01 USD" in done.stderr
    assert "--max-cost-usd 0.0" in done.stderr
    assert shell.desk.asked(DATA) == []
    by_setting = shell.rooney("data", "fetch", "--symbols", "ES", ROONEY_MAX_COST_USD="0.01")
    assert by_setting.returncode == 1
    assert shell.desk.asked(DATA) == []
    over = ("data", "fetch", "--symbols", "ES", "--from", "2023", "--max-cost-usd", "1")
    assert shell.rooney(*over, ROONEY_MAX_COST_USD="0.001").returncode == 0


@pytest.mark.parametrize("command", ["plan", "fetch"])
def test_a_day_after_which_nothing_lies_is_told(shell: Shell, command: str) -> None:
    done = shell.rooney("data", command, "--symbols", "ES", "--from", "2030")
    assert done.returncode == 0, done.stderr
    assert "ES: the vendor has no complete day from 2030-01-01 on." in done.stdout
    assert "every complete day is here" not in done.stdout
    assert shell.desk.ranges() == []


def test_a_fraction_of_a_cent_is_told_as_it_is(shell: Shell) -> None:
    done = shell.rooney("data", "fetch", "--symbols", "ES", "--max-cost-usd", "0.0001")
    assert done.returncode == 1
    assert "limit is 0.00010 USD" in done.stderr
    late = ("data", "plan", "--symbols", "ES", "--from", "2023-02-10")
    cost = json.loads(shell.rooney(*late, "--json").stdout)["totals"]["cost_usd"]
    assert 0 < cost < 0.001
    told = shell.rooney(*late).stdout.partition("records, for ")[2].partition(" USD")[0]
    assert float(told) == pytest.approx(cost, rel=0.05)


def test_daily_bars_are_fetched_on_request(shell: Shell) -> None:
    done = shell.rooney("data", "fetch", "--symbols", "ES", "--schema", "ohlcv-1d")
    assert done.returncode == 0, done.stderr
    assert {one.params["schema"] for one in shell.desk.asked(DATA)} == {"ohlcv-1d"}


def test_a_refresh_tells_what_the_vendor_changed(shell: Shell) -> None:
    assert shell.rooney("data", "fetch", "--symbols", "ES").returncode == 0
    same = shell.rooney("data", "fetch", "--symbols", "ES", "--refresh")
    assert same.stdout.count("unchanged") == 3
    assert "RESTATED" not in same.stdout
    bars = es_bars()
    bars.with_columns(
        volume=bars["volume"] + (bars["ts_event"].dt.date() == date(2022, 5, 4))
    ).write_parquet(shell.desk.folder / "ohlcv-1h" / "ES.parquet")
    other = shell.rooney("data", "fetch", "--symbols", "ES", "--refresh")
    assert other.returncode == 0, other.stderr
    told = [line for line in other.stdout.splitlines() if "RESTATED" in line]
    assert len(told) == 1
    assert "2022-01-01 to 2023-01-01" in told[0]


def test_a_killed_fetch_goes_on_where_it_stood(shell: Shell) -> None:
    """SIGKILL when the second range is asked for; the first one is whole, and kept."""
    started = threading.Event()
    processes: list[subprocess.Popen[bytes]] = []

    def kill_at_the_second(served: ServedRequest) -> None:
        if served.endpoint == DATA and len(shell.desk.asked(DATA)) == 2:
            started.wait(30)
            processes[0].send_signal(signal.SIGKILL)

    shell.desk.server._on_request = kill_at_the_second
    processes.append(
        subprocess.Popen(
            [COMMAND, "data", "fetch", "--symbols", "ES"],
            env=shell.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    )
    started.set()
    assert processes[0].wait(60) == -signal.SIGKILL
    shell.desk.server._on_request = None
    receipts = [one.name for one in (shell.folder / "lake").rglob("*.json")]
    assert receipts == ["2021-11-01_2022-01-01.json"]
    done = shell.rooney("data", "fetch", "--symbols", "ES")
    assert done.returncode == 0, done.stderr
    assert shell.desk.ranges()[2:] == [("2022-01-01", "2023-01-01"), ("2023-01-01", "2023-02-11")]
    left = [one.name for one in (shell.folder / "lake").rglob(".*.tmp*")]
    assert left == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("unauthorized"), "(401)"),
        (Fault("payment_required"), "no funds"),
        (Fault("unprocessable", "metadata.get_cost"), "(422)"),
    ],
    ids=["401", "402", "422"],
)
def test_a_refusal_is_one_line_and_exit_code_1(shell: Shell, fault: Fault, words: str) -> None:
    shell.desk.server.faults.append(fault)
    done = shell.process("data", "fetch", "--symbols", "ES")
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stderr.count("rooney:") == 1
    assert len(shell.desk.asked(fault.endpoint)) == 1


def test_the_vendors_warnings_are_printed(shell: Shell) -> None:
    shell.desk.has_until(END, degraded=(date(2022, 5, 4),))
    done = shell.rooney("data", "fetch", "--symbols", "ES")
    assert done.returncode == 0, done.stderr
    assert "2022-05-04" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "more", "words"),
    [
        (("--symbols", "ESS"), {}, "Did you mean 'ES'?"),
        (("--symbols", "NQ"), {}, "no page `databento`"),
        (("--symbols", " , "), {}, "names no symbol"),
        (("--from", "20"), {}, "2010-06-07"),
        (("--schema", "trades"), {}, "ohlcv-1h"),
        ((), {"DATABENTO_API_KEY": ""}, "DATABENTO_API_KEY is not set"),
        ((), {"DATABENTO_API_KEY": "YOUR_API_KEY"}, "placeholder"),
        ((), {"ROONEY_DATABENTO_GATEWAY": "http://x"}, "ROONEY_DATABENTO_GATEWAY"),
    ],
    ids=["typo", "no page", "no symbol", "from", "schema", "no key", "placeholder", "gateway"],
)
@pytest.mark.parametrize("command", ["plan", "fetch"])
def test_a_wrong_question_is_exit_code_2(
    shell: Shell, command: str, arguments: tuple[str, ...], more: dict[str, str], words: str
) -> None:
    done = shell.rooney("data", command, *arguments, **more)
    assert done.returncode == 2
    assert words in done.stderr
    assert shell.desk.server.requests == []


def test_bars_reach_the_lake_and_a_second_run_has_nothing_to_do(shell: Shell) -> None:
    run = ("materialize", "--symbols", "ES", "--to", "raw_bars", "--processes", "1")
    first = shell.process(*run, ROONEY_SOURCE="databento")
    assert first.returncode == 0, first.stderr + first.stdout
    assert len(shell.desk.ranges()) == 3
    second = shell.process(*run, ROONEY_SOURCE="databento")
    assert second.returncode == 0
    assert "Nothing to do" in second.stdout
    assert len(shell.desk.ranges()) == 3
    offline = shell.process(*run, ROONEY_SOURCE="databento", DATABENTO_API_KEY="")
    assert "Nothing to do" in offline.stdout
    for path in shell.folder.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path
