"""Units, install script and runbook, checked without booting anything."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import rooney_live.deploy
from rooney_live.cli import main
from rooney_live.journal import Journal
from rooney_live.systemd import ALIVE, READY, tell_systemd, watchdog_seconds

DEPLOY = Path(rooney_live.deploy.__path__[0])
SERVICES = sorted(DEPLOY.glob("*.service"))
UNITS = [*SERVICES, *sorted(DEPLOY.glob("*.timer"))]
PROGRAM = "/opt/rooney/current/.venv/bin/rooney-live"
HARDENING = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "ProtectKernelModules": "yes",
    "ProtectProc": "invisible",
    "RestrictNamespaces": "yes",
    "CapabilityBoundingSet": "",
    "UMask": "0077",
    "LimitCORE": "0",
    "User": "rooney",
    "StateDirectory": "rooney",
    "StateDirectoryMode": "0700",
}
EXPOSURE = {"rooney-live": 1.5, "rooney-live-monitor": 1.5, "rooney-live-backup": 0.5}
"""What systemd's own score may be at the most: 0 is closed, 10 is open."""
PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1

analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine"
)


def settings_of(unit: Path) -> dict[str, list[str]]:
    """Every assignment of a unit, in order; systemd knows no continuation that we use."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


@analyze
@pytest.mark.parametrize("unit", UNITS, ids=lambda one: one.name)
def test_systemd_finds_nothing_wrong_with_a_unit(unit, tmp_path):
    for one in UNITS:
        # The program is where the install script puts it, which is not on this machine.
        text = one.read_text().replace(PROGRAM, sys.executable)
        (tmp_path / one.name).write_text(text.replace("/opt/rooney/current", str(tmp_path)))
    shown = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (shown.returncode, shown.stderr.strip()) == (0, "")


@analyze
@pytest.mark.parametrize("unit", SERVICES, ids=lambda one: one.stem)
def test_systemd_s_own_score_of_exposure_is_low(unit):
    shown = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    score = re.search(r"exposure level for \S+: ([0-9.]+)", shown.stdout)
    assert score is not None, shown.stderr
    assert float(score[1]) <= EXPOSURE[unit.stem]


@pytest.mark.parametrize("unit", SERVICES, ids=lambda one: one.stem)
def test_every_service_is_hardened_and_none_holds_a_secret(unit):
    found = settings_of(unit)
    assert {name: found[name][-1] for name in HARDENING} == HARDENING
    assert "@system-service" in found["SystemCallFilter"][0]
    told = unit.read_text()
    assert not re.search(r"(KEY|URL|URLS)=(?!/)[^:\s]*://|db-[A-Za-z0-9]{8}", told)
    for one in found.get("LoadCredential", []):
        assert one.partition(":")[2].startswith("/etc/rooney/credentials/")


def test_the_trader_is_watched_by_systemd_sooner_than_by_the_monitor():
    trader = settings_of(DEPLOY / "rooney-live.service")
    monitor = settings_of(DEPLOY / "rooney-live-monitor.service")
    assert (trader["Type"], trader["Restart"]) == (["notify"], ["on-failure"])
    assert "StartLimitBurst" in trader
    assert 0 < int(trader["WatchdogSec"][0]) < 60
    # Nothing ties the two: whatever stops the trader leaves the monitor alone.
    tied = {"Requires", "BindsTo", "PartOf", "Requisite", "Conflicts"}
    assert not tied & (trader.keys() | monitor.keys())
    assert monitor["StartLimitIntervalSec"] == ["0"]
    credentials = {one.partition(":")[0] for one in trader["LoadCredential"]}
    assert credentials == {"DATABENTO_API_KEY", "TRADERSPOST_WEBHOOK_URL"}
    assert [one.partition(":")[0] for one in monitor["LoadCredential"]] == [
        "TRADERSPOST_WEBHOOK_URL"
    ]


@pytest.mark.parametrize("unit", SERVICES, ids=lambda one: one.stem)
def test_what_a_unit_starts_is_a_command(unit):
    (started,) = settings_of(unit)["ExecStart"]
    program, command, *options = started.split()
    assert program == PROGRAM
    known = {name for one in main.commands[command].params for name in one.opts}
    assert {one for one in options if one.startswith("--")} <= known


def test_every_command_of_the_runbook_exists():
    told = (DEPLOY / "RUNBOOK.md").read_text()
    named = set(re.findall(r"\$rls? ([a-z-]+)", told))
    assert {"preflight", "kill", "resume", "reconcile", "report", "backup", "drill"} <= named
    assert named <= set(main.commands)
    for unit in re.findall(r"rooney-live[a-z-]*\.(?:service|timer)", told):
        assert (DEPLOY / unit).is_file()
    for code in re.findall(r"RISK_[A-Z_]+", told):
        from rooney_live.risk.codes import RiskCode

        assert RiskCode(code)


def without_executable_memory() -> None:
    """MemoryDenyWriteExecute, as the kernel has it: a mapping never becomes executable."""
    ctypes.CDLL(None).prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)


def test_the_backup_works_without_executable_memory(tmp_path):
    can = ctypes.CDLL(None).prctl(PR_SET_MDWE + 1, 0, 0, 0, 0)
    if can < 0:
        pytest.skip("this kernel has no MDWE")
    state = tmp_path / "state"
    with Journal.open(state / "live" / "journal.sqlite"):
        pass
    shown = subprocess.run(
        [sys.executable, "-m", "rooney_live.cli", "backup", "--state", str(state)],
        preexec_fn=without_executable_memory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    assert len(list((state / "backups").glob("*.sqlite"))) == 1


UV = """#!/bin/sh
# Stands in for uv: makes the environment's two programs, and notes what it was asked for.
echo "$*" >>"$UV_LOG"
[ "$1" = venv ] || exit 0
for folder in "$@"; do :; done
mkdir -p "$folder/bin"
printf '#!/bin/sh\\nexec {python} "$@"\\n' >"$folder/bin/python"
printf '#!/bin/sh\\nexec {python} -m rooney_live.cli "$@"\\n' >"$folder/bin/rooney-live"
chmod +x "$folder/bin/python" "$folder/bin/rooney-live"
"""


class Server:
    """A folder that the install script takes for a server; uv is a stand-in, all else is real."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.home = self.root / "opt" / "rooney"
        self._folder = folder
        self.root.mkdir()
        uv = folder / "uv"
        uv.write_text(UV.replace("{python}", sys.executable))
        uv.chmod(0o755)
        (folder / "live.lock").write_text("h11==0.16 --hash=sha256:0\n")

    def wheel(self, version: str) -> Path:
        path = self._folder / f"rooney-{version}-py3-none-any.whl"
        path.write_text(version)
        return path

    def install(
        self, *arguments: object, home: str = "/nowhere"
    ) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "HOME": home,
            "ROOT": str(self.root),
            "UV": str(self._folder / "uv"),
            "UV_LOG": str(self._folder / "uv.log"),
        }
        return subprocess.run(
            ["sh", str(DEPLOY / "install.sh"), *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def asked(self) -> list[str]:
        return (self._folder / "uv.log").read_text().splitlines()


@pytest.fixture
def server(tmp_path):
    return Server(tmp_path)


def test_installing_prepares_a_version_and_switches_to_it_in_one_step(server):
    done = server.install(server.wheel("1.0"))
    assert (done.returncode, done.stderr) == (0, "")
    current = os.readlink(server.home / "current")
    assert current.startswith("versions/1.0-")
    assert (server.home / "current" / ".complete").is_file()
    assert (server.home / "current" / "RUNBOOK.md").read_text().startswith("# Running Rooney")
    units = {one.name for one in (server.root / "etc/systemd/system").iterdir()}
    assert units == {one.name for one in UNITS}
    assert "--require-hashes" in server.asked[1]
    for secret in (server.root / "etc/rooney/credentials").iterdir():
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE((server.root / "etc/rooney/credentials").stat().st_mode) == 0o700


def test_installing_again_changes_nothing_and_keeps_the_secrets(server):
    server.install(server.wheel("1.0"))
    secret = server.root / "etc/rooney/credentials/TRADERSPOST_WEBHOOK_URL"
    secret.write_text("https://kept")
    asked = len(server.asked)
    assert server.install(server.wheel("1.0")).returncode == 0
    assert len(server.asked) == asked
    assert secret.read_text() == "https://kept"
    assert not (server.home / "previous").exists()


def test_an_upgrade_can_be_prepared_first_and_rolled_back(server):
    server.install(server.wheel("1.0"))
    first = os.readlink(server.home / "current")
    assert server.install(server.wheel("1.1"), "--no-switch").returncode == 0
    assert os.readlink(server.home / "current") == first
    assert len(list((server.home / "versions").iterdir())) == 2
    server.install(server.wheel("1.1"))
    assert os.readlink(server.home / "current").startswith("versions/1.1-")
    assert os.readlink(server.home / "previous") == first
    # The runbook's own two steps.
    told = (DEPLOY / "RUNBOOK.md").read_text()
    (steps,) = re.findall(r"`(sudo ln -sfn [^`]+)`", told)
    local = steps.replace("sudo ", "").replace("/opt/rooney", str(server.home))
    subprocess.run(["sh", "-c", local], check=True)
    assert os.readlink(server.home / "current") == first


def test_a_version_that_was_cut_off_is_made_anew(server):
    server.install(server.wheel("1.0"))
    (server.home / "current" / ".complete").unlink()
    # A Python below the installing user's home is none for the services.
    again = server.install(server.wheel("1.0"), home=str(server.root.parent))
    assert (server.home / "current" / ".complete").is_file()
    assert "lies in a home, where the services cannot look" in again.stdout


def test_notices_are_handed_over_only_where_somebody_wants_them(server):
    server.install(server.wheel("1.0"))
    own = server.root / "etc/systemd/system/rooney-live.service.d/notices.conf"
    assert not own.exists()
    (server.root / "etc/rooney/credentials/NOTIFY_URLS").write_text("mailto://a:b@c")
    server.install(server.wheel("1.0"))
    assert "LoadCredential=NOTIFY_URLS:" in own.read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give the wheel"),
        (["nowhere-1.whl"], "is no file"),
        (["--force"], "unknown option"),
    ],
)
def test_a_wrong_call_changes_nothing(server, arguments, words):
    done = server.install(*arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert not server.home.exists()


def test_systemd_is_told_over_its_socket(tmp_path, monkeypatch):
    import socket

    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("notify")
        given = {"NOTIFY_SOCKET": "notify"}
        assert tell_systemd(READY, given)
        assert tell_systemd(ALIVE, given)
        assert [manager.recv(100) for _ in range(2)] == [b"READY=1", b"WATCHDOG=1"]
    assert not tell_systemd(READY, {"NOTIFY_SOCKET": "notify"})
    assert not tell_systemd(READY, {})
    assert watchdog_seconds({"WATCHDOG_USEC": "40000000"}) == 20.0
    assert watchdog_seconds({"WATCHDOG_USEC": "40000000", "WATCHDOG_PID": "1"}) is None
    assert watchdog_seconds({}) is None
