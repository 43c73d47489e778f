"""One rehearsal of the real trader for all tests of live feedback, on the live tests' release."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "live"))
sys.path.append(str(Path(__file__).resolve().parent))

from live_lake import LiveLake, live_lake, rehearse
from small_release import Parts, make_parts


@pytest.fixture(scope="session")
def parts() -> Parts:
    """All that goes into a release."""
    return make_parts()


@pytest.fixture(scope="session")
def traded(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> LiveLake:
    """Ten sessions traded by the real trader; do not change it."""
    one = live_lake(parts, tmp_path_factory.mktemp("live"))
    rehearse(one)
    return one


@pytest.fixture
def live(traded: LiveLake, tmp_path: Path) -> LiveLake:
    """A copy of it, whose journal is not in the lake yet."""
    return traded.copy_to(tmp_path / "copy")
