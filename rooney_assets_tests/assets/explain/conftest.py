"""The hand-written lake that most of these tests look things up in."""

from pathlib import Path

import pytest
from explained_lake import SYMBOLS, Written, explained_lake

from rooney_assets.explain.ids import Where


@pytest.fixture
def told(tmp_path: Path) -> Written:
    return explained_lake(tmp_path)


@pytest.fixture
def where(told: Written) -> Where:
    return Where(told.lake, (*SYMBOLS, "SIM_GC"))
