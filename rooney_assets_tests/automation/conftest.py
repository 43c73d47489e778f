"""One factory on growing files, with bars and training sets, for all tests of automation."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from growing_market import Market, make_market


@pytest.fixture(scope="session")
def researched(tmp_path_factory: pytest.TempPathFactory) -> Market:
    """Bars to training sets, made by the real command; do not change it."""
    market = make_market(tmp_path_factory.mktemp("growing"))
    done = market.rooney("materialize", "--to", "training_set")
    assert done.returncode == 0, done.stdout + done.stderr
    return market


@pytest.fixture
def market(researched: Market, tmp_path: Path) -> Market:
    """A copy of it that may be changed."""
    return copied(researched, tmp_path / "market")


def copied(market: Market, folder: Path) -> Market:
    """A factory with the same files, lake and state, in another folder."""
    shutil.copytree(market.folder, folder)
    return Market(folder)


@pytest.fixture
def empty(tmp_path: Path) -> Callable[[], Market]:
    """A factory that has files and nothing else."""
    return lambda: make_market(tmp_path / "empty")
