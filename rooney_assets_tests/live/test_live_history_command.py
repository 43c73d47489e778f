"""`rooney-live serve-history`: what it prints, that it serves, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import databento
import pytest
from click.testing import CliRunner
from small_history import GLBX, write_folder

from rooney_live.cli import main
from rooney_live.rehearsal.serve import LOCAL_KEY
from rooney_live.settings import read_settings

EXPORTS = (
    *("ROONEY_SOURCE", "ROONEY_DATABENTO_GATEWAY", "DATABENTO_API_KEY"),
    *("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"),
)
ASKED = {"symbols": "ESM4", "schema": "ohlcv-1h", "start": "2024-03-05", "end": "2024-03-06"}


@pytest.fixture
def serve(tmp_path):
    """Start the command; what still runs at the end of the test is ended."""
    started: list[subprocess.Popen[str]] = []
    write_folder(tmp_path / "bars")

    def start(*options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "rooney_live.cli", "serve-history", str(tmp_path / "bars")]
        process = subprocess.Popen(
            [*command, "--state", str(tmp_path / "state"), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={name: one for name, one in os.environ.items() if not name.startswith("ROONEY_")},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def introduction(process: subprocess.Popen[str]) -> list[str]:
    """The lines up to the one after which it serves."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if "Requests:" in line:
            break
    return lines


def exported(lines: list[str]) -> dict[str, str]:
    pairs = (one.removeprefix("export ").split("=", 1) for one in lines if "export " in one)
    return dict(pairs)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_what_it_exports_and_ends_with_0(serve, monkeypatch, ending):
    process = serve("--fault", "too_many:metadata.get_cost")
    lines = introduction(process)
    assert "your own bars, not Databento's" in lines[0]
    environment = exported(lines)
    assert tuple(environment) == EXPORTS
    assert read_settings(environment | {"REQUESTS_CA_BUNDLE": ""}).lake  # known to the trader
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    client = databento.Historical(gateway=f"https://{environment['ROONEY_DATABENTO_GATEWAY']}")
    assert len(client.timeseries.get_range(GLBX, **ASKED).to_df()) == 5
    with pytest.raises(databento.BentoClientError, match="429"):
        client.metadata.get_cost(GLBX, **ASKED)
    process.send_signal(ending)
    told, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    assert told.splitlines() == [
        "200 timeseries.get_range GLBX.MDP3 ohlcv-1h ESM4 2024-03-05..2024-03-06",
        "429 metadata.get_cost GLBX.MDP3 ohlcv-1h ESM4 2024-03-05..2024-03-06 [fault: too_many]",
        "# Stopped.",
    ]
    assert LOCAL_KEY not in told


def test_a_key_of_the_user_is_never_printed(serve, monkeypatch):
    process = serve("--key", "db-made-up-by-the-user")
    environment = exported(lines := introduction(process))
    assert "DATABENTO_API_KEY" not in environment
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", environment["REQUESTS_CA_BUNDLE"])
    gateway = f"https://{environment['ROONEY_DATABENTO_GATEWAY']}"
    with pytest.raises(databento.BentoClientError, match="401"):
        databento.Historical(LOCAL_KEY, gateway).metadata.list_datasets()
    assert databento.Historical("db-made-up-by-the-user", gateway).metadata.list_datasets()
    process.terminate()
    told, errors = process.communicate(timeout=20)
    assert "db-made-up-by-the-user" not in "".join([*lines, told, errors])


def test_what_it_cannot_do_is_said(tmp_path):
    empty, folder = tmp_path / "empty", write_folder(tmp_path / "bars")
    empty.mkdir()
    for arguments, code, part in (
        ((empty,), 1, "ES.parquet"),
        ((tmp_path / "nowhere",), 2, "does not exist"),
        ((folder, "--fault", "cut_streem"), 2, "Did you mean 'cut_stream'"),
        ((folder, "--fault", "reset:*:x"), 2, "no number of times"),
        ((folder, "--port", "70000"), 2, "65535"),
    ):
        shown = CliRunner().invoke(
            main, ["serve-history", *map(str, arguments), "--state", str(tmp_path / "state")]
        )
        assert (shown.exit_code, part in shown.stderr) == (code, True), shown.stderr


def test_a_taken_port_is_said(serve):
    lines = introduction(serve())
    port = exported(lines)["ROONEY_DATABENTO_GATEWAY"].rpartition(":")[2]
    second = serve("--port", port)
    _, errors = second.communicate(timeout=20)
    assert second.returncode == 2
    assert f"port {port}" in errors
    assert "Traceback" not in errors


@pytest.mark.filterwarnings("ignore::databento.common.error.BentoWarning")
def test_random_faults_leave_most_answers_whole(serve, monkeypatch):
    environment = exported(introduction(process := serve("--random-faults", "3")))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", environment["REQUESTS_CA_BUNDLE"])
    gateway = f"https://{environment['ROONEY_DATABENTO_GATEWAY']}"
    client = databento.Historical(LOCAL_KEY, gateway)
    deadline, answered = time.monotonic() + 30, 0
    while answered < 10 and time.monotonic() < deadline:
        try:
            answered += GLBX in client.metadata.list_datasets()
        except (databento.BentoError, OSError, ValueError):
            continue
    process.terminate()
    told, errors = process.communicate(timeout=20)
    assert (answered, process.returncode, errors) == (10, 0, "")
    assert "[fault: " in told
