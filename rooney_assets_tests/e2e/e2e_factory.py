"""A factory of its own for a test: a lake, its state, a small universe, and the real command."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rooney_assets.lake import Lake

ROOT = Path(__file__).resolve().parents[2]
SYMBOLS = ("SIM_ES", "SIM_NQ", "SIM_ZN")


@dataclass(frozen=True)
class Factory:
    """A lake, its state, and the command that works on them."""

    folder: Path

    @property
    def lake(self) -> Path:
        """Root of the lake."""
        return self.folder / "lake"

    def environment(self, **more: str) -> dict[str, str]:
        """The settings of this factory, over the environment of the test."""
        mine = {
            "ROONEY_LAKE": str(self.lake),
            "ROONEY_STATE": str(self.folder / "state"),
            "ROONEY_UNIVERSE": str(self.folder / "universe.yaml"),
            "ROONEY_TUNING": "quick",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ROONEY_")}
        return {**kept, **mine, **more}

    def rooney(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run the real command."""
        command = [str(Path(sys.executable).parent / "rooney"), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, env=self.environment(**more), check=False
        )

    def sql(self, query: str) -> list[dict[str, Any]]:
        """Rows of a query on the lake, as `rooney sql` asks it, without starting a process."""
        return Lake(self.lake).query(query).to_dicts()


def write_universe(path: Path, symbols: tuple[str, ...]) -> None:
    """The shipped universe, cut down to some symbols."""
    document = yaml.safe_load((ROOT / "universe.yaml").read_text(encoding="utf-8"))
    document["instruments"] = [one for one in document["instruments"] if one["symbol"] in symbols]
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
