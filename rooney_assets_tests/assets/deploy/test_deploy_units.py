"""The systemd units, judged by systemd itself and against the commands that they start."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rooney_assets.cli.main import rooney
from rooney_assets.provenance import ROOT
from rooney_assets.settings import KNOWN

DEPLOY = ROOT / "rooney_assets" / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
MOST_EXPOSED = 2.0
"""systemd's own scale from 0 to 10; above 2 something of the hardening is gone."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd is installed"
)


class _Unit(configparser.RawConfigParser):
    """A unit file: names keep their case; of a name that is there twice the last counts."""

    def __init__(self, path: Path) -> None:
        super().__init__(strict=False, interpolation=None)
        self.read_string(path.read_text())

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def analyzed(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, check=False
    )


@needs_systemd
def test_systemd_accepts_every_unit(tmp_path: Path) -> None:
    """With the commands of this environment in place of the installed ones, which must exist."""
    for unit in [*UNITS, *DEPLOY.glob("*.timer")]:
        here = re.sub(r"/opt/rooney/\.venv/bin", str(Path(sys.executable).parent), unit.read_text())
        (tmp_path / unit.name).write_text(here)
    done = analyzed("verify", "--man=no", *(str(one) for one in tmp_path.iterdir()))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda one: one.name)
def test_every_unit_is_hardened(unit: Path) -> None:
    threshold = f"--threshold={round(10 * MOST_EXPOSED)}"
    done = analyzed("security", "--offline=true", threshold, str(unit))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("unit", UNITS, ids=lambda one: one.name)
def test_no_unit_runs_as_root_or_holds_a_secret(unit: Path) -> None:
    service = _Unit(unit)["Service"]
    assert service["User"] == "rooney"
    assert service["EnvironmentFile"] == "/etc/rooney/rooney.env"
    assert "KEY" not in unit.read_text()
    assert "POSTGRES" not in unit.read_text()


def test_runs_outlive_the_daemon_and_may_compile() -> None:
    """Runs are processes of the daemon's group (rooney_assets/run_launcher.py)."""
    service = _Unit(DEPLOY / "rooney-daemon.service")["Service"]
    assert service["KillMode"] == "process"
    assert "MemoryDenyWriteExecute" not in service
    assert service["MemoryMax"] == "8G"


def test_the_web_interface_listens_on_this_host_alone() -> None:
    assert "--host 127.0.0.1" in _Unit(DEPLOY / "rooney-webserver.service")["Service"]["ExecStart"]


def test_daemon_and_web_interface_load_the_code_servers_socket() -> None:
    code = _Unit(DEPLOY / "rooney-code.service")["Service"]["ExecStart"]
    document = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())
    [location] = document["load_from"]
    server = location["grpc_server"]
    assert f"--socket {server['socket']} " in code
    assert f"--location-name {server['location_name']} " in code
    for name in ("rooney-daemon", "rooney-webserver"):
        assert "deploy/workspace.yaml" in _Unit(DEPLOY / f"{name}.service")["Service"]["ExecStart"]


def test_housekeeping_is_a_command_of_ours() -> None:
    command = _Unit(DEPLOY / "rooney-housekeeping.service")["Service"]["ExecStart"].split()
    group, name, *options = command[1:]
    known = rooney.commands[group].commands[name].params
    assert {one for one in options if one.startswith("--")} <= {
        text for param in known for text in param.opts
    }


def test_the_example_names_settings_that_exist() -> None:
    lines = (DEPLOY / "rooney.env.example").read_text().splitlines()
    names = {one.lstrip("#").partition("=")[0] for one in lines if re.match(r"#?[A-Z_]+=", one)}
    others = {"DAGSTER_HOME", "DAGSTER_POSTGRES_URL", "DATABENTO_API_KEY"}
    assert names - others <= set(KNOWN)
    assert others <= names
