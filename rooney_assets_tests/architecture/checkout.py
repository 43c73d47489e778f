"""The checkout under test: its files and its modules, for the tests of the floor plan.

Belongs here: which files there are. Does not belong here: what is asked of them.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("rooney_core", "rooney_assets", "rooney_live")


def text_files() -> list[Path]:
    """Every file of the commit to come that is text: tracked ones, and new ones not ignored."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    files = [ROOT / name for name in listed]
    return [one for one in files if one.is_file() and b"\0" not in one.read_bytes()]


def modules(*packages: str) -> list[Path]:
    """Every Python file of the packages, sorted."""
    return sorted(path for one in packages for path in (ROOT / one).rglob("*.py"))


def tree(module: Path) -> ast.Module:
    """The parsed module."""
    return ast.parse(module.read_text(encoding="utf-8"), filename=str(module))


def shown(path: Path) -> str:
    """A path as the reader knows it: from the checkout's root."""
    return path.relative_to(ROOT).as_posix()


def run_tool(tool: str, arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a tool of this environment in a folder; wide, plain output, own cache folders."""
    command = [str(Path(sys.executable).parent / tool), *arguments]
    environ = {**os.environ, "COLUMNS": "250", "NO_COLOR": "1"}
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
