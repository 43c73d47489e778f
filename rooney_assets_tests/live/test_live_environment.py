"""The trader runs where only the `live` extra is installed: a fresh environment from its lock."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_release import CHECKOUT, write_release

FACTORY_ONLY = ("dagster", "mlflow", "duckdb", "rooney_assets")
IMPORT_EVERYTHING = f"""
import importlib, importlib.util, pkgutil, sys
import rooney_live
for module in pkgutil.walk_packages(rooney_live.__path__, "rooney_live."):
    importlib.import_module(module.name)
for name in {FACTORY_ONLY}:
    assert name not in sys.modules, f"{{name}} was imported"
    if name != "rooney_assets":
        assert importlib.util.find_spec(name) is None, f"{{name}} is installed"
print(len([name for name in sys.modules if name.startswith("rooney_live.")]))
"""


@pytest.fixture(scope="module")
def live_python(tmp_path_factory) -> Path:
    """The interpreter of a fresh environment with requirements/live.lock and nothing else."""
    place = tmp_path_factory.mktemp("live") / "venv"
    uv = [sys.executable, "-m", "uv", "--quiet"]
    subprocess.run([*uv, "venv", "--python", sys.executable, place], check=True)
    python = place / "bin" / "python"
    lock = CHECKOUT / "requirements" / "live.lock"
    subprocess.run(
        [*uv, "pip", "install", "--python", python, "--require-hashes", "-r", lock], check=True
    )
    return python


def run(python: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    # The path, not an installation: building a package would need the build system's own packages.
    environment = {key: one for key, one in os.environ.items() if not key.startswith("ROONEY_")}
    environment["PYTHONPATH"] = str(CHECKOUT)
    return subprocess.run(
        [python, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_trader_imports_and_rehearses_without_the_factory(live_python, parts, tmp_path):
    imported = run(live_python, "-c", IMPORT_EVERYTHING)
    assert imported.returncode == 0, imported.stderr
    modules = [
        path
        for path in (CHECKOUT / "rooney_live").rglob("*.py")
        if path != CHECKOUT / "rooney_live" / "__init__.py"
    ]
    assert int(imported.stdout) == len(modules)

    lake, state = tmp_path / "lake", tmp_path / "state"
    parts.write_bars(lake)
    write_release(parts.release({"SIM_CL": 1, "SIM_ES": 2}), lake)
    places = ("--lake", lake, "--state", state)
    rehearsed = run(live_python, "-m", "rooney_live.cli", "rehearse", "--sessions", "2", *places)
    assert (rehearsed.returncode, rehearsed.stderr) == (0, "")
    assert "open positions: 0" in rehearsed.stdout
    assert run(live_python, "-m", "rooney_live.cli", "preflight", *places).returncode == 0
